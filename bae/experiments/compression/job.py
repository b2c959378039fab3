"""The compression experiment as a job that a page starts, and how long it will take. Loads no torch."""

import sys
from pathlib import Path

from bae.system.files import held
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training import runs
from bae.workspace import Workspace

JOB = "compression"
"""One at a time in a workspace. The experiment tells how far it is under the same name."""
UNIT = "dictionaries"
SECONDS_A_TOKEN = 0.17
"""Of a dictionary, for each token that the language model is run on: SmolLM2-135M on two CPU cores that others used too."""
VECTORS, SPLICED_TOKENS = 20_480, 4096
"""What a run takes where nothing is kept that it has to go on with; `bae.experiments.compression.results.Settings`."""


def command(folder: str, vectors: int, spliced_tokens: int) -> list[str]:
    """What runs it, behind the name of the interpreter."""
    asked = ["--vectors", str(vectors), "--spliced-tokens", str(spliced_tokens)]
    return ["-m", "bae.experiments.compression.experiment", folder, *asked]


def start(workspace: Workspace, vectors: int, spliced_tokens: int) -> Job:
    """Run it, or go on with what is kept, in a process of its own. Raises what `Jobs.start` raises."""
    return runs.jobs(workspace).start(JOB, [sys.executable, *command(str(workspace.folder), vectors, spliced_tokens)])


def lock_file(workspace: Workspace) -> Path:
    """Held while the experiment runs in a workspace."""
    return workspace.folder / "compression" / "experiment.lock"


def elsewhere(workspace: Workspace) -> bool:
    """Whether a process that is no job of ours runs it: somebody typed the command."""
    job = runs.jobs(workspace).job(JOB)
    return (job is None or job.state != "running") and held(lock_file(workspace))


def expected_seconds(workspace: Workspace, dictionaries: int, spliced_tokens: int) -> float:
    """How long so many dictionaries take: at the rate of the last run where there was one, else by `SECONDS_A_TOKEN`."""
    status = read_status(workspace.status_file(JOB))
    if status and status["unit"] == UNIT and status["rate"]:
        return dictionaries / status["rate"]
    return dictionaries * spliced_tokens * SECONDS_A_TOKEN
