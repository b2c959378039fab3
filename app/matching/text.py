"""One text painted under two dictionaries, so that their features can be compared token by token."""

import streamlit as st

from app.components.panels import cannot_read, require_lenses
from app.components.url import code
from app.live import box as live_box
from app.live import several as live_several
from bae.index.query import Index


def section(index: Index, ae: str, other: str) -> None:
    """Draw it where a person opens it: the language model is loaded only then."""
    st.subheader("One text under both", help="A token that is hovered or locked under one is shown under the other too.")
    if not st.toggle("Open the box", key="match-text", value="text" in st.query_params):
        return
    lenses = require_lenses()
    gone = [name for name in (ae, other) if name not in lenses.usable]
    if gone:
        st.info(f"The checkpoint of {code(gone[0])} cannot be used; the start page says why.", icon=":material/layers_clear:")
        return
    try:
        live_several.painted_side_by_side((ae, other), live_box.text_box(), index)
    except ValueError as error:
        cannot_read(error)
