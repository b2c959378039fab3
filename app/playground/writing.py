"""Texts that are being written and those that were: kept in the session, so that a writing goes on after a person did something else.

A text is written piece by piece, several in turns. Whatever a person does makes Streamlit leave the page's script where it draws next, and
begin anew: what was being written goes on where it was, unless Stop was pressed. Another page ends it, and so does a closed tab.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import services
from app.playground.address import Ask
from app.services import playground

if TYPE_CHECKING:
    from bae.model.generation import GenerationConfig, Step
    from bae.system.turns import Turn

DESK, ASKED = "playground:desk", "playground:asked"
KEPT = 24
"""Texts that a session keeps, the last that were written."""


@dataclass(frozen=True)
class Output:
    """What was written for an `Ask`."""

    given: str
    """What the model read."""
    pieces: tuple[str, ...]
    """A token each; empty while a character is incomplete."""
    steps: "tuple[Step, ...]"
    """How likely each token was."""
    seconds: float
    """Of the model's time."""
    stopped: bool

    @property
    def text(self) -> str:
        """What the model wrote."""
        return "".join(self.pieces)


@dataclass(eq=False)
class Writing:
    """A text that is being written."""

    ask: Ask
    given: str = ""
    parts: int = 0
    """Passes that reading the prompt takes."""
    read: int = 0
    """Those that are made."""
    pieces: list[str] = field(default_factory=list)
    steps: "list[Step]" = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False
    _coming: Iterator[str] | None = None
    _between: Callable[[], None] = lambda: None

    def open(self, advance: Callable[[int], None]) -> None:
        """Begin, unless it has begun; anew where it broke off. Raises ValueError for what cannot be. The caller has the turn of the model.

        `advance` is called while the examples of a direction are read; what it raises comes out.
        """
        if self._coming is None:
            self.pieces, self.steps, self.seconds, self.read = [], [], 0.0, 0
            self.given = playground.check(self.ask.prompt, self.ask.settings.tokens)
            self.parts = _passes(self) - self.ask.settings.tokens + 1
            told = (self._cancelled, self.steps.append, advance)
            self._coming = playground.writing(self.ask.prompt, self.ask.push, config(self.ask), *told)

    def advance(self, between: Callable[[], None]) -> bool:
        """Write one piece more; False where there was none. `between` is called while the prompt is read; what it raises comes out."""
        self._between, began, piece, whole = between, time.monotonic(), None, False
        try:
            piece = next(self._coming, None)
            whole = True
        finally:
            self.seconds += time.monotonic() - began
            if not whole:
                self._coming = None  # it was left while the prompt was read, or broke off, and begins anew
        if piece is None:
            return False
        if len(self.pieces) < len(self.steps):
            self.pieces.append(piece)
        elif piece:
            self.pieces[-1] += piece
        return True

    def output(self) -> Output:
        """What has come."""
        return Output(self.given, tuple(self.pieces), tuple(self.steps), self.seconds, self.stopped)

    def _cancelled(self) -> bool:
        """Never: Streamlit leaves from here, because `between` draws. Once tokens have come, it leaves between pieces instead."""
        if not self.steps:
            self._between()
            self.read += 1
        return False


class Desk:
    """The texts of a session."""

    def __init__(self) -> None:
        self.outputs: OrderedDict[Ask, Output] = OrderedDict()
        self.writing: list[Writing] = []
        self.latest: dict[str, Ask] = {}
        """What each side was last asked for."""
        self._refused: tuple[dict[str, Ask], str] | None = None
        self._told = False
        """Whether the page has said why."""

    def begin(self, asks: Mapping[str, Ask]) -> None:
        """Write what is not there yet of these sides; where all is there, write all anew."""
        different = list(dict.fromkeys(asks.values()))
        missing = [ask for ask in different if ask not in self.outputs or self.outputs[ask].stopped]
        self.latest, self._refused = dict(asks), None
        self.writing = [Writing(ask) for ask in missing or different]
        for writing in self.writing:
            self.outputs.pop(writing.ask, None)

    def stop(self, ask: Ask | None = None) -> None:
        """End the writing of one text, or of all, from a callback; what has come of it stays."""
        for writing in [one for one in self.writing if ask in (None, one.ask)]:
            writing.stopped = True
            self.finish(writing)

    def of(self, ask: Ask) -> Output | None:
        """What was written for an ask, or has come of it."""
        return next((writing.output() for writing in self.writing if writing.ask == ask), self.outputs.get(ask))

    def is_writing(self, ask: Ask) -> bool:
        """Whether a text is being written."""
        return any(writing.ask == ask for writing in self.writing)

    def finish(self, writing: Writing) -> None:
        """Take a text off the desk, and keep it."""
        self.writing.remove(writing)
        self.outputs[writing.ask] = writing.output()
        while len(self.outputs) > KEPT:
            self.outputs.popitem(last=False)

    def refuse(self, reason: str) -> None:
        """Nothing more can be written, for this reason; what has come stays."""
        for writing in [one for one in self.writing if one.steps]:
            self.stop(writing.ask)
        self.writing, self._refused, self._told = [], (self.latest, reason), False

    def refused(self, asks: Mapping[str, Ask]) -> str | None:
        """Why nothing more was written: told once whatever is asked for now, and for as long as that is the same."""
        if self._refused is None or (self._told and self._refused[0] != dict(asks)):
            return None
        self._told = True
        return self._refused[1]


def desk() -> Desk:
    """That of this session."""
    return st.session_state.setdefault(DESK, Desk())


def leave() -> None:
    """End what is being written, where another page is drawn: what the model holds of unfinished texts would stay in memory."""
    if DESK in st.session_state:
        st.session_state[DESK].stop()


def ask() -> None:
    """Have the model write what the page shows, from a callback."""
    st.session_state[ASKED] = True


def asked() -> bool:
    """Whether somebody has just asked, by the button or by the address, which is then as it was without."""
    by_address = st.query_params.get("go") == "1"
    if "go" in st.query_params:
        del st.query_params["go"]
    return st.session_state.pop(ASKED, False) or by_address


def config(ask: Ask) -> "GenerationConfig":
    """How much and how freely is written."""
    from bae.model.generation import GenerationConfig

    tokens, temperature, penalty, seed = ask.settings
    return GenerationConfig(tokens, temperature, seed, penalty)


def go_on(on: Desk, queue: DeltaGenerator, draw: Callable[[Writing, float], None]) -> None:
    """Write what is on the desk, in turns, until all is written. What cannot be written is refused with a reason: all of it.

    `draw` is told of a text after each piece, with its pace: tokens a second, while the prompt is read parts of it. `queue` is an
    `st.empty()` that says where one stands.
    """
    try:
        with services.model_turn(_work(on), queue) as turn:
            for writing in on.writing:

                def advance(tokens: int, opened: Writing = writing) -> None:
                    turn.let_by(0)
                    draw(opened, 0.0)

                writing.open(advance)
            _write(on, turn, draw)
    except (OSError, ValueError) as error:
        on.refuse(str(error))


def _work(on: Desk) -> int:
    """Passes of the model that are still to make. Raises ValueError for what cannot be."""
    for writing in on.writing:
        writing.given = playground.check(writing.ask.prompt, writing.ask.settings.tokens)
    return sum(_passes(writing) - writing.read - len(writing.steps) for writing in on.writing)


def _passes(writing: Writing) -> int:
    from bae.model.generation import passes

    return passes(services.language_model(), writing.given, config(writing.ask))


def _write(on: Desk, turn: "Turn", draw: Callable[[Writing, float], None]) -> None:
    began, before = time.monotonic(), {writing.ask: len(writing.steps) for writing in on.writing}

    def pace(writing: Writing) -> float:
        done = len(writing.steps) - before[writing.ask] if writing.steps else writing.read
        return done / max(time.monotonic() - began, 1e-9)

    while on.writing:
        for writing in list(on.writing):

            def between(reading: Writing = writing) -> None:
                turn.let_by()
                draw(reading, pace(reading))

            if writing.advance(between):
                turn.let_by()
                draw(writing, pace(writing))
            else:
                on.finish(writing)
