"""The heat map of codes: tokens by channels."""

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from app.charts import TEMPLATE
from bae.index.heatmap import FAINTEST, Block

SCALE = "Cividis"
"""Told apart with any kind of colour vision; light is loud, on every heat map."""
GRID = 48
"""Places of the invisible points, a side, that let a person click or draw a box: heat maps report neither."""


def magnitudes(found: Block, name: str, unit: str, tokens: Sequence[str] = (), features: Sequence[str] = ()) -> go.Figure:
    """A block. With the texts of its tokens and the words of its features, a cell is one token and one feature."""
    rows, columns = (np.array(edges[:-1] + edges[1:] - 1) / 2 for edges in (found.tokens, found.channels))
    exact, bits = bool(tokens), unit == "bits"
    where = "%{text}" if exact else "tokens near %{y:,.0f}, features near %{x:,.0f}"
    figure = go.Figure(
        go.Heatmap(
            z=found.magnitude,
            x=columns,
            y=rows,
            colorscale=SCALE,
            zmin=FAINTEST if bits else 0,
            zmax=0 if bits else None,
            colorbar={"title": {"text": unit}, "thickness": 10, "outlinewidth": 0},
            text=_told(tokens, features) if exact else None,
            hovertemplate=f"{where}<br>%{{z:.3g}} {unit}<extra></extra>",
        )
    )
    across, down = (centres if exact else np.linspace(centres[0], centres[-1], min(GRID, len(centres))) for centres in (columns, rows))
    figure.add_trace(
        go.Scattergl(
            x=np.tile(across, len(down)),
            y=np.repeat(down, len(across)),
            mode="markers",
            marker={"opacity": 0, "size": 8},
            hoverinfo="skip",
        )
    )
    figure.update_layout(template=TEMPLATE, height=620, dragmode="select", title={"text": escape(name), "font": {"size": 14}})
    figure.update_layout(margin={"l": 8, "r": 8, "t": 34, "b": 8})
    figure.update_xaxes(title="feature", tickformat=",d", constrain="domain", range=[found.channels[0] - 0.5, found.channels[-1] - 0.5])
    figure.update_yaxes(title="token of the index", tickformat=",d", showgrid=False, range=[found.tokens[-1] - 0.5, found.tokens[0] - 0.5])
    if exact:
        figure.update_yaxes(title=None, tickvals=rows, ticktext=[escape(text) for text in tokens], tickfont={"size": 10})
        figure.update_xaxes(tickvals=columns if len(columns) <= 40 else None, tickangle=-90)
    return figure


def _told(tokens: Sequence[str], features: Sequence[str]) -> list[list[str]]:
    return [[f"<b>{escape(token)}</b> · {escape(feature)}" for feature in features] for token in tokens]
