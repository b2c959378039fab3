"""Turns at what one person at a time can use: a fair queue in the place of a lock.

The queue goes round the people who wait, one turn each; a person's own turns come in the order that they asked. Whoever asks for one
turn is therefore let in first come, first served, and whoever asks for ten pushes nobody back. Between two pieces of a long turn its
holder lets the short ones by that wait at that moment, and then goes on for as long as they took before it lets others by: short
turns wait for a piece, not for the whole, and take at most half of the time of the one that they interrupt.

Work is counted in whatever unit lasts about as long each time: tokens, passes. What a unit takes is measured, for long and short turns
apart: a token that is read takes far less than one that is written.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest

LOOK_EVERY_S = 0.1
"""How often whoever waits is told where they stand."""
FADES = 0.8
"""What earlier turns weigh in the pace, each beside the one after it."""


class QueueFull(ValueError):
    """As many wait as may. A ValueError, so that whoever says why something was not done says this too."""


@dataclass(frozen=True)
class Standing:
    """Where somebody stands in the queue."""

    position: int
    """1 is next."""
    ahead: int
    """Turns that come before, the one that runs included."""
    seconds: float | None
    """What these will take at the pace measured; None as long as none was."""
    waited: float
    """Seconds since the waiting began."""


@dataclass(frozen=True)
class Snapshot:
    """The queue at a moment."""

    running: Hashable | None
    """The key of whoever has the turn; None where nobody has."""
    waiting: int
    work_left: float
    """Of the turn that runs and of all that wait, in their units."""
    seconds: float | None
    """What that will take at the pace measured; None as long as none was."""


Waiting = Callable[[Standing | None], None]


class Turns:
    """Who may use something now, and who is next. Safe from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._holder: Turn | None = None
        self._people: OrderedDict[Hashable, deque[Turn]] = OrderedDict()
        """Those who wait, the next first: each with their turns."""
        self._let_by: deque[Turn] = deque()
        """Short turns that come before `_interrupted` goes on."""
        self._interrupted: Turn | None = None
        self._paces = {True: _Pace(), False: _Pace()}

    @contextmanager
    def turn(
        self, work: float, waiting: Waiting | None = None, *, key: Hashable = None, short: bool = False, most_waiting: int | None = None
    ) -> Iterator["Turn"]:
        """Have the turn inside the block, after all that come before.

        `waiting` is told where one stands every `LOOK_EVERY_S` seconds, without any lock, and None when that waiting is over. What it
        raises ends the waiting, and the place in the queue is given up. `key` says who asks; None is somebody of their own. `short` turns
        may be let by long ones. Raises QueueFull where `most_waiting` wait already, RuntimeError where this thread has the turn: it would
        wait for itself.
        """
        turn = Turn(self, object() if key is None else key, work, short, waiting)
        self._queue_up(turn, most_waiting)
        finished = False
        try:
            turn._wait()
            yield turn
            finished = True
        finally:
            self._leave(turn, finished)

    def locked(self) -> bool:
        """Whether somebody has the turn."""
        with self._lock:
            return self._holder is not None

    def standing(self) -> Snapshot:
        """Who has the turn, how many wait, and what is left to do."""
        with self._lock:
            waiting, holder = self._in_order(), self._holder
            everybody = waiting if holder is None else [holder, *waiting]
            return Snapshot(holder and holder.key, len(waiting), sum(turn.left for turn in everybody), self._seconds(everybody))

    def _queue_up(self, turn: "Turn", most_waiting: int | None) -> None:
        with self._lock:
            if any(other.thread == turn.thread for other in (self._holder, self._interrupted) if other):
                raise RuntimeError("this thread has the turn already, and would wait for itself")
            if most_waiting is not None and self._holder and len(self._in_order()) >= most_waiting:
                raise QueueFull(f"the queue is full: {most_waiting:,} wait already, and no more are let in; try again in a while")
            self._people.setdefault(turn.key, deque()).append(turn)
            if self._holder is None:
                self._next()

    def _leave(self, turn: "Turn", finished: bool) -> None:
        with self._lock:
            if turn is self._holder:
                turn.pause()
                self._paces[turn.short].note(turn, finished)
                self._next()
            elif turn is self._interrupted:
                self._interrupted = None
            elif turn in self._let_by:
                self._let_by.remove(turn)
            else:
                self._forget(turn)

    def _next(self) -> None:
        """Give the turn to whoever is next."""
        following = self._in_order()
        self._holder = following[0] if following else None
        if self._holder is None:
            return
        if self._let_by:
            self._let_by.popleft()
        elif self._interrupted:
            self._interrupted = None
        else:
            self._forget(self._holder)
            if self._holder.key in self._people:
                self._people.move_to_end(self._holder.key)
        self._holder.go_on()

    def _in_order(self) -> list["Turn"]:
        """All that wait, in the order in which they come should nobody join or leave."""
        rounds = zip_longest(*self._people.values())
        interrupted = [self._interrupted] if self._interrupted else []
        return [*self._let_by, *interrupted, *(turn for round_ in rounds for turn in round_ if turn)]

    def _forget(self, turn: "Turn") -> None:
        own = self._people[turn.key]
        own.remove(turn)
        if not own:
            del self._people[turn.key]

    def _let_short_by(self, turn: "Turn") -> bool:
        """Interrupt a turn for the short ones that wait now; False where there are none."""
        with self._lock:
            if turn is not self._holder:
                raise RuntimeError("only who has the turn can let others by")
            short = [other for other in self._in_order() if other.short]
            if not short:
                return False
            for other in short:
                self._forget(other)
            turn.pause()
            self._let_by.extend(short)
            self._interrupted = turn
            self._next()
            return True

    def _place(self, turn: "Turn") -> Standing | None:
        """Where a turn stands; None where it waits no more."""
        with self._lock:
            if turn is self._holder:
                return None
            waiting = self._in_order()
            at = waiting.index(turn)
            ahead = [self._holder, *waiting[:at]]
            return Standing(at + 1, len(ahead), self._seconds(ahead), time.monotonic() - turn.asked)

    def _seconds(self, turns: list["Turn"]) -> float | None:
        found = [self._paces[turn.short].seconds(turn) for turn in turns]
        return None if None in found else sum(found)


class Turn:
    """One turn, from asking for it to its end. Made by `Turns.turn`, which gives it to its block."""

    def __init__(self, turns: Turns, key: Hashable, work: float, short: bool, waiting: Waiting | None):
        self.key, self.work, self.short, self.thread = key, work, short, threading.get_ident()
        self.done = 0.0
        """Units that `let_by` was told of."""
        self.asked = time.monotonic()
        """When its present waiting began."""
        self._turns, self._waiting = turns, waiting
        self._has_it = threading.Event()
        self._began: float | None = None
        self._held = 0.0
        self._keeps_until = 0.0

    def let_by(self, done: float = 1.0) -> None:
        """Note that `done` units more are done, and let the short turns by that wait now. Called between two pieces, in their thread.

        Nothing that others must not meet may be left in place meanwhile (hooks on a model). What `waiting` raises comes out of here.
        """
        self.done += done
        if self.short or time.monotonic() < self._keeps_until:
            return
        self.asked = time.monotonic()
        if self._turns._let_short_by(self):
            self._wait()
            now = time.monotonic()
            self._keeps_until = now + (now - self.asked)

    @property
    def held(self) -> float:
        """Seconds that it had the turn."""
        return self._held + (0.0 if self._began is None else time.monotonic() - self._began)

    @property
    def left(self) -> float:
        """Units that are not done."""
        return max(self.work - self.done, 0.0)

    def go_on(self) -> None:
        """It has the turn from now on."""
        self._began = time.monotonic()
        self._has_it.set()

    def pause(self) -> None:
        """It has the turn no more."""
        self._held, self._began = self.held, None
        self._has_it.clear()

    def _wait(self) -> None:
        if self._waiting is None:
            self._has_it.wait()
            return
        told = False
        while not self._has_it.is_set() and (standing := self._turns._place(self)):
            self._waiting(standing)
            told = True
            self._has_it.wait(LOOK_EVERY_S)
        if told:
            self._waiting(None)


class _Pace:
    """Units a second of a kind of turns: those that ended, the last weighing most."""

    def __init__(self):
        self._work = self._seconds = 0.0

    def note(self, turn: Turn, finished: bool) -> None:
        """A turn has ended. Of one that broke off only what it told is known to be done."""
        done = turn.done or (turn.work if finished else 0.0)
        if done > 0:
            self._work, self._seconds = FADES * self._work + done, FADES * self._seconds + turn.held

    def seconds(self, turn: Turn) -> float | None:
        """What a turn will still take; None where nothing is known."""
        work, seconds = self._work + turn.done, self._seconds + (turn.held if turn.done else 0.0)
        if not work:
            return None
        took = seconds / work
        # one that tells nothing is taken to go at the pace
        return turn.left * took if turn.done else max(turn.work * took - turn.held, 0.0)
