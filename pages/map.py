"""Which features lie near each other, and where do the tokens lie that activate one?"""

import streamlit as st

from app.components import chooser, panels, url
from app.maps import features as maps
from app.maps import tokens as token_maps

VIEWS = {"features": "Features", "tokens": "Tokens around a feature"}

st.title("Map")
index = panels.require_index()
known = index.dictionaries()
ae = chooser.dictionary({name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()}, forget=("pick", "of", "token"))
view = url.switch("What is a point", "show", VIEWS, "features")
if view == "features":
    st.caption("Every feature is a point: features that write alike into the residual stream lie close together.")
    maps.draw(index, known[ae])
else:
    st.caption(
        "Every token of the sentences in which a feature is activated is a point: its hidden state. Do the tokens that activate it "
        "lie together?"
    )
    token_maps.draw(index, known[ae])
