"""The job of a sweep on its page: how far it is, how it is stopped, and how it goes on."""

import functools
from collections.abc import Mapping

import streamlit as st

from app.components import job_panel, url
from app.components.job_panel import Standing
from app.services import dose, workspace
from bae.numbers import duration
from bae.steering import dose_job
from bae.steering.dose_job import JOB, Run
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training.runs import jobs
from bae.workspace import Workspace

HELP = "Runs in a process of its own, which goes on when this page is closed. Each point is kept as soon as it is measured."
STOP_HELP = "Ends the process. The points that are there stay, and it can go on from there."


def start(name: str) -> None:
    """Work at a sweep, from a callback; where that is refused, the page says why."""
    job_panel.or_say_why(lambda: dose_job.start(workspace(), name))


def panel(study: Workspace, name: str, run: Run) -> None:
    """How far a sweep is, polled while a job runs; the page starts over when a point appears. Nothing where it is whole."""

    def draw(job: Job | None, standing: Standing) -> None:
        if run.whole and not (standing.running and _works_at(study, job, name)):
            return
        with st.container(border=True):
            _running(study, job, name) if standing.running else _offer(study, job, name, run)

    job_panel.follow("The sweep", lambda: jobs(study).job(JOB), draw, stamp=functools.partial(dose.stamp, name))


def _works_at(study: Workspace, job: Job | None, name: str) -> bool:
    return job is not None and list(job.command) == dose_job.command(study, name)


def _running(study: Workspace, job: Job, name: str) -> None:
    status = read_status(study.status_file(JOB))
    job_panel.bar(status, job.started_at, _how_far, "Starting: the language model is being loaded.")
    if _works_at(study, job, name):
        job_panel.stop(study, JOB, "dose", STOP_HELP)
    else:
        st.caption("That is another sweep; one runs at a time. This one can be started when it has ended.")
        there = {"run": job.command[-1], "point": None}
        st.button("Open that one", icon=":material/monitoring:", key="open:running", on_click=url.put, kwargs=there)


def _how_far(status: Mapping) -> str:
    left = "" if not status["seconds_left"] else f" · about {duration(status['seconds_left'])} left"
    return f"{status['done']:,} of {status['total']:,} tokens through the model · {status['rate']:,.0f} tokens/s{left}"


def _offer(study: Workspace, job: Job | None, name: str, run: Run) -> None:
    there, total = len(run.points) + len(run.skipped), len(run.settings.points())
    done = "done" if run.skipped else "measured"
    st.markdown(f"**{there} of {total} points are {done}.** The sweep stands still; it goes on with the next point.")
    st.button("Go on", icon=":material/play_arrow:", key="start:dose", type="primary", on_click=start, args=(name,), help=HELP)
    if job and _works_at(study, job, name) and job.state in ("failed", "stopped"):
        job_panel.log(study, JOB, job, job.state)
