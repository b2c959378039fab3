"""The runs that a view can show; without one the view says how to get it, and stops."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.components import url
from app.entropy import job
from app.services import workspace
from bae.experiments.entropy import job as entropy_job
from bae.experiments.entropy.results import Results, Runs


def require(experiment: str, read: Callable[[], Runs[Results]]) -> list[Results]:
    """The runs of an experiment, newest first; files that cannot be read are named. Where there is none, the page offers to run it."""
    runs = read()
    say_damaged(runs.damaged)
    if not runs.found:
        st.info(
            f"This experiment has not been run in this workspace. Start it below, or type {url.code(command(experiment))}.",
            icon=":material/science:",
        )
        job.panel(experiment, [])
        st.stop()
    return runs.found


def command(experiment: str) -> str:
    """What runs an experiment as it comes with the explorer."""
    recipe = experiment if experiment in entropy_job.recipes(experiment) else None
    return entropy_job.spelled(experiment, workspace().folder.name, recipe, {})


def say_damaged(damaged: Sequence[str]) -> None:
    """Which files are left out, and why."""
    if damaged:
        those = "1 file is left out: it cannot" if len(damaged) == 1 else f"{len(damaged)} files are left out: they cannot"
        reasons = "".join(f"\n- {url.code(reason)}" for reason in damaged)
        st.warning(f"{those} be read. What else is kept is shown.{reasons}", icon=":material/broken_image:")
