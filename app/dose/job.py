"""The job of a sweep on its page: how far it is, how it is stopped, and how it goes on."""

from collections.abc import Mapping

import streamlit as st

from app.components import job_panel, url
from app.numbers import duration
from app.services import dose, workspace
from bae.steering import dose_job
from bae.steering.dose_job import JOB, Run
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training.runs import jobs
from bae.workspace import Workspace

EVERY_S = 2
HELP = "Runs in a process of its own, which goes on when this page is closed. Each point is kept as soon as it is measured."
STOP_HELP = "Ends the process. The points that are there stay, and it can go on from there."


def start(name: str) -> None:
    """Work at a sweep, from a callback; where that is refused, the page says why."""
    job_panel.or_say_why(lambda: dose_job.start(workspace(), name))


def panel(study: Workspace, name: str, run: Run) -> None:
    """How far a sweep is, polled while a job runs; the page starts over when a point appears. Nothing where it is whole."""
    job_panel.say_refused()
    try:
        job = jobs(study).job(JOB)
    except ValueError as error:
        st.error(f"The sweep cannot be followed: {url.code(error)}")
        return
    # read once: the state of a job is that of its process, whenever it is asked for
    before, kept = job and job.state, dose.stamp(name)
    if run.whole and not (before == "running" and _works_at(study, job, name)):
        return

    def draw() -> None:
        now = jobs(study).job(JOB)
        if (now and now.state) != before or dose.stamp(name) != kept:
            st.rerun()
        with st.container(border=True):
            if now and before == "running":
                _running(study, now, name)
            else:
                _offer(study, now, name, run)

    st.fragment(run_every=EVERY_S if before == "running" else None)(draw)()


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
