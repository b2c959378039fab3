"""Sweeps as they lie on disk, and the job that makes one.

    WORKSPACE/steering/dose/<id>/settings.json   what was asked for
                                 meta.json       what is known of the target and its layer
                                 plain.json      strength 0, shared by all kinds
                                 add_0.5.json    a point

A point is written when it is whole, so a run that was stopped goes on with the next one. Of a strength that is too great its file
says that, and why. `python -m bae.steering.dose_job WORKSPACE ID`
works at one; one sweep at a time in a workspace.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bae.comsem.records import checkpoint_of
from bae.notebook.database import Notebook
from bae.steering import plan
from bae.steering.dose_results import Point, Score, Skipped, aim, scores
from bae.steering.dose_settings import Settings
from bae.system.files import locked, write_json
from bae.system.jobs import Job
from bae.system.progress import Progress
from bae.training import runs
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.model.language_model import LanguageModel
    from bae.reading.inspection import Lens
    from bae.reading.lenses import Lenses
    from bae.steering.dose import Subject, Text

JOB = "dose"
BUSY = "a sweep is running already in this workspace; stop it first, or wait until it has ended"


@dataclass(frozen=True)
class Meta:
    """What the figures of a run are told against."""

    norm: float | None
    """How long a hidden state of the dictionary's layer usually is, in raw units; None where that was not measured."""
    rate: float | None
    """How often the target fires in the text that its dictionary was measured on; None where no target is followed."""
    binary: bool
    layer: int


@dataclass(frozen=True)
class Run:
    """A sweep as it lies on disk."""

    settings: Settings
    meta: Meta | None
    """None before its job has begun to measure."""
    plain: Point | None
    points: tuple[Point, ...]
    """Those that are there, in the order of the settings."""
    skipped: tuple[Skipped, ...]
    """Strengths that could not be measured, likewise."""
    asked_at: float
    """Seconds since 1970."""

    @property
    def whole(self) -> bool:
        """Whether all was measured."""
        return self.plain is not None and len(self.points) + len(self.skipped) == len(self.settings.points())

    def scores(self) -> dict[str, Score]:
        """How well each strength does, by the name of its point; there are meta and a plain run."""
        usually_on = self.meta.binary and (self.meta.rate or 0.0) > 0.5
        return scores(self.plain, self.points, lambda point: self._aim(point, usually_on))

    def _aim(self, point: Point, usually_on: bool) -> int:
        step = self.settings.target_at(point.how, point.amount)
        return aim(step.how, step.amount, usually_on)


def folder_of(workspace: Workspace, name: str = "") -> Path:
    """Where all sweeps lie, or one."""
    return workspace.folder / "steering" / "dose" / name


def made_with(workspace: Workspace, settings: Settings) -> dict[str, str]:
    """The checkpoints of a sweep's dictionaries as they are now, which name their model too; for `Settings.made_with`.

    Raises ValueError where the config.json of one is damaged.
    """
    names = {step.dictionary for step in settings.steps} | ({settings.later} if settings.later else set())
    files = {name: workspace.autoencoder_folder(name) / "config.json" for name in sorted(names)}
    return {name: _read(file, lambda told: checkpoint_of(told["provenance"])) for name, file in files.items() if file.is_file()}


def keep(workspace: Workspace, settings: Settings) -> str:
    """Keep what is asked for; the id under which it is found."""
    file = folder_of(workspace, settings.id) / "settings.json"
    if not file.is_file():
        write_json(file, asdict(settings))
    return settings.id


def start(workspace: Workspace, name: str) -> Job:
    """Work at a sweep that was kept, in a process of its own. Raises BlockingIOError where one runs, and what `Jobs.start` raises."""
    known = runs.jobs(workspace).job(JOB)
    if known is not None and known.state == "running":
        raise BlockingIOError(BUSY)
    return runs.jobs(workspace).start(JOB, command(workspace, name))


def command(workspace: Workspace, name: str) -> list[str]:
    """What works at a sweep."""
    return [sys.executable, "-m", "bae.steering.dose_job", str(workspace.folder), name]


def run_names(workspace: Workspace) -> list[str]:
    """The sweeps that were asked for, the latest first."""
    files = folder_of(workspace).glob("*/settings.json")
    return [file.parent.name for file in sorted(files, key=lambda file: -file.stat().st_mtime)]


def read_run(workspace: Workspace, name: str) -> Run:
    """A sweep and what is there of it. Raises KeyError where there is none of this name, ValueError where a file of it is damaged."""
    if name not in run_names(workspace):
        raise KeyError(f"no sweep {name!r} is kept in this workspace")
    folder = folder_of(workspace, name)
    settings = read_settings(folder)
    meta, plain = _read(folder / "meta.json", lambda told: Meta(**told)), _read(folder / "plain.json", Point.of)
    found = [_read(_file(folder, how, amount), _point_or_skipped) for how, amount in settings.points()]
    points, skipped = (tuple(one for one in found if isinstance(one, kind)) for kind in (Point, Skipped))
    return Run(settings, meta, plain, points, skipped, (folder / "settings.json").stat().st_mtime)


def _point_or_skipped(told: Mapping) -> Point | Skipped:
    return Skipped(**told) if "skipped" in told else Point.of(told)


def read_settings(folder: Path) -> Settings:
    """What a sweep was asked for. Raises ValueError where that is damaged or missing, or was measured as an older version did."""
    settings = _read(folder / "settings.json", Settings.of)
    if settings is None:
        raise ValueError(f"{folder} holds no sweep")
    if settings.id != folder.name:
        raise ValueError(f"{folder} is of an older version, which measured in another way; delete it and start a new sweep")
    return settings


def _file(folder: Path, how: str, amount: float) -> Path:
    return folder / f"{how}_{amount:g}.json"


def _read(file: Path, made_of):
    """What a file holds; None where it is not there. Raises ValueError where it is damaged."""
    if not file.is_file():
        return None
    try:
        return made_of(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file} is damaged ({error}); delete it and make it again") from error


# the work


def sweep(workspace: Workspace, settings: Settings, model: "LanguageModel", lenses: "Lenses", status: Path | None = None) -> Run:
    """Measure what is missing of a sweep and keep it, point by point. The caller holds the model's lock.

    Raises BlockingIOError where another process sweeps in this workspace, ValueError with a sentence for what cannot be.
    """
    with locked(folder_of(workspace) / "lock", BUSY):
        _sweep(workspace, settings, model, lenses.usable, status)
    return read_run(workspace, settings.id)


def _sweep(workspace: Workspace, settings: Settings, model: "LanguageModel", lenses: "Mapping[str, Lens]", status: Path | None) -> None:
    from bae.steering import dose

    folder, subject = folder_of(workspace, settings.id), dose.subject(model, lenses, settings)
    pushes = {point: interventions(workspace, settings, model, lenses, *point) for point in settings.points()}
    keep(workspace, settings)
    write_json(folder / "meta.json", asdict(_meta(subject)))
    work = settings.work([len(prompt) for prompt in subject.prompts])
    with Progress("steering at every strength", work.tokens, "tokens", status) as progress:
        texts = _plain(folder / "plain.json", subject, progress)
        a_point = (work.tokens - progress.done) // max(len(pushes), 1)
        for (how, amount), push in pushes.items():
            file, before = _file(folder, how, amount), progress.done
            if file.is_file():
                progress.skip(a_point)
                continue
            write_json(file, _measured(subject, texts, how, amount, push, progress))
            # a text that the model ended early is less work than was foreseen
            progress.advance(a_point - (progress.done - before))


def _measured(subject: "Subject", texts: "list[Text]", how: str, amount: float, push: list, progress: Progress) -> dict:
    """A point for its file, or why there is none: one strength that is too great does not end the sweep."""
    from bae.steering import dose

    try:
        return dose.measure(subject, texts, how, amount, push, progress.advance).json()
    except dose.TooStrong as error:
        return Skipped(how, amount, str(error))._asdict()


def _plain(file: Path, subject: "Subject", progress: Progress) -> "list[Text]":
    """The plain texts, kept as a point of strength 0 where they were not yet; read anew where they were."""
    from bae.steering import dose

    there = _read(file, Point.of)
    written = dose.write_plain(subject, progress.advance) if there is None else [row.written for row in there.rows]
    texts = dose.read_plain(subject, written, progress.advance)
    if there is None:
        write_json(file, dose.plain_point(subject, texts).json())
    return texts


def interventions(
    workspace: Workspace, settings: Settings, model: "LanguageModel", lenses: "Mapping[str, Lens]", how: str, amount: float
) -> list:
    """What a point does to the model. Raises ValueError for what cannot be done with these dictionaries."""
    try:
        return plan.interventions(settings.steps_at(how, amount), model, lenses, Notebook(workspace.notebook_file).text)
    except KeyError as error:
        raise ValueError(f"the examples of this push are not kept in this workspace: {error.args[0]}") from error


def _meta(subject: "Subject") -> Meta:
    lens, feature = subject.lens, subject.feature
    prior = lens.autoencoder.prior
    rate = None if feature is None or prior is None else prior.rate[feature].item()
    try:
        norm = plan.layer_norm(lens)
    except ValueError:
        norm = None  # the dictionary does not tell: lengths are then shown in raw units
    return Meta(norm, rate, lens.autoencoder.binary, lens.layer)


def main(folder: str, name: str) -> int:
    """Work at a sweep. What is wrong is told in a sentence."""
    from bae.model.language_model import LanguageModel
    from bae.reading.lenses import load_lenses

    try:
        workspace = Workspace.open(Path(folder))
        settings = read_settings(folder_of(workspace, name))
        model = LanguageModel.load(workspace.recipe.model)
        lenses = load_lenses(workspace.folder / "autoencoders", model)
        if made_with(workspace, settings) != dict(settings.made_with):
            raise ValueError("the model or a dictionary of this sweep was replaced since it was asked for; start a new sweep")
        sweep(workspace, settings, model, lenses, workspace.status_file(JOB))
    except (ValueError, OSError) as error:
        print(f"bae.steering.dose_job: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
