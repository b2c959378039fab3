"""How well a label fits: the paper's score, and beside it what negatives say. Pure functions of verdicts."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bae.comsem.plan import Denominator, Settings

Z = 1.96
"""Deviations of a 95 % interval."""
VACUOUS_FROM = 0.5
"""Share of negatives from which a label that fits them too says nothing."""


@dataclass(frozen=True)
class Verdict:
    """What the judge said of one test."""

    truth: bool
    """Whether the feature is activated there."""
    yes: bool | None
    """None where the answer was neither Yes nor No, or where the judge gives numbers alone."""
    probability: float | None = None
    """Of Yes, or any number that grows with it; None where the judge gives none."""


@dataclass(frozen=True)
class Score:
    """The figures of one label. Shares lie in [0, 1]; None where there was nothing to count."""

    score: float | None
    """Share of Yes among the tests (section 5.2); Algorithm 1 as printed divides by all occurrences that remain."""
    low: float | None
    high: float | None
    """Wilson's 95 % interval of the share of Yes among those asked."""
    asked: int
    yes: int
    unclear: int
    """Answers that were neither Yes nor No; they are counted nowhere else."""
    negatives: int
    false_yes: int
    """Negatives that the label was said to fit."""
    balanced_accuracy: float | None
    """Mean of the share of Yes on tests and of No on negatives; 0.5 is chance."""
    auroc: float | None
    """Chance that a test gets a higher probability than a negative; 0.5 is chance."""
    vacuous: bool
    """Whether the label fits at least half of the negatives as well."""


def wilson(yes: int, asked: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a share; None for nothing asked."""
    if not asked:
        return None
    from scipy.stats import binomtest  # takes a second to load, which pages that only show scores can do without

    interval = binomtest(yes, asked).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """Chance that a positive lies above a negative, ties counted half; None where one side is empty."""
    if not positives or not negatives:
        return None
    from sklearn.metrics import roc_auc_score  # as above

    return float(roc_auc_score([True] * len(positives) + [False] * len(negatives), [*positives, *negatives]))


def score(verdicts: Iterable[Verdict], remaining: int, denominator: Denominator = "asked") -> Score:
    """Count the verdicts on one label; `remaining` are the occurrences after those that the label was made of."""
    verdicts = list(verdicts)
    clear = [verdict for verdict in verdicts if verdict.yes is not None]
    tests, negatives = ([verdict for verdict in clear if verdict.truth is side] for side in (True, False))
    yes, false_yes = (sum(verdict.yes for verdict in side) for side in (tests, negatives))
    interval = wilson(yes, len(tests))
    divisor = len(tests) if denominator == "asked" else remaining
    return Score(
        score=yes / divisor if divisor and tests else None,
        low=interval and interval[0],
        high=interval and interval[1],
        asked=len(tests),
        yes=yes,
        unclear=sum(verdict.yes is None and verdict.probability is None for verdict in verdicts),
        negatives=len(negatives),
        false_yes=false_yes,
        balanced_accuracy=(yes / len(tests) + 1 - false_yes / len(negatives)) / 2 if tests and negatives else None,
        auroc=_auroc(verdicts),
        vacuous=bool(negatives) and false_yes >= VACUOUS_FROM * len(negatives),
    )


def _auroc(verdicts: Sequence[Verdict]) -> float | None:
    if any(verdict.probability is None for verdict in verdicts):
        return None
    return auroc(*([verdict.probability for verdict in verdicts if verdict.truth is side] for side in (True, False)))


@dataclass(frozen=True)
class Pooled:
    """Balanced accuracy over the verdicts of many features, with its 95 % interval."""

    value: float
    low: float
    high: float
    verdicts: int


def pooled(verdicts: Iterable[Verdict]) -> Pooled | None:
    """Balanced accuracy of all verdicts together; None where a side is empty."""
    clear = [verdict for verdict in verdicts if verdict.yes is not None]
    sides = [[verdict.yes is side for verdict in clear if verdict.truth is side] for side in (True, False)]
    if not all(sides):
        return None
    shares = [sum(side) / len(side) for side in sides]
    # Agresti and Coull: a share of 0 or 1 is not certain, so two of each are added before its spread is taken
    softened = [((sum(side) + 2) / (len(side) + 4), len(side) + 4) for side in sides]
    half = Z / 2 * math.sqrt(sum(share * (1 - share) / n for share, n in softened))
    value = sum(shares) / 2
    return Pooled(value, max(0.0, value - half), min(1.0, value + half), len(clear))


@dataclass(frozen=True)
class Table:
    """The right half of Table 1 for one dictionary and judge."""

    activated: int
    """FA by Algorithm 1: features that occur more than n_I times."""
    activated_caption: int
    """FA by the caption of Table 1: more than 8 times."""
    interpretable: int
    """FI: features of the run with a score above 0."""
    mean: float | None
    """Mean score over the features of the run, in [0, 1]; None before one is scored."""
    scored: int
    """Features of the run that have a score: where they are not all activated ones, FI and mean are of a part."""


CAPTION_MORE_THAN = 8


def table(counts: Sequence[int], scores: Iterable[float], settings: Settings) -> Table:
    """FA, FI and mean score from the occurrences of every feature and the scores there are."""
    scores = list(scores)
    return Table(
        activated=sum(count > settings.n_interpret for count in counts),
        activated_caption=sum(count > CAPTION_MORE_THAN for count in counts),
        interpretable=sum(value > 0 for value in scores),
        mean=sum(scores) / len(scores) if scores else None,
        scored=len(scores),
    )


def accumulated(scores: Iterable[float]) -> list[float]:
    """Mean of the best 1, 2, 3, ... scores (the curves of Fig. 24 to 28, the trade-off of Table 4)."""
    total, means = 0.0, []
    for number, value in enumerate(sorted(scores, reverse=True), start=1):
        total += value
        means.append(total / number)
    return means
