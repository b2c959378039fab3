"""How do the dictionaries learn? Start, stop and compare their training."""

import streamlit as st

from app import services
from app.components.url import code
from app.training import curves as training_curves
from app.training import new_run
from app.training import runs as training
from bae.training import runs

st.title("Training")
study = services.workspace()
try:
    found = services.all_runs()
    follow = training.follower(study, found)
except ValueError as error:
    st.error(f"The runs cannot be read: {code(error)}")
    st.stop()

st.caption(
    "A run trains one autoencoder of the recipe on the hidden states of the harvest, in a process of its own: "
    "it goes on when this page is closed, and what was stopped is resumed bit for bit. Rate and time left are shown once it runs."
)
if not runs.harvested(study):
    follow(lambda _: training.harvest(study))
if found:
    follow(lambda now: training.listed(study, now))
new_run.draw(study, runs.harvested(study))

st.subheader("Curves")
if not any(run.curves for run in found):
    st.info(
        "No run has logged a curve in this workspace yet. "
        + ("Train one of the runs above, and it is drawn here while it learns." if found else "Add a run above, and train it."),
        icon=":material/show_chart:",
    )
    st.stop()
choice = training_curves.choose(found)
follow(lambda now: training_curves.draw(now, choice, training.colours(now)))
