"""Code lengths as figures: by token, a line a layer; and of the last token against the demonstrations before it."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from app.charts import RUN_COLOURS, TEMPLATE, plotly_text
from app.services.microscope import CodeLengths
from bae.reading.painting import visible

NAMED_TOKENS = 60
"""Tokens whose texts still fit under an axis."""


class Marks(NamedTuple):
    """Entropies of sets, as a chart of code lengths at the same layer shows them."""

    layer: int
    name: str
    """Of the run."""
    at: list[int]
    """What sets differ in: a position, or a number of demonstrations."""
    bits: list[float]


def _colours(lengths: Sequence[CodeLengths]) -> dict[str, str]:
    return {one.dictionary: RUN_COLOURS[place % len(RUN_COLOURS)] for place, one in enumerate(lengths)}


def _title(one: CodeLengths) -> str:
    return plotly_text(f"layer {one.layer} · {one.dictionary}")


def by_token(lengths: Sequence[CodeLengths], sets: Sequence[Marks] = ()) -> go.Figure:
    """Bits against the tokens of a text; dotted, what the corpus's tokens take on average. A gap where a token was left out.

    Diamonds: entropies of sets of hidden states at that position in other texts, as far as this one is long.
    """
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
    for one in sets:
        there = [(at, bits) for at, bits in zip(one.at, one.bits, strict=True) if at <= len(lengths[0].tokens)]
        _mark(figure, one, lengths, there, "at position %{customdata}", [at for at, _ in there])
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


def _mark(
    figure: go.Figure, one: Marks, lengths: Sequence[CodeLengths], places: Sequence[tuple[int, float]], where: str, told: Sequence[int]
) -> None:
    """Sets at their places, in the colour of the layer's first dictionary."""
    if not places:
        return
    colour = next(_colours(lengths)[length.dictionary] for length in lengths if length.layer == one.layer)
    name = plotly_text(f"layer {one.layer} · sets")
    figure.add_scatter(
        x=[place for place, _ in places],
        y=[bits for _, bits in places],
        customdata=list(told),
        mode="markers",
        name=name,
        marker={"symbol": "diamond-open", "size": 10, "color": colour, "line": {"width": 2}},
        hovertemplate=f"entropy of the set {where}: %{{y:,.1f}} bits<br>{plotly_text(one.name)}<extra>{name}</extra>",
    )


def by_shots(shots: Sequence[int], lengths: Sequence[Sequence[CodeLengths]], sets: Sequence[Marks] = ()) -> go.Figure:
    """Bits of the last token against the number of demonstrations; `lengths[i]` are of `shots[i]`. Diamonds: entropies of sets of such."""
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
    for one in sets:
        there = [(shots.index(at), bits) for at, bits in zip(one.at, one.bits, strict=True) if at in shots]
        _mark(figure, one, lengths[0], there, "behind %{customdata} demonstrations", [shots[place] for place, _ in there])
    figure.update_layout(template=TEMPLATE, height=320, showlegend=True, uirevision="keep zoom")
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    figure.update_xaxes(title="demonstrations", tickvals=list(range(len(shots))), ticktext=[str(number) for number in shots])
    figure.update_yaxes(title="code length of the last token (bits)", rangemode="tozero", tickformat=",~g")
    return figure
