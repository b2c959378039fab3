"""How strong must a push be, and when is it too strong?"""

import streamlit as st

from app import services
from app.components import panels, url
from app.dose import form as dose_form
from app.dose import job as dose_job
from app.dose import shown as dose_view
from app.dose import texts as dose_texts
from app.dose.sweep import view
from app.services import dose, playground

st.title("Dose and response")
st.caption(
    "A feature is pushed at every strength and in several ways, on a set of prompts: how far does the output move, does the text show the "
    "feature, what else changes, and when does the text fall apart?"
)
study = services.workspace()
index = panels.index_or_none()
if index is None:
    panels.index_progress()
name = st.query_params.get("run")
run = None
if name is not None:
    try:
        run = dose.run(name)
    except KeyError:
        url.wrong("run", name, "the id of a sweep that is kept in this workspace", None)
    except ValueError as error:
        st.error(f"This sweep cannot be shown: {url.code(error)}")
        dose_view.former(dose.listed(), name)
        st.stop()

if run is None:
    known = playground.dictionaries()
    if not known:
        st.info("There is no dictionary to push with yet: `bae train` makes those of the recipe.", icon=":material/layers:")
        st.stop()
    dose_form.draw(study, index, known)
else:
    dose_view.header(run)
    dose_job.panel(study, name, run)
    dose_view.skipped(run)
    if run.plain and run.points and run.meta:
        shown = view(run)
        chosen = dose_view.known_point(shown)
        dose_view.verdicts(shown)
        dose_view.multiples(shown, chosen)
        dose_texts.section(shown, chosen, index)
dose_view.former(dose.listed(), name)
