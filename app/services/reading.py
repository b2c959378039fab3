"""The language model and the dictionaries, and texts read through them. One model for all sessions, behind one lock."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.services.study import column, index, workspace

if TYPE_CHECKING:
    from bae.inspection import FeatureSummary, Inspection
    from bae.language_model import LanguageModel
    from bae.lenses import Lenses

LM_LOCK = threading.Lock()
"""Held for every pass through the language model: steering will change the one that all sessions share."""

MAX_CHARACTERS = 200_000


@dataclass(frozen=True)
class Reading:
    """A text seen through one dictionary, with the habits that its features are judged by."""

    inspection: "Inspection"
    features: "list[FeatureSummary]"
    """Those among the loudest of any token, loudest first."""
    rate: list[float]
    """How often each feature fires: in the index where there is one, else where its checkpoint was measured."""


def language_model() -> "LanguageModel":
    """The model of the study. Raises OSError or ValueError, with what to do, when it cannot be had."""
    return _language_model(workspace().recipe.model)


@st.cache_resource(
    max_entries=1, show_spinner="Loading the language model. The first time on a machine its weights are unpacked: about 20 s."
)
def _language_model(name: str) -> "LanguageModel":
    from bae.language_model import LanguageModel

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
    from bae.lenses import load_lenses

    return load_lenses(Path(folder), _model)


def read(dictionary: str, text: str) -> Reading:
    """Read a text through one dictionary.

    Raises ValueError when there is nothing to read or far too much.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are taken")
    study, found = workspace(), index()
    known = found is not None and dictionary in found.dictionaries()
    stamp = (str(study.folder), study.recipe.model, _stamp(study.folder / "autoencoders"))
    return _reading(stamp, str(found.file) if known else None, dictionary, text)


@st.cache_resource(max_entries=6, show_spinner="Reading the text.")
def _reading(stamp: tuple, index_file: str | None, dictionary: str, text: str) -> Reading:
    from bae.inspection import inspect, summarize

    lens = lenses().usable[dictionary]
    if index_file is not None:
        lens = _judged_by_index(lens, index_file)
    with LM_LOCK:
        inspection = inspect(language_model(), {dictionary: lens}, text)[dictionary]
    rate = lens.autoencoder.prior.rate
    if index_file is not None:
        rate = rate.new_tensor(column(index_file, dictionary, "rate"))
    return Reading(inspection, summarize(inspection, rate), rate.tolist())


def _judged_by_index(lens, index_file: str):
    """The same dictionary, its magnitudes measured against the habits that the index counted."""
    prior = lens.autoencoder.prior
    habits = {name: prior.rate.new_tensor(column(index_file, lens.name, name)) for name in ("rate", "mean", "deviation")}
    return replace(lens, magnitude=lens.autoencoder.magnitude(replace(prior, **habits)))
