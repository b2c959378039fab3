"""What features point at, as `bae index` left it beside the index."""

from pathlib import Path

import numpy as np
import streamlit as st

from app.services.study import index, open_index
from bae.index.directions import Directions, Vocabulary


def directions(dictionary: str) -> Directions:
    """What the features of a dictionary point at. Raises FileNotFoundError where nobody has looked yet."""
    return _directions(str(index().file), dictionary)


@st.cache_resource(max_entries=32, show_spinner=False)
def _directions(file: str, dictionary: str) -> Directions:
    return Directions(open_index(file), dictionary, _vocabulary(file))


@st.cache_resource(max_entries=2, show_spinner=False)
def _vocabulary(file: str) -> Vocabulary:
    return Vocabulary(Path(file).parent)


def tokens_of(dictionary: str, text: str) -> list[tuple[int, str]]:
    """The tokens of the vocabulary that say a text, alone or behind a space. Raises OSError where the index lacks directions."""
    found = directions(dictionary)
    return [(token, found.texts[token]) for token in found.tokens_of(text)]


def promoters(dictionary: str, token: int) -> np.ndarray:
    """How strongly each feature promotes a token, in deviations over the vocabulary."""
    return _promoters(str(index().file), dictionary, token)


@st.cache_resource(max_entries=64, show_spinner=False)
def _promoters(file: str, dictionary: str, token: int) -> np.ndarray:
    return _directions(file, dictionary).promoters(token)
