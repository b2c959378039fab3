"""What of the paper comes out again, and what does not?"""

import streamlit as st

from app import services
from app.components import url
from app.reproduction import shown
from app.services import reproduction

st.title("Reproduction")
st.caption(
    "The tables and figures of the paper, its numbers beside ours, and for each of its claims whether ours agree. "
    "Ours are of a small model and short trainings unless a report says otherwise: each item tells the scale."
)
study = services.workspace().folder.name
kept, damaged = reproduction.kept()
for sentence in damaged:
    st.error(f"Left out: {url.code(sentence)}", icon=":material/broken_image:")
if kept is None:
    st.info("There is no report yet. This command makes one, and takes what the workspace already holds:", icon=":material/science:")
    st.code(shown.COMMAND.format(study), language="bash")
    st.stop()
shown.draw(kept, study)
