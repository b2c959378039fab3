"""Entropies as figures: one chart for all experiments on sets, bits along the steps, and accuracy against demonstrations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from app.charts import PEER_COLOUR, STEP_SCALE, TEMPLATE, log_ticks, plotly_text

DASHES = {
    "entropy": "solid",
    "tree": "dash",
    "patterns": "dot",
    "pca_rank": "dashdot",
    "matrix_renyi": "longdash",
    "two_nn": "longdashdot",
    "binary_dimension": "4px 2px 1px 2px",
}
"""How each estimate is drawn; the colour is left to what is measured."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x", "pentagon", "triangle-down", "bowtie")
HEIGHT = 460
HOVER_GREY = "rgba(128,128,128,.9)"


@dataclass(frozen=True)
class Curve:
    """One estimate over sets that differ in one thing."""

    group: str
    """What has its colour and symbol."""
    colour: str
    symbol: str
    estimate: str
    """A key of `DASHES`."""
    told: str
    """The estimate as the hover names it."""
    x: Sequence[float]
    y: Sequence[float | None]
    notes: Sequence[str]
    """What the hover says besides, one a point."""
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    """Ends of the intervals; nothing where none are drawn."""


@dataclass(frozen=True)
class Reference:
    """What a curve is to be held against: a line without points."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dash: str = "dot"


@dataclass(frozen=True)
class Axis:
    """How numbers are laid out."""

    title: str
    scale: str = "linear"
    """`linear`; `log`, of numbers above 0; `from0`, by log2(1 + value), which keeps 0 and makes equal numbers meet on the diagonal."""
    ticks: Sequence[float] = field(default_factory=tuple)
    """Where numbers are written; nothing: where it looks well."""

    def place(self, value: float | None) -> float | None:
        """Where a number lies."""
        return math.log2(1 + value) if value is not None and self.scale == "from0" else value


def ordered_colours(count: int) -> list[str]:
    """Colours of what comes in an order, such as layers: early to late, as #RRGGBB."""
    places = [place / max(count - 1, 1) for place in range(count)]
    shades = sample_colorscale([list(stop) for stop in STEP_SCALE], places, colortype="tuple") if count else []
    return ["#" + "".join(f"{round(255 * part):02X}" for part in shade) for shade in shades]


def sets(curves: Sequence[Curve], references: Sequence[Reference], x: Axis, y: Axis) -> go.Figure:
    """Estimates against what the sets differ in; the legend names colours once and dashes once."""
    figure = go.Figure([*(_reference(one, x, y) for one in references), *(_curve(one, x, y) for one in curves)])
    names: dict[str, Curve] = {}
    for one in curves:
        names.setdefault(one.group, one)
    for one in names.values():
        look = {"line": {"color": one.colour, "width": 2}, "marker": {"color": one.colour, "symbol": one.symbol, "size": 8}}
        figure.add_scatter(x=[None], y=[None], mode="lines+markers", name=plotly_text(one.group), legendgroup=one.group, **look)
    for estimate in dict.fromkeys(one.estimate for one in curves):
        told = next(one.told for one in curves if one.estimate == estimate)
        line = {"color": HOVER_GREY, "width": 2, "dash": DASHES[estimate]}
        figure.add_scatter(x=[None], y=[None], mode="lines", name=told, line=line, legendgroup=f"of {estimate}")
    figure.update_layout(template=TEMPLATE, height=HEIGHT, showlegend=True, hovermode="closest", uirevision="keep zoom")
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0, "groupclick": "togglegroup"})
    _lay_out(figure.update_xaxes, x, [value for one in curves for value in one.x])
    _lay_out(figure.update_yaxes, y, [value for one in (*curves, *references) for value in one.y if value is not None])
    return figure


def _curve(one: Curve, x: Axis, y: Axis) -> go.Scatter:
    spans = {}
    if one.low:
        spans["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [_apart(high, value, y) for value, high in zip(one.y, one.high, strict=True)],
            "arrayminus": [_apart(value, low, y) for value, low in zip(one.y, one.low, strict=True)],
            "thickness": 1.2,
            "width": 3,
        }
    return go.Scatter(
        x=[x.place(value) for value in one.x],
        y=[y.place(value) for value in one.y],
        customdata=[[number, note] for number, note in zip(one.y, one.notes, strict=True)],
        mode="lines+markers",
        line={"color": one.colour, "width": 1.8, "dash": DASHES[one.estimate]},
        marker={"color": one.colour, "symbol": one.symbol, "size": 7},
        name=plotly_text(f"{one.group}, {one.told}"),
        legendgroup=one.group,
        showlegend=False,
        hovertemplate=f"<b>{plotly_text(one.group)}</b>, {plotly_text(one.told)}: %{{customdata[0]:,.2f}}%{{customdata[1]}}<extra></extra>",
        **spans,
    )


def _apart(high: float | None, low: float | None, axis: Axis) -> float:
    return 0.0 if high is None or low is None else max(axis.place(high) - axis.place(low), 0.0)


def _reference(one: Reference, x: Axis, y: Axis) -> go.Scatter:
    return go.Scatter(
        x=[x.place(value) for value in one.x],
        y=[y.place(value) for value in one.y],
        customdata=list(one.y),
        mode="lines",
        line={"color": PEER_COLOUR, "width": 1.4, "dash": one.dash},
        name=plotly_text(one.name),
        hovertemplate=f"{plotly_text(one.name)}: %{{customdata:,.2f}}<extra></extra>",
    )


def _lay_out(update, axis: Axis, values: Sequence[float]) -> None:
    update(title=axis.title)
    if axis.scale == "from0":
        ticks = axis.ticks or [0, *(2**power for power in range(int(math.log2(1 + max(values, default=1))) + 2))]
        update(tickvals=[axis.place(tick) for tick in ticks], ticktext=[f"{tick:,g}" for tick in ticks])
    elif axis.scale == "log":
        positive = [value for value in values if value > 0] or [1]
        ticks = axis.ticks or log_ticks(min(positive), max(positive))
        update(type="log", tickvals=list(ticks), ticktext=[f"{tick:,g}" for tick in ticks])
    else:
        update(tickformat=",~g", rangemode="tozero")
        if axis.ticks:
            update(tickvals=list(axis.ticks))


@dataclass(frozen=True)
class Course:
    """Bits of one set along the steps of its training, and what they should come to."""

    name: str
    colour: str
    steps: Sequence[int]
    marginal: Sequence[float]
    tree: Sequence[float | None]
    goal: float


def courses(found: Sequence[Course], top: float) -> go.Figure:
    """Marginal bits solid, corrected dashed, the goal dotted, by log2(1 + bits) up to `top`, so that charts beside each other compare."""
    axis, figure = Axis("entropy (bits)", "from0"), go.Figure()
    for one in found:
        for values, dash, told in ((one.marginal, "solid", "marginal"), (one.tree, "dash", "corrected")):
            figure.add_scatter(
                x=one.steps,
                y=[axis.place(value) for value in values],
                customdata=list(values),
                mode="lines",
                line={"color": one.colour, "width": 1.6, "dash": dash},
                name=one.name,
                legendgroup=one.name,
                showlegend=dash == "solid",
                hovertemplate=f"{one.name}, {told}: %{{customdata:,.2f}} bits at step %{{x:,}}<extra></extra>",
            )
        figure.add_hline(axis.place(one.goal), line={"color": one.colour, "width": 1, "dash": "dot"})
    figure.update_layout(template=TEMPLATE, height=360, showlegend=True, hovermode="closest", uirevision="keep zoom")
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0})
    figure.update_xaxes(title="step", tickformat=",~d")
    _lay_out(figure.update_yaxes, axis, [top])
    figure.update_yaxes(range=[-0.2, axis.place(top) + 0.2])
    return figure


def accuracy(rows: Sequence[dict], measures: dict[str, tuple[str, str]]) -> go.Figure:
    """Share of right answers against demonstrations, as in Fig. 7; `measures` are label and colour by the name of a column."""
    places, figure = list(range(len(rows))), go.Figure()
    for name, (label, colour) in measures.items():
        figure.add_scatter(
            x=places,
            y=[100 * row[name] for row in rows],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * (row[f"{name}_high"] - row[name]) for row in rows],
                "arrayminus": [100 * (row[name] - row[f"{name}_low"]) for row in rows],
                "thickness": 1.2,
            },
            mode="lines+markers",
            line={"color": colour, "width": 1.8},
            marker={"color": colour, "size": 7},
            name=label,
            hovertemplate=f"{label}: %{{y:.1f}} %<extra></extra>",
        )
    line = {"color": PEER_COLOUR, "width": 1.4, "dash": "dot"}
    majority = [100 * row["majority"] for row in rows]
    figure.add_scatter(x=places, y=majority, mode="lines", line=line, name="majority", hovertemplate="majority: %{y:.1f} %<extra></extra>")
    figure.update_layout(template=TEMPLATE, height=HEIGHT, showlegend=True, hovermode="closest", uirevision="keep zoom")
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0})
    figure.update_xaxes(title="demonstrations", tickvals=places, ticktext=[str(row["shots"]) for row in rows])
    figure.update_yaxes(title="% right", range=[0, 100])
    return figure
