"""The job that compares two dictionaries: what it would do, how far it is, and what became of it."""

import functools
from collections.abc import Mapping

import streamlit as st

from app.components import job_panel, url
from app.components.job_panel import Standing
from app.services import matching
from bae.matching import stored
from bae.matching.stored import Matches
from bae.numbers import duration
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training.runs import jobs
from bae.workspace import Workspace

EVERY_S = 1
HELP = "Runs in a process of its own, which goes on when this page is closed. What it finds is kept beside the index."
STOP_HELP = "Ends the process; nothing is kept of this comparison."


def require_matches(study: Workspace, ae: str, other: str) -> Matches:
    """The comparison of two dictionaries; without it the page shows how it comes about, and stops."""
    try:
        there = matching.matches(ae, other)
    except ValueError as error:
        st.error(url.code(error))
        st.stop()
    if there is None:
        _panel(study, ae, other)
        st.stop()
    return there


def _panel(study: Workspace, ae: str, other: str) -> None:
    name = stored.job_name(ae, other)

    def draw(job: Job | None, standing: Standing) -> None:
        _running(study, job, name) if standing.running else _start(study, job, name, ae, other)

    job_panel.follow("The comparison", lambda: jobs(study).job(name), draw, every_s=EVERY_S)


def _running(study: Workspace, job: Job, name: str) -> None:
    with st.container(border=True):
        job_panel.bar(read_status(study.status_file(name)), job.started_at, _how_far, "Reading on which tokens the features fire.")
        job_panel.stop(study, name, "match", STOP_HELP)


def _how_far(status: Mapping) -> str:
    left = "" if status["seconds_left"] is None else f" · {duration(status['seconds_left'])} left"
    done = f"{status['done']:,} of {status['total']:,} features, the control by chance among them"
    return f"{done} · {status['rate']:,.0f} features/s{left}" if status["rate"] else done


def _start(study: Workspace, job: Job | None, name: str, ae: str, other: str) -> None:
    with st.container(border=True):
        st.markdown(
            f"**{url.code(ae)} and {url.code(other)} have not been compared yet.** For every pair of their features it is counted on how "
            "many tokens of the index both fire, and once more with one text shifted, to see what chance gives. It takes some seconds."
        )
        start = functools.partial(stored.start, study, ae, other)
        st.button(
            "Compare them",
            icon=":material/play_arrow:",
            key="start:match",
            type="primary",
            help=HELP,
            on_click=job_panel.or_say_why,
            args=(start,),
        )
        if job and job.state in ("failed", "stopped"):
            if lines := jobs(study).tail(name):
                st.error(f"The last comparison {job.state}: {url.code(lines[-1])}")
            job_panel.log(study, name, job, job.state)
