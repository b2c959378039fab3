"""The figures of a reproduction: lines over a common axis, a dashed one in the colour of the line before it."""

import plotly.graph_objects as go

from app.charts import RUN_COLOURS, TEMPLATE, faint, log_ticks, plotly_text
from bae.reproduction.report import Curve, Figure

FEW_POINTS = 25
DASHES = ("solid", "dot", "dashdot")


def figure(drawn: Figure) -> go.Figure:
    """One figure of the report."""
    made = go.Figure()
    for number, curve in enumerate(drawn.curves):
        place = number - curve.dashed
        colour, dash = RUN_COLOURS[place % len(RUN_COLOURS)], DASHES[place // len(RUN_COLOURS) % len(DASHES)]
        if curve.low and curve.high:
            made.add_trace(_band(curve, colour))
        made.add_trace(_line(curve, colour, "dash" if curve.dashed else dash, drawn.y))
    made.update_layout(template=TEMPLATE, height=380, showlegend=True, legend={"orientation": "h", "y": -0.25}, hovermode="closest")
    made.update_xaxes(title_text=drawn.x, **_axis(drawn.log_x, [x for curve in drawn.curves for x in curve.x]))
    made.update_yaxes(title_text=drawn.y, **_axis(drawn.log_y, [y for curve in drawn.curves for y in curve.y]))
    return made


def _line(curve: Curve, colour: str, dash: str, y: str) -> go.Scatter:
    name = plotly_text(curve.name)
    return go.Scatter(
        x=curve.x,
        y=curve.y,
        name=name,
        mode="lines+markers" if len(curve.x) <= FEW_POINTS else "lines",
        line={"color": colour, "dash": dash, "width": 1.8},
        marker={"size": 5},
        hovertemplate=f"{name}<br>%{{x:,.4~g}}: %{{y:,.4~g}} {plotly_text(y)}<extra></extra>",
    )


def _band(curve: Curve, colour: str) -> go.Scatter:
    return go.Scatter(
        x=[*curve.x, *reversed(curve.x)],
        y=[*curve.high, *reversed(curve.low)],
        fill="toself",
        fillcolor=faint(colour),
        line={"width": 0},
        showlegend=False,
        hoverinfo="skip",
    )


def _axis(log: bool, values: list[float]) -> dict:
    positive = [value for value in values if value > 0]
    if not log or not positive:
        return {}
    return {"type": "log", "tickvals": log_ticks(min(positive), max(positive)), "tickformat": ",~g"}
