"""Sizes and errors of compressed hidden states as figures: dictionaries in the colour of their kind, everything else in grey."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.charts import KIND_COLOURS, PEER_COLOUR, TEMPLATE, log_ticks, plotly_text

OWN_COLOUR = KIND_COLOURS["binary"]
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "hexagon", "cross", "pentagon")
"""Of dictionaries, which share the colour of their kind."""
PEER_SYMBOLS = (
    "circle-open",
    "circle-x-open",
    "square-open",
    "square-x-open",
    "diamond-open",
    "diamond-x-open",
    "triangle-up-open",
    "star-open",
)
GRID = "rgba(128,128,128,.25)"
BEHIND = 0.6
"""Opacity of lines that were not chosen."""
LINE_PX, ENTRY_PX = 27, 16


@dataclass(frozen=True)
class Size:
    """What a vector takes in one way of writing it."""

    name: str
    bytes: float
    with_model: float | None = None
    """The dictionary counted; None for what needs none, or whose method is not counted."""
    own: bool = False
    """Whether it is written with a dictionary of the study."""


@dataclass(frozen=True)
class Curve:
    """Figures of one dictionary, or of one peer, at one setting or at several."""

    name: str
    """Foreign: a folder's name."""
    x: Sequence[float | str]
    y: Sequence[float]
    symbol: str
    notes: Sequence[str]
    """What the hover says besides, one a point."""
    own: bool = True
    chosen: bool = True
    ringed: int | None = None
    """Its point that is shown above."""


def sizes(found: Sequence[Size], with_model: bool) -> go.Figure:
    """Bytes a vector, a line a way, the least on top; rings where they are with the dictionary counted."""
    # nothing is no place on a logarithmic axis
    ways = sorted((one for one in found if one.bytes > 0), key=lambda one: -one.bytes)
    figure = go.Figure()
    for own, colour, words in ((False, PEER_COLOUR, "other ways"), (True, OWN_COLOUR, "with this dictionary")):
        some = [one for one in ways if one.own is own]
        figure.add_scatter(
            x=[one.bytes for one in some],
            y=[plotly_text(one.name) for one in some],
            mode="markers+text",
            text=[_short(one.bytes) for one in some],
            textposition="middle right",
            cliponaxis=False,
            marker={"color": colour, "size": 11, "symbol": "circle" if own else "square"},
            name=words,
            hovertemplate="%{y}: %{x:,.1f} bytes a vector<extra></extra>",
        )
    counted = [one for one in ways if with_model and one.with_model]
    if counted:
        figure.add_scatter(
            x=[one.with_model for one in counted],
            y=[plotly_text(one.name) for one in counted],
            mode="markers",
            marker={"color": OWN_COLOUR, "size": 12, "symbol": "circle-open", "line": {"width": 2}},
            name="and with it counted",
            hovertemplate="%{y}, the dictionary counted: %{x:,.1f} bytes a vector<extra></extra>",
        )
    shown = [value for one in ways for value in (one.bytes, one.with_model if with_model else None) if value]
    low, high = min(shown), max(shown)
    _look(figure, height=110 + LINE_PX * len(ways))
    # room for the number beside the last point
    span = [math.log10(low / 1.3), math.log10(high * 3)]
    figure.update_xaxes(
        range=span, type="log", title="bytes a vector", tickvals=log_ticks(low, high, most=10), tickformat=",~g", gridcolor=GRID
    )
    figure.update_yaxes(categoryorder="array", categoryarray=[plotly_text(one.name) for one in ways], showgrid=True)
    return figure


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def errors(curves: Sequence[Curve], x: str, y: str, *, log: bool = False, categories: Sequence[str] | None = None) -> go.Figure:
    """One figure against another, a line a dictionary, a grey mark a peer, a ring round the chosen point."""
    figure = go.Figure([_curve(curve, x, y) for curve in curves])
    for curve in curves:
        if curve.ringed is not None:
            figure.add_scatter(
                x=[curve.x[curve.ringed]],
                y=[curve.y[curve.ringed]],
                mode="markers",
                marker={"symbol": "circle-open", "size": 19, "color": OWN_COLOUR, "line": {"width": 2.5}},
                showlegend=False,
                hoverinfo="skip",
            )
    # on a narrow screen every name of the legend has a line of its own
    _look(figure, height=380 + ENTRY_PX * len(curves))
    figure.update_xaxes(title=plotly_text(x), gridcolor=GRID, showgrid=True, tickformat="~g")
    figure.update_yaxes(title=plotly_text(y), tickformat=",~g")
    drawn = [value for curve in curves for value in curve.x]
    if categories is not None:
        figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(categories))
    elif log and drawn:
        figure.update_xaxes(type="log", tickvals=log_ticks(min(drawn), max(drawn), most=10), tickformat=",~g")
    return figure


def _curve(curve: Curve, x: str, y: str) -> go.Scatter:
    colour = OWN_COLOUR if curve.own else PEER_COLOUR
    name = plotly_text(curve.name)
    return go.Scatter(
        x=list(curve.x),
        y=list(curve.y),
        customdata=[plotly_text(note) for note in curve.notes],
        mode="lines+markers" if len(curve.x) > 1 else "markers",
        line={"color": colour, "width": 2.2 if curve.chosen else 1.2},
        marker={"color": colour, "symbol": curve.symbol, "size": 9, "line": {"width": 1.5} if not curve.own else None},
        opacity=1 if curve.chosen or len(curve.x) == 1 else BEHIND,
        name=name,
        hovertemplate=f"<b>{name}</b><br>%{{customdata}}<br>{plotly_text(x)} %{{x}}<br>{plotly_text(y)} %{{y:,.4~g}}<extra></extra>",
    )


def _look(figure: go.Figure, height: int) -> None:
    figure.update_layout(template=TEMPLATE, height=height, showlegend=True, hovermode="closest", uirevision="keep zoom")
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
