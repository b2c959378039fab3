"""The form of the training page that adds a run: a table of the recipe is copied, changed, checked and appended."""

import streamlit as st

from app import services
from app.components import url
from app.live import parts as live
from app.training import runs as training
from bae.training import runs
from bae.workspace import Workspace


def draw(study: Workspace, can_train: bool) -> None:
    """A form that copies a table of the recipe, to be changed and appended."""
    names = [str(table["name"]) for table in study.recipe.autoencoders]
    if not names:
        st.info("The recipe has no autoencoder to copy from: write an `[[autoencoder]]` table into recipe.toml first.")
        return
    if not url.bound(st.toggle, "Add a run to the recipe", "new", url.flag("new", False), default=False, written=live.bit):
        return
    copied = url.choice("copy", names, names[0])
    url.bound(st.selectbox, "Start from a copy of", "copy", copied, names, default=names[0], width=300)
    # another table, or another recipe, is another text to begin with
    key = f"toml:{copied}:{len(names)}"
    st.session_state.setdefault(key, runs.template(study.recipe, copied))
    st.text_area("Its table in the recipe", key=key, height=260, help="TOML. The library checks every option before anything is written.")
    with st.container(horizontal=True):
        st.button("Add and train", type="primary", on_click=_add, args=(study, key, True), disabled=not can_train, key="add-and-train")
        st.button("Add only", on_click=_add, args=(study, key, False), key="add")
    if wrong := st.session_state.pop("not-added", None):
        st.error("The recipe was not changed.")
        st.code(wrong, language=None, wrap_lines=True)


def _add(study: Workspace, key: str, train: bool) -> None:
    try:
        name = runs.add(study, st.session_state[key])
    except (OSError, ValueError) as error:
        st.session_state["not-added"] = str(error)
        return
    url.put(new=None, copy=None)
    if train:
        # read anew: the recipe has just grown
        training.start(services.workspace(), name)
