"""The labelling runs of a workspace: who works at them, how far they are, and what can be done with them."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import streamlit as st

from app import services
from app.components import job_panel, labels, url
from app.components.explain import hover
from app.training import runs as training
from bae.comsem.records import OPEN, RunRecord
from bae.comsem.spending import Prices
from bae.comsem.work import LOCK
from bae.numbers import duration
from bae.system.files import held
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training import runs
from bae.workspace import Workspace

JOB = "label"
"""The one process that works the queue off: `bae label`."""
WIDTHS = (3.4, 4.4, 2.6)
FINISHED_SHOWN = 4
BADGES = {
    "queued": ("gray", ":material/hourglass_empty:"),
    "running": ("blue", ":material/play_circle:"),
    "interrupted": ("orange", ":material/power_off:"),
    "paused": ("orange", ":material/pause_circle:"),
    "stopped": ("red", ":material/error:"),
    "done": ("green", ":material/check_circle:"),
    "cancelled": ("gray", ":material/cancel:"),
}
PAUSE_HELP = "Asks nothing more until it is resumed. What was answered is kept, and no call is paid twice."
RESUME_HELP = "Goes on where it stopped. What was answered is not asked again."
CANCEL_HELP = "Ends the run for good. The labels that it has stay."
AGAIN_HELP = "Puts the run back into the queue for the features that got no label."


# the process that works


def worker(study: Workspace) -> Job | None:
    """The job that labels, as it was last started from a page. Raises ValueError where its record is damaged."""
    return runs.jobs(study).job(JOB)


def at_work(study: Workspace) -> bool:
    """Whether a process works at the queue: the job, or one that somebody started by hand."""
    job = worker(study)
    return (job is not None and job.state == "running") or held(study.folder / "jobs" / LOCK)


def put_to_work(study: Workspace) -> None:
    """Have the queue worked off; nothing happens where that is done already."""
    with suppress(BlockingIOError):
        runs.jobs(study).start(JOB, runs.command("label", study))


def ask(study: Workspace, add: Callable[[], str]) -> None:
    """Put a run into the queue, have it worked off and show it; where that fails, the page says why."""

    def begin() -> None:
        url.put(run=add(), new=None)
        put_to_work(study)

    job_panel.or_say_why(begin)


# following


def standing(study: Workspace, found: Sequence[RunRecord]) -> tuple:
    """What decides which parts the page has; when it changes, the page starts over."""
    job = worker(study)
    return tuple((run.id, run.state) for run in found), at_work(study), job and job.state


def follower(study: Workspace, found: Sequence[RunRecord]) -> Callable[[Callable[[], None]], None]:
    """What draws a part of the page, and draws it again every two seconds while labels are being made.

    When a run began or ended the whole page starts over. Raises ValueError where the record of the job is damaged.
    """
    before = standing(study, found)
    every = training.EVERY_S if at_work(study) else None

    def follow(draw: Callable[[], None]) -> None:
        def draw_anew() -> None:
            if standing(study, services.records().runs()) != before:
                st.rerun()
            draw()

        st.fragment(run_every=every)(draw_anew)()

    return follow


# the queue


def queue(study: Workspace, looked_at: RunRecord | None) -> None:
    """The runs that wait, run or stand still in their order, then the last that ended; the one `looked_at` has its results below."""
    if refused := st.session_state.pop(job_panel.REFUSED, None):
        st.error(f"That did not work: {url.code(refused)}")
    found, busy = services.records().runs(), at_work(study)
    unfinished = [run for run in found if run.state in OPEN or run.state == "stopped"]
    ended = [run for run in reversed(found) if run not in unfinished]
    every = url.flag("ended", False)
    if not busy and any(run.state in ("queued", "running") for run in found):
        _nobody_works(study)
    for run in [*unfinished, *(ended if every else ended[:FINISHED_SHOWN])]:
        with st.container(border=True):
            _row(study, run, busy, looked_at)
    if len(ended) > FINISHED_SHOWN:
        label = "Only the last ones" if every else f"All {len(ended)} that ended"
        st.button(label, type="tertiary", key="ended", on_click=url.put, kwargs={"ended": None if every else 1})


def _nobody_works(study: Workspace) -> None:
    job = worker(study)
    failed = job is not None and job.state == "failed"
    with st.container(border=True):
        st.warning("Runs wait, and no process works at them" + (": the last one failed." if failed else "."), icon=":material/power_off:")
        st.button(
            "Start it",
            key="work",
            type="primary",
            icon=":material/play_arrow:",
            on_click=job_panel.or_say_why,
            args=(lambda: put_to_work(study),),
        )
        if failed:
            _last_words(study)
            job_panel.log(study, JOB, job, state="")


def _last_words(study: Workspace) -> None:
    """The last line of the log that says something: a traceback of several errors ends in a ruler."""
    words = (line for line in reversed(runs.jobs(study).tail(JOB)) if any(letter.isalpha() for letter in line))
    st.error(url.code(next(words, "It left no word; the log may say more.")), icon=":material/error:")


def state_of(run: RunRecord, busy: bool) -> str:
    """How a run stands; one that its process left is interrupted."""
    return "interrupted" if run.state == "running" and not busy else run.state


def _row(study: Workspace, run: RunRecord, busy: bool, looked_at: RunRecord | None) -> None:
    state, outcomes = state_of(run, busy), services.records().outcomes(run.id)
    failed = sum(outcome.label is None for outcome in outcomes.values())
    what, how, actions = st.columns(WIDTHS, vertical_alignment="center")
    with what:
        _heading(run, state)
        st.caption(f"{len(run.features):,} features · asked for {labels.date(run.created)}")
    with how:
        _how_far(study, run, state, len(outcomes), failed)
    with actions, st.container(horizontal=True, gap="small", horizontal_alignment="right"):
        _actions(study, run, state, failed)
        if looked_at is None or looked_at.id != run.id:
            there = {"ae": run.subject.dictionary, "run": run.id}
            st.button("Results", key=f"results:{run.id}", type="tertiary", on_click=url.put, kwargs=there)


def _heading(run: RunRecord, state: str) -> None:
    colour, icon = BADGES[state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{url.code(run.subject.dictionary)}** · {url.code(run.judge)}", width="content")
        st.badge(state, color=colour, icon=icon, help=hover(f"state_{state}"))


def _how_far(study: Workspace, run: RunRecord, state: str, done: int, failed: int) -> None:
    told = [f"{done:,} of {len(run.features):,} features"] + [f"{failed:,} without a label"] * bool(failed)
    told += _pace(study, run, done) if state == "running" else []
    st.caption(" · ".join(told + _spent(run)))
    if state != "done":
        st.progress(min(done / len(run.features), 1.0))
    if run.reason:
        st.caption(f"It stands still because {url.code(run.reason)}")


def _pace(study: Workspace, run: RunRecord, done: int) -> list[str]:
    """Rate and time left, as the process says them; what it does before the first feature and after the last."""
    status, job = read_status(study.status_file(JOB)), worker(study)
    if status is None or (job is not None and status["updated"] < job.started_at):
        return ["starting"]
    if status["stage"] != JOB:
        left = "" if status["seconds_left"] is None else f", {duration(status['seconds_left'])} left"
        return [f"first the sentences are read for what they mean: {status['done']:,} of {status['total']:,}{left}"]
    if done >= len(run.features):
        return ["asking the control"]
    if not status["rate"] or status["total"] != len(run.features):
        return ["waiting for the first answers"]
    return [_rate(status["rate"]), f"{duration((len(run.features) - done) / status['rate'])} left"]


def _rate(rate: float) -> str:
    return f"{rate:,.1f} features/s" if rate >= 0.5 else f"{duration(1 / rate)} a feature"


def _spent(run: RunRecord) -> list[str]:
    """What the run has come to: calls, tokens and, with prices, money."""
    calls, usage = services.spent(run)
    if not calls:
        return []
    prices = _prices(run.judge)
    money = [] if prices is None else [f"{prices.cost(usage):,.2f} {url.code(prices.currency)}"]
    return [f"{calls:,} calls", f"{usage.prompt_tokens + usage.completion_tokens:,} tokens", *money]


def _prices(judge: str) -> Prices | None:
    try:
        found = services.judges().get(judge)
    except ValueError:
        return None  # the form says what is wrong with the file
    return found and found.prices


def _actions(study: Workspace, run: RunRecord, state: str, failed: int) -> None:
    offered = {
        "Pause": (state in ("queued", "running"), PAUSE_HELP, lambda: services.records().set_state(run.id, "paused")),
        "Resume": (state in ("paused", "stopped", "interrupted"), RESUME_HELP, lambda: _resume(study, run)),
        "Cancel": (state in ("queued", "running", "interrupted", "paused"), CANCEL_HELP, lambda: _cancel(run)),
        f"Ask {failed:,} again": (state in ("done", "stopped") and failed > 0, AGAIN_HELP, lambda: _ask_again(study, run)),
    }
    for label, (possible, told, act) in offered.items():
        if possible:
            st.button(label, key=f"{label.split()[0].lower()}:{run.id}", help=told, on_click=job_panel.or_say_why, args=(act,))


def _resume(study: Workspace, run: RunRecord) -> None:
    services.records().set_state(run.id, "queued", only_from=("paused", "stopped"))
    put_to_work(study)


def _cancel(run: RunRecord) -> None:
    services.records().set_state(run.id, "cancelled")


def _ask_again(study: Workspace, run: RunRecord) -> None:
    services.records().forget_failures(run.id)
    services.records().set_state(run.id, "queued", only_from=("done", "stopped"))
    put_to_work(study)
