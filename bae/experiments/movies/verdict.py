"""Does a push that a dictionary was read for do more than its controls? Told from the counts of a run, whatever strength was best.

One curve is above another where its best strength has more reviews right than any strength of the other, by more than chance gives:
McNemar's exact test on the same reviews. Which reviews were right is not kept, so the test is made for the worst case, that as many as
can be were right under one of the two alone. The best strength is picked on the tested reviews, and a run is asked for many comparisons
at once: 5 % are shared among all of them and all strengths (Bonferroni), so that no run says anything wrong with more than 5 %. What is
left undecided may still differ.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bae.experiments.movies.results import MEANS, PLAIN, PROMPTED, Of, Point, Results, best, curves

ERROR = 0.05
"""Chance that anything is told wrong of one measure of a run."""
Relation = Literal["above", "below", "undecided"]


@dataclass(frozen=True)
class Comparison:
    """One curve held against another, with the model as it is at strength 0 of both."""

    title: str
    against: str
    relation: Relation
    """Of `title` to `against`."""
    ours: Sequence[Point]
    """At the best strength, one a draw."""
    theirs: Sequence[Point]


@dataclass(frozen=True)
class Verdict:
    """How one BAE stands to the model as it is, to its controls, and to the other dictionaries."""

    title: str
    unsteered: Comparison
    controls: tuple[Comparison, ...]
    """The same values on random features, random directions, and the difference of means."""
    others: tuple[Comparison, ...]

    @property
    def beats_controls(self) -> bool:
        """Whether it is above every one of them."""
        return bool(self.controls) and all(one.relation == "above" for one in self.controls)


def verdicts(results: Results, of: Of) -> list[Verdict]:
    """One a BAE. Raises ValueError for a run that has not finished: the best of some strengths says nothing of the others."""
    if results.missing():
        raise ValueError(f"{results.missing()} points of this run are missing; resume it")
    return [
        Verdict(
            name,
            compare(results, name, PLAIN, of),
            tuple(compare(results, name, title, of) for title in _controls(results, name)),
            tuple(compare(results, name, title, of) for title in _others(results, name)),
        )
        for name in _baes(results)
    ]


def helps(results: Results, of: Of) -> list[Comparison]:
    """Every way to steer held against the model as it is."""
    return [compare(results, title, PLAIN, of) for title in _steered(results)]


def harms(results: Results, title: str, of: Of) -> float | None:
    """The least strength at which every draw of a curve is below the model as it is; None where none is."""
    drawn, limit = curves(results), threshold(results)
    plain = _right(drawn[PLAIN][0][0], of)
    found = (points[0].gamma for points in drawn[title] if all(_more(plain, _right(own, of), own.tested, limit) for own in points))
    return next(found, None)


def compare(results: Results, title: str, against: str, of: Of) -> Comparison:
    """Hold one curve against another. Raises KeyError for one that the run does not have."""
    drawn, limit = curves(results), threshold(results)
    ours, theirs = drawn[title], drawn[against]
    relation = "above" if _above(ours, theirs, of, limit) else "below" if _above(theirs, ours, of, limit) else "undecided"
    return Comparison(title, against, relation, best(ours, of), best(theirs, of))


def threshold(results: Results) -> float:
    """What the chance of a difference must be below for the difference to be told."""
    return ERROR / (strengths(results) * comparisons(results))


def strengths(results: Results) -> int:
    """From how many the best is picked."""
    return max(sum(gamma > 0 for gamma in results.settings["gammas"]), 1)


def comparisons(results: Results) -> int:
    """How many are made of one measure: every way to steer against none, every BAE against controls and other dictionaries."""
    return len(_steered(results)) + sum(len([*_controls(results, name), *_others(results, name)]) for name in _baes(results))


def chance(right: int, other: int, tested: int) -> float:
    """Two-sided p of a difference between two counts of right answers to the same reviews, at its greatest for any that can be behind it.

    McNemar's exact test counts reviews that one of the two alone has right. They are at most all right ones, or all wrong ones.
    """
    alone = min(right + other, 2 * tested - right - other)
    wins = (alone + abs(right - other)) // 2
    return min(2 * sum(math.comb(alone, k) for k in range(wins, alone + 1)) / 2**alone, 1.0)


def least_told(results: Results, of: Of) -> float | None:
    """How much higher than that of the model as it is an accuracy must be to be told, in [0, 1]; None where none is high enough."""
    point, limit = curves(results)[PLAIN][0][0], threshold(results)
    plain = _right(point, of)
    told = (more for more in range(1, point.tested - plain + 1) if _more(plain + more, plain, point.tested, limit))
    return next((more / point.tested for more in told), None)


def _above(ours: Sequence[Sequence[Point]], theirs: Sequence[Sequence[Point]], of: Of, limit: float) -> bool:
    """Whether the best of every draw of one curve is above all strengths of all draws of another.

    It is enough to look at the greatest count of the other: the chance of a difference only grows with it.
    """
    most: dict[str, int] = {}
    for point in _points(ours):
        most[point.method] = max(most.get(point.method, 0), _right(point, of))
    # the model as it is belongs to every curve: it speaks for none but its own
    of_draws = {method: right for method, right in most.items() if method != PLAIN} or most
    tested = ours[0][0].tested
    return _more(min(of_draws.values()), max(_right(point, of) for point in _points(theirs)), tested, limit)


def _more(right: int, other: int, tested: int, limit: float) -> bool:
    return right > other and chance(right, other, tested) < limit


def _points(curve: Sequence[Sequence[Point]]) -> Iterator[Point]:
    return (point for points in curve for point in points)


def _right(point: Point, of: Of) -> int:
    return getattr(point, of)


def _steered(results: Results) -> list[str]:
    return [title for title in curves(results) if title not in (PLAIN, PROMPTED)]


def _baes(results: Results) -> list[str]:
    return [told["dictionary"] for told in results.directions.values() if told["kind"] == "sign"]


def _controls(results: Results, name: str) -> list[str]:
    there = curves(results)
    return [title for title in (f"{name}, random features", f"{name}, random direction", MEANS) if title in there]


def _others(results: Results, name: str) -> list[str]:
    return [title for title, told in results.directions.items() if told["kind"] == "features" and title != name]
