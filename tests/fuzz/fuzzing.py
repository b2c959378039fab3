"""The one way in which every parser is fuzzed: how many inputs, what an input may cost, how a refusal must read, what is counted.

`FUZZ_EXAMPLES=100000` spreads that many inputs over the parsers that are collected, by their shares, at random, and prints a table
(`make fuzz`). Without it every parser gets a few, the same every time. Knows no parser.
"""

import math
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

FEW = 10
"""Inputs of a parser of share 1 where nobody asks for more."""
SENTENCE_CHARACTERS = 4_000
"""Of a refusal, besides the input itself, which it may quote."""
PAGE_BYTES = resource.getpagesize()


class Hang(BaseException):
    """An input took longer than it may, by the processor's time. No parser can take it for an error of its own."""


@dataclass(frozen=True)
class Parser:
    """What is fuzzed, and what is asked of it."""

    name: str
    inputs: SearchStrategy
    read: Callable[[Any], Any]
    refusals: tuple[type[Exception], ...] = (ValueError,)
    """What it says that it raises."""
    holds: Callable[[Any, Any], None] = lambda given, found: None
    """Asserts of an input and what was read of it."""
    refused: Callable[[Any, Exception], None] = lambda given, error: None
    """Asserts of an input and why it was not read."""
    share: float = 1.0
    """Of the inputs, against the other parsers: less for what is slow."""
    seconds: float = 10.0
    megabytes: int = 256
    """What one input may ask the system for."""


@dataclass
class Tally:
    """What became of the inputs of a parser."""

    inputs: int = 0
    accepted: int = 0
    crashes: set[str] = field(default_factory=set)
    """Every error that is none of the documented ones, by its kind and its place."""
    seconds: float = 0.0
    """Of this process: what else runs on the machine is not in it."""


PARSERS: dict[str, Parser] = {}
TALLIES: dict[str, Tally] = {}


def known(*parsers: Parser) -> list[Parser]:
    """The same parsers, entered in the table."""
    for parser in parsers:
        assert parser.name not in PARSERS, f"two parsers are called {parser.name}"
        PARSERS[parser.name] = parser
    return list(parsers)


def asked() -> int | None:
    """How many inputs over all parsers are asked for; None where a few of each will do."""
    told = os.environ.get("FUZZ_EXAMPLES", "").strip()
    return int(told) if told else None


def planned(parser: Parser) -> int:
    """How many inputs a parser gets."""
    total = asked()
    if total is None:
        return max(1, round(FEW * parser.share))
    return math.ceil(total * parser.share / sum(known.share for known in PARSERS.values()))


def fuzz(parser: Parser, inputs: int | None = None, tally: Tally | None = None) -> Tally:
    """Give a parser its inputs, or `inputs` of them, the same every time. Raises what it raised where that was not documented."""
    tally = tally or Tally()

    def one(told: Any) -> None:
        tally.inputs += 1
        with Counted(tally, told), at_most(parser.seconds, parser.megabytes):
            try:
                found = parser.read(told)
            except parser.refusals as error:
                check_refusal(error, parser.refusals, told)
                parser.refused(told, error)
                return
            tally.accepted += 1
            parser.holds(told, found)

    alike = {"deadline": None, "database": None, "report_multiple_bugs": False, "suppress_health_check": list(HealthCheck)}
    if inputs is None:
        # what is found is made smaller, so that whoever mends the parser sees what it hangs on
        options = {"max_examples": planned(parser), "derandomize": asked() is None}
    else:
        options = {"max_examples": inputs, "derandomize": True, "phases": [Phase.generate]}
    began = time.process_time()
    try:
        settings(**options, **alike)(given(parser.inputs)(one))()
    finally:
        tally.seconds = time.process_time() - began
    return tally


def check(parser: Parser) -> None:
    """Fuzz a parser of the table, and enter what became of it. Of many inputs some must have been read, else nothing was tried."""
    TALLIES[parser.name] = tally = Tally()
    fuzz(parser, tally=tally)
    assert tally.accepted or tally.inputs < 1_000, f"none of {tally.inputs:,} inputs was read: the inputs of {parser.name} are no good"


def check_refusal(error: Exception, refusals: tuple[type[Exception], ...], told: object) -> None:
    """A refusal is one of those that are documented, or of a class of ours; and a sentence that a person can be shown."""
    kind = type(error)
    assert kind in refusals or kind.__module__.split(".")[0] in ("bae", "app"), (
        f"{kind.__name__} is the error of a library, not ours: {error}"
    )
    said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    assert len(said.split()) >= 3, f"a refusal says why; this one says {said!r}"
    assert len(said) <= SENTENCE_CHARACTERS or len(said) <= SENTENCE_CHARACTERS + len(repr(told)), (
        f"a refusal of {len(said):,} characters: {said[:200]!r}"
    )
    said.encode()
    for cause in _causes(error):
        assert not isinstance(cause, MemoryError), f"the memory ran out behind the words {said!r}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class Counted:
    """Notes what comes out of a block, whatever it is, and lets it pass."""

    def __init__(self, tally: Tally, told: object):
        self.tally, self.told = tally, told

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            frame = traceback.extract_tb(trace)[-1]
            self.tally.crashes.add(f"{kind.__name__} in {Path(frame.filename).name}:{frame.lineno}")
            error.add_note(f"the input: {self.told!r:.2000}")


@contextmanager
def at_most(seconds: float, megabytes: int) -> Iterator[None]:
    """Let a block take no more of the processor's time, and ask for no more memory: else a `Hang` or a `MemoryError` comes out of it."""

    def ring(*_: object) -> None:
        raise Hang(f"more than {seconds:g} seconds")

    before, limits = signal.signal(signal.SIGPROF, ring), resource.getrlimit(resource.RLIMIT_DATA)
    # private memory that may be written to, whether it was touched or not: also what was only asked for
    data = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * PAGE_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (data + megabytes * 1_000_000, limits[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_DATA, limits)


def table() -> list[str]:
    """What became of all inputs, as lines of Markdown."""
    rows = [(name, tally.inputs, tally.accepted, len(tally.crashes), tally.seconds) for name, tally in TALLIES.items()]
    rows.append(("all", *(sum(row[column] for row in rows) for column in range(1, 5))))
    lines = ["| parser | inputs | accepted | crashes | CPU seconds |", "|---|---:|---:|---:|---:|"]
    return lines + [f"| {name} | {inputs:,} | {accepted:,} | {crashes} | {spent:,.1f} |" for name, inputs, accepted, crashes, spent in rows]
