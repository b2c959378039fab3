"""Code lengths as figures: by token, a line a layer; and of the last token against the demonstrations before it."""

from collections.abc import Sequence

import plotly.graph_objects as go

from app.charts import RUN_COLOURS, TEMPLATE, plotly_text
from app.reading import visible
from app.services.microscope import CodeLengths

NAMED_TOKENS = 60
"""Tokens whose texts still fit under an axis."""


def _colours(lengths: Sequence[CodeLengths]) -> dict[str, str]:
    return {one.dictionary: RUN_COLOURS[place % len(RUN_COLOURS)] for place, one in enumerate(lengths)}


def _title(one: CodeLengths) -> str:
    return plotly_text(f"layer {one.layer} · {one.dictionary}")


def by_token(lengths: Sequence[CodeLengths]) -> go.Figure:
    """Bits against the tokens of a text; dotted, what the corpus's tokens take on average. A gap where a token was left out."""
    colours, figure = _colours(lengths), go.Figure()
    for one in lengths:
        places = list(range(1, len(one.tokens) + 1))
        texts = [plotly_text(visible(token).replace("\n", "")) for token in one.tokens]
        line = {"color": colours[one.dictionary], "width": 1.8}
        hover = "<b>%{customdata}</b>, token %{x}: %{y:,.0f} bits<extra>" + _title(one) + "</extra>"
        marker = {"size": 5}
        figure.add_scatter(
            x=places, y=one.bits, customdata=texts, mode="lines+markers", name=_title(one), line=line, marker=marker, hovertemplate=hover
        )
        figure.add_hline(one.usual, line={"color": colours[one.dictionary], "width": 1.2, "dash": "dot"})
    figure.update_layout(template=TEMPLATE, height=360, showlegend=True, hovermode="closest", uirevision="keep zoom")
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    figure.update_yaxes(title="code length (bits)", rangemode="tozero", tickformat=",~g")
    tokens = lengths[0].tokens
    if len(tokens) <= NAMED_TOKENS:
        shown = [plotly_text(visible(token).replace("\n", "")[:12]) for token in tokens]
        figure.update_xaxes(tickvals=list(range(1, len(tokens) + 1)), ticktext=shown, tickangle=-60)
    else:
        figure.update_xaxes(title="token")
    return figure


def by_shots(shots: Sequence[int], lengths: Sequence[Sequence[CodeLengths]]) -> go.Figure:
    """Bits of the last token against the number of demonstrations; `lengths[i]` are of `shots[i]`."""
    colours, figure = _colours(lengths[0]), go.Figure()
    for place, one in enumerate(lengths[0]):
        figure.add_scatter(
            x=list(range(len(shots))),
            y=[layers[place].last for layers in lengths],
            mode="lines+markers",
            name=_title(one),
            line={"color": colours[one.dictionary], "width": 1.8},
            marker={"size": 8},
            hovertemplate="%{y:,.0f} bits behind %{customdata} demonstrations<extra>" + _title(one) + "</extra>",
            customdata=list(shots),
        )
        figure.add_hline(one.usual, line={"color": colours[one.dictionary], "width": 1.2, "dash": "dot"})
    figure.update_layout(template=TEMPLATE, height=320, showlegend=True, uirevision="keep zoom")
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    figure.update_xaxes(title="demonstrations", tickvals=list(range(len(shots))), ticktext=[str(number) for number in shots])
    figure.update_yaxes(title="code length of the last token (bits)", rangemode="tozero", tickformat=",~g")
    return figure
