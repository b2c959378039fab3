"""What calls cost, counted in calls, tokens and money, and a budget that they keep within.

Prices are the user's: none is known here.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import NamedTuple

from bae.comsem.judge import Request, Usage

CHARACTERS_A_TOKEN = 4
"""Of English text, roughly; judges count with tokenizers of their own, and what they counted is shown when they have answered."""
MILLION = 1_000_000


class BudgetSpent(Exception):
    """The next call would go beyond the budget. The message is a sentence that says which part of it."""


@dataclass(frozen=True)
class Prices:
    """What a judge takes for a million tokens, in units of a currency."""

    input: float
    cached_input: float
    """Of prompt tokens that it had in its cache."""
    output: float
    """Of completion tokens, those that it thought in among them."""
    currency: str

    def __post_init__(self):
        if not all(math.isfinite(price) and price >= 0 for price in (self.input, self.cached_input, self.output)):
            raise ValueError(f"prices are per million tokens, finite and not negative; got {self}")

    def cost(self, usage: Usage) -> float:
        """What so many tokens cost."""
        fresh = usage.prompt_tokens - usage.cached_tokens
        priced = fresh * self.input + usage.cached_tokens * self.cached_input + usage.completion_tokens * self.output
        return priced / MILLION


@dataclass(frozen=True)
class Budget:
    """The most that a run may spend, from its beginning and over all its restarts; None for as much as it takes."""

    calls: int | None = None
    tokens: int | None = None
    """Of prompts and completions together."""
    money: float | None = None
    """In the currency of the prices."""

    def __post_init__(self):
        if any(limit is not None and limit < 0 for limit in (self.calls, self.tokens, self.money)):
            raise ValueError(f"a budget's limits are not negative; got {self}")


@dataclass
class Tally:
    """What the calls of this process came to."""

    calls: int = 0
    """Calls that the judge answered or refused; repeated attempts at one are not counted here."""
    from_store: int = 0
    """Questions that needed no call, because the same one had been answered before."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompts' tokens."""
    money: float | None = None
    """None without prices."""
    retries: int = 0
    refused: int = 0
    estimated: int = 0
    """Calls whose tokens the judge did not count; they enter at four characters a token."""


class Amount(NamedTuple):
    """A sum of what can be spent."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0


def estimated_usage(request: Request, answer: str | None = None) -> Usage:
    """Tokens of a call at four characters a token; of the longest answer that may come, where none is given."""
    prompt = sum(len(content) for _, content in request.messages)
    completion = request.max_tokens if answer is None else math.ceil(len(answer) / CHARACTERS_A_TOKEN)
    return Usage(math.ceil(prompt / CHARACTERS_A_TOKEN), completion)


class Purse:
    """Keeps the calls of a run within a budget: a call reserves what it may need, and settles what it took."""

    def __init__(self, budget: Budget, prices: Prices | None, calls_before: int = 0, usage_before: Usage | None = None):
        if budget.money is not None and prices is None:
            raise ValueError("a budget in money needs the judge's prices; add them to its table in judges.toml, or set none")
        self.budget, self.prices = budget, prices
        self.tally = Tally(money=None if prices is None else 0.0)
        self._spent = self._amount(usage_before or Usage(), calls_before)
        self._reserved: dict[str, Amount] = {}
        self._settled = asyncio.Event()

    def _amount(self, usage: Usage, calls: int = 1) -> Amount:
        return Amount(calls, usage.prompt_tokens + usage.completion_tokens, self.prices.cost(usage) if self.prices else 0.0)

    async def reserve(self, call: str, most: Usage) -> None:
        """Set aside what a call may need; waits while others hold what they may not need after all.

        Raises BudgetSpent where it would not fit even if it were alone.
        """
        needed = self._amount(most)
        while self._beyond(needed, *self._reserved.values()):
            if said := self._beyond(needed):
                raise BudgetSpent(said)
            await self._settled.wait()
        self._reserved[call] = needed

    def settle(self, call: str, usage: Usage | None) -> None:
        """Count what a call took, and free what it had reserved; None for one that came to nothing."""
        del self._reserved[call]
        if usage is not None:
            self._count(usage)
        self._settled.set()
        self._settled = asyncio.Event()

    def _count(self, usage: Usage) -> None:
        self._spent = _sum(self._spent, self._amount(usage))
        tally = self.tally
        tally.calls += 1
        tally.prompt_tokens += usage.prompt_tokens
        tally.completion_tokens += usage.completion_tokens
        tally.cached_tokens += usage.cached_tokens
        if self.prices:
            tally.money += self.prices.cost(usage)

    def _beyond(self, *more: Amount) -> str:
        """Which part of the budget so much more would not fit into, as a sentence; empty where it fits."""
        total = _sum(self._spent, *more)
        for part in Amount._fields:
            limit = getattr(self.budget, part)
            if limit is not None and getattr(total, part) > limit:
                unit = f" {self.prices.currency}" if part == "money" else ""
                return (
                    f"the budget of {_number(limit)}{unit or f' {part}'} is spent: {_number(getattr(self._spent, part))}{unit} so far, "
                    f"and the next call may need {_number(getattr(more[0], part))}{unit}; raise it to go on"
                )
        return ""


def _sum(*amounts: Amount) -> Amount:
    return Amount(*map(sum, zip(*amounts, strict=True)))


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"
