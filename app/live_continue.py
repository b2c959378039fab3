"""The language model goes on with a text: its output streams in, can be stopped, and then is a part of the text."""

import time
from contextlib import closing
from html import escape

import streamlit as st

from app import live_box, services
from app.components import url
from app.components.explain import hover
from app.numbers import duration

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
    length = url.choice("more", LENGTHS, "60")
    temperature = url.choice("temperature", TEMPERATURES, "0")
    seed = url.whole("seed", 0, LARGEST_SEED, 0)
    typed = live_box.typed_characters()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Continue", icon=":material/edit:", on_click=_ask, help=hover("continue"))
        shown = {"format_func": lambda tokens: f"{tokens} tokens", "required": True, "label_visibility": "collapsed"}
        url.bound(st.segmented_control, "Tokens", "more", length, LENGTHS, default="60", **shown)
        with st.popover("Settings", icon=":material/tune:"):
            url.bound(st.select_slider, "Temperature", "temperature", temperature, TEMPERATURES, default="0", help=hover("temperature"))
            url.bound(st.number_input, "Seed", "seed", seed, 0, LARGEST_SEED, default=0, help=hover("generation_seed"))
        if typed is not None:
            st.button("Take the output away", icon=":material/undo:", on_click=live_box.keep, args=(text[:typed],), type="tertiary")
    if st.session_state.pop(ASKED, False):
        _write(text, len(text) if typed is None else typed, int(length), float(temperature), seed)


def _ask() -> None:
    st.session_state[ASKED] = True


def _write(text: str, typed: int, max_tokens: int, temperature: float, seed: int) -> None:
    """Have the model write, then draw the page anew with the output in the text.

    Whatever a person does meanwhile ends it: Streamlit leaves this function at the next thing that it draws, which lets go of
    the model's lock. So does a closed tab. What has come by then is kept in the session, for `take_up`.
    """
    from bae.generation import GenerationConfig, generate

    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            progress = st.progress(0.0, text="Waiting for the language model.")
            st.button("Stop", icon=":material/stop_circle:", help="Ends the writing; what has come stays.", key="stop")
        shown = st.empty()
    model = services.language_model()
    name = st.query_params.get(live_box.FIRST)
    pieces: list[str] = []
    began = time.monotonic()

    def cancelled() -> bool:
        """Never: Streamlit leaves from here, because this draws."""
        progress.progress(min(len(pieces) / max_tokens, 1.0), text=_pace(len(pieces), max_tokens, time.monotonic() - began))
        return False

    with services.LM_LOCK:
        try:
            writing = generate(model, text, GenerationConfig(max_tokens, temperature, seed), cancelled)
        except ValueError as error:
            reason = str(error)
            st.error(f"Nothing was written: {reason}.")
            return
        with closing(writing):
            for piece in writing:
                pieces.append(piece)
                output = "".join(pieces)
                st.session_state[WRITTEN] = (name, text, typed, output)
                shown.html(f'<div dir="auto" style="white-space:pre-wrap;overflow-wrap:anywhere">{escape(output)}</div>')
    if not "".join(pieces):
        st.info("The model ended the text at once, so there is nothing to add. A temperature above 0 may write something.")
        return
    st.rerun()


def _pace(done: int, total: int, seconds: float) -> str:
    if not done:
        return "Reading the text."
    rate = done / max(seconds, 1e-9)
    return f"Writing: {done:,} of {total:,} tokens at {rate:,.0f} a second, about {duration((total - done) / rate)} left"
