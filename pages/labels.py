"""What do the features mean, and how well do the labels fit?"""

import streamlit as st

from app import services
from app.components import chooser, panels, url
from app.exports import study as study_exports
from app.labels import compare as label_compare
from app.labels import new_run as new_labelling
from app.labels import results as label_results
from app.labels import runs as labelling
from app.live import parts as live

st.title("Labels")
study = services.workspace()
index = panels.require_index()
st.caption(
    "A judge, that is a language model, reads tokens on which a feature fires and says in a phrase what they share: the feature's label. "
    "Then the label is tested on further tokens. Runs go on in a process of their own when this page is closed."
)
known = index.dictionaries()
ae = chooser.dictionary({name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()}, forget=("run", "list", "only"))
runs = services.records().runs()
try:
    follow = labelling.follower(study, runs)
except ValueError as error:
    st.error(f"The labelling cannot be followed: {url.code(error)}")
    st.stop()

run = label_results.looked_at(runs, ae)
if runs:
    st.subheader("Runs")
    follow(lambda: labelling.queue(study, run))
new = url.flag("new", not runs)
url.bound(st.toggle, "Ask a judge about features", "new", new, default=not runs, written=live.bit)
if new:
    new_labelling.draw(study, index, ae)

st.subheader("Results")
if run is None:
    st.info(
        "No judge has been asked about this dictionary yet. Ask one above: its labels appear here as they come.", icon=":material/label:"
    )
else:
    label_results.choose(runs, run)
    follow(lambda: label_results.draw(run))
rows = label_compare.compared(index, runs)
if rows:
    label_compare.draw(rows)
st.subheader("Export")
st.caption(f"Every label of {url.code(ae)} with its judges and scores, whatever run it came from.")
study_exports.downloads([ae], "Its labels")
