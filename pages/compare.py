"""How good is each dictionary by the field's measures?"""

import streamlit as st

from app import services
from app.compare import figures as compare
from app.compare import measuring

st.title("Compare")
st.caption("How good is each dictionary by the field's measures? Figures are of held-out text, which trained nothing.")
study = services.workspace()
rows, damaged = services.measured()
compare.damaged(damaged)
if not rows:
    st.info(
        f"There is no dictionary to compare yet. `bae train --workspace {study.folder.name}` makes those of the recipe, "
        "`bae import` brings those of others.",
        icon=":material/balance:",
    )
    st.stop()

measuring.panel(study, rows)
compare.outdated(rows)
choice = compare.choose(rows)
compare.table(study, choice)
compare.rate_distortion(study, choice)
compare.scatter(choice)
