"""How much information do hidden states hold, in bits?"""

import streamlit as st

from app import microscope
from app.components import url

VIEWS = {"microscope": "Microscope"}
SHOW = {"microscope": microscope.show}

st.title("Entropy")
SHOW[url.switch("View", "view", VIEWS, "microscope")]()
