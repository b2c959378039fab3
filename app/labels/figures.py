"""What labelling came to, as plain data: the results of a run, its control, and runs beside each other. Draws nothing.

Only what judges wrote in a run enters a figure: labels of people and of maintainers have none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from bae.comsem.records import RunRecord
from bae.comsem.results import Result
from bae.comsem.score import Pooled, Score, Verdict, accumulated, auroc, pooled

KEPT = (10, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
"""How many of the best features are kept, in the trade-off."""


def is_rescoring(run: RunRecord, results: Sequence[Result]) -> bool:
    """Whether a run scored labels that were there instead of writing some."""
    return any(result.label is not None and result.label.run != run.id for result in results)


def is_draft(results: Sequence[Result]) -> bool:
    """Whether there are labels that must be shown as of draft quality."""
    return any(result.label is not None and result.label.draft for result in results)


def scored_features(results: Sequence[Result]) -> list[tuple[int, float]]:
    """The features of a run with their scores, in its order."""
    return [(result.feature, result.score.score) for result in results if result.counts and result.score.score is not None]


def scores(results: Sequence[Result]) -> list[float]:
    """The scores alone."""
    return [score for _, score in scored_features(results)]


def vacuous(results: Sequence[Result]) -> int:
    """How many labels fit at least half of the negatives, too."""
    return sum(result.counts and result.score.vacuous for result in results)


def mean_auroc(results: Sequence[Result]) -> float | None:
    """Mean over features; None where no label has one."""
    return _mean([result.score.auroc for result in results if result.counts and result.score.auroc is not None])


def control_auroc(verdicts: Sequence[Verdict]) -> float | None:
    """The AUROC of all tests of a control together; None where its judge told no numbers."""
    told = [verdict for verdict in verdicts if verdict.probability is not None]
    return auroc(*([verdict.probability for verdict in told if verdict.truth is truth] for truth in (True, False)))


@dataclass(frozen=True)
class Side:
    """Tests under labels of one kind: the features' own, or other features'."""

    tests: int
    yes: float | None
    """Share of Yes where the feature fires, in [0, 1]: the score over all tests."""
    negatives: int
    false_yes: float | None
    """Share of Yes where it is silent."""
    balanced: Pooled | None


def own(results: Sequence[Result]) -> Side:
    """All tests of a run under the features' own labels."""
    return side(chain.from_iterable(_verdicts(result.score) for result in results if result.counts))


def _verdicts(score: Score) -> list[Verdict]:
    """Verdicts that come to the counts of a score."""
    counts = {
        (True, True): score.yes,
        (True, False): score.asked - score.yes,
        (False, True): score.false_yes,
        (False, False): score.negatives - score.false_yes,
    }
    return [verdict for (truth, yes), count in counts.items() for verdict in repeat(Verdict(truth, yes), count)]


def side(verdicts: Iterable[Verdict]) -> Side:
    """Shares of Yes of some verdicts, those that were neither Yes nor No left out."""
    clear = [verdict for verdict in verdicts if verdict.yes is not None]
    fires, silent = ([verdict.yes for verdict in clear if verdict.truth is truth] for truth in (True, False))
    return Side(len(fires), _mean(fires), len(silent), _mean(silent), pooled(clear))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


@dataclass(frozen=True)
class Kept:
    """What is left where only the best features of a run are kept."""

    features: int
    interpretable: int
    """FI: those with a score above 0."""
    mean: float


def kept(scores: Sequence[float]) -> dict[int, Kept]:
    """The trade-off of Table 4, for round numbers of features and for all of them."""
    means, positive = accumulated(scores), sum(value > 0 for value in scores)
    sizes = [size for size in KEPT if size < len(means)] + [len(means)] * bool(means)
    return {size: Kept(size, min(size, positive), means[size - 1]) for size in sizes}


def side_by_side(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """The run of most features of each dictionary, checkpoint and judge, the newest among equals; in the order they were asked for."""
    largest = {(run.subject, run.judge): run for run in sorted(runs, key=lambda run: (len(run.features), run.created))}
    return sorted(largest.values(), key=lambda run: run.created)
