"""The parts of the heat map page: the stretch that is looked at, the map of a dictionary, and the cell that was clicked."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from app import charts, navigation, services
from app.codes import heat_charts
from app.components import panels, tables, url
from app.components.explain import hover
from app.components.url import code
from app.services import codes, heat
from bae.index.layout import passages
from bae.index.query import Dictionary, Index
from bae.reading.painting import bursts_off, paint_example, visible

ROWS, CELLS = 200, 192
EXACT_ROWS, EXACT_CELLS = 60, 120
"""A stretch no larger than this is drawn token by token and feature by feature."""
STRIPES = 8


class Stretch(NamedTuple):
    """Tokens and channels that are drawn, each first and one behind the last."""

    tokens: tuple[int, int]
    channels: tuple[int, int]

    @property
    def exact(self) -> bool:
        """Whether a cell is one token and one feature."""
        return self.tokens[1] - self.tokens[0] <= EXACT_ROWS and self.channels[1] - self.channels[0] <= EXACT_CELLS


def stretch(n_tokens: int, n_features: int) -> Stretch:
    """What the address asks for; else the whole."""
    return Stretch(_span("t", n_tokens), _span("c", n_features))


def _span(name: str, size: int) -> tuple[int, int]:
    value = st.query_params.get(name)
    if value is None:
        return 0, size
    found = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", value)
    if found and int(found[1]) <= int(found[2]) < size:
        return int(found[1]), int(found[2]) + 1
    url.wrong(name, value, f"a stretch as 0-{size - 1}", f"0-{size - 1}")
    return 0, size


def look(tokens: tuple[int, int], channels: tuple[int, int], whole: Stretch) -> None:
    """Have the page draw another stretch."""
    told = {
        name: None if span == full else f"{span[0]}-{span[1] - 1}"
        for name, span, full in (("t", tokens, whole.tokens), ("c", channels, whole.channels))
    }
    url.put(**told, cell=None)


def controls(seen: Stretch, whole: Stretch) -> None:
    """Where one is, and the ways out of it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"Tokens **{seen.tokens[0]:,} to {seen.tokens[1] - 1:,}**, features **{seen.channels[0]:,} to {seen.channels[1] - 1:,}**",
            help=hover("heat_moving"),
            width="stretch",
        )
        st.button("Closer", icon=":material/zoom_in:", on_click=look, args=(*_scaled(seen, whole, 0.25), whole), disabled=seen.exact)
        st.button("Wider", icon=":material/zoom_out:", on_click=look, args=(*_scaled(seen, whole, 4.0), whole), disabled=seen == whole)
        st.button("Whole", icon=":material/fullscreen:", on_click=look, args=(*whole, whole), disabled=seen == whole)


def _scaled(seen: Stretch, whole: Stretch, by: float) -> Stretch:
    return Stretch(*(_around(sum(span) // 2, round((span[1] - span[0]) * by), full[1]) for span, full in zip(seen, whole, strict=True)))


def _around(middle: int, width: int, size: int) -> tuple[int, int]:
    width = max(1, min(width, size))
    first = min(max(middle - width // 2, 0), size - width)
    return first, first + width


def draw(index: Index, entry: Dictionary, seen: Stretch, whole: Stretch) -> None:
    """The map of one dictionary: a box drawn on it looks closer; where a cell is one token and one feature, a click shows its sentence."""
    unit = heat.unit(entry.name)
    rows, cells = (EXACT_ROWS, EXACT_CELLS) if seen.exact else (ROWS, CELLS)
    found = heat.magnitudes(entry.name, seen.tokens, seen.channels, rows, cells)
    texts, words = (token_texts(index, seen.tokens), _feature_texts(index, entry.name, seen.channels)) if seen.exact else ((), ())
    key = f"heat:{entry.name}:{seen}"
    st.plotly_chart(
        heat_charts.magnitudes(found, f"{entry.title} · {entry.name}", unit, texts, words),
        config=charts.config(f"heat-{entry.name}"),
        key=key,
        on_select=lambda: _picked(key, entry.name, seen, whole),
        selection_mode="points" if seen.exact else "box",
        alt=f"Heat map of the activation magnitudes of {entry.name}: tokens by features",
    )


def _picked(key: str, name: str, seen: Stretch, whole: Stretch) -> None:
    selection = st.session_state[key]["selection"]
    if seen.exact and selection.get("points"):
        point = selection["points"][0]
        url.put(cell=f"{name}:{round(point['y'])}:{round(point['x'])}")
    elif not seen.exact and selection.get("box"):
        box = selection["box"][0]
        look(*(_within(min(box[axis]), max(box[axis]), span) for axis, span in zip("yx", seen, strict=True)), whole)


def _within(low: float, high: float, span: tuple[int, int]) -> tuple[int, int]:
    first = min(max(round(low), span[0]), span[1] - 1)
    return first, min(max(round(high), first) + 1, span[1])


def token_texts(index: Index, tokens: tuple[int, int]) -> list[str]:
    """A stretch of tokens as they are read."""
    where = codes.layout()
    numbers = range(where.context(tokens[0]), where.context(tokens[1] - 1) + 1)
    found, texts = index.passages(list(numbers)), []
    for number in numbers:
        _, text, starts, ends, _ = found[number]
        texts += [text[start:end] for start, end in zip(starts[1:], ends[1:], strict=True)]
    skipped = tokens[0] - int(where.begins[numbers[0]])
    return [visible(text).replace("\n", "") for text in texts[skipped : skipped + tokens[1] - tokens[0]]]


def _feature_texts(index: Index, ae: str, channels: tuple[int, int]) -> list[str]:
    summaries, labelled = services.column(str(index.file), ae, "summary"), services.shown_labels(ae)
    return [
        f"feature {feature}: {label.text if (label := labelled.get(feature)) else summaries[feature] or 'no distinctive words'}"
        for feature in range(*channels)
    ]


def cell(index: Index, known: Mapping[str, Dictionary], whole: Stretch) -> None:
    """The sentence of the cell that was clicked, painted with its feature."""
    value = st.query_params.get("cell")
    if value is None:
        return
    found = re.fullmatch(r"([\w.-]+):([0-9]{1,9}):([0-9]{1,9})", value)
    if not found or found[1] not in known or int(found[2]) >= whole.tokens[1] or int(found[3]) >= known[found[1]].n_features:
        url.wrong("cell", value, "a dictionary, a token and a feature, as bae:120:7", None)
        return
    name, token, feature = found[1], int(found[2]), int(found[3])
    where, own = codes.layout(), codes.columns(name)
    context = int(where.context(token))
    example = passages(index, where, own.tokens(feature), own.strengths(feature), [context])[0]
    example = replace(example, peak=int(where.position(np.array([token]))[0]))  # the clicked token is the one that stands out
    figures = index.feature(name, feature)
    usually_on = bursts_off(figures.rate, known[name].magnitude == "burstiness")
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Token {token:,}, {code(name)} **feature {feature}**", width="stretch")
            navigation.link("feature", "Open the feature", ae=name, feature=feature)
            st.button("Close", icon=":material/close:", type="tertiary", on_click=url.put, kwargs={"cell": None})
        panels.words(figures.summary, "1rem")
        panels.contexts([(example.document, "", paint_example(example, figures.largest, usually_on))])


def stripes(index: Index, entry: Dictionary, seen: Stretch, whole: Stretch) -> None:
    """The channels that stand as vertical lines; a click goes to one."""
    rows = index.features(entry.name, sort="density", limit=STRIPES).features
    st.markdown(f"**Densest of {code(entry.name)}**", help=hover("stripes"))
    told = [(row.feature, 100 * row.density, row.summary) for row in rows]
    frame = pd.DataFrame(told, columns=["feature", "density", "summary"])
    key = f"stripes:{entry.name}"
    st.dataframe(
        frame,
        hide_index=True,
        lazy=False,
        height=tables.ROW_PX * (len(frame) + 1) + 3,
        key=key,
        on_select=lambda: _to_stripe(key, [row.feature for row in rows], seen, whole),
        selection_mode=["single-row", "single-cell"],
        column_config={
            "feature": st.column_config.NumberColumn("Feature", help="Click to look at its stripe."),
            "density": st.column_config.NumberColumn("Density", help=hover("density"), format="%.3g %%"),
            "summary": tables.words("summary"),
        },
    )


def _to_stripe(key: str, features: list[int], seen: Stretch, whole: Stretch) -> None:
    row = tables.clicked_row(key, len(features))
    if row is not None:
        look(seen.tokens, _around(features[row], EXACT_CELLS // 2, whole.channels[1]), whole)
