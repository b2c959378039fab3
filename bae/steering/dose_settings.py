"""What a sweep of strengths is: a plan whose amounts are varied, in which ways and how far, on which prompts.

Loads no model: pages may make settings, and know how much work they are. What is measured is said in `bae.steering.dose`.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

from bae.steering.plan import HOWS, LARGEST, FeatureStep, Step, parse, written

VERSION = 2
"""Of what is measured and how: part of every run's id."""
SCALED = "scaled"
"""The way of sweeping that leaves a plan as it is and multiplies all its amounts by a factor."""
MOST_PROMPTS, MOST_PROMPT_TOKENS, MOST_TOKENS, MOST_AMOUNTS = 32, 512, 200, 24
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of a change that is whole at 1."""
OVER = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Of a bit, and of a feature's usual value: beyond 1 is more than the dictionary ever says."""
GRIDS: Mapping[str, tuple[float, ...]] = {
    "add": (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0),
    "ablate": SHARES,
    "project": SHARES,
    "flip": OVER,
    "set": OVER,
    "clear": SHARES,
    SCALED: (0.25, 0.5, 1.0, 1.5, 2.0, 3.0),
}
"""Amounts where nobody gave any, in the units of `bae.steering.plan`; `clamp` and what is added raw depend on the feature."""
NEUTRAL = (
    "The weather today is",
    "When I walked into the room, I saw",
    "My favourite thing about the city is",
    "The report begins with",
    "In the morning, the first thing that people do is",
    "Once upon a time there was",
    "The most important question is",
    "She opened the letter and read",
)
"""Prompts that lead nowhere in particular, for those who have none of their own."""
TEMPERATURES = tuple(f"{tenths / 10:g}" for tenths in range(21))
"""Those that the playground can say, so that what a link of a sweep opens there is what the sweep wrote."""
LARGEST_SEED = 999_999
"""Likewise."""


@dataclass(frozen=True)
class Curve:
    """One way of steering at several strengths."""

    how: str
    """As a step has it (`bae.steering.plan.HOWS`), or `scaled`."""
    amounts: tuple[float, ...]

    def __post_init__(self):
        if self.how not in (*HOWS, SCALED):
            raise ValueError(f"strengths are swept by {', '.join((*HOWS, SCALED))}; got {self.how[:40]!r}")
        wrong = [amount for amount in self.amounts if not math.isfinite(amount) or abs(amount) > LARGEST]
        if wrong:
            raise ValueError(f"a strength is a finite number from {-LARGEST:,.0f} to {LARGEST:,.0f}; got {wrong[0]}")
        # as a plan writes them, so that a point and its link are the same
        amounts = sorted({float(f"{amount:g}") for amount in self.amounts})
        if not 1 <= len(amounts) <= MOST_AMOUNTS:
            raise ValueError(f"{self.how} is swept over 1 to {MOST_AMOUNTS} different strengths; got {len(amounts)}")
        object.__setattr__(self, "amounts", tuple(amounts))


class Work(NamedTuple):
    """How much a sweep is, at most: texts that the model ends early are less."""

    points: int
    """The plain one among them."""
    passes: int
    tokens: int
    """That go through the model."""


@dataclass(frozen=True)
class Settings:
    """One run. Impossible ones are refused with ValueError, except for what only a model can tell."""

    push: str
    """The plan that is swept, as a line. Of one feature only what it is and where: how, and how far, is what `curves` say."""
    curves: tuple[Curve, ...]
    prompts: tuple[str, ...] = NEUTRAL
    max_tokens: int = 40
    """That the model writes behind every prompt."""
    temperature: float = 0.7
    seed: int = 0
    """Of the draws; each prompt begins with it anew."""
    later: str | None = None
    """A dictionary of a later layer that side effects are looked at with too."""
    made_with: Mapping[str, str] = field(default_factory=dict)
    """The model and the dictionaries by their fingerprints, so that results of others are not taken for these."""

    def __post_init__(self):
        steps = parse(self.push)
        if not steps:
            raise ValueError("nothing is steered; give at least one step, as in bae:12:add:0.5")
        if not self.curves:
            raise ValueError("choose at least one way of steering to sweep")
        hows = [curve.how for curve in self.curves]
        if len(set(hows)) < len(hows):
            raise ValueError(f"each way of steering is swept once; got {', '.join(hows)}")
        if hows != [SCALED] and (len(steps) > 1 or not isinstance(steps[0], FeatureStep)):
            raise ValueError(f"ways of steering are compared on one feature; several steps, or examples, are swept by {SCALED} alone")
        object.__setattr__(self, "push", written(steps if hows == [SCALED] else [replace(steps[0], how="add", amount=FeatureStep.amount)]))
        _check_prompts(self.prompts)
        if not 1 <= self.max_tokens <= MOST_TOKENS:
            raise ValueError(f"1 to {MOST_TOKENS} tokens are written behind a prompt; got {self.max_tokens}")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"a temperature is 0 or above; got {self.temperature}")
        for point in self.points():
            self.steps_at(*point)

    @classmethod
    def of(cls, told: Mapping) -> "Settings":
        """Back from JSON. Raises ValueError, TypeError or KeyError for what is no settings."""
        curves = tuple(Curve(curve["how"], tuple(curve["amounts"])) for curve in told["curves"])
        return cls(**{**told, "curves": curves, "prompts": tuple(told["prompts"])})

    @property
    def id(self) -> str:
        """What tells this run from others: a hash of everything in it."""
        return hashlib.sha256(json.dumps([VERSION, asdict(self)], sort_keys=True).encode()).hexdigest()[:20]

    @property
    def steps(self) -> list[Step]:
        """The plan that is swept."""
        return parse(self.push)

    @property
    def target(self) -> FeatureStep | None:
        """The first step that names a feature: the one whose activation is followed."""
        return next((step for step in self.steps if isinstance(step, FeatureStep)), None)

    def points(self) -> list[tuple[str, float]]:
        """Ways and strengths that are measured, without those that are no push at all."""
        return [(curve.how, amount) for curve in self.curves for amount in curve.amounts if amount != 0 or curve.how == "clamp"]

    def steps_at(self, how: str, amount: float) -> list[Step]:
        """The plan of one point."""
        if how == SCALED:
            return [replace(step, amount=step.amount * amount) for step in self.steps]
        return [replace(self.steps[0], how=how, amount=amount)]

    def target_at(self, how: str, amount: float) -> FeatureStep | None:
        """What is done at one point to the feature that is followed."""
        return next((step for step in self.steps_at(how, amount) if isinstance(step, FeatureStep)), None)

    def line_at(self, how: str, amount: float) -> str:
        """The same as a line."""
        return written(self.steps_at(how, amount))

    def work(self, prompt_tokens: Sequence[int]) -> Work:
        """How much this is on prompts of so many tokens, BOS included."""
        points, texts = 1 + len(self.points()), sum(prompt_tokens) + len(prompt_tokens) * self.max_tokens
        # a point is written token by token, read steered on the plain text, and read plain on its own
        passes = self.max_tokens + 2 * len(prompt_tokens)
        return Work(points, points * passes - len(prompt_tokens), 3 * points * texts - texts)


def _check_prompts(prompts: Sequence[str]) -> None:
    if not 1 <= len(prompts) <= MOST_PROMPTS:
        raise ValueError(f"a sweep takes 1 to {MOST_PROMPTS} prompts, one a line; got {len(prompts)}")
    for number, prompt in enumerate(prompts, start=1):
        if not prompt.strip():
            raise ValueError(f"prompt {number} is empty; write at least one word")
        if prompt in prompts[: number - 1]:
            raise ValueError(f"prompt {number} is there twice; the intervals need prompts that differ")


def check_reproducible(temperature: float, seed: int) -> None:
    """Raise ValueError for what the playground cannot say: links of such a sweep would open other texts there."""
    if temperature not in map(float, TEMPERATURES):
        raise ValueError(f"temperatures are those of the playground, {', '.join(TEMPERATURES)}; got {temperature:g}")
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"seeds are those of the playground, 0 to {LARGEST_SEED:,}; got {seed:,}")


def read_amounts(text: str) -> tuple[float, ...]:
    """Numbers with commas or spaces between them. Raises ValueError that names what is none."""
    amounts = []
    for part in text.replace(",", " ").split():
        try:
            amounts.append(float(part))
        except ValueError as error:
            raise ValueError(f"strengths are numbers with commas between them, as in 0.1, 0.5, 1; got {part[:40]!r}") from error
    return tuple(amounts)


def read_prompts(text: str) -> tuple[str, ...]:
    """The prompts of a text, one a line, each once; blank lines are left out."""
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def grid(how: str, unit: str = "norms", usual: float = 1.0) -> tuple[float, ...]:
    """Strengths to begin with. `usual` is the feature's usual value (`bae.steering.usual`): 1 for a bit."""
    if how == "clamp":
        return (0.0, *(_rounded(usual * factor) for factor in OVER))
    if how == "add" and unit == "raw":
        return tuple(_rounded(usual * factor) for factor in (*OVER, 16.0))
    return GRIDS[how]


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
