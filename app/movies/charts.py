"""The chart of the movie-review experiment: accuracy against strength, as in Fig. 6 of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.charts import TEMPLATE, faint, plotly_text

GREY = "#8A8A8A"
MEANS_COLOUR = "#9B59D0"
"""Of what no dictionary is in: none of the kinds has it."""


@dataclass(frozen=True)
class Curve:
    """One way to steer. Accuracies and their spans are in %."""

    name: str
    """Foreign: it holds the name of a dictionary."""
    colour: str
    dash: str
    symbol: str
    strengths: Sequence[float]
    accuracy: Sequence[float]
    low: Sequence[float]
    """Of the 95 % interval; the lowest draw of what was drawn several times."""
    high: Sequence[float]
    spans: str = "95 % interval"
    """What `low` and `high` are."""


@dataclass(frozen=True)
class Level:
    """An accuracy that no strength belongs to, drawn from side to side."""

    name: str
    accuracy: float
    dash: str


def accuracy(
    curves: Sequence[Curve], levels: Sequence[Level], measure: str, end: float, chosen: tuple[str, float] | None, bands: bool
) -> go.Figure:
    """Curves with their spans as bands up to the strength `end`, levels across, a ring round the chosen point.

    A click on the legend hides a curve.
    """
    figure = go.Figure(
        [
            *(_band(curve) for curve in curves if bands),
            *(_level(level, end) for level in levels),
            *map(_line, curves),
            *(_ring(curve, chosen[1]) for curve in curves if chosen and curve.name == chosen[0] and chosen[1] in curve.strengths),
        ]
    )
    figure.update_layout(template=TEMPLATE, height=520, showlegend=True, hovermode="closest", uirevision="keep zoom")
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0})
    figure.update_xaxes(title="strength", range=[-0.02 * end, 1.02 * end], dtick=0.5 if end <= 4 else None, tickformat="~g")
    figure.update_yaxes(title=f"% right, {plotly_text(measure)}", tickformat="~g")
    return figure


def _line(curve: Curve) -> go.Scatter:
    return go.Scatter(
        x=curve.strengths,
        y=curve.accuracy,
        customdata=[[curve.name, strength, low, high] for strength, low, high in zip(curve.strengths, curve.low, curve.high, strict=True)],
        mode="lines+markers",
        line={"color": curve.colour, "width": 1.8, "dash": curve.dash},
        marker={"color": curve.colour, "symbol": curve.symbol, "size": 7},
        name=plotly_text(curve.name),
        legendgroup=curve.name,
        hovertemplate=f"<b>{plotly_text(curve.name)}</b> at %{{x:~g}}<br>%{{y:.1f}} % right<br>"
        f"{curve.spans} %{{customdata[2]:.1f}} to %{{customdata[3]:.1f}}<extra></extra>",
    )


def _band(curve: Curve) -> go.Scatter:
    return go.Scatter(
        x=[*curve.strengths, *reversed(curve.strengths)],
        y=[*curve.high, *reversed(curve.low)],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=faint(curve.colour),
        legendgroup=curve.name,
        showlegend=False,
        hoverinfo="skip",
    )


def _level(level: Level, end: float) -> go.Scatter:
    return go.Scatter(
        x=[0, end],
        y=[level.accuracy, level.accuracy],
        mode="lines",
        line={"color": GREY, "width": 1.5, "dash": level.dash},
        name=f"{plotly_text(level.name)} ({level.accuracy:.1f} %)",
        hovertemplate=f"{plotly_text(level.name)}: %{{y:.1f}} % right<extra></extra>",
    )


def _ring(curve: Curve, strength: float) -> go.Scatter:
    return go.Scatter(
        x=[strength],
        y=[curve.accuracy[list(curve.strengths).index(strength)]],
        mode="markers",
        marker={"symbol": "circle-open", "size": 16, "color": curve.colour, "line": {"width": 2.5}},
        legendgroup=curve.name,
        showlegend=False,
        hoverinfo="skip",
    )
