"""The form of a sweep: which feature, which ways and strengths, on which prompts; what it would come to; the button that starts it."""

from collections.abc import Mapping
from dataclasses import replace
from html import escape

import streamlit as st

from app import navigation, services
from app.components import job_panel, labels, url
from app.components.chooser import Offered
from app.components.explain import MEANINGS, hover
from app.dose import job as dose_job
from app.dose.sweep import SCALED_TITLE, way_title
from app.live import parts as live
from app.playground.texts import box, keep_text, kept
from app.playground.ways import POSITIONS, fits
from app.services import dose
from app.services.playground import Known, dictionaries, usual_value
from bae.index.query import Index
from bae.numbers import duration
from bae.steering import dose_job as jobs
from bae.steering.dose_settings import (
    LARGEST_SEED,
    MOST_TOKENS,
    NEUTRAL,
    SCALED,
    TEMPERATURES,
    Curve,
    Settings,
    grid,
    read_amounts,
    read_prompts,
)
from bae.steering.plan import HOWS, UNITS, FeatureStep, Step, parse, written
from bae.workspace import Workspace

USUAL_WAYS = ("add", "clamp")
UNIT_TITLES = {"norms": "in norms", "raw": "raw"}
DEFAULTS = Settings("bae:0:add:1", (Curve("add", (1.0,)),))
NONE = "none"


def draw(study: Workspace, index: Index | None, known: Mapping[str, Known]) -> None:
    """The form, from the feature to the button."""
    job_panel.say_refused()
    steps = _steps(index, known)
    swept = _one(index, known, steps[0]) if _alone(steps) else _several(steps)
    with st.container(border=True):
        curves = _curves(swept, known)
    try:
        with st.container(border=True):
            rest = _texts(swept, known)
        if curves is not None:
            _start(study, Settings(written(swept), curves, **rest))
    except ValueError as error:
        st.error(f"This cannot be swept: {url.code(error)}", icon=":material/error:")


# what is pushed


def _steps(index: Index | None, known: Mapping[str, Known]) -> list[Step]:
    """The push of the address; without one, that of the feature that the address names, or of an active one."""
    told = st.query_params.get("push")
    try:
        if told and (steps := parse(told)):
            return steps
    except ValueError as error:
        st.warning(f"The address asks for push = {url.code(told)}: {url.code(error)} Another feature is shown.", icon=":material/link_off:")
    ae = st.query_params.get("ae")
    ae = ae if ae in known else next(iter(known))
    indexed = index is not None and ae in index.dictionaries()
    return [FeatureStep(ae, url.whole("feature", 0, known[ae].n_features - 1, live.first_active(index, ae) if indexed else 0))]


def _alone(steps: list[Step]) -> bool:
    return len(steps) == 1 and isinstance(steps[0], FeatureStep)


def _one(index: Index | None, known: Mapping[str, Known], step: FeatureStep) -> list[Step]:
    """Choosers of the one feature that is swept."""
    if step.dictionary not in known:
        url.wrong("push", str(step), ", ".join(url.code(name) for name in known), next(iter(known)))
        step = FeatureStep(next(iter(known)), 0)
    if step.feature >= known[step.dictionary].n_features:
        url.wrong("push", str(step), f"features 0 to {known[step.dictionary].n_features - 1}", 0)
        step = replace(step, feature=0)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        _dictionary(known, step)
        _field("Feature", "feature", step, st.number_input, min_value=0, max_value=known[step.dictionary].n_features - 1, width=140)
        _field("Where", "positions", step, st.selectbox, options=list(POSITIONS), format_func=POSITIONS.get, width=190)
        _field("What is added", "unit", step, st.selectbox, options=list(UNITS), format_func=UNIT_TITLES.get, width=180)
    _called(index, step)
    return [step]


def _dictionary(known: Mapping[str, Known], step: FeatureStep) -> None:
    offered = {name: Offered(one.title, one.layer) for name, one in known.items()}
    shown = {
        "format_func": lambda name: f"{offered[name].title} · {name}, layer {offered[name].layer}",
        "help": hover("kind"),
        "width": 300,
    }
    _field("Dictionary", "dictionary", step, st.selectbox, options=list(offered), **shown)


def _field(label: str, name: str, step: FeatureStep, widget, **options) -> None:
    """A widget that changes one field of the step in the address."""
    key = f"dose:{name}"
    st.session_state[key] = getattr(step, name)
    widget(label, key=key, on_change=_change, args=(key, name, step), **options)


def _change(key: str, name: str, step: FeatureStep) -> None:
    value = st.session_state[key]
    if value is None:
        return
    # strengths belong to a feature: a value to clamp to, or a way that a dictionary lacks, need not fit another
    forgotten = {} if name in ("positions",) else {f"at_{how}": None for how in HOWS} | {"ways": None, "beyond": None}
    changed = replace(step, **{name: value})
    url.put(push=str(replace(changed, feature=0) if name == "dictionary" else changed), ae=None, feature=None, **forgotten)


def _called(index: Index | None, step: FeatureStep) -> None:
    """What the feature is called, and its page."""
    words = live.own_summaries(index, step.dictionary).get(step.feature, "") if index is not None else ""
    label = services.shown_labels(step.dictionary).get(step.feature) if words else None
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        navigation.link("feature", f"Feature {step.feature}", ae=step.dictionary, feature=step.feature)
        if said := labels.in_a_line(label, words):
            st.html(f'<div dir="auto" style="font-size:.95rem;overflow-wrap:anywhere">{escape(said)}</div>', width="stretch")


def _several(steps: list[Step]) -> list[Step]:
    """A plan that is swept as a whole."""
    st.markdown(f"The push {url.code(written(steps))} is swept as a whole: all its amounts are multiplied by a factor.")
    if "steer" in navigation.PAGES:
        navigation.link("steer", "Change it in the playground", push=written(steps))
    return steps


# how, and how far


def _curves(steps: list[Step], known: Mapping[str, Known]) -> tuple[Curve, ...] | None:
    """The ways and their strengths; None where one cannot be read, which the page says."""
    if not _alone(steps):
        offered, ways = [SCALED], [SCALED]
        st.markdown(f"**Strengths** · {SCALED_TITLE}")
    else:
        step = steps[0]
        offered = [how for how in HOWS if fits(how, known[step.dictionary])]
        usual = [how for how in (*USUAL_WAYS, *(["flip"] if known[step.dictionary].has_bits else [])) if how in offered]
        ways = url.several("ways", offered, usual)
        shown = {"format_func": lambda how: way_title(how, step), "selection_mode": "multi", "written": ",".join, "default": usual}
        url.bound(st.pills, "Ways of steering to compare", "ways", ways, offered, **shown)
    if not ways:
        st.caption("Choose at least one way of steering.")
        return None
    columns, curves = st.columns(max(len(ways), 2)), []
    for column, how in zip(columns, ways, strict=False):
        with column:
            curves.append(_amounts(how, steps))
    return tuple(curves) if None not in curves else None


def _amounts(how: str, steps: list[Step]) -> Curve | None:
    step = steps[0] if _alone(steps) else None
    usual = ", ".join(f"{amount:g}" for amount in grid(how, *((step.unit, _usual(step)) if step else ())))
    told = st.query_params.get(f"at_{how}", usual)
    url.bound(st.text_input, way_title(how, step), f"at_{how}", told, default=usual, help=hover("dose_amounts"))
    try:
        return Curve(how, read_amounts(told))
    except ValueError as error:
        st.error(url.code(error))
        return None


def _usual(step: FeatureStep) -> float:
    """The value of a feature where it fires: 1 for a bit, or where that is not known."""
    known = dictionaries()[step.dictionary]
    return 1.0 if known.has_bits else usual_value(step.dictionary, step.feature) or 1.0


# on what


def _texts(steps: list[Step], known: Mapping[str, Known]) -> dict[str, object]:
    """Prompts and how they are gone on with. Raises ValueError where the limits of the server cannot be read."""
    most = min(MOST_TOKENS, services.limits().max_new_tokens)
    usual_tokens = min(DEFAULTS.max_tokens, most)
    text = kept("prompts", "\n".join(NEUTRAL))
    box(st.text_area, MEANINGS["dose_prompts"].label, "prompts", text, height=215, help=hover("dose_prompts"))
    tokens = url.whole("tokens", 1, most, usual_tokens)
    temperature = url.choice("temperature", TEMPERATURES, f"{DEFAULTS.temperature:g}")
    seed = url.whole("seed", 0, LARGEST_SEED, DEFAULTS.seed)
    above = list(dose.later(steps[0].dictionary))
    beyond = url.choice("beyond", [*above, NONE], next(iter(above), NONE))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        url.bound(st.number_input, "Tokens to write", "tokens", tokens, 1, most, default=usual_tokens, width=150)
        usual = f"{DEFAULTS.temperature:g}"
        url.bound(
            st.select_slider, "Temperature", "temperature", temperature, TEMPERATURES, default=usual, help=hover("temperature"), width=230
        )
        url.bound(st.number_input, "Seed", "seed", seed, 0, LARGEST_SEED, default=DEFAULTS.seed, help=hover("generation_seed"), width=130)
        if above:
            shown = {"format_func": lambda name: "No later layer" if name == NONE else f"{name}, layer {known[name].layer}", "width": 230}
            url.bound(
                st.selectbox, "Side effects at", "beyond", beyond, [*above, NONE], default=above[0], help=hover("dose_later"), **shown
            )
    return {
        "prompts": read_prompts(text),
        "max_tokens": tokens,
        "temperature": float(temperature),
        "seed": seed,
        "later": None if beyond == NONE else beyond,
    }


# what it comes to


def _start(study: Workspace, settings: Settings) -> None:
    try:
        settings = dose.with_marks(settings)
        work = dose.work(settings)
    except OSError as error:
        st.error(f"The language model cannot be loaded: {url.code(error)}")
        return
    rate, measured = dose.rate()
    by = "as the last sweep here ran" if measured else "as measured on two CPU cores"
    there = settings.id in jobs.run_names(study) and dose.run(settings.id).whole
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        label, icon = ("Show it", ":material/visibility:") if there else ("Start", ":material/play_arrow:")
        options = {"type": "primary", "icon": icon, "on_click": _begin, "args": (study, settings, not there), "help": dose_job.HELP}
        st.button(label, key="start:dose", **options)
        told = (
            "This sweep was made already."
            if there
            else f"{work.points} points with the plain one, on {len(settings.prompts)} prompts: at most {work.passes:,} forward passes of "
            f"{work.tokens:,} tokens in all, about {duration(work.tokens / rate)} at {rate:,.0f} tokens/s ({by})."
        )
        st.caption(told, help=hover("dose_estimate"), width="stretch")


def _begin(study: Workspace, settings: Settings, to_do: bool) -> None:
    """Keep the sweep, have it made and show it, from a callback."""
    name = jobs.keep(study, settings)
    if to_do:
        dose_job.start(name)
    url.put(run=name, point=None)


def address_of(settings: Settings) -> dict[str, object]:
    """The parameters that fill the form with the settings of a sweep."""
    amounts = {f"at_{curve.how}": ", ".join(f"{amount:g}" for amount in curve.amounts) for curve in settings.curves}
    ways = {} if settings.curves[0].how == SCALED else {"ways": ",".join(curve.how for curve in settings.curves)}
    rest = {"tokens": settings.max_tokens, "temperature": f"{settings.temperature:g}", "seed": settings.seed}
    prompts = keep_text("\n".join(settings.prompts))
    return {"push": settings.push, "prompts": prompts, "beyond": settings.later or NONE} | ways | amounts | rest
