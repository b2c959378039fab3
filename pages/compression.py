"""How small do hidden states become as codes, and what does that cost?"""

import streamlit as st

from app.components import url
from app.compression import making, restoring, results

VIEWS = {"results": "Size and error", "make": "Make a file", "restore": "Restore a file"}
SHOW = {"results": results.show, "make": making.show, "restore": restoring.show}

st.title("Compression")
st.caption(
    "Appendix A.5 of the paper: a hidden state as the bits of a BAE that leave their habit, and back from them. Here the same bits are "
    "also entropy-coded, and everything is counted: header, prior, checksums, and, where asked for, the dictionary itself."
)
# what can be chosen differs from view to view
SHOW[url.switch("View", "view", VIEWS, "results", also=("threshold", "radial"))]()
