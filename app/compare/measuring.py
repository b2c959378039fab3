"""The panel that measures the dictionaries: `bae evaluate` as a job, what it says meanwhile, and how to stop it."""

import functools
import time
from collections.abc import Sequence

import streamlit as st

from app import navigation, services
from app.components import job_panel, url
from app.training import runs as training
from bae.measures import reports
from bae.measures.reports import Report
from bae.numbers import duration
from bae.system.jobs import Job
from bae.training import runs
from bae.workspace import Workspace

HELP = (
    "Runs `bae evaluate` in a process of its own, which goes on when this page or its server is closed: FVU, cost and density on held-out "
    "hidden states, then the language model with reconstructions in it, then sparse probing."
)
STOP_HELP = "Ends the process. What was measured until then stays."


def command(study: Workspace, rates: bool = False) -> str:
    """What a person types to measure."""
    return f"`bae evaluate --workspace {study.folder.name}{' --rates' if rates else ''}`"


def panel(study: Workspace, rows: Sequence[Report]) -> None:
    """What can be measured, and how the measuring stands; drawn again every two seconds while it runs."""
    job_panel.say_refused()
    try:
        job = runs.jobs(study).job(reports.JOB)
    except ValueError as error:
        st.error(f"The measuring cannot be followed: {url.code(error)}")
        return
    # read once: the state of a job is that of its process, whenever it is asked for
    before = job and job.state
    running = before == "running"

    def draw() -> None:
        now = runs.jobs(study).job(reports.JOB)
        if (now and now.state) != before:
            st.rerun()
        _running(study, now) if running else _still(study, now, rows)

    st.fragment(run_every=training.EVERY_S if running else None)(draw)()


def _running(study: Workspace, job: Job) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge("measuring", color="blue", icon=":material/play_circle:")
            st.caption(f"{duration(max(time.time() - job.started_at, 0))} so far{_older_figures()}", width="stretch")
            job_panel.stop(study, reports.JOB, "evaluate", STOP_HELP)
        if lines := runs.jobs(study).tail(reports.JOB):
            st.caption(url.code(lines[-1]))
        job_panel.log(study, reports.JOB, job, "running")


def _older_figures() -> str:
    dates = [row.measured_at for row in services.measured()[0] if row.measured_at]
    return f" · the figures below are of {_when(max(dates))}" if dates else ""


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _still(study: Workspace, job: Job | None, rows: Sequence[Report]) -> None:
    if not runs.harvested(study, "held-out"):
        _no_text(study)
    elif rows:
        with st.container(horizontal=True, vertical_alignment="center"):
            _button(study, rows)
            st.caption(_standing(study, rows), width="stretch")
    if job and job.state in ("failed", "stopped"):
        st.caption(f"The last measuring was {'stopped' if job.state == 'stopped' else 'not finished: it failed'}.")
        job_panel.log(study, reports.JOB, job, job.state)


def _no_text(study: Workspace) -> None:
    st.info(
        f"There is no held-out text to measure on. `bae harvest --workspace {study.folder.name}` keeps its hidden states; the Training "
        "page starts it too. Until then the figures are those that came with the checkpoints.",
        icon=":material/science:",
    )
    navigation.link("training", "Harvest on the Training page")


def _button(study: Workspace, rows: Sequence[Report]) -> None:
    complete = all(row.measured for row in rows)
    st.button(
        "Measure again" if complete else "Measure",
        icon=":material/science:",
        key="start:evaluate",
        type="secondary" if complete else "primary",
        on_click=job_panel.or_say_why,
        args=(functools.partial(reports.start, study),),
        help=HELP,
    )


def _standing(study: Workspace, rows: Sequence[Report]) -> str:
    """One line: what has been measured, and what would be."""
    rates = runs.harvested(study, "train")
    dates = [row.measured_at for row in rows if row.measured_at]
    missing = len(rows) - len(dates)
    done = (
        f"{len(dates):,} of {len(rows):,} dictionaries measured here, last on {_when(max(dates))}. "
        if dates
        else "Nothing measured here yet. "
    )
    what = f"{command(study, rates)} measures all; it takes some minutes."
    why = "" if rates else " Without a training harvest it leaves the rate-distortion plot out."
    return done + (what + why if missing or not rates else "")
