"""From numbers to verdicts: nothing here knows what a number means, only what is held against what."""

from collections.abc import Iterable, Sequence

from bae.experiments.entropy.findings import Finding
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, Cell, Claim, Verdict

MOST, HALF = 0.8, 0.5
"""A finding that shows in at least four of five cases agrees, one in at most half differs; between them nothing is said."""


def of_findings(found: Iterable[Finding]) -> tuple[Claim, ...]:
    """The findings of an entropy run as claims."""
    return tuple(Claim(one.claim, of_share(one.shows), one.told) for one in found)


def of_share(shows: float | None) -> Verdict:
    """By the share of cases in which a claim shows; None where the numbers do not tell."""
    if shows is None:
        return UNSAID
    return AGREES if shows >= MOST else DIFFERS if shows <= HALF else UNSAID


def greatest(own: Cell, others: Sequence[Cell]) -> Verdict:
    """Whether a number is above all others, the ranges of their seeds apart; undecided where ranges overlap or something is missing."""
    known = [other for other in others if other.value is not None]
    if own.value is None or not known:
        return UNSAID
    if all(_low(own) > _high(other) for other in known):
        return AGREES
    return DIFFERS if any(_low(other) > _high(own) for other in known) else UNSAID


def not_the_greatest(own: Cell, others: Sequence[Cell]) -> Verdict:
    """Whether some other number is at least as great."""
    known = [other for other in others if other.value is not None]
    if own.value is None or not known:
        return UNSAID
    if any(_high(other) >= _low(own) for other in known):
        return AGREES
    return DIFFERS


def _low(cell: Cell) -> float:
    return cell.value if cell.low is None else cell.low


def _high(cell: Cell) -> float:
    return cell.value if cell.high is None else cell.high
