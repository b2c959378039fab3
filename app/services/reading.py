"""The language model and the dictionaries, and texts read through them. One model for all sessions, which they have in turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.services.shelf import Shelf
from app.services.study import column, index, indexed, replaced, workspace
from app.services.turns import model_turn
from bae.reading.painting import Cost

if TYPE_CHECKING:
    from bae.features.magnitude import Prior
    from bae.model.language_model import LanguageModel
    from bae.reading.inspection import FeatureSummary, Inspection, Lens, SparseInspection
    from bae.reading.lenses import Lenses
    from bae.reading.shares import Shares

MAX_CHARACTERS = 200_000
MOST_TOGETHER = 5
"""Dictionaries that a text is read through at once: for a moment the codes of all its tokens are in memory, of each."""
KEPT_BYTES = 400_000_000
"""Of readings in memory, about; the one that was asked for last is kept in any case."""
FEATURE_BYTES = 60
"""That a reading takes for every feature, whatever the text: its rate and its shares."""


@dataclass(frozen=True)
class Reading:
    """A text seen through one dictionary, with the habits that its features are judged by."""

    inspection: "SparseInspection"
    features: "list[FeatureSummary]"
    """Those among the loudest of any token, loudest first."""
    rate: list[float]
    """How often each feature fires: in the index where there is one, else where its checkpoint was measured."""
    shares: "Shares"
    """On how many tokens each feature stands out."""
    cost: Cost | None
    """What each token costs in bits under these habits; None for a dictionary whose features are not bits."""

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return self.inspection.size + FEATURE_BYTES * len(self.rate)


def language_model() -> "LanguageModel":
    """The model of the study. Raises OSError or ValueError, with what to do, when it cannot be had."""
    return _language_model(workspace().recipe.model)


@st.cache_resource(
    max_entries=1, show_spinner="Loading the language model. The first time on a machine its weights are unpacked: about 20 s."
)
def _language_model(name: str) -> "LanguageModel":
    from bae.model.language_model import LanguageModel

    return LanguageModel.load(name)


def lenses() -> "Lenses":
    """The dictionaries that fit the model, and those that do not with the reason."""
    study = workspace()
    model = language_model()
    folder = study.folder / "autoencoders"
    return _lenses(str(folder), _stamp(folder), model.name, model)


def _stamp(folder: Path) -> tuple[tuple[str, int], ...]:
    """Changes when a checkpoint appears, goes or is replaced."""
    return tuple(sorted((file.parent.name, file.stat().st_mtime_ns) for file in folder.glob("*/*") if file.is_file()))


@st.cache_resource(max_entries=2, show_spinner="Loading the dictionaries.")
def _lenses(folder: str, stamp: tuple, model_name: str, _model: "LanguageModel") -> "Lenses":
    from bae.reading.lenses import load_lenses

    return load_lenses(Path(folder), _model)


def read(dictionary: str, text: str) -> Reading:
    """Read a text through one dictionary.

    Raises ValueError when there is nothing to read or far too much.
    """
    return read_together((dictionary,), text)[dictionary]


def read_together(dictionaries: Sequence[str], text: str) -> dict[str, Reading]:
    """Read a text through several dictionaries with one pass of the language model.

    Raises ValueError when there is nothing to read, or far too much, or more than `MOST_TOGETHER` dictionaries.
    """
    if len(dictionaries) > MOST_TOGETHER:
        raise ValueError(f"a text is read through at most {MOST_TOGETHER} dictionaries at once; got {len(dictionaries)}")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are taken")
    stamp, index_file = habits_from()
    key = (stamp, index_file, tuple(dictionaries), text)
    return _readings().get(key, lambda: _read(tuple(dictionaries), index_file, text))


@st.cache_resource(show_spinner=False)
def _readings() -> "Shelf[dict[str, Reading]]":
    return Shelf(KEPT_BYTES, lambda readings: sum(reading.size for reading in readings.values()))


def habits_from() -> tuple[tuple, str | None]:
    """What changes when a dictionary, or what is known of its features' habits, does; and the index that knows them."""
    study, found = workspace(), index()
    stamp = (str(study.folder), study.recipe.model, _stamp(study.folder / "autoencoders"))
    return stamp, None if found is None else str(found.file)


def _read(dictionaries: tuple[str, ...], index_file: str | None, text: str) -> dict[str, Reading]:
    from bae.reading.inspection import MAX_TOKENS, inspect

    judged = {name: judged_lens(name, index_file) for name in dictionaries}
    model = language_model()
    with st.spinner("Reading the text."):
        with model_turn(len(model.tokenize(text, MAX_TOKENS).ids), short=True):
            inspections = inspect(model, {name: lens for name, (lens, _) in judged.items()}, text)
        return {name: _reading(inspection, judged[name][1]) for name, inspection in inspections.items()}


def _reading(inspection: "Inspection", prior: "Prior") -> Reading:
    from bae.reading.description_length import CorpusCode
    from bae.reading.inspection import SparseInspection, summarize
    from bae.reading.shares import Shares

    cost = None
    if inspection.lens.autoencoder.binary:
        code = CorpusCode.of(prior)
        cost = Cost(code.bits(inspection.code).tolist(), code.usual)
    return Reading(SparseInspection.of(inspection), summarize(inspection, prior.rate), prior.rate.tolist(), Shares.of(inspection), cost)


def judged_lens(dictionary: str, index_file: str | None) -> "tuple[Lens, Prior]":
    """A dictionary and the habits that it is judged by: of the index, where that was built from this checkpoint, else its own."""
    from bae.reading.habits import judged_by_index

    lens = lenses().usable[dictionary]
    entry = None if index_file is None else indexed(index_file).get(dictionary)
    if entry is None or replaced(dictionary):
        return lens, lens.autoencoder.prior
    return judged_by_index(lens, entry.tokens, lambda name: column(index_file, dictionary, name))
