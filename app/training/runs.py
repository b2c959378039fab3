"""The parts of the training page: the runs with their buttons, and the harvest that they read."""

import time
from collections.abc import Callable, Mapping, Sequence
from html import escape

import streamlit as st

from app import charts, services
from app.components import job_panel, url
from app.components.explain import MEANINGS, hover
from bae.names import TITLES
from bae.numbers import duration
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training import runs
from bae.training.curves import Curve, last
from bae.training.runs import Run
from bae.workspace import Workspace

EVERY_S = 2
STARTING_S = 60
"""A training that has said nothing for longer is no longer called starting."""
WIDTHS = (2.2, 3.6, 1.1, 1.1, 1.6)
BADGES = {
    "not started": ("gray", ":material/radio_button_unchecked:"),
    "running": ("blue", ":material/play_circle:"),
    "done": ("green", ":material/check_circle:"),
    "stopped": ("orange", ":material/pause_circle:"),
    "failed": ("red", ":material/error:"),
}
TRAIN_HELP = "Trains it in a process of its own, which goes on when this page or its server is closed."
AGAIN_HELP = "Trains it here from the start. Its checkpoint is replaced when the training has ended, not before."
RESUME_HELP = "Goes on from the last saved state, bit for bit as if it had never stopped."
STOP_HELP = "Saves the state and ends the process; Resume goes on from that step."
STARTS = {"not started": ("Train", TRAIN_HELP), "done": ("Train", AGAIN_HELP)}


def standing(study: Workspace, found: Sequence[Run]) -> tuple:
    """What decides which parts the page has; when it changes, the page starts over."""
    harvest = _harvest_job(study)
    return tuple((run.name, run.state, len(run.curves)) for run in found), harvest and harvest.state, runs.harvested(study)


def busy(study: Workspace, found: Sequence[Run]) -> bool:
    """Whether anything runs that the page has to follow."""
    harvest = _harvest_job(study)
    return any(run.state == "running" for run in found) or (harvest is not None and harvest.state == "running")


def follower(study: Workspace, found: Sequence[Run]) -> Callable[[Callable[[Sequence[Run]], None]], None]:
    """What draws a part of the page, and draws it again every two seconds while something runs.

    When something began or ended the whole page starts over. Raises ValueError where the record of a job is damaged.
    """
    before, every = standing(study, found), EVERY_S if busy(study, found) else None

    def follow(draw: Callable[[Sequence[Run]], None]) -> None:
        def draw_anew() -> None:
            now = services.all_runs()
            if standing(study, now) != before:
                st.rerun()
            draw(now)

        st.fragment(run_every=every)(draw_anew)()

    return follow


def colours(found: Sequence[Run]) -> dict[str, str]:
    """The colour of every run, the same in the list and in the charts."""
    return {run.name: charts.RUN_COLOURS[number % len(charts.RUN_COLOURS)] for number, run in enumerate(found)}


# the list of runs


def listed(study: Workspace, found: Sequence[Run]) -> None:
    """Every run with how it stands and what can be done with it."""
    job_panel.say_refused()
    heads = st.columns(WIDTHS)
    for column, name in zip(heads, ("run", "state", "curve_loss", "curve_held_out_fvu"), strict=False):
        column.caption(MEANINGS[name].label, help=hover(name))
    tints, can_train = colours(found), runs.harvested(study)
    for run in found:
        with st.container(border=True):
            _row(study, run, tints[run.name], can_train)
            _what_it_said(study, run)


def _row(study: Workspace, run: Run, colour: str, can_train: bool) -> None:
    stages = services.curves(run)
    name, state, loss, fvu, action = st.columns(WIDTHS, vertical_alignment="center")
    with name:
        _name(run, colour)
    with state:
        _state(study, run, stages)
    loss.markdown(_figure(last(stages, "loss")))
    with fvu:
        _fvu(run, last(stages, "held_out_fvu"))
    with action:
        _action(study, run, can_train)


def _name(run: Run, colour: str) -> None:
    told = "not in the recipe" if run.table is None else f"{TITLES[run.table['kind']]} · layer {run.table['layer']}"
    st.html(
        f'<div style="line-height:1.35;overflow-wrap:anywhere"><span style="display:inline-block;width:.7em;height:.7em;border-radius:50%;'
        f'background:{colour};margin-right:.45em"></span><b>{escape(run.name)}</b><br>'
        f'<span style="font-size:.82rem;opacity:.7">{escape(told)}</span></div>'
    )


def _fvu(run: Run, held_out: float | None) -> None:
    """What the curve says, else what was measured for the checkpoint of a training that has no curve."""
    if held_out is not None or run.state != "done":
        st.markdown(_figure(held_out))
        return
    try:
        st.markdown(_figure(runs.figures(run).get("fvu")))
    except ValueError as error:
        st.markdown("damaged", help=f"The checkpoint's config.json cannot be read: {url.code(error)}")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _state(study: Workspace, run: Run, stages: Sequence[Curve]) -> None:
    status = runs.progress(study, run) if run.state == "running" else None
    total, done = sum(run.stage_steps), steps_done(run, stages, status)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        colour, icon = BADGES[run.state]
        st.badge(run.state, color=colour, icon=icon)
        st.caption(_how_far(study, run, done, total, status), width="stretch")
    if total and done and run.state != "done":
        st.progress(min(done / total, 1.0))


def steps_done(run: Run, stages: Sequence[Curve], status: Mapping | None) -> int:
    """Steps of all stages: as the process says it, which counts those of one stage, else as the curves do."""
    return status["done"] if status and len(run.stage_steps) == 1 else sum(curve.last_step() for curve in stages)


def _how_far(study: Workspace, run: Run, done: int, total: int, status: Mapping | None) -> str:
    """One line: steps, rate and time left, or what is to be expected."""
    if run.state == "not started":
        return f"{total:,} steps{_forecast(study, total)}"
    if not run.curves and run.state == "done":
        return f"Trained elsewhere, without a curve. Here: {total:,} steps{_forecast(study, total)}"
    counted = f"{done:,} of {total:,} steps" if total else f"{done:,} steps"
    if run.state != "running":
        return counted
    if status is None:
        return f"{counted} · starting" if time.time() - run.job.started_at < STARTING_S else counted
    if total and done >= total:
        return f"{counted} · measuring it on held-out text"
    left = f" · {duration((total - done) / status['rate'])} left" if total and status["rate"] else ""
    whose = " · by a process that was not started here" if run.elsewhere else ""
    return f"{counted} · {status['rate']:,.1f} steps/s{left}{whose}"


def _forecast(study: Workspace, total: int) -> str:
    rate = runs.last_rate(study)
    return f" · about {duration(total / rate)} at the last training's {rate:,.1f} steps/s" if rate else ""


def _action(study: Workspace, run: Run, can_train: bool) -> None:
    if run.elsewhere:
        return
    if run.state == "running":
        st.button("Stop", key=f"stop:{run.name}", on_click=_stop, args=(study, run.name), help=STOP_HELP)
    elif run.table is not None and not (run.state == "done" and run.curves):
        label, help_text = STARTS.get(run.state, ("Resume", RESUME_HELP))
        st.button(
            label,
            key=f"start:{run.name}",
            on_click=start,
            args=(study, run.name),
            help=help_text if can_train else "It needs the hidden states first: see above.",
            disabled=not can_train,
        )


def start(study: Workspace, name: str) -> None:
    """Train a run; where it cannot be started, the page says why."""
    job_panel.or_say_why(lambda: runs.start(study, name))


def _stop(study: Workspace, name: str) -> None:
    job_panel.or_say_why(lambda: runs.jobs(study).stop(runs.job_name(name)))


def _what_it_said(study: Workspace, run: Run) -> None:
    if run.job and not run.elsewhere and run.state in ("failed", "stopped", "running"):
        job_panel.log(study, runs.job_name(run.name), run.job, run.state)


# the hidden states that training reads


def _harvest_job(study: Workspace) -> Job | None:
    return runs.jobs(study).job("harvest")


def harvest(study: Workspace) -> None:
    """Where the hidden states are missing: what makes them, and how far it is."""
    if runs.harvested(study):
        return
    job, recipe = _harvest_job(study), study.recipe
    with st.container(border=True):
        if job and job.state == "running":
            _harvest_progress(study, job)
        else:
            tokens = recipe.train_tokens + recipe.held_out_tokens
            layers = "layer" if len(recipe.layers) == 1 else "layers"
            st.markdown(
                f"**There are no hidden states to train on yet.** `bae harvest --workspace {study.folder.name}` reads {tokens:,} tokens "
                f"through the language model and keeps the hidden states of {layers} {', '.join(map(str, recipe.layers))}. "
                "It shows its rate and the time left once it runs, and goes on where it stopped."
            )
            st.button(
                "Harvest hidden states" if job is None else "Resume the harvest",
                icon=":material/play_arrow:",
                key="start:harvest",
                type="primary",
                on_click=job_panel.or_say_why,
                args=(lambda: runs.start_harvest(study),),
            )
        if job:
            log(study, "harvest", job, job.state)


def _harvest_progress(study: Workspace, job: Job) -> None:
    status = read_status(study.status_file("harvest"))
    if status is None or status["updated"] < job.started_at:
        st.progress(0.0, text="The harvest is starting: the language model is being loaded.")
    else:
        left = "" if status["seconds_left"] is None else f" · {duration(status['seconds_left'])} left"
        text = f"Harvest: {status['done']:,} of {status['total']:,} tokens · {status['rate']:,.0f} tokens/s{left}"
        st.progress(min(status["done"] / max(status["total"], 1), 1.0), text=text)
    job_panel.stop(study, "harvest", "harvest")
