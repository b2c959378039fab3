"""Maps of features, as `bae index` left them beside the index, or found at once."""

from pathlib import Path

import streamlit as st

from app.services.study import index, index_status, open_index, replaced, workspace
from bae.maps import atlas
from bae.maps.projection import Method, Projection, project
from bae.measures import fit
from bae.workspace import Workspace


def feature_map(dictionary: str, method: Method) -> Projection:
    """Where the features of a dictionary lie: drawn by `bae index` (UMAP), or found at once (PCA).

    Raises FileNotFoundError where nobody has drawn it yet, ValueError where a file is damaged, or the checkpoint whose axes are
    asked for is no more the one that the index was built from.
    """
    if method == "umap":
        return _drawn(str(index().file), dictionary)
    study = workspace()
    if replaced(dictionary):
        raise ValueError(f"the checkpoint {dictionary} was replaced since the index was built; run `bae index` to build it again")
    return _axes(str(study.folder), dictionary, fit.mark(study.autoencoder_folder(dictionary)))


@st.cache_resource(max_entries=16, show_spinner=False)
def _drawn(file: str, dictionary: str) -> Projection:
    return atlas.read_map(open_index(file), dictionary)


@st.cache_resource(max_entries=16, show_spinner="Finding the axes.")
def _axes(folder: str, dictionary: str, checkpoint: str) -> Projection:
    return project(atlas.dictionary_rows(Workspace.open(Path(folder)), dictionary), "pca")


def being_drawn() -> dict | None:
    """How far the drawing of maps is, as its process said last; None where the index's process is at something else."""
    status = index_status()
    return status if status and status["stage"] in atlas.STAGES else None
