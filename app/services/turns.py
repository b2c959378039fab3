"""Turns at the language model, which all sessions share: one at a time, in a fair queue that shows people where they stand."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from bae.numbers import duration
from bae.system.limits import WritingLimits
from bae.system.turns import Standing, Turn, Turns

model_turns = Turns()
"""Whose turn it is. Had for every pass through the model, because steering changes it for a moment."""
SHOWN_AFTER_S = 0.5
"""Shorter waits are not worth a message."""


def limits() -> WritingLimits:
    """What the administrator allows. Raises ValueError that names the variable of the environment that is wrong."""
    return WritingLimits.of()


@contextmanager
def model_turn(work: float, shown: DeltaGenerator | None = None, short: bool = False) -> Iterator[Turn]:
    """Have the turn of the model inside the block. While one waits, `shown` says how many come before and how long they will take.

    `shown` is an `st.empty()`, emptied when the turn comes, also after short ones were let by; None makes one where it is needed. `work`
    is about how many passes of the model are made; of a `short` one, which reads and does not write, how many tokens are read. Whoever
    waits draws, so that Streamlit ends the waiting where a person does something else or closes the tab, and the place in the queue is
    given up.
    Raises QueueFull, a ValueError, where too many wait.
    """
    place = shown

    def say(standing: Standing | None) -> None:
        nonlocal place
        if standing is None:
            if place is not None:
                place.empty()
            return
        if standing.waited < SHOWN_AFTER_S:
            return
        if place is None:
            place = st.empty()
        place.caption(f":material/hourglass_empty: Waiting for the language model: {told(standing)}")

    with model_turns.turn(work, say, key=_session(), short=short, most_waiting=limits().max_waiting) as turn:
        yield turn


def told(standing: Standing) -> str:
    """Where somebody stands, as a sentence."""
    before = "1 other is before you" if standing.ahead == 1 else f"{standing.ahead:,} others are before you"
    return f"{before}." if standing.seconds is None else f"{before}; about {duration(max(standing.seconds, 1))}."


class EveryBatch(AbstractContextManager):
    """A short turn for each batch of many: entered anew for each, so that others come in between. The rest is as in `model_turn`."""

    def __init__(self, work: float, shown: DeltaGenerator | None = None):
        self._work, self._shown = work, shown

    def __enter__(self) -> Turn:
        self._turn = model_turn(self._work, self._shown, short=True)
        return self._turn.__enter__()

    def __exit__(self, *how: object) -> bool | None:
        return self._turn.__exit__(*how)


def _session() -> str | None:
    """Who asks: a tab of a browser; None outside of a page."""
    context = get_script_run_ctx(suppress_warning=True)
    return None if context is None else context.session_id
