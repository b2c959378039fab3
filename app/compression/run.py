"""The panel that runs the compression experiment: what is missing and how long it takes, how far it is, and how to stop it."""

import functools
import re
import time

import streamlit as st

from app.components import job_panel, url
from app.components.job_panel import Standing
from app.services import compression
from app.services.compression import Found
from bae.experiments.compression import job as compression_job
from bae.experiments.compression.job import JOB, UNIT
from bae.numbers import duration
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training.runs import jobs
from bae.workspace import Workspace

CURSOR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""What moves a terminal's cursor: the bar of a dictionary lies within that of all."""
HELP = (
    "Runs in a process of its own, which goes on when this page or its server is closed. What was stopped goes on a dictionary at a time."
)
STOP_HELP = "Ends the process. The dictionaries that were measured stay; the button above goes on from there."


def panel(study: Workspace, found: Found | None) -> None:
    """What can be run, and how a run stands; drawn again every two seconds while it runs."""

    def draw(job: Job | None, standing: Standing) -> None:
        if standing.by_hand:
            _by_hand(study, found)
        elif standing.running:
            _running(study, job, found)
        else:
            _start(study, job, found)

    by_hand = functools.partial(compression_job.elsewhere, study)
    job_panel.follow("The run", lambda: jobs(study).job(JOB), draw, by_hand, compression.stamp)


def _by_hand(study: Workspace, found: Found | None) -> None:
    status = read_status(study.status_file(JOB))
    with st.container(border=True):
        job_panel.bar(status, 0.0, lambda now: f"{_how_far(study, now, found)}.", "Loading the model.")
        st.caption("It was started by hand, with `python -m bae.experiments.compression.experiment`, and is stopped there.")


def _running(study: Workspace, job: Job, found: Found | None) -> None:
    status = read_status(study.status_file(JOB))
    took = duration(max(time.time() - job.started_at, 0))
    with st.container(border=True):
        job_panel.bar(
            status, job.started_at, lambda now: f"{_how_far(study, now, found)}, {took} so far.", f"Loading the model, {took} so far."
        )
        if lines := jobs(study).tail(JOB):
            st.caption(url.code(CURSOR.sub("", lines[-1])))
        st.caption(url.code(" ".join(["python", *job.command[1:]])))
        job_panel.stop(study, JOB, "compression", STOP_HELP)


def _how_far(study: Workspace, status: dict, found: Found | None) -> str:
    if status["unit"] != UNIT:
        left = "" if status["seconds_left"] is None else f", {duration(status['seconds_left'])} left of this part"
        told = f"{url.code(status['stage'])}: {status['done']:,} of {status['total']:,} {url.code(status['unit'])}"
        return f"{told} at {status['rate']:,.0f} a second{left}"
    missing = len(_missing(found))
    left = compression_job.expected_seconds(study, missing, _settings(found)[1])
    return f"{max(status['total'] - missing, 0):,} of {status['total']:,} dictionaries are measured, about {duration(left)} left"


def _settings(found: Found | None) -> tuple[int, int]:
    """Vectors and spliced tokens: those of the run that is there, which goes on with them, else the usual ones."""
    told = found.provenance["settings"] if found else {}
    return told.get("vectors", compression_job.VECTORS), told.get("spliced_tokens", compression_job.SPLICED_TOKENS)


def _start(study: Workspace, job: Job | None, found: Found | None) -> None:
    names = compression.bae_names()
    if not names:
        st.info("No dictionary here has bits. Train a BAE on the page Training.", icon=":material/layers_clear:")
        return
    missing = _missing(found)
    vectors, tokens = _settings(found)
    with st.container(border=True):
        st.markdown("**Run it**")
        st.caption(_what_it_does(study, names, missing, tokens, bool(found)))
        begin = functools.partial(compression_job.start, study, vectors, tokens)
        st.button(
            "Go on" if found and missing else "Start",
            icon=":material/play_arrow:",
            key="start:compression",
            type="primary" if missing else "secondary",
            disabled=not missing,
            help=HELP,
            on_click=job_panel.or_say_why,
            args=(begin,),
        )
        st.code(" ".join(["python", *compression_job.command(study.folder.name, vectors, tokens)]), language=None, wrap_lines=True)
        job_panel.last_run(study, job, JOB)


def _missing(found: Found | None) -> list[str]:
    """Dictionaries without rows of the checkpoint that is there."""
    measured = {row.dictionary for row in found.rows} - set(compression.replaced(found.rows)) if found else set()
    return sorted(set(compression.bae_names()) - measured)


def _what_it_does(study: Workspace, names: list[str], missing: list[str], tokens: int, begun: bool) -> str:
    if not missing:
        return "Every dictionary of bits in this workspace is measured. Another one, or another checkpoint of one, can be measured later."
    seconds = compression_job.expected_seconds(study, len(missing), tokens)
    which = ", ".join(map(url.code, missing))
    rest = f"; {len(names) - len(missing)} are kept and are not measured again" if begun else ""
    return (
        f"{which}: held-out hidden states are written at several thresholds, beside PCA, int8 and int4 at the same size, restored, and put "
        f"back into the language model{rest}. About {duration(seconds)}, on two CPU cores with the packaged model."
    )
