"""A feature for a page of others, at `?embed=true`: what it is and what it fires on, without boxes and without what leads elsewhere."""

from typing import TYPE_CHECKING

import streamlit as st

from app.components import labels, panels
from app.components.url import code
from app.feature import parts as feature_parts
from app.keeping.feature import path
from bae.index.query import Dictionary, Feature, Index

if TYPE_CHECKING:
    from bae.comsem.records import Label

CONTEXTS = 5
BARE = """<style>
[data-testid=stSidebar], [data-testid=stHeader] { display: none; }
.stMainBlockContainer { padding: 1rem 1.2rem; }
</style>"""


def draw(index: Index, entry: Dictionary, feature: Feature, label: "Label | None") -> None:
    """Title, label, figures, strengths, the strongest contexts, and a line that says where it comes from."""
    st.html(BARE)
    st.subheader(f"Feature {feature.feature}")
    if label is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            labels.text(label, "1.2rem")
            labels.badges(label, label.score, shown=False)
    panels.words(feature.summary, "1rem")
    feature_parts.metrics(feature)
    feature_parts.strengths(feature)
    strongest = index.examples(entry.name, feature.feature).get("strongest", [])[:CONTEXTS]
    if strongest:
        feature_parts.draw(feature, strongest)
    else:
        st.caption("It never fires on the index's text.")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        told = f"{code(entry.name)}, {entry.title}, layer {entry.layer}; figures from {entry.tokens:,} tokens"
        st.caption(told, width="content")
        st.link_button("Open in BAE Explorer", path(entry.name, feature.feature), type="tertiary", icon=":material/open_in_new:")
