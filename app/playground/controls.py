"""The row of buttons over the texts: write, stop, settings, an instruction to compare with, a link."""

from collections.abc import Mapping

import streamlit as st

from app.components import fit, url
from app.components.explain import hover
from app.playground import settings as playground_settings
from app.playground import share as playground_share
from app.playground import writing as playground_writing
from app.playground.address import Ask, Asked
from app.playground.texts import box
from app.playground.writing import Desk


def show(on: Desk, asked: Asked, asks: Mapping[str, Ask]) -> None:
    """Draw it, and below it what stands against the writing."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Write", key="write", icon=":material/play_arrow:", type="primary", on_click=playground_writing.ask)
        if on.writing:
            label = "Stop both" if len(asks) == 2 else "Stop all"
            st.button(label, key="stop", icon=":material/stop_circle:", on_click=on.stop)
        playground_settings.show(asked.settings, asked.steps)
        _instruction(asked.instruction)
        playground_share.show(on, asked, asks)
    if reason := on.refused(asks):
        st.error(f"Nothing more is written: {url.code(reason)}")


def _instruction(text: str) -> None:
    """The baseline of prompting: what an instruction does without any steering."""
    label = "Instruction" if text.strip() else "Add an instruction"
    with st.popover(label, icon=":material/record_voice_over:", key="instruction"):
        st.caption(hover("side_prompted"), width=420)
        placeholder = "For example: Write about ships and the sea."
        options = {"height": 90, "placeholder": placeholder, "width": 420}
        box(st.text_area, "Instruction", "instruction", text, **options)


def fits(asked: Asked, known: Mapping) -> None:
    """Say in red which of the dictionaries that are steered do not fit the model's hidden states."""
    for name in dict.fromkeys(step.dictionary for step in asked.steps):
        if name in known:
            fit.banner(name)
