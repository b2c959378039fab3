"""The study that is shown: its folder, its index, its notebook, its runs and figures."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from bae.comsem.records import checkpoint_of
from bae.index.query import Dictionary, Index
from bae.measures import reports
from bae.notebook.database import Notebook
from bae.system.progress import read_status
from bae.training import runs
from bae.training.curves import Curve
from bae.workspace import Workspace


def workspace() -> Workspace:
    """The study that is shown. Read anew at every call: it is a small file, and it may change."""
    return Workspace.open(Path(os.environ.get("BAE_WORKSPACE", "workspace")))


def index() -> Index | None:
    """The newest index, None before one was built. Raises ValueError or OSError when it cannot be read."""
    file = workspace().index_file()
    return None if file is None else open_index(str(file))


@st.cache_resource(max_entries=2, show_spinner=False, on_release=Index.close)
def open_index(file: str) -> Index:
    return Index(Path(file))


@st.cache_resource(max_entries=2, show_spinner=False)
def indexed(file: str) -> Mapping[str, Dictionary]:
    """The dictionaries of an index, by name."""
    return open_index(file).dictionaries()


def replaced(dictionary: str) -> bool:
    """Whether the index was built from another checkpoint of this name than the one that is there now; False where either is missing.

    Raises ValueError where the checkpoint's config.json is damaged.
    """
    found = index()
    entry = None if found is None else indexed(str(found.file)).get(dictionary)
    config = workspace().autoencoder_folder(dictionary) / "config.json"
    if entry is None or not config.is_file():
        return False
    return _provenance(str(config), config.stat().st_mtime_ns) != checkpoint_of(entry.provenance)


@st.cache_data(max_entries=128, show_spinner=False)
def _provenance(config: str, stamp: int) -> str:
    try:
        return checkpoint_of(json.loads(Path(config).read_text(encoding="utf-8"))["provenance"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{config} is damaged ({error}); copy the checkpoint again") from error


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


# of ten dictionaries, the columns that pages show
@st.cache_data(max_entries=128, show_spinner=False)
def column(file: str, dictionary: str, name: str) -> list:
    """One number, or the summary, of every feature of a dictionary."""
    return open_index(file).column(dictionary, name)


def notebook() -> Notebook:
    """What people write in this workspace."""
    return open_notebook(str(workspace().notebook_file))


@st.cache_resource(max_entries=2, show_spinner=False)
def open_notebook(file: str) -> Notebook:
    return Notebook(Path(file))
