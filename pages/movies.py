"""Does a direction that was read from examples do what the examples do?"""

import streamlit as st

from app import services
from app.components import url
from app.movies import job as movie_job
from app.movies import run as movies
from app.movies import said as movie_said
from app.movies import verdict as movie_verdict
from app.services import movies as runs

st.title("Movie reviews")
st.caption(
    "Figure 6 of the paper. Behind 8 examples a language model answers a review that ends in “sentiment:” with “positive” or “negative”; "
    "alone it seldom does. What the examples change is read at a layer, through a dictionary, and added to other reviews: is that enough?"
)
study = services.workspace()
found, damaged = runs.kept()
for sentence in damaged:
    st.error(f"Left out: {url.code(sentence)}", icon=":material/broken_image:")
if not found:
    st.info("The experiment has not been run in this workspace. Start it below, or type the command.", icon=":material/movie:")
    movie_job.panel(study, found)
    st.stop()
shown = movies.choose(found)
movie_verdict.draw(shown)
movies.chart(shown)
movies.table(shown)
movies.provenance(shown.results)
movie_said.draw(shown)
movie_job.panel(study, found)
