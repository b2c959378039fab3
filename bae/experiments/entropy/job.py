"""The experiments on entropies as a job that a page starts: settings, command, and how long it takes. Loads no torch itself."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from importlib import import_module
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bae.experiments.entropy.recipes import RECIPES, read_settings
from bae.experiments.entropy.results import Results, lock_file, running_file
from bae.experiments.entropy.sizes import SIZES, Size, check
from bae.system.files import held
from bae.system.jobs import Job
from bae.training import runs
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.experiments.entropy.forecast import Forecast

JOB = "entropy"
"""One at a time in a workspace, whatever the experiment: they would only slow each other."""
SECONDS_A_PRODUCT = 1.05e-9
"""Of the synthetic benchmark: a step is batch x width x bits products a BAE. Measured at width 64 on two CPU cores without a GPU."""


def recipes(experiment: str) -> list[str]:
    """The named recipes of an experiment."""
    return [file.stem for file in sorted(RECIPES.glob("*.toml")) if file.stem.split("-")[0] == experiment]


def settings(experiment: str, recipe: str | None, changes: Mapping[str, Any], others: Mapping[str, Any] | None = None) -> Any:
    """The settings of a recipe with other sizes, by option, and with `others`, by field. Raises ValueError with what is allowed."""
    nested: dict[str, Any] = dict(others or {})
    for size in SIZES[experiment]:
        if size.option in changes:
            check(size, changes[size.option])
            place = reduce(lambda table, name: table.setdefault(name, {}), size.field[:-1], nested)
            place[size.field[-1]] = changes[size.option]
    # those of the synthetic sets are read by pages, without torch
    module = "synthetic_settings" if experiment == "synthetic" else experiment
    return read_settings(import_module(f"bae.experiments.entropy.{module}").Settings, recipe, nested)


def value(settings: object, size: Size) -> Any:
    """A size as settings have it; None or () where it is left open."""
    return reduce(getattr, size.field, settings)


def arguments(experiment: str, workspace: str, recipe: str | None, changes: Mapping[str, Any]) -> list[str]:
    """What stands behind `bae`."""
    told = ["entropy", experiment, "--workspace", workspace, *(["--recipe", recipe] if recipe else [])]
    for option, chosen in changes.items():
        told += [f"--{option}", ",".join(map(str, chosen)) if isinstance(chosen, tuple) else str(chosen)]
    return told


def spelled(experiment: str, workspace: str, recipe: str | None, changes: Mapping[str, Any]) -> str:
    """The command as a person types it."""
    return shlex.join(["bae", *arguments(experiment, workspace, recipe, changes)])


def start(workspace: Workspace, experiment: str, recipe: str | None, changes: Mapping[str, Any]) -> Job:
    """Run it, or go on with what is there, in a process of its own.

    Raises what `Jobs.start` raises, and BlockingIOError where somebody runs one by hand.
    """
    if other := elsewhere(workspace):
        raise BlockingIOError(f"`bae entropy {other}` runs in this workspace already; wait until it has ended")
    asked = arguments(experiment, str(workspace.folder), recipe, changes)
    return runs.jobs(workspace).start(JOB, [sys.executable, "-m", "bae", *asked])


def experiment_of(job: Job) -> str:
    """What a job runs."""
    return job.command[job.command.index("entropy") + 1]


def elsewhere(workspace: Workspace) -> str | None:
    """An experiment that a process runs that is no job of ours: somebody typed the command."""
    job, told = runs.jobs(workspace).job(JOB), running_file(workspace)
    if (job and job.state == "running") or not held(lock_file(workspace)):
        return None
    # who has just taken the lock says what it runs in the next moment
    return json.loads(told.read_text(encoding="utf-8"))["experiment"] if told.is_file() else None


def status_file(workspace: Workspace, experiment: str) -> Path:
    """Where an experiment says how far it is."""
    return workspace.status_file(f"entropy-{experiment}")


def begun(found: Sequence[Results], asked: object, model: str | None) -> Results | None:
    """The run of exactly these settings, settled, on the model of this title, or on none."""
    told = json.loads(json.dumps(asdict(asked)))
    return next((one for one in found if one.provenance["settings"] == told and _title(one) == model), None)


def _title(results: Results) -> str | None:
    # without a fingerprint states are made, and come from no model
    return results.provenance["model"] if results.provenance["fingerprint"] else None


def is_open(asked: object) -> bool:
    """Whether settings leave something to the model and the study: a layer, layers, or what is read."""
    return any(name.split(".")[-1] in ("layer", "layers", "sources") and one in (None, ()) for name, one in flat(asdict(asked)))


def settled(workspace: Workspace, experiment: str, asked: object, model: object) -> Any:
    """Settings with what was left open filled in, as a run does. Raises ValueError for what the model cannot do."""
    module = import_module(f"bae.experiments.entropy.{experiment}")
    return module.settled(asked, workspace, model) if experiment in ("language", "dynamics") else module.settled(asked, model)


def forecast(workspace: Workspace, experiment: str, asked: object, model: object) -> "Forecast":
    """What a run on a language model will still take, measured now. Raises ValueError for what the model cannot do."""
    return import_module(f"bae.experiments.entropy.{experiment}").forecast(workspace, asked, model)


def synthetic_seconds(found: Sequence[Results], asked: object) -> tuple[float, Results | None]:
    """How long the synthetic benchmark takes from its beginning, and by which run that is told; None where only by a constant."""
    wanted = _products(asdict(asked))
    for results in found:
        told = results.provenance["settings"]
        done = sum(told["steps"] * told["batch_size"] * told["d_model"] * row["n_bits"] for row in results.rows)
        if done:
            return wanted * results.provenance["seconds"] / done, results
    return wanted * SECONDS_A_PRODUCT, None


def _products(told: Mapping[str, Any]) -> float:
    """Of a whole run: every rank and expansion, with the entropy loss and without."""
    bits = sum(told["d_model"] * expansion for expansion in told["expansions"])
    return 2 * len(told["ranks"]) * prod(told[name] for name in ("steps", "batch_size", "d_model")) * bits


def flat(told: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings as pairs, nested ones with a dot between."""
    for name, one in told.items():
        if isinstance(one, Mapping):
            yield from flat(one, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", one
