"""Maps of the hidden states around features: ask for one, watch it being drawn, look at its tokens in their sentences."""

import functools
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from app import charts, navigation, services
from app.codes.access import unusable
from app.components import job_panel, panels, url
from app.components.explain import hover
from app.live import parts as live
from app.maps import charts as map_charts
from app.maps.charts import GREY, Group
from app.services import codes, figures, token_maps
from app.training import runs as training
from bae.index.layout import passages
from bae.index.query import Dictionary, Index
from bae.maps import states as state_maps
from bae.maps.states import DRAWING, JOB, MOST_FEATURES, READING, SENTENCES, Request, StateMap
from bae.numbers import duration
from bae.reading.painting import bursts_off, paint_example
from bae.system.jobs import Job
from bae.system.progress import read_status
from bae.training import runs
from bae.workspace import Workspace

MOST_SEED = 9_999
STAGES = {READING: "The language model reads sentences", DRAWING: "The map is being drawn"}
WAITING = {DRAWING: " · looking for neighbours"}
SEVERAL = "#7A6FAE"
STOP_HELP = "Ends the process. Nothing is kept of a map that is not finished."


def draw(index: Index, entry: Dictionary) -> None:
    """The map of the features of the address, or what makes it."""
    request = _request(index, entry)
    study = services.workspace()
    try:
        found = token_maps.state_map(request)
        job = runs.jobs(study).job(JOB)
    except (OSError, ValueError) as error:
        st.error(f"The map cannot be shown: {url.code(error)}")
        return
    if found is None:
        _make(study, index, request, job)
    else:
        _show(index, entry, request, found)


# asking


def _request(index: Index, entry: Dictionary) -> Request:
    features = _features(entry, live.first_active(index, entry.name))
    seed = url.whole("seed", 0, MOST_SEED, 0)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        url.bound(st.text_input, "Features", "of", ", ".join(map(str, features)), also=("token",), help=hover("map_features"), width=260)
        url.bound(st.number_input, "Seed", "seed", seed, 0, MOST_SEED, default=0, also=("token",), help=hover("map_seed"), width=120)
        for feature in features:
            navigation.link("feature", f"Feature {feature}", ae=entry.name, feature=feature)
    return Request(entry.name, features, seed)


def _features(entry: Dictionary, default: int) -> tuple[int, ...]:
    """The features that the address names."""
    value = st.query_params.get("of")
    if value is None:
        return (default,)
    asked = [part for part in re.split(r"[,\s]+", value) if part]
    right = [int(part) for part in asked if re.fullmatch(r"[0-9]{1,9}", part) and int(part) < entry.n_features]
    right = list(dict.fromkeys(right))[:MOST_FEATURES]
    if not right or len(right) < len(asked):
        allowed = f"1 to {MOST_FEATURES} different numbers from 0 to {entry.n_features - 1}, with commas between them"
        url.wrong("of", value, allowed, ", ".join(map(str, right)) or default)
    return tuple(right) or (default,)


# making


def _make(study: Workspace, index: Index, request: Request, job: Job | None) -> None:
    """What the map would show and what starts it, or how far it is; drawn again every two seconds while a job runs."""
    before = job and job.state

    def panel() -> None:
        now = runs.jobs(study).job(JOB)
        if (now and now.state) != before or state_maps.file_of(index, request).is_file():
            st.rerun()
        if now and now.state == "running":
            _running(study, request, now)
        else:
            _offer(study, request, now)

    st.fragment(run_every=training.EVERY_S if before == "running" else None)(panel)()


def _running(study: Workspace, request: Request, job: Job) -> None:
    with st.container(border=True):
        if not state_maps.being_drawn(study, request):
            st.caption("Another map is being drawn; one is drawn at a time. This one can be started when it is there.")
        status = read_status(study.status_file(JOB))
        if status is None or status["updated"] < job.started_at:
            st.progress(0.0, text="Starting: the language model is being loaded.")
        else:
            left = "" if not status["seconds_left"] else f" · about {duration(status['seconds_left'])} left"
            pace = f" at {status['rate']:,.0f} a second{left}" if status["done"] else WAITING.get(status["stage"], "")
            text = f"{STAGES.get(status['stage'], 'Working')}: {status['done']:,} of {status['total']:,} tokens{pace}"
            st.progress(min(status["done"] / max(status["total"], 1), 1.0), text=text)
        stop = functools.partial(runs.jobs(study).stop, JOB)
        st.button("Stop", icon=":material/stop:", key="stop-map", on_click=job_panel.or_say_why, args=(stop,), help=STOP_HELP)


def _offer(study: Workspace, request: Request, job: Job | None) -> None:
    job_panel.say_refused()
    whose = "each feature" if len(request.features) > 1 else "the feature"
    st.info(
        f"This map is not drawn yet. The language model reads up to {SENTENCES} sentences in which {whose} is activated, "
        "and UMAP lays out the hidden states of all their tokens. That takes about a minute for one feature, in a process of its own, "
        "and is kept.",
        icon=":material/scatter_plot:",
    )
    begin = functools.partial(state_maps.start, study, request)
    st.button("Draw it", icon=":material/play_arrow:", type="primary", key="draw-map", on_click=job_panel.or_say_why, args=(begin,))
    if job and job.state in ("failed", "stopped") and state_maps.being_drawn(study, request):
        st.caption("It was stopped before it was finished." if job.state == "stopped" else "The last attempt failed:")
        job_panel.log(study, JOB, job, job.state)


# looking


def _show(index: Index, entry: Dictionary, request: Request, found: StateMap) -> None:
    if found.projection.method == "pca":
        st.caption("There are too few tokens for UMAP, or it is not installed: they are laid out by PCA.")
    hovers = figures.hovers((str(index.file), request), lambda: _hovers(found))
    figure = map_charts.token_map(found.projection.points, found.token, hovers, groups(request, found), found.projection.method)
    key = f"tokens:{request.key}"

    st.plotly_chart(
        figure,
        config=map_charts.config(f"tokens-{request.dictionary}-{'-'.join(map(str, request.features))}", loops=False),
        key=key,
        on_select=lambda: open_token(st.session_state[key], found.token),
        selection_mode="points",
        alt="Map of hidden states: tokens on which the features are activated, and tokens on which they are not",
    )
    sentences = len(np.unique(codes.layout().context(found.token)))
    st.caption(f"{len(found.token):,} tokens of {sentences:,} sentences. Hover a point for its sentence, click it to read it below.")
    _sentence(index, entry, request, found)


def _hovers(found: StateMap) -> list[str]:
    """What is said of every token, as HTML: the token in its sentence."""
    return [map_charts.sentence_hover(*place) for place in token_maps.places(found.token)]


def groups(request: Request, found: StateMap) -> list[Group]:
    """The tokens by which of the features are activated on them, those of none first."""
    count = found.activated.sum(axis=1)
    told = [Group("not activated", GREY, np.flatnonzero(count == 0))]
    for number, feature in enumerate(request.features):
        rows = np.flatnonzero((count == 1) & found.activated[:, number])
        told.append(Group(f"feature {feature} activated", charts.RUN_COLOURS[number], rows))
    if (count > 1).any():
        told.append(Group("several activated", SEVERAL, np.flatnonzero(count > 1), "diamond"))
    return told


def open_token(event: dict, tokens: Sequence[int]) -> None:
    """Put the token of a selection in the address, so that its sentence is shown."""
    if (token := clicked(event, tokens)) is not None:
        url.put(token=token)


def clicked(event: dict, tokens: Sequence[int]) -> int | None:
    """The token of a selection."""
    for point in event["selection"]["points"]:
        told = point.get("customdata")
        number = told[0] if isinstance(told, list) and told else told
        if isinstance(number, int | float) and int(number) in tokens:
            return int(number)
    return None


def _sentence(index: Index, entry: Dictionary, request: Request, found: StateMap) -> None:
    """The sentence of the token that was clicked, painted with every feature of the map."""
    token = url.whole("token", 0, codes.layout().n_tokens - 1, None)
    if token is None or unusable(entry.name):
        return
    layout, columns = codes.layout(), codes.columns(entry.name)
    context, position = int(layout.context(token)), int(layout.position(np.array([token]))[0])
    with st.container(border=True):
        for feature in request.features:
            told = index.feature(entry.name, feature)
            (example,) = passages(index, layout, columns.tokens(feature), columns.strengths(feature), [context])
            usually_on = bursts_off(told.rate, told.on_magnitude is not None)
            stretches = paint_example(replace(example, peak=position), told.largest, usually_on)
            panels.contexts([(example.document, f" · painted: feature {feature}; bold: the token that was clicked", stretches)])
        st.button("Close", icon=":material/close:", on_click=url.put, kwargs={"token": None}, key="close-sentence", type="tertiary")
