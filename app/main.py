"""The entry: `python -m streamlit run app/main.py`. The workspace is the folder in BAE_WORKSPACE, else ./workspace."""

from pathlib import Path

import streamlit as st

from app import navigation, services
from app.components.url import code
from app.playground import writing as playground_writing

# a file of ours: Streamlit fetches the icons it knows by name from a server of others
ICON = Path(__file__).with_name("icon.svg")

st.set_page_config(page_title="BAE Explorer", page_icon=ICON, layout="wide", initial_sidebar_state=220)
page = st.navigation(navigation.pages(), position="hidden")
if not st.context.is_embedded:
    navigation.sidebar()
# Streamlit leaves six rem above the title, and lets tables grow as wide as the screen
st.html(
    """<style>
    .stMainBlockContainer { padding: 2.6rem 2.5rem 4rem; max-width: 1200px; }
    [data-testid=stMetricValue] { font-size: 1.5rem; }
    </style>"""
)
try:
    services.workspace()
except (OSError, ValueError) as error:
    st.title("BAE Explorer")
    st.error(f"There is no study to show: {code(error)}")
    st.info("Start the explorer with `make app`, which makes a study, or set BAE_WORKSPACE to the folder of one.")
    st.stop()
if page.url_path != "steer":
    playground_writing.leave()
page.run()
