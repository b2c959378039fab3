"""What features mean: labels, the runs that made them, and what a further run would ask."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.services.study import column, index, indexed, notebook, open_index, workspace
from bae.features import texts
from bae.notebook.database import Notebook

if TYPE_CHECKING:
    from bae.comsem.call_log import CallLog
    from bae.comsem.configuration import JudgeConfig
    from bae.comsem.estimate import Estimate
    from bae.comsem.judge import Usage
    from bae.comsem.occurrences import Corpus, Occurrences
    from bae.comsem.plan import Settings
    from bae.comsem.records import Label, Records, RunRecord, Subject
    from bae.comsem.results import Result
    from bae.features.meaning import Meanings


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

    return Subject(dictionary, checkpoint_of(indexed(str(index().file))[dictionary].provenance))


def shown_labels(dictionary: str) -> "Mapping[int, Label]":
    """The label that stands for each feature of a dictionary; nothing where the index does not have it.

    Asks the notebook at every call whether a label was written: ask once for many features.
    """
    found = index()
    if found is None or dictionary not in indexed(str(found.file)):
        return {}
    file = str(workspace().notebook_file)
    return _shown_labels(file, _written_stamp(), subject(dictionary))


def shown_stamp(dictionary: str) -> int:
    """Changes when another label stands for a feature of a dictionary."""
    return hash(tuple((feature, label.id, label.created) for feature, label in sorted(shown_labels(dictionary).items())))


@st.cache_resource(max_entries=32, show_spinner=False)
def _shown_labels(file: str, stamp: tuple, subject: "Subject") -> "Mapping[int, Label]":
    return _records(file).shown(subject)


def _written_stamp() -> tuple:
    """Changes when a label of any dictionary is written, deleted or shown. Numbers of deleted labels may come again."""
    told = "select count(*), total(created) from label union all select count(*), total(label * (feature + 1)) from shown"
    with records().notebook.connected() as connection:
        return tuple(connection.execute(told).fetchall())


def nearness(dictionary: str, query: str) -> dict[int, float]:
    """How near in meaning each feature's label or words are to a query, in [-1, 1]; features that have neither are left out.

    Raises OSError where the embeddings are not installed, with what to do, or cannot be kept beside the index.
    """
    return texts.nearness(_meanings(str(index().file), dictionary, str(workspace().notebook_file), _written_stamp()), query)


@st.cache_resource(max_entries=16, show_spinner="Reading what labels and words mean. The first time this takes up to half a minute.")
def _meanings(file: str, dictionary: str, notebook_file: str, stamp: tuple) -> "Meanings":
    from bae.features.meaning import Meanings

    told = texts.texts_of(column(file, dictionary, "summary"), _shown_labels(notebook_file, stamp, subject(dictionary)))
    return Meanings(told, Path(file).with_name(f"{dictionary}.meanings.safetensors"))


def results(run: "RunRecord") -> "list[Result]":
    """What became of the features of a labelling run so far, in the order in which they were done."""
    outcomes = tuple(records().outcomes(run.id).values())
    return _results(str(workspace().notebook_file), run.id, hash(outcomes))


@st.cache_resource(max_entries=64, show_spinner=False)
def _results(file: str, run: str, outcomes: int) -> "list[Result]":
    from bae.comsem.results import results_of

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

    return Occurrences(Codes(open_index(file), dictionary), _corpus(file), literal)


@st.cache_resource(max_entries=1, show_spinner=False)
def _corpus(file: str) -> "Corpus":
    from bae.comsem.occurrences import Corpus

    return Corpus.of(open_index(file))
