"""What a workspace has trained, is training, and could train; the recipe grows by a table at a time.

A run is the training of one autoencoder: a table of the recipe, a job, the curves of its stages, a checkpoint, or some of these.
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bae.pipeline import stage_steps
from bae.system.files import locked, written_whole
from bae.system.jobs import Job, Jobs
from bae.system.parsing import parsed_json, parsed_toml
from bae.system.progress import read_status
from bae.workspace import Recipe, Workspace

State = Literal["not started", "running", "done", "stopped", "failed"]
HEADER = "[[autoencoder]]"
SILENT_S = 20
"""A process that trains says twice a second how far it is; after so long without a word it has ended."""


@dataclass(frozen=True)
class Run:
    """The training of one autoencoder as it lies on disk."""

    name: str
    table: Mapping[str, object] | None
    """The recipe's; None for a run that the recipe no longer has."""
    curves: tuple[Path, ...]
    """One a stage, in order."""
    checkpoint: Path | None
    """Its config.json; None before there is one."""
    job: Job | None
    elsewhere: bool = False
    """Whether a process trains it that no job of ours is: somebody typed `bae train`."""

    @property
    def state(self) -> State:
        """How it stands. A checkpoint that is younger than the job's start was made by it, whatever became of the job."""
        if self.elsewhere or (self.job and self.job.state == "running"):
            return "running"
        if self.checkpoint and (self.job is None or self.checkpoint.stat().st_mtime >= self.job.started_at):
            return "done"
        return self.job.state if self.job else "stopped" if self.curves else "not started"

    @property
    def stage_steps(self) -> tuple[int, ...]:
        """Steps of each stage as the recipe asks for them; empty for a run that it does not have."""
        return () if self.table is None else stage_steps(self.table)


def runs(workspace: Workspace) -> list[Run]:
    """The recipe's autoencoders in its order, then what else was trained here, by name. Raises ValueError for a damaged record."""
    tables = {table["name"]: table for table in workspace.recipe.autoencoders}
    curves: dict[str, list[Path]] = {}
    for curve in sorted((workspace.folder / "training").glob("*/stage-*/curve.jsonl"), key=_stage_number):
        curves.setdefault(curve.parents[1].name, []).append(curve)
    there, found = workspace.autoencoder_names(), []
    for name in [*tables, *sorted(set(curves) - set(tables))]:
        config = workspace.autoencoder_folder(name) / "config.json" if name in there else None
        job = jobs(workspace).job(job_name(name)) if name in tables else None
        found.append(Run(name, tables.get(name), tuple(curves.get(name, ())), config, job, _elsewhere(workspace, name, job)))
    return found


def _stage_number(curve: Path) -> int:
    number = curve.parent.name.removeprefix("stage-")
    return int(number) if number.isdecimal() else 0


def jobs(workspace: Workspace) -> Jobs:
    """The jobs of a workspace."""
    return Jobs(workspace.folder / "jobs")


def job_name(name: str) -> str:
    """The job that trains an autoencoder."""
    return f"train-{name}"


def start(workspace: Workspace, name: str) -> Job:
    """Train an autoencoder of the recipe, from its last saved state if there is one.

    Raises what `Jobs.start` raises, and BlockingIOError while a process that is no job trains it.
    """
    workspace.autoencoder_table(name)
    if _elsewhere(workspace, name, jobs(workspace).job(job_name(name))):
        raise BlockingIOError(f"{name} is being trained by a process that was not started here; wait until that has ended")
    return jobs(workspace).start(job_name(name), [*command("train", workspace), "--name", name])


def start_harvest(workspace: Workspace) -> Job:
    """Keep the hidden states that training reads. Raises what `Jobs.start` raises."""
    return jobs(workspace).start("harvest", command("harvest", workspace))


def command(stage: str, workspace: Workspace) -> list[str]:
    """The command line of a stage, for a job."""
    return [sys.executable, "-m", "bae", stage, "--workspace", str(workspace.folder)]


def harvested(workspace: Workspace, *splits: str) -> bool:
    """Whether the hidden states of these splits are there, all of them: a harvest measures its scaling last."""
    return all((workspace.harvest_folder(split) / "scaling.safetensors").is_file() for split in splits or ("train", "held-out"))


def progress(workspace: Workspace, run: Run) -> dict | None:
    """How far the process that trains a run says it is with the present stage; None before it has said so."""
    status = _status_of(workspace, run.name)
    return status if status and (run.elsewhere or (run.job and status["updated"] >= run.job.started_at)) else None


def _statuses(workspace: Workspace) -> list[dict]:
    """What trainings have said, the latest last."""
    found = [read_status(file) for file in workspace.status_file("train").parent.glob("train-*.json")]
    return sorted(filter(None, found), key=lambda status: status["updated"])


def _status_of(workspace: Workspace, name: str) -> dict | None:
    """The latest of the trainings that `name` was part of."""
    own = [status for status in _statuses(workspace) if name in status["stage"].removeprefix("train ").split(", ")]
    return own[-1] if own else None


def _elsewhere(workspace: Workspace, name: str, job: Job | None) -> bool:
    status = _status_of(workspace, name)
    if status is None or time.time() - status["updated"] > SILENT_S:
        return False
    return job is None or (job.finished_at is not None and status["updated"] > job.finished_at)


def last_rate(workspace: Workspace) -> float | None:
    """Steps a second of the last training that ran in this workspace; None where none has."""
    statuses = _statuses(workspace)
    return statuses[-1]["rate"] or None if statuses else None


def figures(run: Run) -> Mapping[str, object]:
    """What was measured when the checkpoint was made; nothing without one. Raises ValueError where it is damaged."""
    if run.checkpoint is None:
        return {}
    told = parsed_json(run.checkpoint.read_text(encoding="utf-8"))
    provenance = told.get("provenance", {}) if isinstance(told, dict) else None
    found = provenance.get("figures", {}) if isinstance(provenance, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"{run.checkpoint} holds no record of a checkpoint")
    return found


def template(recipe: Recipe, name: str) -> str:
    """The table of one autoencoder as TOML under a name that is free, to be edited."""
    taken = {table["name"] for table in recipe.autoencoders}
    free = next(candidate for number in range(2, len(taken) + 3) if (candidate := f"{name}-{number}") not in taken)
    table = next(table for table in recipe.autoencoders if table["name"] == name)
    text = replace(recipe, autoencoders=({**table, "name": free},)).toml()
    return text[text.index(HEADER) :]


def add(workspace: Workspace, text: str) -> str:
    """Append an `[[autoencoder]]` table to the recipe, which keeps its comments; return the name in it.

    Raises ValueError, and leaves the recipe as it is, for a text that is not one table, a name that exists and every option
    that training would refuse.
    """
    from bae.training.from_recipe import settings  # which loads torch

    try:
        told = parsed_toml(text)
    except ValueError as error:
        raise ValueError(f"this is no TOML: {error}") from error
    tables = told.get("autoencoder")
    if set(told) != {"autoencoder"} or not isinstance(tables, list) or len(tables) != 1:
        raise ValueError(f"write one {HEADER} table, with name, kind, layer and options below that line, and nothing before it")
    file = workspace.folder / "recipe.toml"
    with locked(workspace.folder / "jobs" / "recipe.lock"):
        before = file.read_text(encoding="utf-8")
        recipe = Recipe.parse(grown := f"{before.rstrip()}\n\n{text.strip()}\n")
        table = recipe.autoencoders[-1]
        _refuse_wreckage(workspace, table["name"])
        settings(table, recipe.seed)
        with written_whole(file) as draft:
            draft.write_text(grown, encoding="utf-8")
    return table["name"]


def _refuse_wreckage(workspace: Workspace, name: str) -> None:
    """A new run must not go on from the state of an old one, nor replace its checkpoint."""
    there = [folder for folder in (workspace.folder / "training" / name, workspace.autoencoder_folder(name)) if folder.exists()]
    if there:
        raise ValueError(f"the name {name} is taken: {there[0]} is there, which the recipe does not mention; choose another name")
