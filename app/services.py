"""Everything that pages ask of `bae`, and the only caches. One language model for all sessions, behind one lock.

What loads torch is imported when it is first asked for: pages that read only the index then show within a moment.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import finding
from bae import reports, runs
from bae.curves import Curve
from bae.index.query import Index
from bae.notebook import Notebook
from bae.progress import read_status
from bae.workspace import Workspace

if TYPE_CHECKING:
    from app.label_figures import Result
    from bae.comsem.call_log import CallLog
    from bae.comsem.configuration import JudgeConfig
    from bae.comsem.estimate import Estimate
    from bae.comsem.judge import Usage
    from bae.comsem.occurrences import Corpus, Occurrences
    from bae.comsem.plan import Settings
    from bae.comsem.records import Label, Records, RunRecord, Subject
    from bae.inspection import FeatureSummary, Inspection
    from bae.language_model import LanguageModel
    from bae.lenses import Lenses
    from bae.meaning import Meanings

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


# labels


def records() -> "Records":
    """Labels and labelling runs of this workspace."""
    return _records(str(workspace().notebook_file))


@st.cache_resource(max_entries=2, show_spinner=False)
def _records(file: str) -> "Records":
    from bae.comsem.records import Records

    return Records(Notebook(Path(file)))


def call_log() -> "CallLog":
    """What judges have answered in this workspace."""
    from bae.comsem.call_log import CallLog

    return CallLog(notebook())


def spent(run: "RunRecord") -> "tuple[int, Usage]":
    """Number of calls that a labelling run has made, and their tokens."""
    return _spent(str(workspace().notebook_file), run.id, call_log().count(run.id))


@st.cache_data(max_entries=256, show_spinner=False)
def _spent(file: str, run: str, calls: int) -> "tuple[int, Usage]":
    return call_log().spent(run)


def judges() -> "Mapping[str, JudgeConfig]":
    """The judges that may be asked. Raises ValueError where the file that names them is wrong."""
    from bae.comsem import configuration

    return configuration.judges(workspace().folder)


def subject(dictionary: str) -> "Subject":
    """A dictionary of the index as labels belong to it."""
    from bae.comsem.records import Subject, checkpoint_of

    return Subject(dictionary, checkpoint_of(index().dictionaries()[dictionary].provenance))


def shown_labels(dictionary: str) -> "Mapping[int, Label]":
    """The label that stands for each feature of a dictionary; nothing where the index does not have it."""
    found = index()
    if found is None or dictionary not in found.dictionaries():
        return {}
    file = str(workspace().notebook_file)
    return _shown_labels(file, _labels_stamp(), subject(dictionary))


@st.cache_resource(max_entries=8, show_spinner=False)
def _shown_labels(file: str, stamp: tuple, subject: "Subject") -> "Mapping[int, Label]":
    return _records(file).shown(subject)


def _labels_stamp() -> tuple:
    """Changes when a label is written or deleted, and when another one is shown. Numbers of deleted labels may come again."""
    told = "select count(*), total(created) from label union all select count(*), total(label * (feature + 1)) from shown"
    with records().notebook.connected() as connection:
        return tuple(connection.execute(told).fetchall())


def nearness(dictionary: str, query: str) -> dict[int, float]:
    """How near in meaning each feature's label or words are to a query, in [-1, 1]; features that have neither are left out.

    Raises OSError where the embeddings are not installed, with what to do, or cannot be kept beside the index.
    """
    meanings = _meanings(str(index().file), dictionary, str(workspace().notebook_file), _labels_stamp())
    nearest: dict[int, float] = {}
    for (feature, _), cosine in meanings.search(query, len(meanings.keys)):
        nearest.setdefault(feature, cosine)
    return nearest


@st.cache_resource(max_entries=4, show_spinner="Reading what labels and words mean. The first time this takes up to half a minute.")
def _meanings(file: str, dictionary: str, notebook_file: str, stamp: tuple) -> "Meanings":
    from bae.meaning import Meanings

    texts = finding.texts(column(file, dictionary, "summary"), _shown_labels(notebook_file, stamp, subject(dictionary)))
    return Meanings(texts, Path(file).with_name(f"{dictionary}.meanings.safetensors"))


def results(run: "RunRecord") -> "list[Result]":
    """What became of the features of a labelling run so far, in the order in which they were done."""
    outcomes = tuple(records().outcomes(run.id).values())
    return _results(str(workspace().notebook_file), run.id, hash(outcomes))


@st.cache_resource(max_entries=64, show_spinner=False)
def _results(file: str, run: str, outcomes: int) -> "list[Result]":
    from app.label_figures import results_of

    return results_of(_records(file), _records(file).run(run))


def occurrence_counts(dictionary: str, settings: "Settings") -> list[int]:
    """On how many tokens of the index each feature of a dictionary is activated."""
    if settings.paper_topk:
        return _occurrences(str(index().file), dictionary, True).counts.tolist()
    return column(str(index().file), dictionary, "top_count")


def dry_run(dictionary: str, features: "Sequence[int]", settings: "Settings") -> "Estimate":
    """What labelling these features would ask. Raises OSError or ValueError where the index lacks the codes of the dictionary."""
    return _dry_run(str(index().file), dictionary, tuple(features), settings)


@st.cache_data(max_entries=32, show_spinner="Counting what the judge would be asked.")
def _dry_run(file: str, dictionary: str, features: tuple[int, ...], settings: "Settings") -> "Estimate":
    from bae.comsem.estimate import estimate
    from bae.comsem.plan import Planner

    return estimate(Planner(_occurrences(file, dictionary, settings.paper_topk), settings), features, settings)


@st.cache_resource(max_entries=2, show_spinner="Looking where the features fire.")
def _occurrences(file: str, dictionary: str, literal: bool) -> "Occurrences":
    from bae.comsem.occurrences import Occurrences
    from bae.index.codes import Codes

    return Occurrences(Codes(_index(file), dictionary), _corpus(file), literal)


@st.cache_resource(max_entries=1, show_spinner=False)
def _corpus(file: str) -> "Corpus":
    from bae.comsem.occurrences import Corpus

    return Corpus.of(_index(file))


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
