"""A sweep as the page shows it: what was asked, which strength works best, and the charts of all figures against strength."""

import time
from collections.abc import Mapping

import streamlit as st

from app import charts, navigation, services
from app.components import labels, url
from app.components.explain import MEANINGS, hover
from app.dose import charts as dose_charts
from app.dose.charts import Curve, Panel
from app.dose.form import address_of
from app.dose.sweep import View, Way, amount_text, short_title, verdict
from app.playground.ways import POSITIONS
from app.services import dose
from app.services.dose import Listed
from bae.steering.dose_job import Run
from bae.steering.dose_results import Figure, figure
from bae.steering.dose_settings import SCALED, Settings
from bae.steering.plan import FeatureStep

FACTORS = {"fires": 100.0, "written_fires": 100.0, "repeated": 100.0}
"""Shares are shown in %."""
PANELS = ("kl", "score", "fires", "written_fires", "others", "later", "repeated", "perplexity")
WITH_TARGET = ("score", "fires", "written_fires")
ALWAYS_0 = ("kl", "others", "later")
"""Of the plain texts."""
AXES = {"moved": "Length of the push", "set": "As it was set"}
FORGET = {"point": None, "axis": None}


def header(run: Run) -> None:
    """What was asked, and the ways on from here."""
    settings, step = run.settings, run.settings.target
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f"**{url.code(title(settings))}**{_named(step)}", width="stretch")
        if step is not None:
            navigation.link("feature", f"Feature {step.feature}", ae=step.dictionary, feature=step.feature)
        if "steer" in navigation.PAGES:
            navigation.link("steer", "Open in the playground", push=settings.push)
        address = address_of(settings) | {"run": None} | FORGET
        told = "Fills the form with the settings of this sweep."
        st.button("New sweep from this one", icon=":material/tune:", key="again", on_click=url.put, kwargs=address, help=told)
    where = f"{POSITIONS[step.positions]} · " if step else ""
    st.caption(
        f"{where}{len(settings.prompts)} prompts, {settings.max_tokens} tokens behind each, temperature {settings.temperature:g}, "
        f"seed {settings.seed} · {labels.date(run.asked_at)}"
    )
    try:
        if dose.replaced(run):
            st.warning("A dictionary of this sweep was replaced since: the figures are those of the one before.", icon=":material/history:")
    except ValueError as error:
        st.warning(f"Whether its dictionaries are still the same is not known: {url.code(error)}")


def title(settings: Settings) -> str:
    """A sweep in a line."""
    ways = ", ".join(short_title(curve.how, settings.target).lower() for curve in settings.curves)
    step = settings.target
    if settings.curves[0].how == SCALED or step is None:
        return f"{settings.push} × factors"
    return f"{step.dictionary} {step.feature}: {ways}"


def _named(step: FeatureStep | None) -> str:
    label = None if step is None or services.replaced(step.dictionary) else services.shown_labels(step.dictionary).get(step.feature)
    return "" if label is None else f" · {url.code(label.text)}"


def verdicts(view: View) -> None:
    """A sentence for each way of steering."""
    st.subheader("Which strength works?", help=hover("dose_best"))
    for way in view.ways:
        st.markdown(f"- {short_title(way.how, view.run.settings.target)}: {verdict(view, way)}")


def skipped(run: Run) -> None:
    """The strengths that have no point, and why."""
    if not run.skipped:
        return
    told = "".join(f"\n- {url.code(one.skipped)}" for one in run.skipped)
    st.info(f"{len(run.skipped)} of {len(run.settings.points())} strengths could not be measured:\n{told}", icon=":material/block:")


def multiples(view: View, chosen: str | None) -> None:
    """The charts; a click on a point opens its texts."""
    st.subheader("Against strength", help=hover("dose_interval"))
    axis = url.switch("Axis of strength", "axis", AXES, "moved")
    x_title = _axis_title(view) if axis == "moved" else "strength as it was set"
    curves = [_curve(view, way, axis) for way in view.ways if way.points]
    panels = [_panel(view, name) for name in _there(view)]
    # a key of its own for every sweep: a selection that outlived a change of sweep would change the point
    key = f"dose:{view.run.settings.id}:{axis}"
    st.plotly_chart(
        dose_charts.multiples(curves, panels, x_title, chosen),
        config=charts.config(f"dose and response of {title(view.run.settings)}"),
        key=key,
        on_select=lambda: _picked(key),
        selection_mode="points",
        alt="Small charts of every figure against the strength of the push, a curve for each way of steering",
    )
    st.caption(
        "Dashed: the plain texts. Dotted from top to bottom: the sweet spot of the curve of that colour. Hollow points cannot be one: "
        "their texts show too little of the feature, or are not fluent. Bands are 95 % intervals over prompts. Click a point for its texts."
    )
    with st.expander("What the figures mean", icon=":material/help:"):
        for name in (*_there(view), "best", "moved"):
            st.markdown(f"**{MEANINGS[f'dose_{name}'].label}** · {hover(f'dose_{name}')}")


def _axis_title(view: View) -> str:
    unit = "norms" if view.run.meta.norm else "raw units"
    told = f"length of the push, {unit} of layer {view.run.meta.layer}"
    both = any(point.amount < 0 for point in view.run.points)
    return f"{told} (negative strengths left of 0)" if both else told


def _there(view: View) -> list[str]:
    """The figures that this sweep has."""
    absent = {"later"} if view.run.settings.later is None else set()
    absent |= set(WITH_TARGET) if view.run.settings.target is None else set()
    return [name for name in PANELS if name not in absent]


def _curve(view: View, way: Way, axis: str) -> Curve:
    points = _ordered(view, way, axis)
    step = view.run.settings.target
    return Curve(
        way.how,
        way.title,
        [view.moved(point) if axis == "moved" else point.amount for point in points],
        [point.name for point in points],
        [amount_text(way.how, point.amount, step) for point in points],
        points.index(way.best) if way.best else None,
        [not (point.name in view.scores and view.scores[point.name].lacks) for point in points],
    )


def _ordered(view: View, way: Way, axis: str) -> list:
    return sorted(way.points, key=view.moved) if axis == "moved" else list(way.points)


def _panel(view: View, name: str) -> Panel:
    axis = url.choice("axis", AXES, "moved")
    values = [[value_of(view, point, name) for point in _ordered(view, way, axis)] for way in view.ways if way.points]
    plain = None if name in (*ALWAYS_0, "score") else value_of(view, view.run.plain, name)
    meaning = MEANINGS[f"dose_{name}"]
    label = f"Switched in {view.run.settings.later}" if name == "later" else meaning.label
    return Panel(label, meaning.unit, values, plain and plain.value, log=name == "perplexity")


def value_of(view: View, point, name: str) -> Figure | None:
    """A figure of a point as it is shown."""
    if name == "score":
        score = view.scores.get(point.name)
        return None if score is None else Figure(score.value, None, None)
    found = figure(point, name)
    factor = FACTORS.get(name, 1.0)
    return found and Figure(*(None if bound is None else factor * bound for bound in found))


def _picked(key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    # bands carry no name, and a figure that is drawn anew reports that nothing is selected
    if points and isinstance(points[-1].get("customdata"), list):
        url.put(point=points[-1]["customdata"][0])


# all sweeps


def former(found: list[Listed], shown: str | None, limit: int = 12) -> None:
    """The sweeps of the study, each with a button that opens it."""
    others = [one for one in found if one.name != shown]
    if not others:
        return
    st.subheader("Other sweeps" if shown else "Sweeps so far")
    for one in others[:limit]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            kwargs = {"run": one.name} | FORGET
            st.button("Open", key=f"open:{one.name}", type="tertiary", icon=":material/monitoring:", on_click=url.put, kwargs=kwargs)
            st.caption(f"{url.code(title(one.settings))} · {len(one.settings.prompts)} prompts · {_when(one)}", width="stretch")
    if len(others) > limit:
        st.caption(f"{len(others) - limit:,} older ones lie in {url.code('steering/dose')} of the workspace.")


def _when(one: Listed) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(one.asked_at))


def known_point(view: View) -> str | None:
    """The point that the address asks for, else the one to begin with."""
    names: Mapping[str, None] = {point.name: None for way in view.ways for point in way.points}
    return url.choice("point", names, view.first) if names else None
