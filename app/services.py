"""Everything that pages ask of `bae`, and the only caches. One language model for all sessions, behind one lock.

What loads torch is imported when it is first asked for: pages that read only the index then show within a moment.
"""

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from bae import reports, runs
from bae.curves import Curve
from bae.index.query import Index
from bae.notebook import Notebook
from bae.progress import read_status
from bae.workspace import Workspace

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


def workspace() -> Workspace:
    """The study that is shown. Read anew at every call: it is a small file, and it may change."""
    return Workspace.open(Path(os.environ.get("BAE_WORKSPACE", "workspace")))


def index() -> Index | None:
    """The newest index, None before one was built. Raises ValueError or OSError when it cannot be read."""
    file = workspace().index_file()
    return None if file is None else _index(str(file))


@st.cache_resource(max_entries=2, show_spinner=False, on_release=Index.close)
def _index(file: str) -> Index:
    return Index(Path(file))


def index_status() -> dict | None:
    """How far the building of the index is; None before it began."""
    return read_status(workspace().status_file("index"))


def all_runs() -> list[runs.Run]:
    """What was trained, is being trained and could be. Raises ValueError where a record of it is damaged."""
    return runs.runs(workspace())


def measured() -> tuple[list[reports.Report], list[str]]:
    """Every dictionary with its figures, and a sentence for each damaged file. Read anew: the files are small, and jobs write them."""
    return reports.reports(workspace())


def rates() -> list[reports.RatePoint]:
    """Bits a token and FVU of dictionaries and PCA. Raises ValueError where their file is damaged."""
    return reports.rates(workspace())


def curves(run: runs.Run) -> list[Curve]:
    """What a training has logged, stage by stage, up to now."""
    return [_curve(str(file)).refresh() for file in run.curves]


@st.cache_resource(max_entries=128, show_spinner=False)
def _curve(file: str) -> Curve:
    return Curve(Path(file))


@st.cache_data(max_entries=16, show_spinner=False)
def column(file: str, dictionary: str, name: str) -> list:
    """One number, or the summary, of every feature of a dictionary."""
    return _index(file).column(dictionary, name)


def notebook() -> Notebook:
    """What people write in this workspace."""
    return _notebook(str(workspace().notebook_file))


@st.cache_resource(max_entries=2, show_spinner=False)
def _notebook(file: str) -> Notebook:
    return Notebook(Path(file))


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
