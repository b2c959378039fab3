"""The job that compares two dictionaries: what it would do, how far it is, and what became of it."""

import functools

import streamlit as st

from app.components import job_panel, url
from app.numbers import duration
from app.services import matching
from bae.matching import stored
from bae.matching.stored import Matches
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
    job_panel.say_refused()
    name = stored.job_name(ae, other)
    try:
        job = jobs(study).job(name)
    except ValueError as error:
        st.error(f"The comparison cannot be followed: {url.code(error)}")
        return
    # read once: the state of a job is that of its process, whenever it is asked for
    before = job and job.state
    running = before == "running"

    def draw() -> None:
        now = jobs(study).job(name)
        if (now and now.state) != before:
            st.rerun()
        _running(study, now, name) if running else _start(study, now, name, ae, other)

    st.fragment(run_every=EVERY_S if running else None)(draw)()


def _running(study: Workspace, job: Job, name: str) -> None:
    status = read_status(study.status_file(name))
    with st.container(border=True):
        if status is None or status["updated"] < job.started_at:
            st.progress(0.0, text="Reading on which tokens the features fire.")
        else:
            left = "" if status["seconds_left"] is None else f" · {duration(status['seconds_left'])} left"
            done = f"{status['done']:,} of {status['total']:,} features, the control by chance among them"
            told = f"{done} · {status['rate']:,.0f} features/s{left}" if status["rate"] else done
            st.progress(min(status["done"] / max(status["total"], 1), 1.0), text=told)
        job_panel.stop(study, name, "match", STOP_HELP)


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
