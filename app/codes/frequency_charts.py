"""Histograms of how often features fire, both axes logarithmic, with the features that never fire at the left end."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.charts import KIND_COLOURS, RUN_COLOURS, TEAL, TEMPLATE, plotly_text
from bae.numbers import percent

DENSE = 0.1
"""A feature that fires on more tokens is dense, in every dictionary."""


@dataclass(frozen=True)
class Bins:
    """The bars: None is the bar of the features that never fire, then numbered bins of equal ratio."""

    numbers: Sequence[int | None]
    first: int
    """The lowest bin of all dictionaries that are drawn."""
    edge: Callable[[int], float]

    def middle(self, number: int | None) -> float:
        """Where a bar stands, as a power of ten; that of "never" a decade left of the first."""
        if number is None:
            return math.log10(self.edge(self.first)) - 0.6
        return (math.log10(self.edge(number)) + math.log10(self.edge(number + 1))) / 2

    def name(self, number: int | None) -> str:
        """The bar in words."""
        return "on no token" if number is None else f"on {percent(self.edge(number))} to {percent(self.edge(number + 1))} of tokens"


def histogram(
    rates: Mapping[str, Sequence[float]], bins: Bins, place: Callable[[float], int], chosen: str | None, kinds: Mapping[str, str]
) -> go.Figure:
    """The first dictionary as bars, the others as lines over it; names are foreign. `chosen` names the bar that is picked out."""
    (name, own), *others = rates.items()
    figure = go.Figure(_bars(name, own, bins, place, chosen))
    for number, (other, values) in enumerate(others):
        same = [one for one in kinds if kinds[one] == kinds[other]]
        colour = KIND_COLOURS.get(kinds[other], RUN_COLOURS[0]) if len(same) == 1 else RUN_COLOURS[(number + 1) % len(RUN_COLOURS)]
        figure.add_trace(_line(other, values, place, bins, colour))
    left = bins.middle(None) - 0.25
    figure.update_layout(template=TEMPLATE, height=260, showlegend=bool(others), barmode="overlay", clickmode="event+select")
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    figure.add_vrect(x0=math.log10(DENSE), x1=0.05, fillcolor="rgba(128,128,128,.16)", line_width=0, annotation_text="dense")
    decades = [power for power in range(-9, 1) if power > bins.middle(None) + 0.3]
    figure.update_xaxes(
        range=[left, 0.05],
        tickvals=[bins.middle(None), *decades],
        ticktext=["never", *(percent(10.0**power) for power in decades)],
        title="share of tokens",
        tickangle=0,
    )
    figure.update_yaxes(type="log", dtick=1, title="features", range=[-0.3, math.log10(max(map(len, rates.values()))) + 0.1])
    return figure


def _counts(values: Sequence[float], place: Callable[[float], int]) -> dict[int | None, int]:
    counts: dict[int | None, int] = {}
    for value in values:
        number = place(value) if value > 0 else None
        counts[number] = counts.get(number, 0) + 1
    return counts


def _bars(name: str, values: Sequence[float], bins: Bins, place: Callable[[float], int], chosen: str | None) -> go.Bar:
    counts = _counts(values, place)
    picked = ["never" if number is None else str(number) for number in bins.numbers]
    return go.Bar(
        name=plotly_text(name),
        x=[bins.middle(number) for number in bins.numbers],
        y=[counts.get(number, 0) for number in bins.numbers],
        width=0.235,
        marker={"color": TEAL, "opacity": [1.0 if chosen in (None, one) else 0.35 for one in picked]},
        customdata=[bins.name(number) for number in bins.numbers],
        hovertemplate="%{customdata}: %{y:,} features<extra></extra>",
    )


def _line(name: str, values: Sequence[float], place: Callable[[float], int], bins: Bins, colour: str) -> go.Scatter:
    counts = _counts(values, place)
    inside = [number for number in counts if number is not None]
    numbers = list(range(min(inside), max(inside) + 1)) if inside else []
    return go.Scatter(
        name=plotly_text(name),
        x=[bins.middle(None), None, *(bins.middle(number) for number in numbers)],
        # nothing is below every height of a logarithmic axis
        y=[counts.get(None) or None, None, *(counts.get(number) or None for number in numbers)],
        mode="lines+markers",
        line={"shape": "hvh", "color": colour, "width": 2},
        marker={"size": 5, "color": colour},
        customdata=[bins.name(None), "", *(bins.name(number) for number in numbers)],
        hovertemplate=f"{plotly_text(name)}, %{{customdata}}: %{{y:,}} features<extra></extra>",
    )
