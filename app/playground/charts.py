"""How likely the next tokens are, plain and steered, beside each other."""

from collections.abc import Sequence

import plotly.graph_objects as go

from app.charts import ORANGE, TEAL, TEMPLATE, plotly_text
from app.services.playground import Next

ROW_PX, AROUND_PX = 24, 78
MARKS = {"plain": (TEAL, "circle"), "steered": (ORANGE, "diamond")}


def dumbbells(rows: Sequence[Next], names: Sequence[str]) -> go.Figure:
    """A line a token between its log-probabilities under both, the likeliest when plain on top. Names are foreign."""
    places = list(range(len(rows)))
    figure = go.Figure()
    for place, row in zip(places, rows, strict=True):
        line = {"x0": row.plain, "x1": row.steered, "y0": place, "y1": place}
        figure.add_shape(type="line", layer="below", line={"color": "rgba(128,128,128,.55)", "width": 2}, **line)
    labels = [plotly_text(name) for name in names]
    for side, (colour, symbol) in MARKS.items():
        figure.add_trace(
            go.Scatter(
                x=[getattr(row, side) for row in rows],
                y=places,
                customdata=labels,
                mode="markers",
                name=side,
                marker={"color": colour, "symbol": symbol, "size": 10},
                hovertemplate=f"“%{{customdata}}”, {side}: log-probability %{{x:.2f}}<extra></extra>",
            )
        )
    figure.update_layout(template=TEMPLATE, height=AROUND_PX + ROW_PX * len(rows), showlegend=True, hovermode="closest")
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    figure.update_xaxes(
        title="log-probability of being the next token (natural logarithm)", showgrid=True, gridcolor="rgba(128,128,128,.25)"
    )
    figure.update_yaxes(tickvals=places, ticktext=labels, autorange="reversed", showgrid=False)
    return figure
