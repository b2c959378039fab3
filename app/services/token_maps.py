"""Maps of hidden states around features, as their job left them beside the index."""

from typing import NamedTuple

import numpy as np
import streamlit as st

from app.services import codes
from app.services.study import index, open_index
from bae.maps import states as state_maps
from bae.maps.states import Request, StateMap


class Place(NamedTuple):
    """A token in its sentence: characters `start` to `end - 1` of the text."""

    text: str
    start: int
    end: int


def state_map(request: Request) -> StateMap | None:
    """A map of hidden states; None before it is drawn. Raises ValueError where its file is damaged."""
    found = index()
    return _state_map(str(found.file), request) if state_maps.file_of(found, request).is_file() else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _state_map(file: str, request: Request) -> StateMap | None:
    return state_maps.read_state_map(open_index(file), request)


def places(token: np.ndarray) -> list[Place]:
    """Where tokens of the index stand, in their sentences."""
    layout = codes.layout()
    context, position = layout.context(token), layout.position(token)
    passages = index().passages(np.unique(context).tolist())
    found = []
    for number, at in zip(context.tolist(), position.tolist(), strict=True):
        _, text, starts, ends, _ = passages[number]
        found.append(Place(text, starts[at], ends[at]))
    return found
