"""The movie experiment as a job that a page starts, and how long it will take. Loads no torch."""

import sys
from collections.abc import Sequence

from bae import runs
from bae.experiments.movie_results import STAGE, Results, lock_file
from bae.files import held
from bae.jobs import Job
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


def expected_seconds(found: Sequence[Results], samples: int) -> tuple[float, Results | None]:
    """How long a run takes from its beginning, and by which finished run that is told; None where only by `SECONDS_A_SAMPLE`."""
    for results in found:
        if results.directions and not results.missing():
            return samples * results.seconds / results.settings["samples"], results
    return samples * SECONDS_A_SAMPLE, None
