"""The movie experiment as a job that a page starts, and how long it will take. Loads no torch."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bae.experiments.movies.results import STAGE, Results, Settings, identity, lock_file, run_file
from bae.model.packaged import title_of
from bae.system.files import held
from bae.system.jobs import Job
from bae.training import runs
from bae.workspace import Workspace

JOB = STAGE
"""One at a time in a workspace, whatever the layer."""
SECONDS_A_SAMPLE = 1.9
"""Measured at layer 15 of SmolLM2-135M with six dictionaries and 13 strengths, on two CPU cores without a GPU."""
MOST_SAMPLES = 1000
"""Of the packaged reviews, 1,111 that differ are in the split that is tested."""


def start(workspace: Workspace, layer: int, samples: int) -> Job:
    """Run it, or go on with what is there, in a process of its own. Raises what `Jobs.start` raises."""
    asked = ["steer", "evaluate", "--workspace", str(workspace.folder), "--layer", str(layer), "--samples", str(samples)]
    return runs.jobs(workspace).start(JOB, [sys.executable, "-m", "bae", *asked])


def elsewhere(workspace: Workspace) -> bool:
    """Whether a process that is no job of ours runs it: somebody typed the command."""
    job = runs.jobs(workspace).job(JOB)
    return (job is None or job.state != "running") and held(lock_file(workspace))


def expected_files(workspace: Workspace, settings: Settings, digest_of: Callable[[str], str | None]) -> list[Path]:
    """Where a run that starts now is kept, or was begun; `digest_of` gives the digest of a dictionary's weights by its name.

    The model is not loaded, so its weights are not known: a file for each model that dictionaries of the layer were trained on.
    """
    files = {name: workspace.autoencoder_folder(name) / "config.json" for name in workspace.autoencoder_names()}
    told = {name: found for name, file in files.items() if (found := _provenance(file)) and found["layer"] == settings.layer}
    by_model: dict[str, dict[str, str | None]] = {}
    for name, found in told.items():
        by_model.setdefault(found["model_fingerprint"], {})[name] = digest_of(name)
    title = title_of(workspace.recipe.model)
    return [run_file(workspace, identity(settings, title, fingerprint, digests)) for fingerprint, digests in by_model.items()]


def _provenance(config: Path) -> Mapping | None:
    """What a checkpoint says of where it comes from; None where it cannot be read: no run reads it either."""
    try:
        found = json.loads(config.read_text(encoding="utf-8"))["provenance"]
        return found if {"layer", "model_fingerprint"} <= found.keys() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def expected_seconds(found: Sequence[Results], samples: int) -> tuple[float, Results | None]:
    """How long a run takes from its beginning, and by which finished run that is told; None where only by `SECONDS_A_SAMPLE`."""
    for results in found:
        if results.directions and not results.missing():
            return samples * results.seconds / results.settings["samples"], results
    return samples * SECONDS_A_SAMPLE, None
