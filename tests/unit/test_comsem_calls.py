"""Asking many things once, through all that goes wrong: the real SDK against a server on this machine, and a process that is killed."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bae.comsem import calls as calls_module
from bae.comsem.calls import SCHEMA, Budget, BudgetSpent, Calls, Paused
from bae.comsem.judge import Answer, Busy, Fatal, Passing, Refused, Request, Usage, read_yes_no
from bae.comsem.openai_judge import OpenAIJudge
from bae.comsem.pacing import Gate, Limits
from bae.comsem.spending import Prices, Purse, estimated_usage
from tests.unit.loopback_judge import MODEL, Faults, Loopback

QUICK = Limits(backoff_s=0.005, longest_backoff_s=0.02)
PRICES = Prices(input=1.0, cached_input=0.5, output=4.0, currency="USD")
PATIENCE_S = 30


def question(number: int, prompt_version: str = "v1") -> Request:
    """About a number: whether it is even. 60 characters, or 15 tokens."""
    return Request("verdict", (("system", "Rules..." * 4), ("user", f"Is {number:011} even?\nAnswer:")), 4, prompt_version, yes_no=True)


def even(messages: list[dict]) -> str:
    return "Yes" if int(messages[-1]["content"].split()[1]) % 2 == 0 else "No"


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "notebook.sqlite"


@asynccontextmanager
async def asking(file: Path, server: Loopback, run: str = "run", **settings):
    """Calls to a server, closed at the end."""
    judge = OpenAIJudge("loop", MODEL, "sk-key", server.base_url, timeout_s=settings.pop("timeout_s", 5.0), paid=settings.pop("paid", True))
    try:
        async with Calls(file, judge, run, **{"limits": QUICK, **settings}) as calls:
            yield calls
    finally:
        await judge.close()


async def answers(calls: Calls, numbers) -> list[Answer | BaseException]:
    """What comes of questions that are asked all at once."""
    return await asyncio.gather(*(calls.ask(question(number), feature=number) for number in numbers), return_exceptions=True)


def rows(file: Path) -> list[sqlite3.Row]:
    connection = sqlite3.connect(file)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute("select * from call order by feature").fetchall()
    finally:
        connection.close()


# --- Every question once -------------------------------------------------------------------------------------------------


def test_an_answer_is_given_once_and_found_from_then_on(file):
    async def work(server: Loopback) -> Calls:
        async with asking(file, server) as calls:
            first = await calls.ask(question(4), 7)
            assert await calls.ask(question(4), 8) == first == Answer("Yes", pytest.approx(0.9, abs=0.001), Usage(15, 1))
            return calls

    with Loopback(even) as server:
        tally = asyncio.run(work(server)).tally
        assert (tally.calls, tally.from_store, len(server.received)) == (1, 1, 1)
        tally = asyncio.run(work(server)).tally
        assert (tally.calls, tally.from_store, len(server.received)) == (0, 2, 1), "nor after a restart"


def test_what_is_kept_of_a_call(file):
    async def work(server: Loopback) -> str:
        async with asking(file, server) as calls:
            await calls.ask(question(4), 7)
            return question(4).key(calls.judge.identity)

    with Loopback(even, plan=["error"]) as server:
        key = asyncio.run(work(server))
    (row,) = rows(file)
    assert (row["key"], row["run"], row["feature"], row["judge"], row["kind"]) == (key, "run", 7, "loop", "verdict")
    assert (row["answer"], row["attempts"]) == ("Yes", 2) and 0 < row["seconds"] < 5 and abs(row["created"] - time.time()) < 60
    assert json.loads(row["request"])["messages"][1] == ["user", "Is 00000000004 even?\nAnswer:"]
    assert json.loads(row["usage"])["prompt_tokens"] == 15


def test_the_table_can_be_made_by_somebody_else_first(file):
    with sqlite3.connect(file) as connection:
        connection.executescript(SCHEMA + SCHEMA)
    with Loopback(even) as server:
        asyncio.run(_ask_all(file, server, range(2)))
    assert len(rows(file)) == 2


async def _ask_all(file: Path, server: Loopback, numbers, **settings) -> Calls:
    async with asking(file, server, **settings) as calls:
        found = await answers(calls, numbers)
        assert [read_yes_no(answer.text) for answer in found] == [number % 2 == 0 for number in numbers]
        return calls


def test_what_is_asked_twice_at_once_is_one_call(file):
    async def work(server: Loopback) -> None:
        async with asking(file, server) as calls:
            found = await answers(calls, [1, 2, 1, 2, 1])
            assert [answer.text for answer in found] == ["No", "Yes", "No", "Yes", "No"]
            assert (calls.tally.calls, calls.tally.from_store) == (2, 3)

    with Loopback(even, latency_s=0.02) as server:
        asyncio.run(work(server))
        assert len(server.received) == 2


def test_without_the_store_and_to_another_judge_calls_are_repeated(file, tmp_path):
    """The negative control: it is the store that spares calls, and nothing else does."""
    with Loopback(even) as server:
        asyncio.run(_ask_all(file, server, range(5)))
        asyncio.run(_ask_all(file, server, range(5), run="another"))
        assert server.repeated == 0, "another run of the same workspace knows what was answered"
        asyncio.run(_ask_all(tmp_path / "empty.sqlite", server, range(5)))
        assert server.repeated == 5
    with Loopback(even) as elsewhere:
        asyncio.run(_ask_all(file, elsewhere, range(5)))
        assert len(elsewhere.received) == 5, "another address is another judge"


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.unit.test_comsem_calls import asking_at
asyncio.run(asking_at(Path(sys.argv[1]), sys.argv[2], range(int(sys.argv[3]))))
"""


async def asking_at(file: Path, base_url: str, numbers) -> None:
    """What the process does that is killed."""
    async with Calls(file, OpenAIJudge("loop", MODEL, "sk-key", base_url), "run", limits=replace(QUICK, max_concurrency=8)) as calls:
        await answers(calls, numbers)


def test_killed_in_the_middle_and_started_again_no_answered_call_is_repeated(file):
    n = 200
    with Loopback(even, latency_s=0.01) as server:
        child = [sys.executable, "-c", CHILD, str(file), server.base_url, str(n)]
        with subprocess.Popen(child, cwd=Path(__file__).parents[2]) as process:
            until = time.monotonic() + PATIENCE_S
            while server.answered < 40 and time.monotonic() < until:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        time.sleep(1.0)  # for calls that the server was still answering
        kept, under_way = len(rows(file)), len(server.received) - len(rows(file))
        assert 32 <= kept < n and 0 <= under_way <= 8
        calls = asyncio.run(_ask_all(file, server, range(n)))
        assert (calls.tally.from_store, calls.tally.calls) == (kept, n - kept)
        assert server.repeated <= under_way and len(server.received) == n + under_way, "only what was under way is asked again"
        assert len(rows(file)) == n


# --- What goes wrong -----------------------------------------------------------------------------------------------------


def test_through_every_failure_no_answer_is_lost_and_none_is_paid_twice(file):
    faults = Faults(0.05, 0.05, 0.05, 0.05, 0.05, 0.02, 0.05, 0.05, retry_after_s=0.01, hang_s=8.0)
    n = 150
    with Loopback(even, faults, latency_s=0.002) as server:
        calls = asyncio.run(_ask_all(file, server, range(n), timeout_s=3.0))
        assert calls.tally.calls == n and server.repeated == 0 and calls.tally.refused == 0
        assert calls.tally.retries == sum(server.faulted.values()) > 30 and len(server.faulted) == 8
        assert len(server.received) == n + calls.tally.retries


def test_what_is_refused_is_not_kept_and_not_asked_again_until_a_restart(file):
    async def work(server: Loopback) -> None:
        async with asking(file, server) as calls:
            for _ in range(2):
                with pytest.raises(Refused, match="context length"):
                    await calls.ask(question(0), 0)
            assert (await calls.ask(question(1), 1)).text == "No", "the run goes on"
            assert (calls.tally.refused, calls.tally.calls) == (1, 2)

    with Loopback(even, plan=["too_long"]) as server:
        asyncio.run(work(server))
        assert len(server.received) == 2 and len(rows(file)) == 1
        asyncio.run(_ask_all(file, server, range(2)))


def test_attempts_are_bounded_and_the_last_reason_is_told(file):
    async def work(server: Loopback, limits: Limits) -> int:
        async with asking(file, server, limits=limits) as calls:
            with pytest.raises(Refused, match=rf"no answer in {len(server.plan)} attempts; the last one: .*an error"):
                await calls.ask(question(0), 0)
            assert calls.tally.refused == 1 and calls.tally.calls == 0
            return calls.tally.retries

    with Loopback(even, plan=["error"] * 3) as server:
        assert asyncio.run(work(server, replace(QUICK, attempts=3))) == 2
    with Loopback(even, plan=["busy", "busy", "busy", "error"]) as server:
        assert asyncio.run(work(server, replace(QUICK, attempts=1, busy_attempts=9))) == 3, "of a busy judge more is borne"
    assert not rows(file)


def test_a_judge_that_is_gone_stops_the_run(file):
    async def work(server: Loopback) -> None:
        async with asking(file, server, limits=replace(QUICK, attempts=2)) as calls:
            for number in range(calls_module.OUTAGE - 1):
                with pytest.raises(Refused):
                    await calls.ask(question(number), number)
            with pytest.raises(Fatal, match=r"has failed 5 requests in a row; see whether it runs, then resume the run \(.*an error"):
                await calls.ask(question(99), 99)

    with Loopback(even, Faults(error=1.0)) as server:
        asyncio.run(work(server))


def test_failures_among_answers_are_no_outage(file):
    async def work(server: Loopback) -> None:
        async with asking(file, server, limits=replace(QUICK, attempts=1)) as calls:
            found = [(await answers(calls, [number]))[0] for number in range(10)]
            assert [type(each) for each in found] == [Refused, Answer] * 5

    with Loopback(even, plan=["error", None] * 5) as server:
        asyncio.run(work(server))


def test_a_fatal_error_reaches_all_who_wait_at_once(file):
    async def work(server: Loopback) -> None:
        slow = Limits(backoff_s=60, longest_backoff_s=60)
        async with asking(file, server, limits=replace(slow, concurrency=2, max_concurrency=2)) as calls:
            began = time.monotonic()
            found = await answers(calls, range(20))
            assert time.monotonic() - began < 5, "nobody sleeps on, nobody waits for a slot"
            kinds = [type(each) for each in found]
            assert set(kinds) <= {Answer, Fatal} and kinds.count(Fatal) >= 18
            assert {str(each) for each in found if isinstance(each, Fatal)} == {str(found[-1])}
            with pytest.raises(Fatal, match="no credit left"):
                await calls.ask(question(99), 99)
            kept = [number for number, each in enumerate(found) if isinstance(each, Answer)]
            assert [await calls.ask(question(number), 0) for number in kept] == [found[number] for number in kept]

    with Loopback(even, plan=["error", None, "no_credit"], latency_s=0.01) as server:
        asyncio.run(work(server))
        assert len(server.received) <= 5


def test_a_task_group_ends_with_the_fatal_error_and_is_not_confused_by_it(file):
    async def work(server: Loopback) -> None:
        async with asking(file, server) as calls:
            with pytest.raises(ExceptionGroup) as group:
                async with asyncio.TaskGroup() as tasks:
                    for number in range(10):
                        tasks.create_task(calls.ask(question(number), number))
            assert all(isinstance(error, Fatal) for error in group.value.exceptions)

    with Loopback(even, key="another") as server:
        asyncio.run(work(server))


# --- Pace ----------------------------------------------------------------------------------------------------------------


class Bearing:
    """A judge that takes ten milliseconds, turns away more calls than it bears, and counts."""

    name = identity = "bearing"
    draft = paid = False

    def __init__(self, bears: int):
        self.bears, self.at_once, self.most_at_once, self.turned_away = bears, 0, 0, 0

    async def ask(self, request: Request) -> Answer:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.at_once > self.bears:
                self.turned_away += 1
                raise Busy("too much")
            await asyncio.sleep(0.01)
            return Answer("Yes", None, Usage())
        finally:
            self.at_once -= 1

    async def close(self) -> None:
        pass


def pressed(file: Path, judge: Bearing, limits: Limits) -> int:
    """Calls that may be made at once after 200 of them."""

    async def work() -> int:
        async with Calls(file, judge, "run", limits=limits) as calls:
            found = await answers(calls, range(200))
            assert [each.text for each in found] == ["Yes"] * 200
            return calls.concurrency

    return asyncio.run(work())


def test_more_calls_are_made_at_once_while_the_judge_bears_them(file):
    judge = Bearing(1000)
    assert pressed(file, judge, replace(QUICK, concurrency=2, max_concurrency=20)) == 20 == judge.most_at_once


def test_calls_become_as_few_as_the_judge_bears(file):
    judge = Bearing(4)
    assert 1 <= pressed(file, judge, replace(QUICK, concurrency=16)) <= 8
    assert 12 < judge.turned_away < 120, "twelve at the start"


def test_a_server_that_bears_few_calls_loses_none(file):
    with Loopback(even, capacity=3, latency_s=0.005) as server:
        calls = asyncio.run(_ask_all(file, server, range(60), limits=replace(QUICK, concurrency=16)))
        assert calls.tally.calls == 60 and server.repeated == 0 and server.faulted["busy"] == calls.tally.retries


def test_calls_that_are_turned_away_together_halve_the_limit_once_and_never_below_one():
    gate = Gate(Limits(concurrency=8))
    began = time.monotonic()
    for _ in range(8):
        gate.busy(began, None)
    assert gate.limit == 4
    for _ in range(8):
        gate.busy(time.monotonic() + 1e-3, None)
    assert gate.limit == 1


def test_the_limit_grows_quickly_to_what_was_borne_and_then_by_one_a_round():
    """From 16 it falls to 8, comes back to 7/8 of 16 with six answers, and needs about fifteen for the next step."""

    async def work() -> None:
        gate = Gate(Limits(concurrency=16))
        gate.busy(time.monotonic(), None)
        for _ in range(16):
            await gate.enter()
        for _ in range(6):
            gate.answered()
        assert gate.limit == 14
        for _ in range(15):
            gate.answered()
        assert 15 <= gate.limit < 15.1

    asyncio.run(work())


def test_a_limit_that_is_not_used_does_not_grow():
    async def work() -> None:
        gate = Gate(Limits(concurrency=8))
        await gate.enter()
        gate.answered()
        assert gate.limit == 8

    asyncio.run(work())


def test_slots_that_are_too_many_go_out_of_use():
    async def work() -> None:
        gate = Gate(Limits(concurrency=4))
        for _ in range(4):
            await gate.enter()
        gate.busy(time.monotonic(), None)
        for _ in range(3):
            gate.leave()
        await gate.enter()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gate.enter(), 0.02)
        gate.leave()
        await asyncio.wait_for(gate.enter(), 0.5)

    asyncio.run(work())


def test_who_gives_up_waiting_for_a_busy_judge_leaves_the_slot_to_others():
    async def work() -> None:
        gate = Gate(Limits(concurrency=1))
        gate.busy(time.monotonic(), 0.03)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gate.enter(), 0.01)
        await asyncio.wait_for(gate.enter(), 5)

    asyncio.run(work())


def test_nobody_starts_before_the_judge_wants_to_be_asked_again(file):
    class Watchful(Loopback):
        def begin(self, body, key):
            times.append(time.monotonic())
            return super().begin(body, key)

    times: list[float] = []
    with Watchful(even, Faults(retry_after_s=0.15), plan=["busy_until"]) as server:
        asyncio.run(_ask_all(file, server, range(4), limits=replace(QUICK, concurrency=1)))
    assert times[1] - times[0] >= 0.15 and len(times) == 5


def test_a_judge_that_wants_to_be_left_alone_for_long_stops_the_run(file):
    async def work(server: Loopback) -> None:
        async with asking(file, server) as calls:
            with pytest.raises(Fatal, match=r"asks to wait 120 minutes .*resume the run then"):
                await calls.ask(question(0), 0)

    with Loopback(even, Faults(retry_after_s=7200), plan=["busy_until"]) as server:
        asyncio.run(work(server))


def test_calls_are_spread_evenly_over_a_minute(file):
    with Loopback(even) as server:
        began = time.monotonic()
        asyncio.run(_ask_all(file, server, range(6), limits=replace(QUICK, requests_per_minute=3000)))
        assert time.monotonic() - began >= 5 * 0.02


def test_a_clock_that_jumps_does_not_matter(file, monkeypatch):
    jumps = iter(range(10**9, 0, -(10**6)))
    with Loopback(even, Faults(busy_until=0.2, error=0.2)) as server:
        monkeypatch.setattr(time, "time", lambda: float(next(jumps)))
        asyncio.run(_ask_all(file, server, range(20)))


def test_waits_are_drawn_up_to_a_bound_that_doubles():
    limits = Limits(backoff_s=1, longest_backoff_s=8)
    longest = [max(limits.backoff(failures) for _ in range(500)) for failures in (1, 2, 3, 4, 5, 100)]
    for found, bound in zip(longest, (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.9 * bound < found <= bound
    assert min(limits.backoff(4) for _ in range(500)) < 0.5


@pytest.mark.parametrize(
    "settings",
    [{"concurrency": 0}, {"concurrency": 9, "max_concurrency": 8}, {"requests_per_minute": 0}, {"attempts": 0}, {"backoff_s": -1}],
)
def test_limits_that_cannot_be_are_refused(settings):
    with pytest.raises(ValueError, match="got"):
        Limits(**settings)


# --- Budget --------------------------------------------------------------------------------------------------------------


def spending(file: Path, numbers, budget: Budget, prices: Prices | None = None, **manner) -> tuple[list, Calls]:
    """What comes of questions within a budget."""

    async def work(server: Loopback) -> tuple[list, Calls]:
        async with asking(file, server, budget=budget, prices=prices) as calls:
            return await answers(calls, numbers), calls

    with Loopback(even, latency_s=0.005, **manner) as server:
        # one address over restarts, as a real judge has
        monkey = pytest.MonkeyPatch()
        monkey.setattr(OpenAIJudge, "_identity", lambda self: "judge")
        try:
            return asyncio.run(work(server))
        finally:
            monkey.undo()


def test_a_budget_of_calls_is_kept_to_the_call_and_over_restarts(file):
    found, calls = spending(file, range(20), Budget(calls=7))
    spent = [each for each in found if isinstance(each, BudgetSpent)]
    assert len(spent) == 13 and calls.tally.calls == 7 == len(rows(file))
    assert str(spent[0]) == "the budget of 7 calls is spent: 7 so far, and the next call may need 1; raise it to go on"
    found, calls = spending(file, range(20), Budget(calls=9))
    assert (calls.tally.from_store, calls.tally.calls) == (7, 2), "what was answered costs nothing, and seven of nine were made before"


def test_a_budget_of_tokens_reserves_the_longest_answer_and_settles_with_the_real_one(file):
    """A call may need 15 + 4 tokens and takes 16: within 100 there is room for six (96 > 100 - 19 + 16), never for seven."""
    found, calls = spending(file, range(20), Budget(tokens=100))
    assert calls.tally.prompt_tokens + calls.tally.completion_tokens == 16 * 6 == 96
    assert sum(isinstance(each, BudgetSpent) for each in found) == 14


def test_a_budget_of_money_counts_cached_tokens_at_their_price(file):
    """15 prompt and 1 completion token: 19 millionths. May need 15 + 4 x 4 = 31: within 100 there is room for four."""
    found, calls = spending(file, range(20), Budget(money=100e-6), PRICES)
    assert calls.tally.money == pytest.approx(4 * 19e-6) and calls.tally.calls == 4
    told = next(str(each) for each in found if isinstance(each, BudgetSpent))
    assert told.startswith("the budget of 0.0001 USD is spent: 0.0001 USD so far")
    assert PRICES.cost(Usage(1000, 100, cached_tokens=800)) == pytest.approx((200 * 1 + 800 * 0.5 + 100 * 4) / 1e6)


def test_without_prices_there_is_no_money(file):
    _, calls = spending(file, range(2), Budget())
    assert calls.tally.money is None
    with pytest.raises(ValueError, match="needs the judge's prices"):
        Purse(Budget(money=1.0), None)
    with pytest.raises(ValueError, match="not negative"):
        Budget(tokens=-1)
    with pytest.raises(ValueError, match="not negative"):
        Prices(-1.0, 0.0, 0.0, "USD")


def test_tokens_that_nobody_counted_are_estimated_and_that_is_told(file, tmp_path):
    _, calls = spending(file, range(3), Budget(), tells_usage=False)
    assert calls.tally.estimated == 3 and calls.tally.prompt_tokens == 3 * 15 and calls.tally.completion_tokens == 3
    assert estimated_usage(question(0)) == Usage(15, 4)

    async def free(server: Loopback) -> Calls:
        return await _ask_all(tmp_path / "free.sqlite", server, range(3), paid=False)

    with Loopback(even, tells_usage=False) as server:
        tally = asyncio.run(free(server)).tally
    assert tally.estimated == 0 == tally.prompt_tokens, "where nothing is paid nothing is made up"


def test_an_answer_that_is_cut_off_was_paid_for(file):
    label = replace(question(0), kind="label", yes_no=False)

    async def work(server: Loopback) -> Calls:
        async with asking(file, server) as calls:
            with pytest.raises(Refused, match="cut off"):
                await calls.ask(label, 0)
            return calls

    with Loopback(even, plan=["cut"]) as server:
        tally = asyncio.run(work(server)).tally
    assert (tally.calls, tally.refused, tally.prompt_tokens) == (1, 1, 15)


# --- Pause and cancel ----------------------------------------------------------------------------------------------------


class Scripted:
    """A judge that answers when it is told to."""

    name = identity = "scripted"
    draft = paid = False

    def __init__(self, script: Callable[[Request], Coroutine]):
        self.script, self.asked = script, 0

    async def ask(self, request: Request) -> Answer:
        self.asked += 1
        return await self.script(request)

    async def close(self) -> None:
        pass


async def at_once(request: Request) -> Answer:
    return Answer("Yes", None, Usage())


def test_a_pause_lets_no_further_call_through(file):
    async def work() -> None:
        paused = False
        judge = Scripted(at_once)
        async with Calls(file, judge, "run", pause=lambda: paused) as calls:
            first = await calls.ask(question(0), 0)
            paused = True
            with pytest.raises(Paused, match="what was answered is kept"):
                await calls.ask(question(1), 1)
            assert await calls.ask(question(0), 0) == first, "what is known needs no call"
            paused = False
            await answers(calls, range(20))
            assert judge.asked == 20, "no slot was lost"

    asyncio.run(work())


def test_a_call_that_nobody_waits_for_any_more_is_finished_and_kept(file):
    async def work() -> None:
        release = asyncio.Event()

        async def later(request: Request) -> Answer:
            await release.wait()
            return await at_once(request)

        judge = Scripted(later)
        async with Calls(file, judge, "run") as calls:
            impatient = asyncio.create_task(calls.ask(question(0), 0))
            await asyncio.sleep(0.01)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            joined = asyncio.create_task(calls.ask(question(0), 0))
            await asyncio.sleep(0.01)
            asyncio.get_running_loop().call_later(0.02, release.set)
        assert len(rows(file)) == 1, "it is waited for at the end"
        assert (await joined).text == "Yes" and judge.asked == 1, "who asks the same joins it"

    asyncio.run(work())


def test_who_gives_up_waiting_for_a_slot_leaves_it_to_others(file):
    async def work() -> None:
        release = asyncio.Event()

        async def later(request: Request) -> Answer:
            await release.wait()
            return await at_once(request)

        async with Calls(file, Scripted(later), "run", limits=Limits(concurrency=1, max_concurrency=1)) as calls:
            waiting = [asyncio.create_task(calls.ask(question(number), number)) for number in range(4)]
            await asyncio.sleep(0.01)
            waiting[1].cancel()
            release.set()
            found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
            assert [type(each) for each in found] == [Answer, asyncio.CancelledError, Answer, Answer]

    asyncio.run(work())


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyError])
def test_a_judge_s_own_mistake_is_not_swallowed(file, error):
    async def wrong(request: Request) -> Answer:
        raise error("a mistake")

    async def work() -> None:
        async with Calls(file, Scripted(wrong), "run", limits=Limits(concurrency=1, max_concurrency=1)) as calls:
            for number in range(2):
                with pytest.raises(error):
                    await calls.ask(question(number), 0)

    asyncio.run(work())


def test_each_kind_of_failure_has_its_own_count(file):
    failures = iter([Busy("busy"), Passing("gone"), Busy("busy", 0.001)])

    async def failing(request: Request) -> Answer:
        if failure := next(failures, None):
            raise failure
        return await at_once(request)

    async def work() -> None:
        limits = replace(QUICK, attempts=2, busy_attempts=3)
        async with Calls(file, Scripted(failing), "run", limits=limits) as calls:
            assert (await calls.ask(question(0), 0)).text == "Yes" and calls.tally.retries == 3

    asyncio.run(work())
