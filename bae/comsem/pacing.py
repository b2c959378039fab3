"""How many calls may be under way, and when the next may start: as many as the judge bears, found out by trying.

Knows no judge and no request. Time is read from a clock that never jumps.
"""

import asyncio
import random
import time
from dataclasses import dataclass

NEVER = float("-inf")
BORNE = 7 / 8
"""Share of the limit at which a judge was busy that it is known to bear."""


@dataclass(frozen=True)
class Limits:
    """How hard a judge may be pressed."""

    concurrency: int = 8
    """Calls under way at the start."""
    max_concurrency: int = 64
    requests_per_minute: float | None = None
    """Calls started within a minute, evenly spread; None for no such limit."""
    attempts: int = 8
    """Times that a call is made in all, where something on the way goes wrong."""
    busy_attempts: int = 30
    """Times that a call is made in all, where the judge says that it is busy: it will be free again."""
    backoff_s: float = 0.5
    """Longest wait before the second attempt; twice as long with every further one."""
    longest_backoff_s: float = 30.0

    def __post_init__(self):
        if not 1 <= self.concurrency <= self.max_concurrency:
            raise ValueError(f"limits need 1 <= concurrency <= max_concurrency; got {self.concurrency} and {self.max_concurrency}")
        if self.requests_per_minute is not None and not self.requests_per_minute > 0:
            raise ValueError(f"requests_per_minute must be above 0; got {self.requests_per_minute}")
        if min(self.attempts, self.busy_attempts) < 1 or min(self.backoff_s, self.longest_backoff_s) < 0:
            raise ValueError(f"a call is made at least once and waits are not negative; got {self}")

    def backoff(self, failures: int) -> float:
        """Seconds to wait after so many failures of a call: any time up to a bound that doubles, so that callers spread out."""
        return random.uniform(0, min(self.longest_backoff_s, self.backoff_s * 2 ** min(failures - 1, 30)))


class Gate:
    """Lets calls in. Their limit is halved when the judge is busy, and grows with its answers.

    It grows by one an answer up to what the judge is known to bear, seven eighths of the limit at which it was last busy, and by one
    a round from there on; a judge that was never busy is believed to bear anything.
    """

    def __init__(self, limits: Limits):
        self.limits = limits
        self.limit = float(limits.concurrency)
        """Calls that may be under way, in [1, max_concurrency]; its whole part counts."""
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._out = limits.concurrency
        """Slots that there are, free or taken; follows the limit."""
        self._borne = float("inf")
        self._opens = self._halved = NEVER
        self._spacing = 60 / limits.requests_per_minute if limits.requests_per_minute else 0.0

    async def enter(self) -> None:
        """Wait for a slot, and until the next call may start."""
        await self._slots.acquire()
        try:
            while (wait := self._opens - time.monotonic()) > 0:
                await asyncio.sleep(wait)
        except asyncio.CancelledError:
            self.leave()
            raise
        self._opens = time.monotonic() + self._spacing

    def leave(self) -> None:
        """Give the slot back; it goes out of use where there are more than the limit."""
        if self._out > int(self.limit):
            self._out -= 1
        else:
            self._slots.release()

    def answered(self) -> None:
        """The judge has answered: it may bear more, if it was given as many as it may be."""
        if not self._slots.locked():
            return
        more = 1.0 if self.limit < self._borne else 1 / self.limit
        self.limit = min(self.limit + more, self.limits.max_concurrency)
        while self._out < int(self.limit):
            self._out += 1
            self._slots.release()

    def busy(self, began: float, retry_after: float | None) -> None:
        """The judge has turned a call away that began at this reading of the clock; nobody starts for `retry_after` seconds."""
        now = time.monotonic()
        # calls that began together are turned away together: that is one reason to halve, not many
        if began > self._halved:
            self._borne, self.limit, self._halved = BORNE * self.limit, max(self.limit / 2, 1.0), now
        self._opens = max(self._opens, now + (retry_after or 0.0))
