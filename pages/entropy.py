"""How much information do hidden states hold, in bits?"""

import streamlit as st

from app.components import url
from app.entropy import dynamics, frame, icl, job, language, microscope, synthetic, tokens

VIEWS = {
    "microscope": ("Microscope", microscope),
    "synthetic": ("Synthetic", synthetic),
    "language": ("Language", language),
    "icl": ("In-context learning", icl),
    "tokens": ("Known sets", tokens),
    "dynamics": ("Training dynamics", dynamics),
}

st.title("Entropy")
titles = {name: title for name, (title, _) in VIEWS.items()}
VIEWS[url.switch("View", "view", titles, "microscope", also=(*frame.RUN_OF_A_VIEW, *job.ASKED))][1].show()
