"""What is steered, a row each: which feature, how, how much, where; muted or taken away with a click."""

from collections.abc import Mapping
from html import escape

import streamlit as st

from app import navigation, services
from app.components import labels, panels
from app.components.explain import hover
from app.playground import address as playground
from app.playground.address import Asked
from app.playground.ways import ATS, HOWS, OF_METHODS, POSITIONS, fields_of, fits, rounded, span, way_of
from app.services.playground import Known
from bae.index.query import Feature, Index
from bae.names import layer_names
from bae.numbers import percent
from bae.steering.plan import METHODS, ExampleStep, FeatureStep, Step


def show(asked: Asked, index: Index | None, known: Mapping[str, Known]) -> None:
    """Draw the rows."""
    for place, step in enumerate(asked.steps):
        _row(place, step, place in asked.muted, known.get(step.dictionary), index)


def explained() -> None:
    """A button that opens what every way, strength and place means."""
    with st.popover("What these do", icon=":material/help:", type="tertiary"):
        ways = [(title, f"steer_{way}") for way, title in HOWS.items()]
        told = [*ways, ("Examples", "steer_method"), ("Their strength", "steer_gamma"), ("Where", "steer_positions")]
        panels.facts([(title, hover(name)) for title, name in told])


def _row(place: int, step: Step, muted: bool, known: Known | None, index: Index | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"step-{place}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"what-{place}"):
            _buttons(place, muted)
            _what(step, muted, known, index)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content", key=f"how-{place}"):
            _way(place, step, known)
            _amount(place, step, known)
            _chosen(place, "positions", step.positions, POSITIONS, 140)
    if told := playground.problem(step, known):
        st.caption(f":material/error: {told}")


def _buttons(place: int, muted: bool) -> None:
    icon, told = (":material/visibility_off:", "Muted: take it in again") if muted else (":material/visibility:", "Mute: leave it out")
    st.button("", key=f"mute:{place}", icon=icon, help=told, type="tertiary", on_click=playground.mute, args=(place,))
    drawn = {"icon": ":material/close:", "help": "Take it away", "type": "tertiary"}
    st.button("", key=f"remove:{place}", on_click=playground.remove, args=(place,), **drawn)


# which


def _what(step: Step, muted: bool, known: Known | None, index: Index | None) -> None:
    if isinstance(step, FeatureStep):
        navigation.link("feature", f"Feature {step.feature}", ae=step.dictionary, feature=step.feature)
        title, told = _of_feature(step, known, index)
        title = f"{step.dictionary}: {title}"
    else:
        title, told = _of_examples(step)
    style = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap;max-width:100%;font-size:.9rem;line-height:1.5;cursor:help"
    faded = ";opacity:.5;text-decoration:line-through" if muted else ""
    st.html(f'<div dir="auto" title="{escape(told)}" style="{style}{faded}">{escape(title)}</div>', width="stretch")


def _of_feature(step: FeatureStep, known: Known | None, index: Index | None) -> tuple[str, str]:
    """What a feature is called, and what is known of it."""
    feature = _indexed(step, index)
    label = services.shown_labels(step.dictionary).get(step.feature) if feature else None
    summary = feature.summary if feature else ""
    title = labels.in_a_line(label, summary) or ("no words" if feature else "not in the index")
    told = [title]
    if known:
        told.append(f"{known.title}, layer {known.layer} ({layer_names(known.layer)['hook']})")
    if feature:
        told.append(f"density: {percent(feature.density)} of tokens")
    if feature and feature.words:
        told.append(f"words: {', '.join(feature.words)}")
    return title, "\n".join(told)


def _indexed(step: FeatureStep, index: Index | None) -> Feature | None:
    """The feature as the index has it; None where it does not, or has that of another checkpoint."""
    if index is None or step.dictionary not in index.dictionaries() or services.replaced(step.dictionary):
        return None
    try:
        return index.feature(step.dictionary, step.feature)
    except KeyError:
        return None


def _of_examples(step: ExampleStep) -> tuple[str, str]:
    """The first example of each side, and all of them."""
    sides = []
    for name in (step.good, step.bad):
        try:
            sides.append([line for line in services.notebook().text(name).splitlines() if line.strip()])
        except KeyError:
            sides.append(["not kept in this workspace"])
    good, bad = sides
    title = f"{step.dictionary}: “{good[0]}” … not “{bad[0]}” …"
    told = [f"Through {step.dictionary}, {METHODS[step.method]}, at {ATS.get(step.at, f'token {step.at}').lower()} of each example"]
    return title, "\n".join([*told, "towards:", *good[:8], "away from:", *bad[:8]])


# how, and how much


def _way(place: int, step: Step, known: Known | None) -> None:
    """The chooser of the way."""
    if not isinstance(step, FeatureStep):
        _chosen(place, "method", step.method, OF_METHODS, 150)
        return
    way, key = way_of(step), f"step:{place}:how"
    st.session_state[key] = way
    shown = {"format_func": HOWS.get, "label_visibility": "collapsed", "width": 150}
    allowed = [one for one in HOWS if one == way or fits(one, known)]
    st.selectbox("How", allowed, key=key, on_change=_take_way, args=(place, key, step, known), **shown)


def _take_way(place: int, key: str, step: FeatureStep, known: Known | None) -> None:
    playground.change(place, **fields_of(st.session_state[key], step, known))


def _amount(place: int, step: Step, known: Known | None) -> None:
    """A slider for the hand and a box for the number: both show the same."""
    over = span(step, known).holding(step.amount)
    way = way_of(step) if isinstance(step, FeatureStep) else "examples"
    for widget, kind, width in ((st.slider, "slider", 160), (st.number_input, "number", 80)):
        key = f"step:{place}:{way}:{kind}"
        st.session_state[key] = float(step.amount)
        bounds = (over.low, over.high) if kind == "slider" else (None, None)
        shown = {"step": over.step, "format": "%.4g", "label_visibility": "collapsed", "width": width}
        widget("Amount", *bounds, key=key, on_change=_take_amount, args=(place, key), **shown)


def _take_amount(place: int, key: str) -> None:
    if st.session_state[key] is not None:
        playground.change(place, amount=rounded(st.session_state[key]))


def _chosen(place: int, field: str, value: str, options: Mapping[str, str], width: int) -> None:
    """A chooser of one field of a step."""
    key = f"step:{place}:{field}"
    st.session_state[key] = value
    shown = {"format_func": options.get, "label_visibility": "collapsed", "width": width}
    st.selectbox(field.capitalize(), list(options), key=key, on_change=_take, args=(place, field, key), **shown)


def _take(place: int, field: str, key: str) -> None:
    playground.change(place, **{field: st.session_state[key]})
