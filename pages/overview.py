"""What does this workspace hold, how good is it, and what can be done next?"""

import streamlit as st

from app import navigation, services
from app.components import panels, tables
from app.components.explain import hover
from app.components.url import code

study = services.workspace()
st.title("Overview")
st.caption("A dictionary splits the hidden states of a language model into features. Here is what this workspace holds.")

index = panels.index_or_none()
if index is None:
    panels.index_progress()

try:
    lenses = services.lenses()
    model = services.language_model()
except (OSError, ValueError) as error:
    st.error(f"The language model cannot be loaded: {code(error)}")
    st.stop()

panels.facts(tables.model_facts(model.title, model.d_model, model.n_layers, study.recipe, lenses))
if index is not None:
    known = index.dictionaries()
    with st.container(horizontal=True):
        st.metric("Sentences in the index", f"{tables.sentences(index):,}", help=hover("kept"), width=220)
        st.metric(
            "Tokens in the index", f"{max((entry.tokens for entry in known.values()), default=0):,}", help=hover("index_tokens"), width=220
        )
        st.metric("Dictionaries", f"{len(lenses.usable):,}", help="Checkpoints that fit the model.", width=160)

st.subheader("Dictionaries")
if lenses.usable:
    tables.dictionaries(lenses, set(index.dictionaries()) if index else set())
    st.caption("Figures were measured on held-out text, which trained nothing. Hover a heading for what it means.")
else:
    st.info(
        "There is no dictionary that fits this model. `bae train` makes those of the recipe; "
        "a checkpoint folder can also be copied into `autoencoders/`."
    )

if lenses.refused:
    st.subheader("Refused")
    st.caption("These folders in `autoencoders/` are not used, for the reason given.")
    panels.facts(list(lenses.refused.items()))

st.subheader("What next")
ae = st.query_params.get("ae")
with st.container():
    navigation.link("text", "Type a text and see which features burst on each token", ae=ae, text=st.query_params.get("text"))
    if index is not None:
        navigation.link("features", "Browse all features of a dictionary", ae=ae)
        navigation.link("feature", "Look at one feature, or at random ones", ae=ae)
        navigation.link("labels", "See what features mean, or ask a judge", ae=ae)
