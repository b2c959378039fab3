"""Maps as Plotly figures of plain data: features by where their rows point, tokens by where their hidden states lie."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from app import charts
from app.charts import plotly_text
from bae.features.texts import SEPARATOR
from bae.maps.projection import Method
from bae.numbers import percent
from bae.reading.painting import visible

WEBGL_ABOVE = 3_000
"""Fewer points are drawn as SVG, which every browser has."""
WORDS_BELOW = 30_000
"""The words of more points would take the browser longer to read than the points themselves."""
HEIGHT = 560
GREY = "#9A9A9A"
NONE_SHARE = 0.06
"""Of the scale of colours, left to what has no value."""
SCALE = ((0.0, "#2F74D0"), (0.5, "#B05AB0"), (1.0, "#F29A2E"))
"""Low to high: seen on light and on dark, and in order with any kind of colour vision."""
HIT_COLOUR = "#00A37A"
MOST_LETTERS = 56
MOST_TICKS = 8
LOOPS, TOOLS = ["lasso2d", "select2d"], ["pan2d", "zoom2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]
AXES = {
    "umap": "UMAP: near means alike, the axes mean nothing",
    "pca": "PCA: the two directions along which they differ most",
}


def config(name: str, loops: bool) -> dict:
    """How a map behaves: its tools are always there, those that draw loops where several points can be picked, and the wheel zooms."""
    return {**charts.config(name), "displayModeBar": True, "modeBarButtons": [LOOPS * loops + TOOLS], "scrollZoom": True}


@dataclass(frozen=True)
class Hovers:
    """What is said of every feature on hovering. Two lists, because markup and repeated words would double what the browser is sent."""

    words: Sequence[str]
    rates: Sequence[str]


@dataclass(frozen=True)
class Colour:
    """What the points are coloured by: one figure of every feature."""

    title: str
    values: Sequence[float | None]
    """None where a feature has no such figure."""
    log: bool = False
    """Whether orders of magnitude are what matters; values of 0 then stand apart, as those without one do."""
    share: bool = False
    none: str = "none"
    """What is written at the colour of those without a value."""


def feature_map(
    points: np.ndarray,
    told: Hovers,
    colour: Colour,
    method: Method,
    found: Collection[int] | None = None,
    ringed: Collection[int] = (),
) -> go.Figure:
    """Features as points, `points[feature]` in the plane. Those of `found` stand out of the others, those of `ringed` have a ring.

    Every point carries its feature as customdata, so that selections do not hang on the order of traces.
    """
    everyone = np.arange(len(points))
    base = _features(points, everyone, told, _painted(colour, len(points)) | {"opacity": 0.75 if found is None else 0.18})
    traces = [base]
    if found:
        rows = np.array(sorted(found))
        traces.append(_features(points, rows, told, {"size": _size(len(points)) + 4, "color": HIT_COLOUR, "opacity": 0.95}))
    if ringed:
        rows = np.array(sorted(ringed))
        ring = {"size": _size(len(points)) + 5, "symbol": "circle-open", "color": HIT_COLOUR, "line": {"width": 1.5}}
        traces.append(_features(points, rows, told, ring))
    return _map(go.Figure(traces), method)


def hover_text(told: str) -> str:
    """What is said of a feature's point: its label or words, which are foreign, in one short line."""
    # a point between words travels as six letters
    line = " ".join(told.split()).replace(SEPARATOR, ", ")
    return plotly_text(cut(visible(line))) if line else "no distinctive words"


def cut(text: str) -> str:
    """A text in one short line."""
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


@dataclass(frozen=True)
class Group:
    """Tokens of one kind."""

    title: str
    colour: str
    rows: np.ndarray
    """Which of the points."""
    symbol: str = "circle"


def token_map(points: np.ndarray, token: np.ndarray, hovers: Sequence[str], groups: Sequence[Group], method: Method) -> go.Figure:
    """Tokens as points, the groups over each other in their order; every point carries its token as customdata."""
    traces = []
    for number, group in enumerate(groups):
        quiet = number == 0
        opacity, size = (0.35, _size(len(points)) - 1) if quiet else (0.85, _size(len(points)) + 1)
        marker = {"size": size, "color": group.colour, "opacity": opacity, "symbol": group.symbol}
        trace = _points(points, group.rows, hovers, marker, customdata=token[group.rows])
        # a click marks its token, and leaves the picture of the others as it is
        trace.update(selected_marker={"size": 2 * size + 2, "opacity": 1}, unselected_marker={"opacity": opacity})
        traces.append(trace.update(name=f"{plotly_text(group.title)} ({len(group.rows):,})", showlegend=True))
    figure = _map(go.Figure(traces), method)
    # below the map, where the tools are not in its way, with room for two lines on a narrow screen
    legend = {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0, "itemsizing": "constant"}
    return figure.update_layout(showlegend=True, legend=legend, margin_b=84)


def sentence_hover(text: str, start: int, end: int) -> str:
    """A token in its sentence, in bold; the sentence is cut where it is long. All of it is foreign."""
    room = MOST_LETTERS // 2
    before, after = text[max(start - room, 0) : start], text[end : end + room]
    before = f"…{before}" if start > room else before
    after = f"{after}…" if end + room < len(text) else after
    shown = [plotly_text(visible(" ".join(part.split("\n")))) if part else "" for part in (before, text[start:end], after)]
    return f"{shown[0]}<b>{shown[1]}</b>{shown[2]}"


def _features(points: np.ndarray, rows: np.ndarray, told: Hovers, marker: dict):
    if len(points) > WORDS_BELOW:
        hover = "<b>%{customdata}</b><br>click for its words<extra></extra>"
        return _points(points, rows, None, marker, customdata=rows).update(hovertemplate=hover)
    trace = _points(points, rows, told.words, marker, customdata=rows)
    hover = "<b>%{customdata}</b> %{text}<br>fires on %{hovertext} of tokens<extra></extra>"
    return trace.update(hovertext=[told.rates[row] for row in rows.tolist()], hovertemplate=hover)


def _points(points: np.ndarray, rows: np.ndarray, hovers: Sequence[str] | None, marker: dict, customdata: np.ndarray):
    kind = go.Scattergl if len(points) > WEBGL_ABOVE else go.Scatter
    return kind(
        x=points[rows, 0],
        y=points[rows, 1],
        customdata=customdata.astype(np.int32),
        text=None if hovers is None else [hovers[row] for row in rows.tolist()],
        mode="markers",
        marker=marker,
        unselected={"marker": {"opacity": 0.12}},
        hovertemplate="%{text}<extra></extra>",
    )


def _size(points: int) -> int:
    return 8 if points < 500 else 6 if points < 10_000 else 4


def _painted(colour: Colour, points: int) -> dict:
    """The marker of every point: its colour on the scale, or grey where it has no value."""
    values = np.array([math.nan if value is None else value for value in colour.values], float)
    if colour.log:
        values = np.log10(values, where=values > 0, out=np.full(len(values), math.nan))
    known = values[np.isfinite(values)]
    if not len(known):
        return {"size": _size(points), "color": GREY}
    # a few far from all others would take most of the scale for themselves
    low, high = np.quantile(known, (0.01, 0.99)).tolist()
    high = high if high > low else low + 1
    # what has no value lies below the scale, where it is grey
    apart = low - NONE_SHARE * (high - low) / (1 - NONE_SHARE)
    missing = not np.isfinite(values).all()
    ticks, texts = _ticks(colour, low, high)
    if missing:
        ticks, texts = [apart, *ticks], [colour.none, *texts]
    scale = [[NONE_SHARE + (1 - NONE_SHARE) * at, tint] for at, tint in SCALE]
    return {
        "size": _size(points),
        "color": np.where(np.isfinite(values), np.clip(values, low, high), apart).astype(np.float32),
        "cmin": apart if missing else low,
        "cmax": high,
        "colorscale": [[0, GREY], [NONE_SHARE / 2, GREY], [NONE_SHARE / 2, SCALE[0][1]], *scale] if missing else [list(s) for s in SCALE],
        "colorbar": {
            "title": {"text": plotly_text(colour.title), "side": "right"},
            "thickness": 10,
            "outlinewidth": 0,
            "tickvals": ticks,
            "ticktext": texts,
        },
    }


def _ticks(colour: Colour, low: float, high: float) -> tuple[list[float], list[str]]:
    """Round values to write at the colours, where they lie on the scale."""
    told = percent if colour.share else lambda value: f"{value:.3g}"
    if colour.log:
        values = charts.log_ticks(10**low, 10**high)
        return [math.log10(value) for value in values], [told(value) for value in values]
    step = next(step for step in _round_steps(high - low) if (high - low) / step <= MOST_TICKS)
    values = [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return values, [told(value) for value in values]


def _round_steps(span: float) -> list[float]:
    """1, 2 and 5 of the decades around a span's eighth, ascending."""
    decade = math.floor(math.log10(span / MOST_TICKS))
    return [digit * 10.0 ** (decade + more) for more in (0, 1) for digit in (1, 2, 5)]


def _map(figure: go.Figure, method: Method) -> go.Figure:
    # Streamlit takes clicks on points while the mouse moves the map, and none while it draws loops. What it would set itself is
    # set here: with a figure that it changes, the browser draws all points twice
    figure.update_layout(template=charts.TEMPLATE, height=HEIGHT, uirevision="keep zoom")
    figure.update_layout(dragmode="pan", clickmode="event+select", hovermode="closest")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 34, "b": 8})
    figure.update_xaxes(title=AXES[method], showticklabels=False, showgrid=False, ticks="")
    figure.update_yaxes(showticklabels=False, showgrid=False, ticks="")
    return figure
