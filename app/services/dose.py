"""Sweeps of strengths: those that were asked for, as far as their job is, and what a new one would come to."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.services.playground import Known, dictionaries
from app.services.reading import language_model, lenses
from app.services.study import workspace
from bae.steering import dose_job
from bae.steering.dose_job import Run
from bae.steering.dose_settings import Settings, Work
from bae.steering.plan import FeatureStep
from bae.system.progress import read_status
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.reading.lenses import Lenses

TOKENS_A_SECOND = 220.0
"""Measured with SmolLM2-135M on two CPU cores without a GPU: 8 prompts, 40 tokens behind each."""


class Listed(NamedTuple):
    """A sweep in the list of all."""

    name: str
    settings: Settings
    asked_at: float


def listed() -> list[Listed]:
    """The sweeps of the study, the latest first. One whose settings cannot be read is left out; opened, it says why."""
    study = workspace()
    found = []
    for name in dose_job.run_names(study):
        file = dose_job.folder_of(study, name) / "settings.json"
        settings = _settings(str(study.folder), name, file.stat().st_mtime_ns)
        if settings is not None:
            found.append(Listed(name, settings, file.stat().st_mtime))
    return found


@st.cache_data(max_entries=256, show_spinner=False)
def _settings(folder: str, name: str, stamp: int) -> Settings | None:
    try:
        return dose_job.read_settings(dose_job.folder_of(Workspace.open(Path(folder)), name))
    except ValueError:
        return None


def stamp(name: str) -> tuple[tuple[str, int], ...]:
    """Changes when a point of a sweep appears."""
    return tuple(sorted((file.name, file.stat().st_mtime_ns) for file in dose_job.folder_of(workspace(), name).glob("*.json")))


def run(name: str) -> Run:
    """A sweep with its points so far. Raises KeyError where there is none of this name, ValueError where a file is damaged."""
    study = workspace()
    if name not in dose_job.run_names(study):
        raise KeyError(f"no sweep {name!r} is kept in this workspace")
    return _run(str(study.folder), name, stamp(name))


@st.cache_resource(max_entries=8, show_spinner=False)
def _run(folder: str, name: str, stamp: tuple) -> Run:
    return dose_job.read_run(Workspace.open(Path(folder)), name)


def with_marks(settings: Settings) -> Settings:
    """The same, with what it would be made with now. Raises ValueError where a checkpoint's config.json is damaged."""
    return replace(settings, made_with=dose_job.made_with(workspace(), settings))


def work(settings: Settings) -> Work:
    """What a sweep would come to. Raises ValueError, with a sentence, for one that cannot be: every reason that no pass is needed for."""
    from bae.steering import dose

    found, model = lenses(), language_model()
    _refused(found, settings)
    subject = dose.subject(model, found.usable, settings)
    if all(isinstance(step, FeatureStep) for step in settings.steps):
        # that every amount can be is checked by the settings; what a dictionary can do does not depend on it
        for curve in settings.curves:
            dose_job.interventions(workspace(), settings, model, found.usable, curve.how, curve.amounts[-1])
    return settings.work([len(prompt) for prompt in subject.prompts])


def _refused(found: "Lenses", settings: Settings) -> None:
    for step in settings.steps:
        if reason := found.refused.get(step.dictionary):
            raise ValueError(f"the dictionary {step.dictionary} cannot be used: {reason}")


def replaced(run: Run) -> bool:
    """Whether a dictionary of a sweep is another than when it was asked for. Raises ValueError where its config.json is damaged."""
    return dose_job.made_with(workspace(), run.settings) != dict(run.settings.made_with)


def rate() -> tuple[float, bool]:
    """Tokens a second that a sweep takes, and whether that was measured in this workspace."""
    status = read_status(workspace().status_file(dose_job.JOB))
    return (status["rate"], True) if status and status["rate"] else (TOKENS_A_SECOND, False)


def later(ae: str) -> dict[str, Known]:
    """The dictionaries of layers above that of `ae`, that of its own kind and the nearest layer first."""
    known = dictionaries()
    above = [one for one in known.values() if ae in known and one.layer > known[ae].layer]
    return {one.name: one for one in sorted(above, key=lambda one: (one.title != known[ae].title, one.layer, one.name))}
