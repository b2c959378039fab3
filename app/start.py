"""The start page's first screen: what a feature is, by one that is there, and the three ways in."""

import streamlit as st

from app import navigation, services
from app.components import labels, panels
from app.components.url import code
from bae.index.query import Feature, Index
from bae.reading.painting import paint_example

RARE = 0.02
"""A feature that fires on more tokens makes no clear first example."""
TELLING = 6
"""Letters of a word that is likely to mean something by itself."""
SHOWN = 3


def what_a_feature_is(index: Index, ae: str) -> Feature | None:
    """Show a feature with sentences that it fires on; None where the dictionary has none that is clear enough."""
    feature = clearest(index, ae)
    if feature is None:
        return None
    example = index.examples(ae, feature.feature).get("strongest", [])
    with st.container(border=True):
        st.markdown(f"**A feature**, for example number {feature.feature} of {code(ae)}. It fires on the coloured words:")
        panels.words(labels.in_a_line(services.shown_labels(ae).get(feature.feature), feature.summary), "1.05rem")
        panels.contexts([(one.document, "", paint_example(one, feature.largest, usually_on=False)) for one in example[:SHOWN]])
        navigation.link("feature", "Open it", ae=ae, feature=feature.feature)
    return feature


def clearest(index: Index, ae: str) -> Feature | None:
    """The rare feature whose first word stands out most, among those with a label where there are any; signs and articles say little."""
    found = index.telling(ae, RARE, TELLING)
    labelled = services.shown_labels(ae)
    number = next((feature for feature in found if feature in labelled), found[0] if found else None)
    return None if number is None else index.feature(ae, number)


def ways_in(ae: str) -> None:
    """Type, search, browse."""
    typing, searching, browsing = st.columns(3)
    with typing, st.container(border=True, height="stretch"):
        st.markdown("**Type a text**")
        st.caption("See, token by token, which features fire on it.")
        navigation.link("text", "Live text", ae=ae)
    with searching, st.container(border=True, height="stretch"):
        st.markdown("**Look for a meaning**")
        st.text_input(
            "Look for", key="start-search", placeholder="place names", label_visibility="collapsed", on_change=_search,
            help="Features whose label or words are near in meaning to what you type.",
        )  # fmt: skip
        navigation.link("search", "Other ways to search")
    with browsing, st.container(border=True, height="stretch"):
        st.markdown("**Browse**")
        st.caption("All features as a table, or on a map where like lies by like.")
        with st.container(horizontal=True):
            navigation.link("features", "Table", ae=ae)
            navigation.link("map", "Map", ae=ae)
    wanted = st.session_state.pop("start-wanted", None)
    if wanted:
        navigation.go("search", q=wanted, how="meaning", ae=ae)


def _search() -> None:
    # a callback may not change the page: it leaves word for the run that follows
    st.session_state["start-wanted"] = st.session_state["start-search"].strip()


def guided(index: Index, ae: str, feature: Feature | None) -> None:
    """A first walk through the pages, with what is in this workspace."""
    other = next(
        (name for name, entry in index.dictionaries().items() if name != ae and entry.layer == index.dictionaries()[ae].layer), None
    )
    with st.expander("A guided example, in five steps", icon=":material/hiking:"):
        st.caption("Each link opens a page in the state that the step speaks of; the sidebar leads back here.")
        navigation.link("search", "1. Look for features that fire on place names", q="place names", how="meaning", ae=ae)
        if feature is not None:
            navigation.link(
                "feature", f"2. Open a feature and read what it fires on: number {feature.feature}", ae=ae, feature=feature.feature
            )
        navigation.link("text", "3. Read a text of your own, and see what fires on it", ae=ae)
        if feature is not None:
            navigation.link("query", "4. Ask on which tokens it fires with others, or without", ae=ae, query=f"f{feature.feature}")
        if other:
            navigation.link("match", "5. See which features another dictionary has too", **{"ae": ae, "with": other})
