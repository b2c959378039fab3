"""Asking a judge many things: every question once, as many at a time as it bears, within a budget, through all that may go wrong.

An answer is on disk before anybody sees it, so that a run goes on where it was stopped, however it was stopped: only calls that
were under way are made again. Does not know what is asked, nor how a judge is reached.
"""

import asyncio
import hashlib
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from weakref import WeakValueDictionary

from bae.comsem.judge import Answer, Busy, Fatal, Judge, Passing, Refused, Request, Slow, Usage
from bae.comsem.pacing import Gate, Limits
from bae.comsem.spending import Budget, BudgetSpent, Prices, Purse, Tally, estimated_usage

SCHEMA = """
create table if not exists call (
    key text primary key, run text not null, feature integer not null, judge text not null, kind text not null,
    request text not null, instructions text, answer text not null, yes real, usage text not null,
    seconds real not null, attempts integer not null, created real not null
);
create index if not exists call_of_run on call (run, feature);
create table if not exists instructions (hash text primary key, content text not null);
"""
"""Answered calls, by the key of the request. `run` and `feature` are those that asked first.

The instructions that begin many requests are kept once: with them every call would take five kilobytes more.
"""

LONGEST_WAIT_S = 600.0
"""A judge that wants a longer pause stops the run, which can go on another day."""
OUTAGE = 5
"""So many requests in a row that ran out of attempts: there is no judge at the other end."""


class Paused(Exception):
    """No further call is made, because the run is to pause."""


class Calls:
    """All that one run asks one judge. Lives within one event loop; other processes may read the file meanwhile."""

    def __init__(
        self,
        file: Path,
        judge: Judge,
        run: str,
        budget: Budget | None = None,
        prices: Prices | None = None,
        limits: Limits | None = None,
        pause: Callable[[], bool] = lambda: False,
    ):
        """`file` is the workspace's notebook; `pause` is asked before every call. What the run spent before counts against `budget`.

        Raises ValueError for a budget in money without prices.
        """
        self.judge, self.run, self.pause = judge, run, pause
        self.limits = limits or Limits()
        self._store = _Store(file)
        self._gate = Gate(self.limits)
        self._purse = Purse(budget or Budget(), prices, *spent(self._store.connection, run))
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._refused: dict[str, Refused] = {}
        self._asking: set[asyncio.Task[Answer]] = set()
        self._under_way: dict[str, asyncio.Task[Answer]] = {}
        self._fatal: Fatal | None = None
        self._given_up_in_a_row = 0

    @property
    def tally(self) -> Tally:
        """What this process has asked and spent so far."""
        return self._purse.tally

    @property
    def concurrency(self) -> int:
        """Calls that may be under way at the moment; follows what the judge bears."""
        return int(self._gate.limit)

    async def ask(self, request: Request, feature: int) -> Answer:
        """The judge's answer to a request about a feature; from the store where it has been given before.

        Raises Refused where this request gets no answer, BudgetSpent or Paused before a call that may not be made, and Fatal,
        for everybody who waits, when the run has to stop. Whoever is cancelled leaves a call that is under way to be finished.
        """
        asking = asyncio.create_task(self._answer(request, feature))
        self._asking.add(asking)
        try:
            return await asking
        except asyncio.CancelledError:
            if self._fatal is None or asyncio.current_task().cancelling():
                raise
            raise Fatal(*self._fatal.args) from None
        finally:
            self._asking.discard(asking)

    async def finish(self) -> None:
        """Wait for the calls that are under way, so that what they cost is not lost: for a run that stops, and will go on."""
        if self._under_way:
            await asyncio.wait(self._under_way.values())

    def close(self) -> None:
        """Close the file. The judge stays open."""
        self._store.close()

    async def __aenter__(self) -> "Calls":
        return self

    async def __aexit__(self, *error) -> None:
        await self.finish()
        self.close()

    async def _answer(self, request: Request, feature: int) -> Answer:
        key = request.key(self.judge.identity)
        # whoever asks the same meanwhile waits here, and then finds the answer
        async with self._locks.setdefault(key, asyncio.Lock()):
            if answer := self._store.find(key):
                self.tally.from_store += 1
                return answer
            if self._fatal:
                raise Fatal(*self._fatal.args)
            if key in self._refused:
                raise Refused(*self._refused[key].args)
            try:
                return await self._persevere(key, request, feature)
            except Refused as refused:
                self.tally.refused += 1
                self._refused[key] = refused
                raise

    async def _persevere(self, key: str, request: Request, feature: int) -> Answer:
        """Try until there is an answer, or no hope of one."""
        failures = {Busy: 0, Passing: 0}
        most = {Busy: self.limits.busy_attempts, Passing: self.limits.attempts}
        while True:
            attempt = sum(failures.values()) + 1
            try:
                answer = await self._attempt(key, request, feature, attempt)
            except (Busy, Passing) as failure:
                kind = Busy if isinstance(failure, Busy) else Passing
                failures[kind] += 1
                if failures[kind] >= most[kind]:
                    raise self._given_up(attempt, failure) from None
                self.tally.retries += 1
                # a judge that says when to come back has set the gate; what is left is to not come all at once
                told = kind is Busy and failure.retry_after is not None
                await asyncio.sleep(self.limits.backoff(1 if told else attempt))
            else:
                self._given_up_in_a_row = 0
                return answer

    def _given_up(self, attempts: int, last: Exception) -> Exception:
        self._given_up_in_a_row += 1
        if self._given_up_in_a_row < OUTAGE:
            return Refused(f"no answer in {attempts} attempts; the last one: {last}")
        said = f"the judge {self.judge.name} has failed {OUTAGE} requests in a row; see whether it runs, then resume the run ({last})"
        return self._stopped(Fatal(said))

    async def _attempt(self, key: str, request: Request, feature: int, attempt: int) -> Answer:
        """Make a call as soon as it may be made, or join one that somebody has left behind."""
        if key not in self._under_way:
            await self._gate.enter()
            try:
                if self.pause():
                    raise Paused("the run is paused; what was answered is kept")
                await self._purse.reserve(key, estimated_usage(request))
            except (asyncio.CancelledError, BudgetSpent, Paused):
                self._gate.leave()
                raise
            call = asyncio.create_task(self._call(key, request, feature, attempt))
            # nobody may be left to hear of its failure
            call.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._under_way[key] = call
        return await asyncio.shield(self._under_way[key])

    async def _call(self, key: str, request: Request, feature: int, attempt: int) -> Answer:
        """Make one call and keep its answer. A task of its own, which nobody's impatience ends."""
        began, usage = time.monotonic(), None
        try:
            answer = self._counted(request, await self.judge.ask(request))
            usage = answer.usage
            self._store.keep(key, self.run, feature, self.judge.name, request, answer, time.monotonic() - began, attempt)
            self._gate.answered()
            return answer
        except (Busy, Slow) as failure:
            self._slow_down(began, failure)
            raise
        except Refused as refused:
            usage = refused.usage
            raise
        except Fatal as fatal:
            raise self._stopped(fatal) from None
        finally:
            self._purse.settle(key, usage)
            self._gate.leave()
            del self._under_way[key]

    def _slow_down(self, began: float, failure: Busy | Slow) -> None:
        retry_after = failure.retry_after if isinstance(failure, Busy) else None
        if retry_after is not None and retry_after > LONGEST_WAIT_S:
            wait = f"{retry_after / 60:,.0f} minutes"
            raise self._stopped(Fatal(f"the judge {self.judge.name} asks to wait {wait} ({failure}); resume the run then"))
        self._gate.busy(began, retry_after)

    def _stopped(self, fatal: Fatal) -> Fatal:
        """Stop everybody who waits, whatever for."""
        self._fatal = self._fatal or fatal
        for asking in self._asking:
            asking.cancel()
        return self._fatal

    def _counted(self, request: Request, answer: Answer) -> Answer:
        """The answer with its tokens, estimated where a judge that is paid did not count them."""
        if answer.usage.prompt_tokens or not self.judge.paid:
            return answer
        self.tally.estimated += 1
        return replace(answer, usage=estimated_usage(request, answer.text))


def spent(connection: sqlite3.Connection, run: str) -> tuple[int, Usage]:
    """Number of calls that a run has made, and their tokens."""
    sums = ", ".join(f"coalesce(sum(json_extract(usage, '$.{part.name}')), 0)" for part in fields(Usage))
    calls, *tokens = connection.execute(f"select count(*), {sums} from call where run = ?", (run,)).fetchone()
    return calls, Usage(*tokens)


class _Store:
    """The table of answered calls. Every row is written at once: a process that is killed loses none."""

    def __init__(self, file: Path):
        self.connection = sqlite3.connect(file, timeout=30, isolation_level=None)
        self.connection.execute("pragma journal_mode=wal")
        self.connection.execute("pragma synchronous=normal")
        self.connection.executescript(SCHEMA)

    def find(self, key: str) -> Answer | None:
        """The answer to a call that has been made; None where it has not."""
        row = self.connection.execute("select answer, yes, usage from call where key = ?", (key,)).fetchone()
        return row and Answer(row[0], row[1], Usage(**json.loads(row[2])))

    def keep(self, key: str, run: str, feature: int, judge: str, request: Request, answer: Answer, seconds: float, attempts: int) -> None:
        """Keep an answered call. Another process may have been as fast: the first answer stays."""
        (role, first), *others = request.messages
        shared = hashlib.sha256(first.encode()).hexdigest() if role == "system" else None
        if shared:
            self.connection.execute("insert or ignore into instructions values (?, ?)", (shared, first))
            request = replace(request, messages=((role, ""), *others))
        told = (json.dumps(asdict(request)), shared, answer.text, answer.yes, json.dumps(asdict(answer.usage)))
        self.connection.execute(
            "insert or ignore into call values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, run, feature, judge, request.kind, *told, seconds, attempts, time.time()),
        )

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
