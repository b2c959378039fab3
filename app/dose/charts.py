"""Charts of a sweep of strengths: small multiples, a curve for each way of steering, over one axis of strength."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts import RUN_COLOURS, TEMPLATE, faint, log_ticks, plotly_text
from bae.steering.dose_results import Figure
from bae.steering.dose_settings import SCALED
from bae.steering.plan import HOWS

GREY = "#8A8A8A"
PANEL_PX = 215
COLOURS: Mapping[str, str] = dict(zip((*HOWS, SCALED), (*RUN_COLOURS, RUN_COLOURS[0]), strict=True))
SYMBOLS: Mapping[str, str] = dict(
    zip((*HOWS, SCALED), ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "circle"), strict=True)
)


@dataclass(frozen=True)
class Curve:
    """One way of steering along the axis of strength."""

    how: str
    title: str
    x: Sequence[float]
    names: Sequence[str]
    """Of the points, which a click on one tells."""
    told: Sequence[str]
    """Their strengths in words."""
    best: int | None
    """Where its sweet spot is among the points."""
    qualified: Sequence[bool]
    """Whether each could be one: those that could not are drawn hollow."""


@dataclass(frozen=True)
class Panel:
    """One figure of all curves."""

    title: str
    unit: str
    values: Sequence[Sequence[Figure | None]]
    """By curve and point."""
    plain: float | None
    """Of the plain texts, drawn from side to side; None where 0 is what they have anyway."""
    log: bool = False


def multiples(curves: Sequence[Curve], panels: Sequence[Panel], x_title: str, chosen: str | None, columns: int = 2) -> go.Figure:
    """A panel a figure, intervals as bands, the plain texts as a dashed line, sweet spots as lines from top to bottom."""
    rows = -(-len(panels) // columns)
    titles = [f"{plotly_text(panel.title)}{f' ({panel.unit})' if panel.unit else ''}" for panel in panels]
    figure = make_subplots(
        rows, columns, subplot_titles=titles, shared_xaxes="all", vertical_spacing=0.28 / (rows + 1), horizontal_spacing=0.09
    )
    for number, panel in enumerate(panels):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        for curve, values in zip(curves, panel.values, strict=True):
            _draw(figure, curve, panel, values, chosen, number == 0, place)
        if panel.plain is not None:
            figure.add_hline(panel.plain, line={"color": GREY, "width": 1.2, "dash": "dash"}, **place)
        for curve in curves:
            if curve.best is not None:
                figure.add_vline(curve.x[curve.best], line={"color": COLOURS[curve.how], "width": 1.4, "dash": "dot"}, **place)
        if panel.log:
            _logarithmic(figure, panel, place)
        else:
            figure.update_yaxes(rangemode="tozero", **place)
        if number >= len(panels) - columns:
            figure.update_xaxes(title=plotly_text(x_title), showticklabels=True, **place)
    _finish(figure, curves, rows)
    return figure


def _draw(
    figure: go.Figure, curve: Curve, panel: Panel, values: Sequence[Figure | None], chosen: str | None, first: bool, place: dict
) -> None:
    known = [number for number, value in enumerate(values) if value is not None]
    if not known:
        return
    x, y = [curve.x[number] for number in known], [values[number] for number in known]
    colour, title = COLOURS[curve.how], plotly_text(curve.title)
    banded = [(at, value) for at, value in zip(x, y, strict=True) if value.low is not None]
    if len(banded) > 1:
        figure.add_scatter(
            x=[at for at, _ in banded] + [at for at, _ in reversed(banded)],
            y=[value.high for _, value in banded] + [value.low for _, value in reversed(banded)],
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=faint(colour),
            legendgroup=curve.how,
            showlegend=False,
            hoverinfo="skip",
            **place,
        )
    figure.add_scatter(
        x=x,
        y=[value.value for value in y],
        customdata=[[curve.names[number], curve.told[number], _span(values[number])] for number in known],
        mode="lines+markers",
        line={"color": colour, "width": 1.7},
        marker={
            "color": colour,
            "symbol": [SYMBOLS[curve.how] + ("" if curve.qualified[number] else "-open") for number in known],
            "size": [13 if curve.names[number] == chosen else 7 for number in known],
            "line": {"width": [2.5 if curve.names[number] == chosen else 1.2 for number in known]},
        },
        name=title,
        legendgroup=curve.how,
        showlegend=first,
        hovertemplate=f"<b>{title}</b>: %{{customdata[1]}}<br>%{{y:.3~g}} {panel.unit}%{{customdata[2]}}<extra></extra>",
        **place,
    )


def _span(value: Figure) -> str:
    return "" if value.low is None else f"<br>95 % interval {value.low:.3g} to {value.high:.3g}"


def _logarithmic(figure: go.Figure, panel: Panel, place: dict) -> None:
    values = [value.value for curve in panel.values for value in curve if value is not None] + [panel.plain] * (panel.plain is not None)
    positive = [value for value in values if value > 0]
    if positive:
        figure.update_yaxes(type="log", tickvals=log_ticks(min(positive), max(positive), most=5), tickformat=",~g", **place)


def _finish(figure: go.Figure, curves: Sequence[Curve], rows: int) -> None:
    # a title over each panel stands above the plotting area, and the first above the figure's own margin
    figure.update_layout(template=TEMPLATE, height=rows * PANEL_PX + 70, margin={"t": 62}, uirevision="keep zoom", hovermode="closest")
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1 + 0.12 / rows, "x": 0})
    figure.update_annotations(font_size=13)
    x = [value for curve in curves for value in curve.x]
    if x and min(x) > 0:
        # strengths are chosen by factors, not by steps
        figure.update_xaxes(type="log", tickvals=log_ticks(min(x), max(x)), tickformat="~g")
    else:
        figure.update_xaxes(rangemode="tozero", tickformat="~g")
