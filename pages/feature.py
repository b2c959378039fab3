"""What does one feature fire on, how often, and how strongly?"""

import random

import streamlit as st

from app import navigation, services
from app.components import chooser, keys, panels, url
from app.feature import directions as feature_directions
from app.feature import export as feature_export
from app.feature import labels as feature_labels
from app.feature import parts as feature_parts
from app.feature import profile as feature_profile
from app.feature import relations as feature_relations
from app.keeping import embed as keeping_embed
from app.keeping import feature as keeping_feature
from app.live import parts as live
from app.matching import partners as matching
from app.playground import address as playground
from app.services import keeping

index = panels.require_index()
known = index.dictionaries()
embedded = bool(st.context.is_embedded)
heading = st.container()
offered = {name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()}
ae = url.choice("ae", list(offered), next(iter(offered))) if embedded else chooser.dictionary(offered, ("feature", "label", "call"))
entry = known[ae]
number = url.whole("feature", 0, entry.n_features - 1, live.first_active(index, ae))
feature = index.feature(ae, number)
label = services.shown_labels(ae).get(number)
if embedded:
    keeping_embed.draw(index, entry, feature, label)
    st.stop()


def show(other: int) -> None:
    """Look at another feature of the dictionary."""
    url.put(feature=other, label=None, call=None)


def previous() -> None:
    """Look at the active feature before this one."""
    show(index.neighbour(ae, number, -1))


def following() -> None:
    """Look at the active feature after this one."""
    show(index.neighbour(ae, number, 1))


key = keeping.key(ae, number)
with heading:
    left, right = st.columns([2, 3], vertical_alignment="center")
    left.title(f"Feature {number}")
    with right:
        keeping_feature.toolbar(key, index, entry, feature, label)
    feature_labels.title(label, feature.summary)
    keeping_feature.shown(key)
with st.container(horizontal=True, vertical_alignment="center"):
    st.button("Previous", icon=":material/chevron_left:", on_click=previous, help="The previous active feature; key k")
    st.button("Next", icon=":material/chevron_right:", on_click=following, help="The next active feature; key j")
    at_random = {"on_click": lambda: show(live.random_active(index, ae, random.random())), "help": "Any active feature"}
    st.button("Random", icon=":material/casino:", **at_random)
    navigation.link("text", "Paint it on a text", ae=ae, feature=number, text=st.query_params.get("text"))
    navigation.link("steer", "Steer it", push=playground.push([(ae, number)]))
    navigation.link("features", "All features", ae=ae, text=st.query_params.get("text"))
    feature_export.menu(key)
    pressed = keys.shortcuts(
        {
            "j": keys.Shortcut("the next active feature", following),
            "k": keys.Shortcut("the previous active feature", previous),
            "/": keys.Shortcut("find features by a word"),
        }
    )
if pressed == "/":
    keys.focus_next("url:q")
    navigation.go("features", ae=ae, text=st.query_params.get("text"))
feature_parts.metrics(feature)
feature_parts.strengths(feature)
if not feature.count:
    st.info(
        "It never fires on the index's text, so there are only random contexts. “Random” leads to an active feature.",
        icon=":material/notifications_off:",
    )
feature_parts.notes_on_contexts(feature)

# Sections, one below the other. Contexts first: they show within a moment, and what is slower comes after them.
# Then what it goes with, where it fires, what it writes; then what people and judges say of it; then one's own text.
feature_parts.contexts(index, feature)
feature_relations.section(index, ae, feature)
feature_profile.section(ae, feature)
feature_directions.section(ae, number)
matching.partners(ae, number)
feature_labels.section(ae, number)

st.subheader("Try it on your own text")
opened = "text" in st.query_params
if st.toggle("Open the box", key="try", help="Reads a text of yours with the language model and paints this feature on it.", value=opened):
    live.try_feature(ae, number, index)
st.caption("The address of this page is a permalink: it names the dictionary and the feature.")
