"""Ways of steering: what they are called, which dictionaries they fit, and over which amounts a slider makes sense."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from app.playground import address as playground
from app.services.playground import Known, usual_value
from bae.steering.plan import FeatureStep, Step

HOWS: Mapping[str, str] = {
    "add": "Add, in norms",
    "raw": "Add, raw",
    "clamp": "Clamp to",
    "ablate": "Ablate",
    "project": "Project out",
    "flip": "Flip",
    "set": "Set",
    "clear": "Clear",
}
"""Ways of steering a feature; raw is adding in another unit."""
OF_BITS = ("flip", "set", "clear")
OF_METHODS = {
    "features": "Features",
    "sign": "Signs of features",
    "means": "Means",
    "random-features": "Random features",
    "random-direction": "Random direction",
}
POSITIONS = {"all": "All tokens", "prompt": "Prompt", "generated": "Written tokens", "last": "Last of the prompt"}
ATS = {"last": "Last token", "mean": "All tokens"}
RAW_ROWS = 100.0
"""Times a feature's row that a slider goes to."""
FIRST_AMOUNTS = {"add": playground.START, "raw": 10.0}


class Span(NamedTuple):
    """What a slider goes over."""

    low: float
    high: float
    step: float

    def holding(self, amount: float) -> "Span":
        """The same, wide enough for an amount that came with the address."""
        return Span(min(self.low, amount), max(self.high, amount), self.step)


def way_of(step: FeatureStep) -> str:
    """The way that a step is steered by."""
    return "raw" if (step.how, step.unit) == ("add", "raw") else step.how


def fields_of(way: str, step: FeatureStep, known: Known | None) -> dict:
    """What a step becomes when a person chooses a way, with the amount to begin with."""
    how, unit = ("add", "raw") if way == "raw" else (way, "norms")
    return {"how": how, "unit": unit, "amount": FIRST_AMOUNTS.get(way, _largest(step, known) if way == "clamp" else 1.0)}


def fits(way: str, known: Known | None) -> bool:
    """Whether a way can be taken with a dictionary."""
    if way in FIRST_AMOUNTS:
        return True
    return known is not None and not known.only_added and (known.has_bits or way not in OF_BITS)


def span(step: Step, known: Known | None) -> Span:
    """Which amounts make sense for a step."""
    if not isinstance(step, FeatureStep):
        return Span(-3.0, 3.0, 0.1)
    way = way_of(step)
    if way == "add":
        return Span(-2.0, 2.0, 0.05)
    if way == "raw":
        return Span(-RAW_ROWS, RAW_ROWS, 1.0)
    high = _largest(step, known) if way == "clamp" else 1.0
    return Span(0.0, high, 0.05 if high == 1 else 10.0 ** (math.floor(math.log10(high)) - 1))


def _largest(step: FeatureStep, known: Known | None) -> float:
    """A bit's 1; for values about the largest that the index has of the feature, 1 where it has none."""
    if known is None or known.has_bits:
        return 1.0
    return rounded(usual_value(step.dictionary, step.feature) or 0.0) or 1.0


def rounded(value: float) -> float:
    """To three digits that count: an address need not carry more."""
    return float(f"{value:.3g}")
