"""What all panels of jobs share: why one was not started, how far it is, how it is stopped, and what became of the last one."""

import functools
import time
from collections.abc import Callable, Mapping

import streamlit as st

from app.components import url
from bae.system.jobs import Job
from bae.training.runs import jobs
from bae.workspace import Workspace

REFUSED = "training-refused"


def or_say_why(begin: Callable[[], object]) -> None:
    """Begin or end something; where that is refused, the page says why when it is drawn next."""
    try:
        begin()
    except (OSError, ValueError) as error:
        st.session_state[REFUSED] = str(error)


def say_refused() -> None:
    """Why something was not started, once."""
    if refused := st.session_state.pop(REFUSED, None):
        st.error(f"Not started: {url.code(refused)}")


def bar(status: Mapping | None, since: float, told: Callable[[Mapping], str], starting: str) -> None:
    """How far a job is: `told` of what it has written since it was started, in seconds since 1970; before that, `starting`."""
    if status is None or status["updated"] < since:
        st.progress(0.0, text=starting)
    else:
        st.progress(min(status["done"] / max(status["total"], 1), 1.0), text=told(status))


def stop(study: Workspace, name: str, key: str, told: str | None = None) -> None:
    """The button that ends a job, with its hover text."""
    end = functools.partial(jobs(study).stop, name)
    st.button("Stop", icon=":material/stop:", key=f"stop:{key}", on_click=or_say_why, args=(end,), help=told)


def last_run(study: Workspace, job: Job | None, name: str) -> None:
    """What became of the last run where it did not end by itself; nothing otherwise."""
    if job and job.state in ("failed", "stopped"):
        st.caption(f"The last run {'was stopped' if job.state == 'stopped' else 'failed'}.")
        log(study, name, job, job.state)


def log(study: Workspace, name: str, job: Job, state: str) -> None:
    """What a job has printed: its error or its last words, and the end of its log."""
    lines = jobs(study).tail(name)
    if state == "failed" and lines:
        st.error(url.code(lines[-1]), icon=":material/error:")
    if state == "stopped" and lines:
        st.caption(f"Its last words: {url.code(lines[-1])}")
    with st.expander("Log", icon=":material/terminal:"):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.started_at))
        st.caption(f"Started {when}, process {job.pid}. The whole log is {url.code(f'jobs/{name}.log')} in the workspace.")
        st.code("\n".join(lines) or "nothing yet", language=None, wrap_lines=True)
