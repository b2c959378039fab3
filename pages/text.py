"""Which features burst on the tokens of a text that a person brings?"""

import streamlit as st

from app.components import panels, url
from app.live import one_text as live_one
from app.live import several as live_several
from app.live import text_set as live_set
from app.live import two_texts as live_two

MODES = {"one": "One text", "several": "Several dictionaries", "two": "Two texts", "file": "A file of texts"}
SHOW = {"one": live_one.show, "several": live_several.show, "two": live_two.show, "file": live_set.show}
IMPLIED = {"set": "file", "text2": "two", "also": "several"}
"""The mode that a parameter of the address stands for where it names none."""

st.title("Live text")
index = panels.index_or_none()
if index is None:
    panels.index_progress()
lenses = panels.require_lenses()

mode = url.switch("Mode", "mode", MODES, next((mode for name, mode in IMPLIED.items() if name in st.query_params), "one"))
try:
    SHOW[mode](lenses, index)
except ValueError as error:
    panels.cannot_read(error)
    st.stop()
st.caption(
    "The address of this page holds all of its state and can be kept or shared with whoever uses this workspace; "
    "texts stay in the workspace's notebook, under ids that cannot be guessed."
)
