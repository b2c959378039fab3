"""What all panels of jobs share: how one is followed, why it was not started, how far it is, how it is stopped, how the last one ended."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import streamlit as st

from app.components import url
from bae.system.jobs import Job, State
from bae.training.runs import jobs
from bae.workspace import Workspace

REFUSED = "training-refused"
EVERY_S = 2
DRAWN_FOR_S = 15
"""Figures that take long to look at are drawn anew no sooner after they were drawn."""


class Standing(NamedTuple):
    """How a job stands, and whether somebody runs its command without one."""

    state: State | None
    """None where no job of this name was ever started."""
    by_hand: bool

    @property
    def running(self) -> bool:
        """Either way."""
        return self.by_hand or self.state == "running"


def follow(
    what: str,
    job: Callable[[], Job | None],
    draw: Callable[[Job | None, Standing], None],
    by_hand: Callable[[], object] = lambda: None,
    stamp: Callable[[], object] = lambda: None,
    every_s: float = EVERY_S,
    patience_s: float = 0.0,
) -> None:
    """Draw a job's panel, and again every `every_s` seconds while it runs.

    The page starts over when the job stands otherwise, or when `stamp` tells of more that is kept, `patience_s` after it was drawn at the
    earliest. `draw` is given the job and how it stood when the page was drawn: the state of a job is that of its process, whenever it is
    asked for. `what` names the job where its record is damaged.
    """
    say_refused()

    def standing(found: Job | None) -> Standing:
        return Standing(found and found.state, bool(by_hand()))

    try:
        before = standing(job())
    except ValueError as error:
        st.error(f"{what} cannot be followed: {url.code(error)}")
        return
    kept, drawn = stamp(), time.monotonic()

    def panel() -> None:
        now = job()
        grown = stamp() != kept and time.monotonic() - drawn > patience_s
        if standing(now) != before or grown:
            st.rerun()
        draw(now, before)

    st.fragment(run_every=every_s if before.running else None)(panel)()


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
