"""In which format the camera over a chart saves it: a choice for the whole session, as Plotly's configuration holds one format."""

import streamlit as st

FORMATS = {"png": "PNG", "svg": "SVG"}
KEY = "plot-format"


def chosen() -> str:
    """The format that was chosen."""
    value = st.session_state.get(KEY)
    return value if value in FORMATS else "png"


def choice() -> None:
    """Draw the choice, once a page."""
    st.segmented_control(
        "Save plots as",
        list(FORMATS),
        key=KEY,
        default="png",
        required=True,
        format_func=FORMATS.get,
        persist_state="session",
        help="The camera that shows over a chart saves it in this format: PNG at twice its size, or SVG, which can be edited.",
    )
