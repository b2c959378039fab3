"""The panel that runs an experiment on entropies: which sizes, how long it takes, how far it is, and how to stop it."""

import functools
import re
from collections.abc import Mapping, Sequence

import streamlit as st

from app.components import job_panel, url
from app.components.explain import MEANINGS, hover
from app.components.job_panel import Standing
from app.services import entropy, workspace
from bae.experiments.entropy import job as entropy_job
from bae.experiments.entropy.job import JOB
from bae.experiments.entropy.results import Results, running_file
from bae.experiments.entropy.sizes import SIZES, Size
from bae.numbers import duration
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training.runs import jobs
from bae.workspace import Workspace

USUAL = "none"
"""In the address, instead of the name of a recipe."""
FORECAST = "entropy:forecast"
HELP = "Runs in a process of its own, which goes on when this page or its server is closed. What was stopped goes on where it was."
STOP_HELP = "Ends the process. What it has kept stays; the button goes on from there."
ASKED_SIZES = tuple(sorted({f"ask_{size.option}" for sizes in SIZES.values() for size in sizes}))
ASKED = ("recipe", *ASKED_SIZES)
"""The parameters that hold what is asked for, which fit no other experiment."""


def panel(experiment: str, found: Sequence[Results]) -> None:
    """What can be run, and how a run stands; drawn again every two seconds while one runs."""
    study = workspace()
    follows = {"by_hand": functools.partial(entropy_job.elsewhere, study), "stamp": entropy.stamp, "patience_s": job_panel.DRAWN_FOR_S}

    def draw(job: Job | None, standing: Standing) -> None:
        if standing.running:
            _running(study, None if standing.by_hand else job, experiment)
        else:
            _start(study, experiment, found)

    job_panel.follow("The run", lambda: jobs(study).job(JOB), draw, **follows)


# while it runs


def _running(study: Workspace, job: Job | None, experiment: str) -> None:
    """Without a job, that of somebody who typed the command."""
    runs = entropy_job.experiment_of(job) if job else entropy_job.elsewhere(study) or experiment
    with st.container(border=True):
        if runs != experiment:
            st.caption(f"Another of these experiments runs, {url.code(runs)}; one runs at a time.")
        since = job.started_at if job else running_file(study).stat().st_mtime
        job_panel.bar(read_status(entropy_job.status_file(study, runs)), since, _how_far, "Starting.")
        if job:
            st.caption(url.code(" ".join(["bae", *job.command[3:]])))
            job_panel.stop(study, JOB, "entropy", STOP_HELP)
        else:
            st.caption("It was started by hand, and is stopped there.")


def _how_far(status: Mapping) -> str:
    rate = f" at {status['rate']:,.3g} {status['unit']}/s" if status["rate"] else ""
    left = "" if status["seconds_left"] is None else f", {duration(status['seconds_left'])} left of this part"
    stage = status["stage"][:1].upper() + status["stage"][1:]
    return f"{url.code(stage)}: {status['done']:,} of {status['total']:,} {status['unit']}{rate}{left}"


# before it runs


def _start(study: Workspace, experiment: str, found: Sequence[Results]) -> None:
    with st.container(border=True):
        st.markdown("**Run it**")
        recipe, changes = _sizes(experiment)
        if changes is None:
            return
        try:
            asked = entropy_job.settings(experiment, recipe, changes)
            begun = entropy.begun(experiment, asked, found) if found else None
        except (ValueError, OSError) as error:
            st.error(f"This cannot be run: {url.code(error)}", icon=":material/error:")
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            _button(study, experiment, recipe, changes, begun)
            _estimate(experiment, recipe, changes, asked, found, begun)
        st.code(entropy_job.spelled(experiment, study.folder.name, recipe, changes), language=None, wrap_lines=True)
        _last(study, experiment)


def _sizes(experiment: str) -> tuple[str | None, dict | None]:
    """The recipe, and the sizes that differ from it; None where one cannot be read, which the page says."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        recipe = _recipe(experiment)
        usual = entropy_job.settings(experiment, recipe, {})
        chosen = {size.option: _size(size, entropy_job.value(usual, size)) for size in SIZES[experiment]}
    wrong = [option for option, one in chosen.items() if isinstance(one, str)]
    for option in wrong:
        url.wrong(f"ask_{option}", chosen[option], "whole numbers with commas between them, as 0,5,10", None)
    if wrong:
        return recipe, None
    sizes = {size.option: entropy_job.value(usual, size) for size in SIZES[experiment]}
    return recipe, {option: one for option, one in chosen.items() if one is not None and one != () and one != sizes[option]}


def _recipe(experiment: str) -> str | None:
    named = entropy_job.recipes(experiment)
    if not named:
        return None
    default = experiment if experiment in named else named[0]
    recipe = url.choice("recipe", [*named, USUAL], default)
    shown = {"format_func": lambda one: "none: usual sizes" if one == USUAL else one, "help": hover("ask_recipe"), "width": 170}
    url.bound(st.selectbox, "Recipe", "recipe", recipe, [*named, USUAL], default=default, also=ASKED_SIZES, **shown)
    return None if recipe == USUAL else recipe


def _size(size: Size, usual: int | tuple[int, ...] | None) -> int | tuple[int, ...] | str | None:
    """A size as the address has it; a text that is no list of numbers is given back as it is."""
    name, label, told = f"ask_{size.option}", MEANINGS[f"ask_{size.option}"].label, hover(f"ask_{size.option}")
    if not size.many:
        number = url.whole(name, 0, size.most, usual)
        shown = {"min_value": 0, "max_value": size.most, "step": 1, "placeholder": "usual", "help": told, "width": 140}
        return url.bound(st.number_input, label, name, number, default=usual, **shown)
    written = ",".join(map(str, usual or ()))
    text = st.query_params.get(name, written)
    # an emptied box asks for what it then shows
    shown = {"placeholder": written or "evenly spaced", "help": told, "width": 240}
    url.bound(st.text_input, label, name, text, default=written, **shown)
    compact = "".join(text.split())
    if not compact:
        return ()
    return tuple(map(int, compact.split(","))) if re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", compact) else text


def _button(study: Workspace, experiment: str, recipe: str | None, changes: Mapping, begun: Results | None) -> None:
    begin = functools.partial(entropy_job.start, study, experiment, recipe, changes)
    st.button(
        "Resume" if begun and not begun.finished else "Start",
        icon=":material/play_arrow:",
        key="start:entropy",
        type="primary",
        disabled=bool(begun and begun.finished),
        help=HELP,
        on_click=job_panel.or_say_why,
        args=(begin,),
    )


def _estimate(
    experiment: str, recipe: str | None, changes: Mapping, asked: object, found: Sequence[Results], begun: Results | None
) -> None:
    if begun and begun.finished:
        st.caption("A run of these sizes is there already, whole: choose it above. Other sizes make another run.", width="stretch")
        return
    kept = f" {len(begun.rows):,} of {begun.provenance['wanted']:,} rows of it are kept, and are not made again." if begun else ""
    if experiment == "synthetic":
        seconds, by = entropy_job.synthetic_seconds(found, asked)
        how = f"as the run of {by.provenance['date'][:10]} went" if by else "as measured on two CPU cores"
        st.caption(f"About {duration(seconds)} from the beginning, {how}.{kept}", width="stretch")
        return
    key = (entropy_job.spelled(experiment, "", recipe, changes), entropy.stamp())
    shown = st.session_state.get(FORECAST)
    help_ = "Reads some tokens and trains some steps, to see how fast this machine is now. It takes some seconds."
    if st.button("How long will it take?", icon=":material/timer:", key="forecast:entropy", help=help_):
        shown = _measured(experiment, recipe, changes, key)
    if shown and shown[0] == key:
        st.caption(f"{shown[1]}{kept}", width="stretch")
    elif kept:
        st.caption(kept, width="stretch")


def _measured(experiment: str, recipe: str | None, changes: Mapping, key: tuple) -> tuple[tuple, str] | None:
    try:
        with st.spinner("Measuring how fast this machine reads and trains."):
            told = entropy.forecast(experiment, recipe, changes)
    except (ValueError, OSError) as error:
        st.error(f"This cannot be run: {url.code(error)}", icon=":material/error:")
        return None
    reading = f"{told.tokens:,} tokens to read at {told.tokens_per_s:,.0f} tokens/s, " if told.tokens else ""
    text = (
        f"About {duration(told.seconds)}: {reading}{told.steps:,} steps of {1000 * told.seconds_a_step:,.0f} ms. "
        f"{told.disk_gb:,.2f} GB on disk, {told.memory_gb:,.2f} GB of memory. Measured just now, with whatever else runs here."
    )
    st.session_state[FORECAST] = (key, text)
    return key, text


def _last(study: Workspace, experiment: str) -> None:
    job = jobs(study).job(JOB)
    if job and entropy_job.experiment_of(job) == experiment:
        job_panel.last_run(study, job, JOB)
