"""Charts: Plotly figures as functions of plain data. One template; colours that are told apart with any kind of colour vision."""

import math
from collections.abc import Sequence
from itertools import pairwise

import plotly.graph_objects as go

from app.numbers import percent

TEAL, ORANGE = "#0A8CA3", "#E07010"
TEMPLATE = go.layout.Template(
    layout={
        "colorway": [TEAL, ORANGE, "#7A6FAE", "#8A8F2A"],
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "bargap": 0.04,
        "showlegend": False,
        "xaxis": {"automargin": True, "showgrid": False, "zeroline": False},
        "yaxis": {"automargin": True, "zeroline": False, "gridcolor": "rgba(128,128,128,.25)"},
    }
)
CONFIG = {"displayModeBar": False, "scrollZoom": False}


def strength_histogram(counts: Sequence[int], largest: float, binary: bool) -> go.Figure:
    """How strongly a feature fires where it does: equal bins over [0, largest]."""
    width = largest / len(counts) if counts else 1.0
    centres = [(bin + 0.5) * width for bin in range(len(counts))]
    name = "distance over the threshold" if binary else "value"
    figure = go.Figure(go.Bar(x=centres, y=list(counts), width=width, hovertemplate=name + " %{x:.2f}: %{y:,} tokens<extra></extra>"))
    return _finish(figure, f"{name} (units of the scaled hidden state)", "tokens")


def log_bins(values: Sequence[float], per_decade: int = 4) -> tuple[list[float], list[int]]:
    """Edges and counts of the positive values in bins of equal ratio; nothing of nothing."""
    positive = [value for value in values if value > 0]
    if not positive:
        return [], []
    low, high = (math.floor(math.log10(min(positive)) * per_decade), math.floor(math.log10(max(positive)) * per_decade))
    counts = [0] * (high - low + 1)
    for value in positive:
        counts[min(max(math.floor(math.log10(value) * per_decade) - low, 0), len(counts) - 1)] += 1
    return [10 ** (edge / per_decade) for edge in range(low, high + 2)], counts


def rate_histogram(rates: Sequence[float]) -> go.Figure:
    """How often features fire, both axes logarithmic. Features that never fire have no place on it."""
    edges, counts = log_bins(rates)
    middles = [math.sqrt(a * b) for a, b in pairwise(edges)]
    ranges = [f"{a:.2%} to {b:.2%}" for a, b in pairwise(edges)]
    figure = go.Figure(
        go.Bar(
            x=middles,
            y=counts,
            width=[b - a for a, b in pairwise(edges)],
            customdata=ranges,
            hovertemplate="fires on %{customdata} of tokens: %{y:,} features<extra></extra>",
        )
    )
    _finish(figure, "share of tokens on which it fires", "features")
    decades = [10.0**power for power in range(-7, 1)]
    figure.update_xaxes(type="log", tickvals=decades, ticktext=[percent(decade) for decade in decades])
    # a bar of one feature has height on a logarithmic axis too
    figure.update_yaxes(type="log", dtick=1, range=[-0.3, math.log10(max(counts, default=1)) + 0.15])
    return figure


def _finish(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_traces(marker_color=TEAL)
    figure.update_layout(template=TEMPLATE, height=210, xaxis_title=x, yaxis_title=y)
    return figure
