"""What was written, side by side: streamed while it comes; then painted by a steered feature, each token with its log-probability."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import services
from app.components import url
from app.components.explain import hover
from app.components.tokens import painted_text
from app.live import parts as live
from app.playground.address import PLAIN, PROMPTED, STEERED, TITLES, Ask, Asked
from app.playground.writing import Desk, Output, Writing
from bae.index.query import Index
from bae.numbers import duration, percent
from bae.reading.painting import Stretch, View, paint, visible
from bae.steering.plan import FeatureStep

if TYPE_CHECKING:
    from bae.model.generation import Step

EMPTY = {
    PLAIN: "What the model writes by itself comes here.",
    STEERED: "What it writes while it is steered comes here.",
    PROMPTED: "What it writes unsteered behind your instruction comes here.",
}
COMING = (
    # turned round, so that the end stays in view
    '<div style="display:flex;flex-direction:column-reverse;max-height:60vh;min-height:4rem;overflow-y:auto">'
    '<div dir="auto" style="white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.95;font-size:1.02rem;padding:3px;margin-bottom:auto">'
    '{}<span style="opacity:.5">▌</span></div></div>'
)
"""A text that is being written, as HTML."""
NAMED = 3
"""Likeliest tokens that a hover names."""


class Place(NamedTuple):
    """Where a text that is being written is drawn."""

    progress: DeltaGenerator
    text: DeltaGenerator


def show(on: Desk, asked: Asked, asks: Mapping[str, Ask], index: Index | None) -> dict[Ask, list[Place]]:
    """Draw the columns; returns where the texts that are being written go."""
    places: dict[Ask, list[Place]] = {}
    columns, below = st.columns(len(asks)), st.container()
    with below:
        painted = _painted_by(asked) if on.outputs and not on.writing else None
    for side, column in zip(asks, columns, strict=True):
        with column:
            ask = asks[side]
            if side == STEERED and ask == asks[PLAIN]:
                _same(asked)
            # while a text is being written, it is what one wants to see, whatever was changed meanwhile
            shown = ask if ask in on.outputs and not on.is_writing(on.latest.get(side, ask)) else on.latest.get(side, ask)
            _head(on, side, shown, of_others=shown != ask)
            if on.is_writing(shown):
                places.setdefault(shown, []).append(_place(on, side, shown))
            else:
                _finished(on, side, shown, painted, index)
    return places


def _same(asked: Asked) -> None:
    """Why the two sides are the same."""
    if not asked.steps:
        why = "no feature is chosen above"
    elif not asked.active:
        why = "all that is chosen above is muted"
    else:
        why = "all strengths are 0"
    st.caption(f":material/drag_handle: Nothing is steered ({why}), so both texts are the same, token for token.")


def _head(on: Desk, side: str, ask: Ask, of_others: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"head-{side}"):
        st.markdown(f"**{TITLES[side]}**", help=hover(f"side_{side}"), width="content")
        if of_others and (on.is_writing(ask) or ask in on.outputs):
            st.badge("of other settings", icon=":material/history:", color="orange", help=hover("other_settings"))
        if on.writing:
            told = "Ends the writing of this text; what has come stays."
            stops = {"icon": ":material/stop_circle:", "help": told, "on_click": on.stop, "args": (ask,)}
            st.button("Stop", key=f"stop:{side}", disabled=not on.is_writing(ask), **stops)


# while it is written


def _place(on: Desk, side: str, ask: Ask) -> Place:
    progress = st.empty()
    with st.container(border=True, key=f"text-{side}"):
        place = Place(progress, st.empty())
    draw([place], next(writing for writing in on.writing if writing.ask == ask), 0.0)
    return place


def draw(places: Sequence[Place], writing: Writing, pace: float) -> None:
    """What has come of a text, and how far it is; `pace` is in tokens a second, while the prompt is read in parts of it."""
    if writing.steps or not writing.parts:
        done, total, told = len(writing.steps), writing.ask.settings.tokens, "{:,} of {:,} tokens"
    else:
        done, total, told = writing.read, writing.parts, "Reading the prompt: {:,} of {:,} parts"
    told = told.format(done, total)
    if done and pace:
        told += f" · {pace:,.1f} a second, about {duration((total - done) / pace)} left"
    for place in places:
        place.progress.progress(min(done / total, 1.0), text=told)
        place.text.html(COMING.format(escape("".join(writing.pieces))))


# when it is there


def _finished(on: Desk, side: str, ask: Ask, painted: FeatureStep | None, index: Index | None) -> None:
    output = on.outputs.get(ask)
    if output is None:
        with st.container(border=True, height=120, key=f"text-{side}"):
            st.caption(EMPTY[side])
        return
    told = [f"{len(output.steps):,} tokens"]
    if output.seconds:
        told.append(f"{len(output.steps) / output.seconds:,.0f} a second")
    told.append("stopped" if output.stopped else "the model ended it" if len(output.steps) < ask.settings.tokens else "full length")
    stretches, names, unit, fires = _stretches(output, painted, index)
    if fires is not None:
        told.append(f"the painted feature is on {fires:,} of them")
    st.caption(" · ".join(told))
    with st.container(border=True, key=f"text-{side}"):
        if output.text:
            painted_text(stretches, names, unit, None, lambda token: None, key=f"written:{side}")
        elif output.stopped:
            st.caption("It was stopped before anything was written.")
        else:
            st.caption("The model ended the text at once. A temperature above 0 may write something.")


def _painted_by(asked: Asked) -> FeatureStep | None:
    """The choice of the steered feature that the texts are painted by; None where none can be."""
    usable = services.lenses().usable
    steps = {f"{step.dictionary}:{step.feature}": step for step in asked.active if isinstance(step, FeatureStep)}
    steps = {name: step for name, step in steps.items() if _there(step, usable)}
    if not steps:
        return None
    first = next(iter(steps))
    if len(steps) == 1:
        chosen = url.choice("paint", list(steps), first)
    else:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Painted by", width="content")
            chosen = url.switch("Painted by", "paint", {name: name.replace(":", " ") for name in steps}, first)
    step = steps[chosen]
    st.caption(
        f"Painted by how strongly feature {step.feature} of {url.code(step.dictionary)} fires on the written text when it is read plain, "
        "so the colour shows what is in the text and not the push itself. Hover a token for its log-probability under the model that "
        "wrote it."
    )
    live.say_replaced([step.dictionary])
    return step


def _there(step: FeatureStep, usable: Mapping) -> bool:
    return step.dictionary in usable and step.feature < usable[step.dictionary].autoencoder.n_features


def _stretches(output: Output, step: FeatureStep | None, index: Index | None) -> tuple[list[Stretch], Mapping[int, str], str, int | None]:
    """A written text with the names of its features, the unit of their loudness, and on how many of its tokens the feature is."""
    if step is None or not output.text:
        return _unpainted(output), {}, "", None
    try:
        reading = services.read(step.dictionary, output.given + output.text)
    except ValueError as error:
        st.caption(f":material/error: This text is not painted: {url.code(error)}")
        return _unpainted(output), {}, "", None
    tokens, lens = reading.inspection.tokens, reading.inspection.lens
    if tokens.dropped_tokens:
        st.caption(f"Prompt and text have more than {len(tokens.ids):,} tokens: too many to be painted.")
        return _unpainted(output), {}, "", None
    names = live.own_summaries(index, step.dictionary)
    largest = index.feature(step.dictionary, step.feature).largest if names else None
    typed = len(output.given)
    whole = paint(reading.inspection, reading.rate, View(step.feature), largest, typed=typed)
    spans = [(piece.start - typed, piece.end - typed) for piece in tokens.pieces()]
    likely = _Likely(output)
    stretches = [
        replace(stretch, output=False, note=f"{stretch.note}; {told}" if (told := likely.between(*span)) else stretch.note)
        for stretch, span in zip(whole, spans, strict=True)
        if stretch.output
    ]
    _, activated = reading.inspection.feature(step.feature)
    fires = sum(on and end > typed for on, (_, end) in zip(activated.tolist(), tokens.spans, strict=True))
    return stretches, live.called(step.dictionary, names), lens.magnitude.unit, fires


def _unpainted(output: Output) -> list[Stretch]:
    """A written text as it is, a token each."""
    likely, stretches, start = _Likely(output), [], 0
    for place, piece in enumerate(output.pieces):
        if piece:
            stretches.append(Stretch(visible(piece), place, note=likely.between(start, start + len(piece))))
        start += len(piece)
    return stretches


class _Likely:
    """How likely the tokens of a text were, by its characters."""

    def __init__(self, output: Output):
        ends = list(accumulate(map(len, output.pieces)))
        self._tokens = list(zip([0, *ends], ends, output.steps, strict=False))

    def between(self, start: int, end: int) -> str:
        """What is to be said of the tokens that reach into a stretch. The first bytes of a character are tokens without length."""
        steps = [step for first, last, step in self._tokens if start <= first < end or first < start < last]
        if not steps:
            return ""
        total = sum(step.written.logprob for step in steps)
        told = f"log-probability {total:.2f} ({_probability(total)})"
        return f"{told}, likeliest: {_named(steps[0])}" if len(steps) == 1 else f"{told} of its {len(steps)} tokens together"


def _named(step: "Step") -> str:
    return ", ".join(f"“{visible(rated.text).strip(chr(10))}” {_probability(rated.logprob)}" for rated in step.likeliest[:NAMED])


def _probability(logprob: float) -> str:
    return percent(math.exp(logprob))
