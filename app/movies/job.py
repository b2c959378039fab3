"""The panel that runs the movie-review experiment: what to run and how long it takes, how far it is, and how to stop it."""

import functools
import time
from collections.abc import Sequence

import streamlit as st

from app.components import job_panel, url
from app.components.explain import hover
from app.numbers import duration
from app.services import movies
from bae.experiments.movies import job as movie_job
from bae.experiments.movies.job import JOB, MOST_SAMPLES
from bae.experiments.movies.results import GAMMAS, STAGE, Results
from bae.system.progress import read_status
from bae.training.runs import jobs
from bae.workspace import Workspace

EVERY_S = 2
DRAWN_FOR_S = 15
"""Curves are drawn anew no sooner after they were drawn."""
DEFAULT_SAMPLES = 512
PARTS = {"reading examples": "1 of 3, reading examples", "demonstrations": "2 of 3, answering behind demonstrations", "steering": "3 of 3"}
HELP = "Runs in a process of its own, which goes on when this page or its server is closed. What was stopped goes on where it was."
STOP_HELP = "Ends the process. The points that it has kept stay; the button above goes on from there."


def panel(study: Workspace, found: Sequence[Results]) -> None:
    """What can be run, and how a run stands; drawn again every two seconds while it runs."""
    job_panel.say_refused()
    try:
        before = _standing(study)
    except ValueError as error:
        st.error(f"The run cannot be followed: {url.code(error)}")
        return
    running = "running" in before
    kept, drawn = movies.stamp(), time.monotonic()

    def draw() -> None:
        grown = movies.stamp() != kept and time.monotonic() - drawn > DRAWN_FOR_S
        if _standing(study) != before or grown:
            st.rerun()
        _running(study) if running else _start(study, found)

    st.fragment(run_every=EVERY_S if running else None)(draw)()


def _standing(study: Workspace) -> tuple[str | None, str | None]:
    """How the job stands, and whether somebody runs the command."""
    job = jobs(study).job(JOB)
    return job and job.state, "running" if movie_job.elsewhere(study) else None


def _running(study: Workspace) -> None:
    job = jobs(study).job(JOB)
    ours = job is not None and job.state == "running"
    status = read_status(study.status_file(STAGE))
    with st.container(border=True):
        job_panel.bar(status, job.started_at if ours else 0.0, _how_far, "Loading the model.")
        if ours:
            st.caption(url.code(" ".join(["bae", *job.command[3:]])))
            job_panel.stop(study, JOB, "movies", STOP_HELP)
        else:
            st.caption("It was started by hand, with `bae steer evaluate`, and is stopped there.")


def _how_far(status: dict) -> str:
    part = PARTS.get(status["stage"], url.code(status["stage"]))
    left = "" if status["seconds_left"] is None else f", {duration(status['seconds_left'])} left of this part"
    rate = f" at {status['rate']:,.2g} {status['unit']}/s" if status["unit"] == "runs" else f" at {status['rate']:,.0f} {status['unit']}/s"
    return f"Part {part}: {status['done']:,} of {status['total']:,} {status['unit']}{rate if status['rate'] else ''}{left}"


def _start(study: Workspace, found: Sequence[Results]) -> None:
    layers = [str(layer) for layer in movies.layers()]
    if not layers:
        st.info("There is no dictionary to read a direction with: train one on the Training page, or import one.", icon=":material/layers:")
        return
    with st.container(border=True):
        st.markdown("**Run it**")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            layer = url.choice("layer", layers, layers[len(layers) // 2])
            samples = url.whole("samples", 2, MOST_SAMPLES, DEFAULT_SAMPLES)
            url.bound(st.selectbox, "Layer", "layer", layer, layers, default=layers[len(layers) // 2], help=hover("layer"), width=120)
            url.bound(
                st.number_input, "Reviews", "samples", samples, default=DEFAULT_SAMPLES, min_value=2, max_value=MOST_SAMPLES, step=1,
                help=hover("movie_samples"), width=160,
            )  # fmt: skip
            begun = _same(found, int(layer), samples)
            _button(study, int(layer), samples, begun)
        st.caption(_estimate(found, samples, begun))
        st.code(f"bae steer evaluate --workspace {study.folder.name} --layer {layer} --samples {samples}", language=None)
        job_panel.last_run(study, jobs(study).job(JOB), JOB)


def _same(found: Sequence[Results], layer: int, samples: int) -> Results | None:
    """The run that would be gone on with: the one whose file a run that starts now would write to."""
    files = movies.expected_files(layer, samples)
    return next((results for results in found if results.file in files), None)


def _button(study: Workspace, layer: int, samples: int, begun: Results | None) -> None:
    begin = functools.partial(movie_job.start, study, layer, samples)
    complete = begun is not None and not begun.missing(GAMMAS)
    st.button(
        "Resume" if begun and not complete else "Start",
        icon=":material/play_arrow:",
        key="start:movies",
        type="secondary" if complete else "primary",
        disabled=complete,
        help=HELP,
        on_click=job_panel.or_say_why,
        args=(begin,),
    )


def _estimate(found: Sequence[Results], samples: int, begun: Results | None) -> str:
    if begun and not begun.missing(GAMMAS):
        return (
            "This run is there already, with all its points: choose it above. Another layer, or other numbers of reviews, make another run."
        )
    seconds, by = movie_job.expected_seconds(found, samples)
    told = "as on two CPU cores with the packaged model"
    if by:
        told = f"as the run at layer {by.settings['layer']} took {duration(by.seconds)} for {by.settings['samples']:,} reviews"
        told += f" ({url.code(by.machine)})" if by.machine else ""
    rest = f" {len(begun.points)} points of it are kept, and are not run again." if begun else ""
    return f"About {duration(seconds)} from the beginning, {told}.{rest}"
