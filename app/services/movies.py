"""The runs of the movie-review experiment, and which dictionaries they were made with."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from app.services.study import measured, workspace
from bae.experiments.movies import job as movie_job
from bae.experiments.movies.results import Results, Settings, newest_first, results_files, weights_digest


def kept() -> tuple[list[Results], list[str]]:
    """Every run, newest first, and a sentence for each damaged file. Read anew where a file has changed."""
    found, damaged = [], []
    for file in results_files(workspace()):
        try:
            found.append(_read(str(file), file.stat().st_mtime_ns))
        except ValueError as error:
            damaged.append(str(error))
    return newest_first(found), damaged


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(file: str, stamp: int) -> Results:
    return Results.read(Path(file))


def stamp() -> int:
    """Changes whenever a run has kept something more."""
    return max((file.stat().st_mtime_ns for file in results_files(workspace())), default=0)


def kinds() -> dict[str, str]:
    """The kind of every dictionary of the workspace, by name."""
    return {report.name: report.kind for report in measured()[0]}


def layers() -> list[int]:
    """Where there are dictionaries."""
    return sorted({report.layer for report in measured()[0]})


def replaced(used: Mapping[str, str]) -> list[str]:
    """Dictionaries of a run whose checkpoint is another now, or is gone; `used` are digests by name."""
    return [name for name, digest in used.items() if digest_now(name) != digest]


def expected_files(layer: int, samples: int) -> list[Path]:
    """Where a run that starts now is kept, as far as is known without the model."""
    return movie_job.expected_files(workspace(), Settings(layer, samples), digest_now)


def digest_now(name: str) -> str | None:
    """The digest of a dictionary's weights as they are now; None where they are gone."""
    weights = workspace().autoencoder_folder(name) / "weights.safetensors"
    return _digest(str(weights), weights.stat().st_mtime_ns) if weights.is_file() else None


@st.cache_data(max_entries=128, show_spinner=False)
def _digest(weights: str, stamp: int) -> str:
    return weights_digest(workspace(), Path(weights).parent.name)
