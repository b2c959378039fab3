"""Where what is shown comes from: corpus, tokens, seed, model, the layer in three dialects, command and date. One click on every page."""

import streamlit as st

from app import services
from app.components import panels
from app.components.url import code
from bae.exports import provenance
from bae.index.query import Dictionary, Index


def rows(entry: Dictionary, index: Index) -> list[tuple[str, str]]:
    """Where a dictionary and its figures come from, as pairs of a name and a value."""
    return provenance.rows(entry, index, services.workspace().folder.name)


def popover(dictionary: str) -> None:
    """A button that opens it; nothing where the index does not have the dictionary, or cannot be read, which the page says itself."""
    try:
        index = services.index()
    except (OSError, ValueError):
        return
    if index is None or dictionary not in index.dictionaries():
        return
    entry = index.dictionaries()[dictionary]
    with st.popover("Where it comes from", icon=":material/history_edu:", type="tertiary"):
        panels.facts(rows(entry, index))
        st.caption(f"Options of its training, from the recipe, for {code(entry.name)}:")
        panels.facts(provenance.options(entry))
