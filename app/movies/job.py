"""The panel that runs the movie-review experiment: what to run and how long it takes, how far it is, and how to stop it."""

import functools
from collections.abc import Sequence

import streamlit as st

from app.components import job_panel, url
from app.components.explain import hover
from app.components.job_panel import Standing
from app.services import movies
from bae.experiments.movies import job as movie_job
from bae.experiments.movies.job import JOB, MOST_SAMPLES
from bae.experiments.movies.results import GAMMAS, STAGE, Results
from bae.numbers import duration
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training.runs import jobs
from bae.workspace import Workspace

DEFAULT_SAMPLES = 512
PARTS = {"reading examples": "1 of 3, reading examples", "demonstrations": "2 of 3, answering behind demonstrations", "steering": "3 of 3"}
HELP = "Runs in a process of its own, which goes on when this page or its server is closed. What was stopped goes on where it was."
STOP_HELP = "Ends the process. The points that it has kept stay; the button above goes on from there."


def panel(study: Workspace, found: Sequence[Results]) -> None:
    """What can be run, and how a run stands; drawn again every two seconds while it runs."""
    follows = {"by_hand": functools.partial(movie_job.elsewhere, study), "stamp": movies.stamp, "patience_s": job_panel.DRAWN_FOR_S}

    def draw(job: Job | None, standing: Standing) -> None:
        if standing.running:
            _running(study, None if standing.by_hand else job)
        else:
            _start(study, found)

    job_panel.follow("The run", lambda: jobs(study).job(JOB), draw, **follows)


def _running(study: Workspace, job: Job | None) -> None:
    """Without a job, that of somebody who typed the command."""
    status = read_status(study.status_file(STAGE))
    with st.container(border=True):
        job_panel.bar(status, job.started_at if job else 0.0, _how_far, "Loading the model.")
        if job:
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
