"""One at a time, in a fair order, whatever fails: against a slow rotation in a list, with many threads, and with what breaks it."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from bae.system.turns import LOOK_EVERY_S, QueueFull, Standing, Turns

SOON_S = 20.0
"""Longer than anything here takes on a busy machine."""


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


class Someone(threading.Thread):
    """Asks for a turn in a thread of their own, and has it until told to end it."""

    def __init__(self, turns: Turns, name: str, key: object = None, **asked):
        super().__init__(daemon=True)
        self.turns, self.called, self.key, self.asked = turns, name, key, {"work": 1.0, **asked}
        self.has_it, self.may_end, self.turn, self.raised = threading.Event(), threading.Event(), None, None
        self.do: Callable = lambda turn: None

    def run(self) -> None:
        try:
            with self.turns.turn(key=self.key, **self.asked) as self.turn:
                self.has_it.set()
                self.do(self.turn)
                assert self.may_end.wait(SOON_S)
        except ZeroDivisionError as error:
            self.raised = error

    def asks(self) -> "Someone":
        """Start, and be in the queue, or have the turn."""
        before = self.turns.standing()
        self.start()
        until(lambda: self.turns.standing() != before or self.raised)
        return self

    def ends(self) -> None:
        self.may_end.set()
        self.join(SOON_S)
        assert not self.is_alive()


def finish(turns: Turns, people: list[Someone]) -> list[str]:
    """Who has the turn one after the other, until nobody waits."""
    order, left = [], list(people)
    while left:
        until(lambda: any(one.has_it.is_set() for one in left))
        having = [one for one in left if one.has_it.is_set()]
        assert len(having) == 1, "one at a time"
        order.append(having[0].called)
        left.remove(having[0])
        having[0].ends()
    assert not turns.locked() and turns.standing().waiting == 0
    return order


def test_first_come_first_served():
    turns = Turns()
    people = [Someone(turns, name).asks() for name in "abcdefgh"]
    assert finish(turns, people) == list("abcdefgh")


def test_a_person_who_asks_often_pushes_nobody_back():
    turns = Turns()
    asked = ["a1", "a2", "a3", "a4", "b1", "c1", "b2"]
    people = [Someone(turns, name, name[0]).asks() for name in asked]
    assert turns.standing().running == "a"
    assert finish(turns, people) == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"], "a2 alone waited when a1 began"
    turns = Turns()
    assert finish(turns, [Someone(turns, name).asks() for name in asked]) == asked, "negative control: seven people, seven turns"


class Rotation:
    """The rule again, as slowly as it is said: a list of people, each with a list of turns."""

    def __init__(self):
        self.running, self.circle = None, []

    def asks(self, key: str, name: str) -> None:
        if self.running is None:
            self.running = name
            return
        for person, own in self.circle:
            if person == key:
                own.append(name)
                return
        self.circle.append((key, [name]))

    def ends(self) -> None:
        self.running = None
        if self.circle:
            person, own = self.circle.pop(0)
            self.running = own[0]
            if own[1:]:
                self.circle.append((person, own[1:]))


@pytest.mark.parametrize("seed", range(4))
def test_whoever_comes_and_goes_the_order_is_that_of_the_rotation(seed):
    draw, turns, rule, people = random.Random(seed), Turns(), Rotation(), {}
    for step in range(60):
        if rule.running is None or draw.random() < 0.55:
            key, name = draw.choice("abcd"), f"{step}"
            people[name] = Someone(turns, name, key).asks()
            rule.asks(key, name)
        else:
            people[rule.running].ends()
            rule.ends()
        if rule.running:
            assert people[rule.running].has_it.wait(SOON_S)
        assert sum(one.has_it.is_set() and one.is_alive() for one in people.values()) == int(rule.running is not None)
    while rule.running:
        people[rule.running].ends()
        rule.ends()
        if rule.running:
            assert people[rule.running].has_it.wait(SOON_S)
    assert not turns.locked()


def most_at_once(turn: Callable, threads: int = 20, times: int = 15) -> int:
    """How many threads were ever inside together."""
    inside, most, failed = 0, 0, []

    def work(number: int) -> None:
        nonlocal inside, most
        for time_ in range(times):
            try:
                with turn(number):
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.0003)
                    inside -= 1
                    if (number + time_) % 7 == 0:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                failed.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(SOON_S)
    assert len(failed) > 10 and not any(worker.is_alive() for worker in workers)
    return most


def test_twenty_threads_one_at_a_time_also_when_they_fail():
    turns = Turns()

    def mixed(number: int):
        return turns.turn(1.0, (lambda standing: None) if number % 2 else None, key=number % 6, short=number % 3 == 0)

    assert most_at_once(mixed) == 1
    assert not turns.locked() and turns.standing().waiting == 0
    assert most_at_once(lambda number: nullcontext()) > 1, "negative control: without turns they meet"


def test_whoever_raises_while_waiting_leaves_the_queue():
    turns, told = Turns(), []

    def gives_up(standing: Standing) -> None:
        told.append(standing)
        if len(told) == 2:
            raise ZeroDivisionError

    first = Someone(turns, "first").asks()
    leaves = Someone(turns, "leaves", waiting=gives_up).asks()
    last = Someone(turns, "last").asks()
    until(lambda: leaves.raised)
    assert [standing.position for standing in told] == [1, 1] and not leaves.has_it.is_set()
    assert turns.standing().waiting == 1
    assert finish(turns, [first, last]) == ["first", "last"]


def test_whoever_has_the_turn_and_raises_gives_it_on():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn(1.0):
        assert turns.locked()
        raise ZeroDivisionError
    assert not turns.locked()
    with turns.turn(1.0):
        assert turns.locked()


def test_one_who_is_let_in_and_raises_at_that_moment_gives_it_on():
    """The waiting ends while `waiting` runs: what that raises must not keep the turn."""
    turns = Turns()
    first = Someone(turns, "first").asks()

    def gives_up(standing: Standing) -> None:
        first.ends()
        raise ZeroDivisionError

    leaves = Someone(turns, "leaves", waiting=gives_up).asks()
    until(lambda: leaves.raised)
    assert not turns.locked() and turns.standing().waiting == 0


# ------------------------------------------------------------------------------------------------------------------- short and long


def test_short_turns_are_let_by_between_two_pieces_and_long_ones_wait():
    turns, pieces = Turns(), threading.Semaphore(0)
    writing = Someone(turns, "writing")

    def write(turn) -> None:
        for _ in range(3):
            assert pieces.acquire(timeout=SOON_S)
            turn.let_by()

    writing.do = write
    writing.asks()
    assert writing.has_it.wait(SOON_S)
    long = Someone(turns, "long").asks()
    short = [Someone(turns, name, short=True).asks() for name in ("s1", "s2")]
    assert not short[0].has_it.is_set(), "not in the middle of a piece"
    pieces.release()
    assert short[0].has_it.wait(SOON_S) and not short[1].has_it.is_set()
    late = Someone(turns, "late", short=True).asks()
    short[0].ends()
    assert short[1].has_it.wait(SOON_S)
    short[1].ends()
    until(lambda: turns.standing().running is writing.turn.key)
    assert not late.has_it.is_set() and not long.has_it.is_set(), "those who waited when it was asked, and no more"
    pieces.release(2)
    writing.may_end.set()
    order = finish(turns, [long, late])
    assert order in (["long", "late"], ["late", "long"]), "late is let by if the writing had the time for it"


def stream_of_short_turns(turns: Turns, over: threading.Event, seconds: float) -> list[threading.Thread]:
    def read() -> None:
        while not over.is_set():
            with turns.turn(1.0, short=True):
                time.sleep(seconds)

    readers = [threading.Thread(target=read, daemon=True) for _ in range(3)]
    for reader in readers:
        reader.start()
    return readers


@pytest.mark.parametrize("fair", [True, False])
def test_a_stream_of_short_turns_takes_at_most_half_of_the_time(fair):
    turns, over, pauses = Turns(), threading.Event(), [0.0]
    readers = stream_of_short_turns(turns, over, 0.01)
    with turns.turn(40.0) as turn:
        for _ in range(40):
            time.sleep(0.002)
            began = time.monotonic()
            if not fair:
                turn._keeps_until = 0.0
            turn.let_by()
            paused = time.monotonic() - began
            # the call itself takes a moment where nobody is let by
            if paused > 0.005:
                pauses.append(paused)
        held = turn.held
    over.set()
    for reader in readers:
        reader.join(SOON_S)
    assert not turns.locked() and len(pauses) > 1, "some were let by"
    assert (sum(pauses[:-1]) <= held) is fair, "negative control: without the rule they take most of it"


def test_one_who_raises_while_others_are_let_by_does_not_keep_them():
    turns, wants_out = Turns(), threading.Event()

    def gives_up(standing: Standing) -> None:
        assert standing.position == 1
        if wants_out.is_set():
            raise ZeroDivisionError

    writing = Someone(turns, "writing", waiting=gives_up)
    go = threading.Event()
    writing.do = lambda turn: go.wait(SOON_S) and turn.let_by()
    writing.asks()
    short = Someone(turns, "short", short=True).asks()
    go.set()
    assert short.has_it.wait(SOON_S)
    wants_out.set()
    until(lambda: writing.raised)
    assert turns.standing().running is short.turn.key and turns.standing().waiting == 0
    short.ends()
    assert not turns.locked()


def test_a_short_one_that_is_let_by_may_give_up_too():
    turns, go, out = Turns(), threading.Event(), threading.Event()

    def gives_up(standing: Standing) -> None:
        if out.is_set():
            raise ZeroDivisionError

    writing = Someone(turns, "writing")
    writing.do = lambda turn: go.wait(SOON_S) and turn.let_by()
    writing.asks()
    first = Someone(turns, "first", short=True).asks()
    second = Someone(turns, "second", short=True, waiting=gives_up).asks()
    go.set()
    assert first.has_it.wait(SOON_S)
    out.set()
    until(lambda: second.raised)
    first.ends()
    writing.ends()
    assert not turns.locked()


# ------------------------------------------------------------------------------------------------------------------- where one stands


def test_the_wait_is_told_in_time_and_not_too_often():
    turns, told = Turns(), []
    people = [Someone(turns, "first").asks(), Someone(turns, "second").asks()]
    third = Someone(turns, "third", waiting=told.append).asks()
    time.sleep(5.5 * LOOK_EVERY_S)
    seen = len(told)
    assert 2 <= seen <= 8
    assert {(standing.position, standing.ahead, standing.seconds) for standing in told} == {(2, 2, None)}, "no pace is known yet"
    assert told[0].waited < told[-1].waited
    people.pop(0).ends()
    until(lambda: told[-1].position == 1 and told[-1].ahead == 1)
    assert finish(turns, [*people, third]) == ["second", "third"]


def test_seconds_are_work_at_the_measured_pace_of_its_kind():
    turns, told = Turns(), []
    for short, seconds in ((False, 0.2), (True, 0.05)):
        with turns.turn(10.0, short=short):
            time.sleep(seconds)
    busy = Someone(turns, "busy", work=100.0)
    busy.do = lambda turn: turn.let_by(50.0)
    busy.asks()
    assert busy.has_it.wait(SOON_S)
    until(lambda: turns.standing().work_left == 50.0)
    others = [Someone(turns, "short", work=100.0, short=True).asks(), Someone(turns, "last", waiting=told.append).asks()]
    until(lambda: told)
    # 50 units are left of the one that runs, which are done faster and faster as it has told of 50 already; and 100 short ones
    low, high = 100 * 0.05 / 10, 100 * 0.05 / 10 + 50 * 0.2 / 10
    assert low <= told[0].seconds <= 4 * high
    assert turns.standing().work_left == 151.0
    assert finish(turns, [busy, *others]) == ["busy", "short", "last"]
    assert turns.standing() == type(turns.standing())(None, 0, 0, 0)


def test_a_turn_that_broke_off_is_no_measure_of_the_pace():
    turns, told = Turns(), []
    with pytest.raises(ZeroDivisionError), turns.turn(1000.0):
        raise ZeroDivisionError
    first, second = Someone(turns, "first").asks(), Someone(turns, "second", waiting=told.append).asks()
    until(lambda: told)
    assert told[0].seconds is None
    finish(turns, [first, second])


def test_too_many_are_turned_away():
    turns = Turns()
    people = [Someone(turns, name, most_waiting=2).asks() for name in "abc"]
    with pytest.raises(QueueFull, match="the queue is full: 2 wait already"), turns.turn(1.0, most_waiting=2):
        pass
    assert turns.standing().waiting == 2
    assert finish(turns, people) == ["a", "b", "c"]
    with turns.turn(1.0, most_waiting=0):
        assert turns.locked(), "nobody has to wait"


def test_a_turn_inside_a_turn_is_refused_and_not_waited_for():
    turns = Turns()
    with turns.turn(1.0), pytest.raises(RuntimeError, match="has the turn already"), turns.turn(1.0):
        pass
    assert not turns.locked()


def test_whoever_waited_is_told_when_it_is_over():
    turns, told, first = Turns(), [], []
    with turns.turn(1.0, first.append) as turn:
        second = Someone(turns, "second", short=True, waiting=told.append).asks()
        until(lambda: told)
        assert None not in told
        second.may_end.set()
        turn.let_by()
        assert first[-1] is None and all(first[:-1]) and len(first) > 1, "after short ones were let by too"
    second.ends()
    assert told[-1] is None and all(told[:-1])
    alone = []
    with turns.turn(1.0, alone.append):
        assert not alone, "negative control: nobody waited"
