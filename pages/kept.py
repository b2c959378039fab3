"""What has been kept of features: bookmarks, notes, own labels, lists."""

import streamlit as st

from app.components import panels, url
from app.keeping import lists as keeping_lists
from app.keeping import sections as keeping_sections

SHOWN = {"bookmarks": "Bookmarks", "notes": "Notes", "labels": "Own labels", "lists": "Lists"}
SECTIONS = {
    "bookmarks": keeping_sections.bookmarks,
    "notes": keeping_sections.notes,
    "labels": keeping_sections.own_labels,
    "lists": keeping_lists.draw,
}

st.title("Kept")
index = panels.require_index()
show = url.choice("show", SHOWN, "bookmarks")
url.bound(
    st.segmented_control,
    "What to show",
    "show",
    show,
    list(SHOWN),
    default="bookmarks",
    also=("page", "tag", "q", "list"),
    format_func=SHOWN.get,
    required=True,
    label_visibility="collapsed",
)
SECTIONS[show](index)
