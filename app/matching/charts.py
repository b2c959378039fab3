"""Charts of two dictionaries beside each other: relations both ways, Jaccard against cosine, how often their features fire."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.charts import ORANGE, TEAL, TEMPLATE, plotly_text
from app.codes.frequencies import edge, place
from bae.matching.relations import ABSORBED, MERGED, ONE_TO_ONE, RARE, SILENT, SPLIT, UNMATCHED
from bae.numbers import percent

RELATION_COLOURS = {
    ONE_TO_ONE: "#0072B2",
    SPLIT: "#009E73",
    MERGED: "#E69F00",
    ABSORBED: "#CC79A7",
    UNMATCHED: "#8A8A8A",
    RARE: "#8A8A8A",
    SILENT: "#8A8A8A",
}
"""Okabe and Ito's; what has no match is grey."""
RELATION_SYMBOLS = dict(zip(RELATION_COLOURS, ("circle", "square", "diamond", "cross", "circle-open", "x", "x"), strict=True))
"""A second sign, for those who cannot tell all colours."""


@dataclass(frozen=True)
class Point:
    """A feature and its best partner."""

    feature: int
    partner: int
    jaccard: float
    cosine: float
    relation: str
    told: str
    """What both are called; foreign."""


def relations(names: Sequence[str], tallies: Sequence[Mapping[str, int]], by_chance: Sequence[Mapping[str, int]]) -> go.Figure:
    """How many features of each dictionary stand in each relation to the other's; a mark where chance would be."""
    figure = go.Figure()
    for name, tally, chance, colour in zip(names, tallies, by_chance, (TEAL, ORANGE), strict=True):
        told = [f"{count:,} features" + (f", {chance[relation]:,} by chance" if chance else "") for relation, count in tally.items()]
        figure.add_bar(
            y=list(tally),
            x=list(tally.values()),
            orientation="h",
            name=plotly_text(name),
            marker_color=colour,
            text=[f"{count:,}" for count in tally.values()],
            textposition="outside",
            cliponaxis=False,
            customdata=told,
            hovertemplate=f"<b>{plotly_text(name)}</b>, %{{y}}: %{{customdata}}<extra></extra>",
        )
    figure.update_layout(template=TEMPLATE, height=360, xaxis_title="features", barmode="group", bargap=0.25, **_legend())
    figure.update_yaxes(autorange="reversed", showgrid=False)
    # room for the number behind the longest bar
    figure.update_xaxes(range=[0, 1.15 * max((count for tally in tallies for count in tally.values()), default=1)], tickformat=",~d")
    return figure


def jaccard_and_cosine(points: Sequence[Point], chosen: int | None) -> go.Figure:
    """Every feature with its best partner: how far they fire on the same tokens, and how near their directions are."""
    figure = go.Figure()
    for relation, colour in RELATION_COLOURS.items():
        own = [point for point in points if point.relation == relation]
        if own:
            figure.add_scatter(
                x=[point.jaccard for point in own],
                y=[point.cosine for point in own],
                customdata=[[point.feature, _told(point)] for point in own],
                mode="markers",
                name=relation,
                marker={"color": colour, "symbol": RELATION_SYMBOLS[relation], "size": 6, "opacity": 0.75},
                hovertemplate="%{customdata[1]}<br>Jaccard %{x:.3f}, cosine %{y:.3f}<extra></extra>",
            )
    if marked := [point for point in points if point.feature == chosen]:
        figure.add_scatter(
            x=[marked[0].jaccard],
            y=[marked[0].cosine],
            mode="markers",
            showlegend=False,
            hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 16, "color": "#D55E00", "line": {"width": 2.5}},
        )
    figure.update_layout(template=TEMPLATE, height=360, clickmode="event+select", dragmode=False, **_legend())
    figure.update_xaxes(title="Jaccard index of the tokens", range=[-0.02, 1.04], showgrid=True, gridcolor="rgba(128,128,128,.25)")
    figure.update_yaxes(title="cosine of the directions")
    return figure


def _told(point: Point) -> str:
    return f"<b>{point.feature}</b> and {point.partner}, {point.relation}<br>{plotly_text(point.told)}"


def rates(names: Sequence[str], values: Sequence[Sequence[float]]) -> go.Figure:
    """How often the features of two dictionaries fire, one over the other; features that never fire have no place on it."""
    figure = go.Figure()
    for name, own, colour, dash in zip(names, values, (TEAL, ORANGE), ("solid", "dash"), strict=True):
        counts = Counter(place(rate) for rate in own if rate > 0)
        numbers = range(min(counts), max(counts) + 1) if counts else ()
        edges = [(edge(number), edge(number + 1)) for number in numbers]
        told = [f"{percent(low)} to {percent(high)}" for low, high in edges]
        figure.add_scatter(
            x=[math.sqrt(low * high) for low, high in edges],
            y=[counts[number] for number in numbers],
            mode="lines",
            line={"color": colour, "shape": "hvh", "width": 2, "dash": dash},
            fill="tozeroy",
            fillcolor=f"rgba{(*(int(colour[at : at + 2], 16) for at in (1, 3, 5)), 0.15)}",
            name=plotly_text(name),
            customdata=told,
            hovertemplate=f"<b>{plotly_text(name)}</b>: %{{y:,}} features fire on %{{customdata}} of tokens<extra></extra>",
        )
    titles = {"xaxis_title": "share of tokens on which it fires", "yaxis_title": "features"}
    figure.update_layout(template=TEMPLATE, height=260, **titles, **_legend())
    decades = [10.0**power for power in range(-7, 1)]
    figure.update_xaxes(type="log", tickvals=decades, ticktext=[percent(decade) for decade in decades])
    figure.update_yaxes(tickformat=",~d")
    return figure


def _legend() -> dict:
    return {"showlegend": True, "hovermode": "closest", "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}}
