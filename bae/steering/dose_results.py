"""What a sweep has found: points as they lie on disk, their figures with intervals over prompts, and the strength that works best.

Every prompt counts once: a figure is the mean over prompts, its interval a bootstrap over prompts (95 %). Prompts of which a figure
cannot be told (nothing was written) are left out of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

OFTEN = 0.05
"""A feature counts as changed where it is switched on or off on so large a share of the tokens."""
MOST_CHANGED = 10
"""Features that are kept by name of a point."""
DRAWS = 1000
MOST_PERPLEXITY = 1.5
"""Times that of the plain texts: what is beyond is no longer called fluent."""
MOST_REPEATED = 0.2
"""Added to the share of repeated 3-grams of the plain texts: likewise."""
LEAST_PROMPTS = 5
"""Means of fewer, drawn anew, come out too close together: four prompts that agree by chance would look certain."""


class Row(NamedTuple):
    """One prompt at one strength. None where there was no token to tell it of."""

    kl: float | None = None
    """KL(steered || plain), nats a token, over the fixed text."""
    fires: float | None = None
    """Share of the fixed text's tokens on which the target fires in the steered pass."""
    strength: float | None = None
    """Its mean strength on them."""
    others: float | None = None
    """Other features of the dictionary that are switched on or off, a token."""
    later: float | None = None
    """The same of the dictionary at a later layer."""
    written_fires: float | None = None
    """Share of the written tokens on which the target fires when the plain model reads them."""
    written_strength: float | None = None
    surprise: float | None = None
    """Mean of -log q over the written tokens under the plain model, in nats."""
    repeated: float | None = None
    distinct: float | None = None
    written: tuple[int, ...] = ()
    """Tokens that were written."""
    text: str = ""
    """The same as text; foreign."""


class Changed(NamedTuple):
    """A feature that a push switches, by shares of the fixed texts' tokens."""

    feature: int
    changed: float
    """Fires in one pass and not in the other."""
    plain: float
    steered: float


@dataclass(frozen=True)
class SideEffects:
    """What a push does to the features of a dictionary that it is not about."""

    dictionary: str
    tokens: int
    often: int
    """Features that are switched on at least 5 % of the tokens."""
    ever: int
    most: tuple[Changed, ...]


@dataclass(frozen=True)
class Point:
    """All that was measured at one strength."""

    how: str
    amount: float
    moved: float
    """Mean length of the change of hidden states at the dictionary's layer, where they change, in raw units."""
    rows: tuple[Row, ...]
    """One a prompt."""
    own: SideEffects
    later: SideEffects | None
    seconds: float

    @property
    def name(self) -> str:
        """What its file and its address are called."""
        return f"{self.how}_{self.amount:g}"

    @classmethod
    def of(cls, told: Mapping) -> "Point":
        """Back from JSON. Raises TypeError or KeyError for what is no point."""
        rows = tuple(Row(**{**row, "written": tuple(row["written"])}) for row in told["rows"])
        return cls(**{**told, "rows": rows, "own": _effects(told["own"]), "later": told["later"] and _effects(told["later"])})

    def json(self) -> dict:
        """For a file."""
        effects = {
            name: one and asdict(one) | {"most": [change._asdict() for change in one.most]}
            for name, one in (("own", self.own), ("later", self.later))
        }
        return asdict(self) | effects | {"rows": [row._asdict() for row in self.rows]}


class Skipped(NamedTuple):
    """A strength that could not be measured."""

    how: str
    amount: float
    skipped: str
    """Why, as a sentence without its full stop."""


def _effects(told: Mapping) -> SideEffects:
    return SideEffects(**{**told, "most": tuple(Changed(**one) for one in told["most"])})


# figures


class Figure(NamedTuple):
    """A mean over prompts; low and high are None where one prompt alone tells it."""

    value: float
    low: float | None
    high: float | None


def _told(points: Sequence[Row], name: str) -> list[float]:
    return [value for row in points if (value := getattr(row, name)) is not None]


def figure(point: Point, name: str) -> Figure | None:
    """A figure of `Row` by its name, or `perplexity`; None where no prompt tells it."""
    values = _told(point.rows, "surprise" if name == "perplexity" else name)
    if not values:
        return None
    found = interval(values)
    return Figure(*(bound if bound is None else math.exp(min(bound, 700.0)) for bound in found)) if name == "perplexity" else found


def interval(values: Sequence[float]) -> Figure:
    """The mean and where 95 % of the means of resampled values lie; the same for the same values."""
    told = np.asarray(values, dtype=float)
    if len(told) < 2:
        return Figure(told.mean().item(), None, None)
    drawn = np.random.default_rng(0).integers(len(told), size=(DRAWS, len(told)))
    low, high = np.percentile(told[drawn].mean(1), (2.5, 97.5))
    return Figure(told.mean().item(), low.item(), high.item())


def paired(point: Point, plain: Point, name: str) -> Figure | None:
    """A point less the plain run, prompt by prompt; None where no prompt tells both."""
    told = _differences(point, plain, name)
    return interval(told) if told else None


def _differences(point: Point, plain: Point, name: str) -> list[float]:
    both = [(getattr(one, name), getattr(other, name)) for one, other in zip(point.rows, plain.rows, strict=True)]
    return [one - other for one, other in both if one is not None and other is not None]


# the strength that works best


@dataclass(frozen=True)
class Score:
    """How well a strength does: it is to change the target in the written text, and to leave the text fluent."""

    effect: float
    """Of the target in the written text: 1 is the most that any strength of the run did, or all that there was to take away."""
    fluency: float
    """`min(1, plain perplexity / perplexity) * (1 - repeated 3-grams beyond the plain text's)`, in [0, 1]."""
    lacks: str
    """Why it does not qualify, as half a sentence; empty where it does."""

    @property
    def value(self) -> float:
        """The harmonic mean of both, in [0, 1]."""
        together = self.effect + self.fluency
        return 2 * self.effect * self.fluency / together if together > 0 else 0.0


def aim(how: str, amount: float, usually_on: bool) -> int:
    """Whether a push is to bring the target on (1) or off (-1): by the step itself, the factor of a scaled plan in its amount."""
    if how in ("ablate", "project", "clear"):
        return -1 if amount > 0 else 1
    if how == "flip":
        return -1 if usually_on == (amount > 0) else 1
    return 1 if amount > 0 else -1


def scores(plain: Point, points: Sequence[Point], aim_of: Callable[[Point], int]) -> dict[str, Score]:
    """Every point's score by its name. Empty where no target is followed, or nothing was written that shows it."""
    before = figure(plain, "written_fires")
    if before is None:
        return {}
    changes = {point.name: change for point in points if (change := paired(point, plain, "written_fires"))}
    most = max((change.value for name, change in changes.items()), default=0.0)
    found = {}
    for point in points:
        if change := changes.get(point.name):
            up = aim_of(point) > 0
            whole = most if up else before.value
            signed = change if up else Figure(-change.value, *(None if end is None else -end for end in (change.high, change.low)))
            effect = min(max(signed.value / whole, 0.0), 1.0) if whole > 0 else 0.0
            found[point.name] = Score(effect, _fluency(point, plain), _lacks(point, plain, signed, up, before.value))
    return found


def perplexity_ratio(point: Point, plain: Point) -> float:
    """Perplexity of what was written over that of the plain texts, prompt by prompt; infinite where nothing was written."""
    change = paired(point, plain, "surprise")
    return math.inf if change is None else math.exp(min(change.value, 700.0))


def _more_repeated(point: Point, plain: Point) -> float:
    change = paired(point, plain, "repeated")
    return 0.0 if change is None else max(change.value, 0.0)


def _fluency(point: Point, plain: Point) -> float:
    return min(1.0, 1 / perplexity_ratio(point, plain)) * max(1 - _more_repeated(point, plain), 0.0)


def _lacks(point: Point, plain: Point, change: Figure, up: bool, before: float) -> str:
    if len(_differences(point, plain, "written_fires")) < LEAST_PROMPTS:
        return f"too few prompts to tell from chance, fewer than {LEAST_PROMPTS}"
    if not up and before == 0:
        return "the plain texts do not show the feature, so there is nothing to take away"
    if change.value <= 0 or (change.low is not None and change.low <= 0):
        return f"the texts do not show the feature {'more' if up else 'less'} than plain ones, beyond chance"
    ratio, repeated = perplexity_ratio(point, plain), _more_repeated(point, plain)
    if ratio > MOST_PERPLEXITY:
        return f"the perplexity of the texts is {ratio:.2f} times that of plain ones, more than {MOST_PERPLEXITY:g}"
    if repeated > MOST_REPEATED:
        return (
            f"{100 * repeated:.0f} % more of the runs of three tokens are repeats than in plain ones, more than {100 * MOST_REPEATED:.0f} %"
        )
    return ""


def sweet_spot(points: Sequence[Point], scored: Mapping[str, Score]) -> Point | None:
    """Of the points of a curve, the one with the greatest score among those that qualify; the weaker where two are equal."""
    qualified = [point for point in points if point.name in scored and not scored[point.name].lacks]
    return max(qualified, key=lambda point: (scored[point.name].value, -point.moved), default=None)
