"""The map of a dictionary's features: choose what it shows, pick points, look at what was picked."""

import re
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from app import navigation, services
from app.components import labels, panels, tables, url
from app.components.explain import MEANINGS, hover
from app.keeping import as_list as keeping
from app.maps import charts as map_charts
from app.maps.charts import Colour, Hovers
from app.search.ways import mentioning
from app.services import figures, maps
from app.services.labels import shown_stamp
from bae.features.figures import strength
from bae.index.query import Dictionary, Index
from bae.maps.projection import Projection
from bae.numbers import duration, percent
from bae.reading.painting import bursts_off, paint_example

METHODS = {"umap": MEANINGS["umap"].label, "pca": MEANINGS["pca"].label}
SHARES = ("rate", "density", "top_rate")
FIGURES = (*SHARES, "entropy", "largest", "label_score")
MOST_IN_ADDRESS = 200
SHOWN = 100
"""Rows of the table of picked features."""
CARD_CONTEXTS = 3
CHART_PX, SIDE_PX = 790, 300
MANY = "map-picked"
"""Session state: more picked features than the address holds."""
DRAWN = "map-drawn"
"""Session state: what the figure shows, the picks that had rings when it was drawn, and how often picks were cleared."""


def draw(index: Index, entry: Dictionary) -> None:
    """The map with what can be done with it."""
    method, words, figure_name = _choices()
    drawn = _points(entry, method)
    if drawn is None:
        return
    picked = picks(entry)
    found = mentioning(index, entry.name, words) if words.strip() else None
    colour = colour_of(index, entry.name, figure_name)
    # beside each other where there is room, else below
    both = st.container(horizontal=True, gap="small")
    with both.container(width=CHART_PX):
        # the points themselves, because a checkpoint that is written anew has other axes
        shown = (drawn.method, hash(drawn.points.tobytes()), figure_name, words, shown_stamp(entry.name))
        key = (str(index.file), entry.name, *shown)
        _chart(entry, drawn, colour, found, key, picked)
        st.caption(_told(entry, words, found))
        if not any(value is not None for value in colour.values):
            st.caption("Nothing is coloured: no label of this dictionary has a score yet. A judge's labels have one; see the Labels page.")
    with both.container(width=SIDE_PX):
        _side(index, entry, picked)
    if len(picked) > 1:
        _table(index, entry, picked)


def _choices() -> tuple[str, str, str]:
    method, words = url.choice("method", list(METHODS), "umap"), st.query_params.get("q", "")
    figure = url.choice("colour", FIGURES, "rate")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        url.bound(
            st.selectbox, "Layout", "method", method, list(METHODS), default="umap", format_func=METHODS.get, help=hover(method), width=220
        )
        url.bound(
            st.selectbox,
            "Colour",
            "colour",
            figure,
            FIGURES,
            default="rate",
            format_func=lambda name: MEANINGS[name].label,
            help=f"{hover('map_colour')} {hover(figure)}",
            width=180,
        )
        url.bound(st.text_input, "Highlight", "q", words, default="", placeholder="the sea", help=hover("map_search"), width=220)
    return method, words, figure


def _points(entry: Dictionary, method: str) -> Projection | None:
    """Where the points lie; where they are not to be had, the page says why. PCA stands in while UMAP is being drawn."""
    try:
        return maps.feature_map(entry.name, method)
    except FileNotFoundError:
        _missing()
    except (OSError, ValueError) as error:
        st.error(f"The map cannot be shown: {url.code(error)}")
        return None
    try:
        return maps.feature_map(entry.name, "pca")
    except (OSError, ValueError) as error:
        st.error(f"The map cannot be shown: {url.code(error)}")
        return None


def _missing() -> None:
    """Maps are not drawn yet: how far that is, and who does it."""

    def panel() -> None:
        status = maps.being_drawn()
        if status is None:
            st.info(
                f"Maps by UMAP are not drawn yet: `bae index --workspace {services.workspace().folder.name}` draws them after it has built "
                "the index. Until then the features are laid out by PCA.",
                icon=":material/hourglass_empty:",
            )
            return
        left = "" if status["seconds_left"] is None else f", about {duration(status['seconds_left'])} left"
        told = f"{status['stage']}: {status['done']:,} of {status['total']:,} {status['unit']} at {status['rate']:,.0f} a second{left}"
        share = min(status["done"] / max(status["total"], 1), 1.0)
        st.progress(share, text=f"`bae index` is {url.code(told)}. Until then the features are laid out by PCA.")

    st.fragment(run_every=5 if maps.being_drawn() else None)(panel)()


def colour_of(index: Index, ae: str, name: str) -> Colour:
    """A figure of every feature, as it is painted."""
    if name == "label_score":
        shown = services.shown_labels(ae)
        scores = {feature: label.score and label.score.score for feature, label in shown.items()}
        values = [scores.get(feature) for feature in range(index.dictionaries()[ae].n_features)]
        return Colour(MEANINGS[name].label, values, none="no score")
    values, share = services.column(str(index.file), ae, name), name in SHARES
    unit = MEANINGS[name].unit
    return Colour(MEANINGS[name].label + (f" ({unit})" if unit else ""), values, log=share, share=share, none="never")


# picking


def picks(entry: Dictionary) -> list[int]:
    """The features that are picked: those of the address, or of this session where they are too many for it."""
    value = st.query_params.get("pick")
    if value is None:
        many = st.session_state.get(MANY)
        return many[1] if many and many[0] == entry.name else []
    asked = [part for part in value.split(",") if part]
    right = [int(part) for part in asked if re.fullmatch(r"[0-9]{1,9}", part) and int(part) < entry.n_features]
    right = list(dict.fromkeys(right))[:MOST_IN_ADDRESS]
    if len(right) < len(asked):
        allowed = f"up to {MOST_IN_ADDRESS} different numbers from 0 to {entry.n_features - 1}, with commas between them"
        url.wrong("pick", value, allowed, None)
    return right


def _pick(ae: str, features: Sequence[int]) -> None:
    """Keep what was picked: in the address where it has room."""
    few = len(features) <= MOST_IN_ADDRESS
    st.session_state[MANY] = None if few else (ae, list(features))
    _, rings, cleared = st.session_state[DRAWN]
    # rings of earlier picks must go, and what the browser itself has marked goes only with a figure of another name
    if rings or not features:
        st.session_state[DRAWN] = (None, (), cleared + (not features))
    url.put(pick=",".join(map(str, features)) if few and features else None)


def picked_of(event: dict, n_features: int) -> list[int]:
    """The features of a selection, each once: a feature may be a point of two traces."""
    found = set()
    for point in event["selection"]["points"]:
        told = point.get("customdata")
        number = told[0] if isinstance(told, list) and told else told
        if isinstance(number, int | float) and 0 <= number < n_features:
            found.add(int(number))
    return sorted(found)


def _chart(
    entry: Dictionary,
    drawn: Projection,
    colour: Colour,
    found: Sequence[int] | None,
    key: tuple,
    picked: Sequence[int],
) -> None:
    # what is picked with the mouse, the browser marks itself; drawn anew, the figure would lose that, so rings are kept as they are
    shown, rings, cleared = st.session_state.get(DRAWN, (None, (), 0))
    if shown != key:
        rings = tuple(picked)
        st.session_state[DRAWN] = (key, rings, cleared)

    def make() -> go.Figure:
        file = key[0]
        told = figures.hovers((file, entry.name, shown_stamp(entry.name)), lambda: _hovers(file, entry.name))
        return map_charts.feature_map(drawn.points, told, colour, drawn.method, found, rings)

    name = f"map:{entry.name}:{drawn.method}:{cleared}"

    def chosen() -> None:
        # Streamlit also reports a figure that was drawn anew, with nothing selected
        if features := picked_of(st.session_state[name], entry.n_features):
            _pick(entry.name, features)

    st.plotly_chart(
        figures.figure((*key, rings), make),
        config=map_charts.config(f"map-{entry.name}", loops=True),
        key=name,
        on_select=chosen,
        selection_mode=("points", "box", "lasso"),
        alt=f"Map of the {entry.n_features:,} features of a dictionary; the table of the Features page lists them",
    )


def _hovers(file: str, ae: str) -> Hovers:
    """What is said of every feature of a dictionary."""
    shown, rates = services.shown_labels(ae), services.column(file, ae, "rate")
    words = enumerate(services.column(file, ae, "summary"))
    told = [map_charts.hover_text(labels.in_a_line(shown.get(feature), said)) for feature, said in words]
    return Hovers(told, [percent(rate) for rate in rates])


def _told(entry: Dictionary, words: str, found: Sequence[int] | None) -> str:
    said = f"{entry.n_features:,} features."
    if found is not None:
        said += f" {len(found):,} of them mention {url.code(words)}."
    return (
        f"{said} Hover a point for its words, click it for more. For several, take the lasso or the box above the map. The mouse moves "
        "the map, its wheel zooms."
    )


# what is picked


def _side(index: Index, entry: Dictionary, picked: Sequence[int]) -> None:
    if not picked:
        st.info(
            "Nothing is picked. Click a point, or take the lasso above the map and draw a loop around several.",
            icon=":material/gesture_select:",
        )
        return
    with st.container(border=True):
        if len(picked) == 1:
            _card(index, entry, picked[0])
        else:
            st.markdown(f"**{len(picked):,} features picked**")
            if len(picked) > MOST_IN_ADDRESS:
                st.caption(f"The address holds at most {MOST_IN_ADDRESS}: this choice ends with the session.")
            elif len(picked) <= 6:
                _tokens_around(picked)
        st.button("Clear", icon=":material/close:", on_click=_pick, args=(entry.name, ()), key="clear-picked")


def _tokens_around(features: Sequence[int]) -> None:
    label = "Tokens around it" if len(features) == 1 else "Tokens around them"
    where = {"show": "tokens", "of": ",".join(map(str, features)), "token": None}
    st.button(label, icon=":material/scatter_plot:", on_click=url.put, kwargs=where, key="tokens-around", type="tertiary")


def _card(index: Index, entry: Dictionary, number: int) -> None:
    feature, label = index.feature(entry.name, number), services.shown_labels(entry.name).get(number)
    binary = feature.on_magnitude is not None
    st.markdown(f"**Feature {number}**")
    if label is not None:
        labels.text(label, "1rem")
        labels.badges(label, label.score, shown=False)
    panels.words(feature.summary, "1rem" if label is None else ".9rem")
    told = [("rate", percent(feature.rate)), ("entropy", f"{feature.entropy:.3f}"), ("top_count", f"{feature.top_count:,}")]
    st.html(labels.figures_html(told))
    navigation.link("feature", "Open its page", ae=entry.name, feature=number)
    _tokens_around([number])
    for examples in list(index.examples(entry.name, number).values())[:1]:
        usually_on = bursts_off(feature.rate, binary)
        shown = [(one.document, strength(one, binary), paint_example(one, feature.largest, usually_on)) for one in examples]
        panels.contexts(shown[:CARD_CONTEXTS])


def _table(index: Index, entry: Dictionary, picked: Sequence[int]) -> None:
    counts = services.column(str(index.file), entry.name, "top_count")
    order = sorted(picked, key=lambda feature: (-counts[feature], feature))
    cut = "" if len(order) <= SHOWN else f" The {SHOWN} that are most often in a token's top 10 are listed."
    st.subheader(f"{len(order):,} picked features")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Click a row to look at its feature.{cut}", width="stretch")
        keeping.offer_list(entry.name, order, "Picked on the map")
    rows = [index.feature(entry.name, feature) for feature in order[:SHOWN]]
    chosen = tables.features(rows, f"map-table-{hash(tuple(order))}", services.shown_labels(entry.name))
    if chosen is not None:
        navigation.go("feature", ae=entry.name, feature=chosen, text=st.query_params.get("text"))
