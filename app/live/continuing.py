"""The language model goes on with a text: its output streams in, can be stopped, and then is a part of the text."""

import time
from contextlib import closing
from html import escape
from itertools import count

import streamlit as st

from app import services
from app.components import url
from app.components.explain import hover
from app.live import box as live_box
from bae.numbers import duration

LENGTHS = ("20", "60", "120")
TEMPERATURES = ("0", "0.3", "0.7", "1", "1.5")
LARGEST_SEED = 999_999
ASKED, WRITTEN = "continue:asked", "continue:written"
"""In the session: that a person has asked for output, and what has come of it and is not yet a part of the text."""


def take_up() -> None:
    """Make what was written a part of the text, however its writing ended. Before the text is drawn."""
    written = st.session_state.pop(WRITTEN, None)
    if written is None:
        return
    name, text, typed, output = written
    # a person who has typed another text meanwhile keeps that one
    if output and name == st.query_params.get(live_box.FIRST):
        locked = st.query_params.get(live_box.LOCKS[live_box.FIRST])
        live_box.keep(text + output, typed=typed)
        url.put(**{live_box.LOCKS[live_box.FIRST]: locked})


def show(text: str) -> None:
    """The button with its settings; while the model writes, its output."""
    lengths = _lengths(services.limits().max_new_tokens)
    usual = "60" if "60" in lengths else lengths[-1]
    length = url.choice("more", lengths, usual)
    temperature = url.choice("temperature", TEMPERATURES, "0")
    seed = url.whole("seed", 0, LARGEST_SEED, 0)
    typed = live_box.typed_characters()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Continue", icon=":material/edit:", on_click=_ask, help=hover("continue"))
        shown = {"format_func": lambda tokens: f"{tokens} tokens", "required": True, "label_visibility": "collapsed"}
        url.bound(st.segmented_control, "Tokens", "more", length, lengths, default=usual, **shown)
        with st.popover("Settings", icon=":material/tune:"):
            url.bound(st.select_slider, "Temperature", "temperature", temperature, TEMPERATURES, default="0", help=hover("temperature"))
            url.bound(st.number_input, "Seed", "seed", seed, 0, LARGEST_SEED, default=0, help=hover("generation_seed"))
        if typed is not None:
            st.button("Take the output away", icon=":material/undo:", on_click=live_box.keep, args=(text[:typed],), type="tertiary")
    if st.session_state.pop(ASKED, False):
        _write(text, len(text) if typed is None else typed, int(length), float(temperature), seed)


def _lengths(most: int) -> tuple[str, ...]:
    """How many tokens may be asked for: those of the list that the administrator allows, else as many as are allowed."""
    return tuple(length for length in LENGTHS if int(length) <= most) or (str(most),)


def _ask() -> None:
    st.session_state[ASKED] = True


def _write(text: str, typed: int, max_tokens: int, temperature: float, seed: int) -> None:
    """Have the model write, then draw the page anew with the output in the text.

    Whatever a person does meanwhile ends it: Streamlit leaves this function at the next thing that it draws, which gives the turn
    of the model back, or the place in the queue. So does a closed tab. What has come by then is kept in the session, for `take_up`.
    """
    from bae.model.generation import GenerationConfig, generate, passes

    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            place = st.empty()
            st.button("Stop", icon=":material/stop_circle:", help="Ends the writing; what has come stays.", key="stop")
        shown = st.empty()
    model, config = services.language_model(), GenerationConfig(max_tokens, temperature, seed)
    name = st.query_params.get(live_box.FIRST)
    pieces: list[str] = []

    def draw(piece: str) -> None:
        pieces.append(piece)
        output = "".join(pieces)
        st.session_state[WRITTEN] = (name, text, typed, output)
        shown.html(f'<div dir="auto" style="white-space:pre-wrap;overflow-wrap:anywhere">{escape(output)}</div>')

    try:
        services.limits().check(text, max_tokens)
        with services.model_turn(passes(model, text, config), place) as turn:
            began, passed = time.monotonic(), count()

            def cancelled() -> bool:
                """Never: Streamlit leaves from here, because this draws."""
                # asked before each pass, so that nothing is done when it is asked first
                turn.let_by(min(next(passed), 1))
                done = len(pieces)
                place.progress(min(done / max_tokens, 1.0), text=_pace(done, max_tokens, time.monotonic() - began))
                return False

            with closing(generate(model, text, config, cancelled)) as writing:
                for piece in writing:
                    draw(piece)
    except ValueError as error:
        reason = str(error)
        st.error(f"Nothing {'more ' if pieces else ''}was written: {reason}.")
        return
    if not "".join(pieces):
        st.info("The model ended the text at once, so there is nothing to add. A temperature above 0 may write something.")
        return
    st.rerun()


def _pace(done: int, total: int, seconds: float) -> str:
    if not done:
        return "Reading the text."
    rate = done / max(seconds, 1e-9)
    return f"Writing: {done:,} of {total:,} tokens at {rate:,.0f} a second, about {duration((total - done) / rate)} left"
