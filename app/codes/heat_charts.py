"""The heat map of codes: tokens by channels."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.charts import TEMPLATE, plotly_text
from bae.index.heatmap import FAINTEST, Block

SCALE = "Cividis"
"""Told apart with any kind of colour vision; light is loud, on every heat map."""
GRID = 48
"""Places of the invisible points, a side, that answer to hovering, clicks and boxes: heat maps report none of them."""


def magnitudes(found: Block, name: str, unit: str, tokens: Sequence[str] = (), features: Sequence[str] = ()) -> go.Figure:
    """A block. With the texts of its tokens and the words of its features, a cell is one token and one feature."""
    rows, columns = (np.array(edges[:-1] + edges[1:] - 1) / 2 for edges in (found.tokens, found.channels))
    bits = unit == "bits"
    figure = go.Figure(
        go.Heatmap(
            z=found.magnitude,
            x=columns,
            y=rows,
            colorscale=SCALE,
            zmin=FAINTEST if bits else 0,
            zmax=0 if bits else None,
            colorbar={"title": {"text": unit}, "thickness": 10, "outlinewidth": 0},
            hoverinfo="skip",
        )
    )
    figure.add_trace(_places(found, rows, columns, unit, tokens, features))
    figure.update_layout(template=TEMPLATE, height=620, title={"text": plotly_text(name), "font": {"size": 14}})
    figure.update_layout(margin={"l": 8, "r": 8, "t": 34, "b": 8}, hovermode="closest")
    figure.update_layout(hoverdistance=-1)  # the nearest place answers, however large a cell is
    figure.update_xaxes(title="feature", tickformat=",d", constrain="domain", range=[found.channels[0] - 0.5, found.channels[-1] - 0.5])
    figure.update_yaxes(title="token of the index", tickformat=",d", showgrid=False, range=[found.tokens[-1] - 0.5, found.tokens[0] - 0.5])
    # a chart in which boxes are drawn reports no clicks
    figure.update_layout(dragmode="pan" if tokens else "select")
    if tokens:
        figure.update_yaxes(title=None, tickvals=rows, ticktext=[plotly_text(text) for text in tokens], tickfont={"size": 10})
        figure.update_xaxes(tickvals=columns if len(columns) <= 40 else None, tickangle=-90)
    return figure


def _places(found: Block, rows: np.ndarray, columns: np.ndarray, unit: str, tokens: Sequence[str], features: Sequence[str]) -> go.Scatter:
    """Invisible points that a person hovers and clicks: every cell where it is one token and one feature, else some of them."""
    down, across = (np.arange(len(each)) if tokens else _spread(len(each)) for each in (rows, columns))
    pairs = [(row, column) for row in down for column in across]
    named = f"<b>{{}}</b> · {{}}<br>{{:.3g}} {unit}"
    about = f"tokens near {{:,.0f}}, features near {{:,.0f}}<br>{{:.3g}} {unit} on average, the loudest"
    told = [
        named.format(plotly_text(tokens[row]), plotly_text(features[column]), found.magnitude[row, column])
        if tokens
        else about.format(rows[row], columns[column], found.magnitude[row, column])
        for row, column in pairs
    ]
    return go.Scatter(
        x=[columns[column] for _, column in pairs],
        y=[rows[row] for row, _ in pairs],
        text=told,
        mode="markers",
        marker={"opacity": 0, "size": 8},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertemplate="%{text}<extra></extra>",
    )


def _spread(size: int) -> np.ndarray:
    """Numbers below `size`, evenly spread, at most `GRID`."""
    return np.unique(np.linspace(0, size - 1, min(GRID, size)).round().astype(int))
