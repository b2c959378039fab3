"""Sets of texts that people bring: kept in the notebook, and read through a dictionary as far as somebody has waited."""

from typing import TYPE_CHECKING

import streamlit as st

from app.services.reading import habits_from, judged_lens, language_model
from app.services.study import notebook, open_notebook, workspace
from app.services.turns import model_turn
from bae.notebook.text_sets import TextSet, TextSets

if TYPE_CHECKING:
    from bae.features.magnitude import Prior
    from bae.reading.text_set import SetReading


def text_sets() -> TextSets:
    """The sets of this workspace."""
    return TextSets(notebook())


def text_set(name: str) -> TextSet:
    """The set with this id. Raises KeyError when there is none."""
    return _text_set(str(workspace().notebook_file), name)


@st.cache_resource(max_entries=4, show_spinner=False)
def _text_set(file: str, name: str) -> TextSet:
    return TextSets(open_notebook(file)).get(name)


def set_reading(dictionary: str, name: str) -> "tuple[SetReading, Prior]":
    """How far the reading of a set through a dictionary is, and the habits that it is judged by. The same for all sessions."""
    return _set_reading(*habits_from(), str(workspace().notebook_file), dictionary, name)


@st.cache_resource(max_entries=4, show_spinner="Taking the texts apart.")
def _set_reading(stamp: tuple, index_file: str | None, file: str, dictionary: str, name: str) -> "tuple[SetReading, Prior]":
    from bae.reading.description_length import CorpusCode
    from bae.reading.text_set import SetReading

    lens, prior = judged_lens(dictionary, index_file)
    code = CorpusCode.of(prior) if lens.autoencoder.binary else None
    return SetReading(language_model(), lens, _text_set(file, name).texts, code), prior


def advance(reading: "SetReading") -> None:
    """Read one batch more of a set."""
    from bae.reading.text_set import BATCH_TOKENS

    with model_turn(BATCH_TOKENS, short=True):
        reading.advance()
