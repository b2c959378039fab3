"""On which tokens do several features fire together, or one without the other?"""

import streamlit as st

from app.codes import querying
from app.components import chooser, panels, url
from app.components.explain import hover
from app.services import codes

st.title("Query")
st.caption("Ask for tokens by the features that fire on them. Answers are exact counts over the whole index.")
index = panels.require_index()
known = index.dictionaries()
ae = chooser.dictionary({name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()}, forget=("query", "page"))
if querying.unusable(ae):
    st.stop()
text = querying.box(index, ae, known)
unit = url.switch("Where the features are to fire", "unit", querying.UNITS, "token")
if not text.strip():
    st.info(f"{hover('query')} The buttons above fill in examples.", icon=":material/join_inner:")
    st.stop()
query = querying.read(text, ae, known)
if query is not None:
    querying.features_of(query, index)
    querying.show(query, codes.answer(query, unit))
