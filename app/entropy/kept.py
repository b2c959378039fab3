"""The runs that a view can show; without one the view says how to get it, and stops."""

from collections.abc import Callable

import streamlit as st

from app.components import url
from app.entropy import job
from app.services import workspace
from bae.experiments.entropy import job as entropy_job
from bae.experiments.entropy.results import Results


def require(experiment: str, read: Callable[[], list[Results]]) -> list[Results]:
    """The runs of an experiment, newest first. Where there is none, or a file is damaged, the page says so and offers to run it."""
    try:
        found = read()
    except (ValueError, OSError) as error:
        st.error(f"The runs cannot be read: {url.code(error)}", icon=":material/broken_image:")
        job.panel(experiment, [])
        st.stop()
    if not found:
        recipe = experiment if experiment in entropy_job.recipes(experiment) else None
        command = entropy_job.spelled(experiment, workspace().folder.name, recipe, {})
        st.info(
            f"This experiment has not been run in this workspace. Start it below, or type {url.code(command)}.",
            icon=":material/science:",
        )
        job.panel(experiment, [])
        st.stop()
    return found
