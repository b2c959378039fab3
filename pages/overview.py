"""What is this, what does the workspace hold, how good is it, and what can be done next?"""

import streamlit as st

from app import navigation, services, start
from app.components import panels, tables
from app.components.explain import hover
from app.components.url import code
from app.exports import study as study_exports
from bae.exports.provenance import sentences

study = services.workspace()
st.title("BAE Explorer")
st.markdown(
    "A language model turns every token into a vector, its **hidden state**. A dictionary splits hidden states into **features**: "
    "directions that stand for one thing each. Here you can see what each feature fires on."
)

index = panels.index_or_none()
if index is None:
    panels.index_progress()
else:
    known = index.dictionaries()
    named = st.query_params.get("ae")
    ae = named if named in known else next(iter(study.autoencoder_names()), None)
    ae = ae if ae in known else next(iter(known))
    example = start.what_a_feature_is(index, ae)
    start.ways_in(ae)
    start.guided(index, ae, example)

st.subheader("What this workspace holds")
try:
    lenses = services.lenses()
    model = services.language_model()
except (OSError, ValueError) as error:
    st.error(f"The language model cannot be loaded: {code(error)}")
    st.stop()

panels.facts(tables.model_facts(model.title, model.d_model, model.n_layers, study.recipe, lenses))
if index is not None:
    with st.container(horizontal=True):
        st.metric("Sentences in the index", f"{sentences(index):,}", help=hover("kept"), width=220)
        st.metric(
            "Tokens in the index", f"{max((entry.tokens for entry in known.values()), default=0):,}", help=hover("index_tokens"), width=220
        )
        st.metric("Dictionaries", f"{len(lenses.usable):,}", help="Checkpoints that fit the model.", width=160)

st.subheader("Dictionaries")
if lenses.usable:
    tables.dictionaries(lenses, set(known) if index else set())
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

if index is not None:
    study_exports.panel(list(known), ae)
else:
    navigation.link(
        "text", "Type a text and see which features fire on each token; it works without an index", text=st.query_params.get("text")
    )
