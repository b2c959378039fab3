"""The codes of the index as pages ask them: features together, queries, and where features fire."""

import numpy as np
import streamlit as st

from app.services.study import index, open_index
from bae.features.coactivation import Coactivation, coactivation
from bae.index import answers, logic, profile
from bae.index.columns import Columns
from bae.index.layout import Layout, passages
from bae.index.query import Example


def columns(dictionary: str) -> Columns:
    """The codes of a dictionary by feature. Raises OSError or ValueError, with what to do, where the index lacks them."""
    return _columns(str(index().file), dictionary)


@st.cache_resource(max_entries=32, show_spinner=False)
def _columns(file: str, dictionary: str) -> Columns:
    return Columns(open_index(file), dictionary)


def layout() -> Layout:
    """Where the tokens of the index stand."""
    return _layout(str(index().file))


@st.cache_resource(max_entries=2, show_spinner=False)
def _layout(file: str) -> Layout:
    return Layout.of(open_index(file))


def together(dictionary: str, feature: int) -> Coactivation:
    """A feature beside every other of its dictionary."""
    return _together(str(index().file), dictionary, feature)


@st.cache_resource(max_entries=64, show_spinner=False)
def _together(file: str, dictionary: str, feature: int) -> Coactivation:
    return coactivation(_columns(file, dictionary), feature, open_index(file).dictionaries()[dictionary].tokens)


def answer(query: logic.Query, unit: logic.Unit) -> logic.Answer:
    """What holds of a query, over the whole index."""
    return _answer(str(index().file), query, unit)


@st.cache_resource(max_entries=8, show_spinner=False)
def _answer(file: str, query: logic.Query, unit: logic.Unit) -> logic.Answer:
    return logic.answer(query, lambda name: _columns(file, name), _layout(file), unit)


def answering(query: logic.Query, found: logic.Answer, first: int, last: int) -> tuple[list[Example], int]:
    """The sentences `first` to `last - 1` that an answer has, painted where it holds, and how many there are."""
    return answers.sentences(index(), layout(), columns, query, found, first, last)


def positions(dictionary: str, feature: int) -> profile.Positions:
    """How often a feature fires at each position."""
    return profile.positions(columns(dictionary), layout(), feature)


def documents(dictionary: str, feature: int) -> tuple[profile.Shares, list[str]]:
    """In which documents a feature fires, and the names of all documents."""
    names, numbers = _documents(str(index().file))
    return profile.documents(columns(dictionary), layout(), numbers, feature), names


@st.cache_resource(max_entries=2, show_spinner=False)
def _documents(file: str) -> tuple[list[str], np.ndarray]:
    names, numbers = np.unique(np.array(open_index(file).documents(), dtype=object), return_inverse=True)
    return names.tolist(), numbers


def tokens_fired_on(dictionary: str, feature: int, most: int) -> list[tuple[str, int, int]]:
    """The tokens of the vocabulary that a feature fires on most often: text, how often it fires on it, how often it stands there."""
    return profile.tokens_fired_on(index(), columns(dictionary), layout(), feature, most)


def groups(dictionary: str, feature: int) -> list[tuple[profile.Group, list[Example]]]:
    """A feature's tokens in groups by strength, the strongest first, with sentences drawn from each."""
    own, where = columns(dictionary), layout()
    tokens, strengths = own.tokens(feature), own.strengths(feature)
    return [
        (group, passages(index(), where, tokens, strengths, where.context(group.tokens).tolist()))
        for group in profile.groups(own, where, feature)
    ]
