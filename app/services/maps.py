"""Maps of features and of hidden states, and what features point at: as `bae index` and its jobs left them beside the index."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import finding, map_charts
from app.components import labels
from app.map_charts import Hovers
from app.numbers import percent
from app.services import codes
from app.services.labels import shown_labels
from app.services.study import column, index, index_status, open_index, workspace
from bae import atlas, state_maps
from bae.index.directions import Directions
from bae.projection import Method, Projection, project
from bae.state_maps import Request, StateMap
from bae.workspace import Workspace


def feature_map(dictionary: str, method: Method) -> Projection:
    """Where the features of a dictionary lie: drawn by `bae index` (UMAP), or found at once (PCA).

    Raises FileNotFoundError where nobody has drawn it yet, ValueError where a file is damaged.
    """
    return _feature_map(str(index().file), str(workspace().folder), dictionary, method)


@st.cache_resource(max_entries=16, show_spinner="Finding the axes.")
def _feature_map(file: str, folder: str, dictionary: str, method: Method) -> Projection:
    if method == "umap":
        return atlas.read_map(open_index(file), dictionary)
    return project(atlas.dictionary_rows(Workspace.open(Path(folder)), dictionary), "pca")


def being_drawn() -> dict | None:
    """How far the drawing of maps is, as its process said last; None where the index's process is at something else."""
    status = index_status()
    return status if status and status["stage"] in atlas.STAGES else None


def hovers(dictionary: str) -> Hovers:
    """What is said of every feature on a map."""
    shown = shown_labels(dictionary)
    return _hovers(str(index().file), dictionary, labels_stamp(dictionary), shown)


@st.cache_resource(max_entries=4, show_spinner=False)
def _hovers(file: str, dictionary: str, stamp: int, _shown: Mapping) -> Hovers:
    words = enumerate(column(file, dictionary, "summary"))
    told = [map_charts.hover_text(labels.in_a_line(_shown.get(feature), said)) for feature, said in words]
    return Hovers(told, [percent(rate) for rate in column(file, dictionary, "rate")])


def labels_stamp(dictionary: str) -> int:
    """Changes when another label stands for a feature."""
    return hash(tuple((feature, label.id, label.created) for feature, label in sorted(shown_labels(dictionary).items())))


def figure(key: tuple, make: Callable[[], go.Figure]) -> go.Figure:
    """A figure that is made once for a key: at 100,000 points making it is half of what a rerun costs."""
    return _figure(key, make)


@st.cache_resource(max_entries=8, show_spinner=False)
def _figure(key: tuple, _make: Callable[[], go.Figure]) -> go.Figure:
    return _make()


def mentioning(dictionary: str, text: str) -> list[int]:
    """The features whose label or words contain a text."""
    found = index()
    rows = _all_features(str(found.file), dictionary)
    return [row.feature for row in finding.mentioning(rows, text, shown_labels(dictionary))]


@st.cache_resource(max_entries=2, show_spinner="Reading the words of all features.")
def _all_features(file: str, dictionary: str) -> list:
    found = open_index(file)
    return found.features(dictionary, sort="feature", descending=False, limit=found.dictionaries()[dictionary].n_features).features


def directions(dictionary: str) -> Directions:
    """What the features of a dictionary point at. Raises FileNotFoundError where nobody has looked yet."""
    return _directions(str(index().file), dictionary)


@st.cache_resource(max_entries=16, show_spinner=False)
def _directions(file: str, dictionary: str) -> Directions:
    return Directions(open_index(file), dictionary)


def state_map(request: Request) -> StateMap | None:
    """A map of hidden states; None before it is drawn. Raises ValueError where its file is damaged."""
    found = index()
    return _state_map(str(found.file), request) if state_maps.file_of(found, request).is_file() else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _state_map(file: str, request: Request) -> StateMap | None:
    return state_maps.read_state_map(open_index(file), request)


def token_hovers(request: Request) -> Sequence[str]:
    """What is said of every token of a map of hidden states, as HTML: the token in its sentence."""
    return _token_hovers(str(index().file), request)


@st.cache_resource(max_entries=8, show_spinner=False)
def _token_hovers(file: str, request: Request) -> Sequence[str]:
    found, token = open_index(file), state_maps.read_state_map(open_index(file), request).token
    context, position = codes.layout().context(token), codes.layout().position(token)
    passages = found.passages(np.unique(context).tolist())
    said = []
    for number, at in zip(context.tolist(), position.tolist(), strict=True):
        _, text, starts, ends, _ = passages[number]
        said.append(map_charts.sentence_hover(text, starts[at], ends[at]))
    return said
