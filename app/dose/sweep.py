"""What a sweep of strengths found, as the page shows it: each way of steering as a curve, and the strength that works best."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.playground.ways import HOWS
from bae.steering.dose_job import Run
from bae.steering.dose_results import Point, Score, figure, perplexity_ratio, sweet_spot
from bae.steering.dose_settings import SCALED
from bae.steering.plan import FeatureStep

SCALED_TITLE = "All steps, scaled"


@dataclass(frozen=True)
class Way:
    """One way of steering with its points, weakest push first."""

    how: str
    title: str
    points: tuple[Point, ...]
    best: Point | None


@dataclass(frozen=True)
class View:
    """A sweep with what was worked out of it."""

    run: Run
    ways: tuple[Way, ...]
    scores: Mapping[str, Score]

    def point(self, name: str) -> Point:
        """A point by its name."""
        return next(point for way in self.ways for point in way.points if point.name == name)

    def moved(self, point: Point) -> float:
        """Length of a push, in norms where the layer's is known, else raw; below 0 where its strength is, which pushes the other way."""
        return math.copysign(point.moved, point.amount) / (self.run.meta.norm or 1.0)

    @property
    def first(self) -> str | None:
        """The point that is shown where the address names none: a sweet spot, else the one in the middle of the first way."""
        best = [way.best for way in self.ways if way.best]
        middle = [way.points[len(way.points) // 2] for way in self.ways if way.points]
        return next((point.name for point in (*best, *middle)), None)


def view(run: Run) -> View:
    """Work it out; there is a plain run."""
    found, ways = run.scores(), []
    for curve in run.settings.curves:
        points = sorted((point for point in run.points if point.how == curve.how), key=lambda point: point.amount)
        ways.append(Way(curve.how, way_title(curve.how, run.settings.target), tuple(points), sweet_spot(points, found)))
    return View(run, tuple(ways), found)


def way_title(how: str, step: FeatureStep | None) -> str:
    """What a way of steering is called."""
    if how == SCALED:
        return SCALED_TITLE
    return HOWS["raw" if how == "add" and step and step.unit == "raw" else how]


def amount_text(how: str, amount: float, step: FeatureStep | None) -> str:
    """A strength with its unit."""
    if how == "add":
        return f"{amount:g} rows" if step and step.unit == "raw" else f"{amount:g} norms"
    return f"value {amount:g}" if how == "clamp" else f"{amount:g} times"


def short_title(how: str, step: FeatureStep | None) -> str:
    """The same without its unit."""
    return way_title(how, step).split(",")[0].removesuffix(" to")


def point_title(point: Point, step: FeatureStep | None) -> str:
    """A point in a line."""
    return f"{short_title(point.how, step)}: {amount_text(point.how, point.amount, step)}"


def verdict(view: View, way: Way) -> str:
    """Which strength of a way works best and what it does, or why none does."""
    step = view.run.settings.target
    if not way.points:
        return "none of its strengths could be measured." if view.run.whole else "nothing is measured yet."
    if not view.scores:
        return "no feature is followed, so no strength can be called best." if step is None else "nothing was written to tell by."
    if way.best is None:
        return f"no strength works by these measures. {_closest(view, way.points, step)}"
    so_far = "" if view.run.whole else " so far"
    best, before = figure(way.best, "written_fires"), figure(view.run.plain, "written_fires")
    return (
        f"**{amount_text(way.how, way.best.amount, step)}** works best{so_far}: the feature fires on "
        f"{100 * best.value:.0f} % of written tokens (plain: {100 * before.value:.0f} %), "
        f"at {perplexity_ratio(way.best, view.run.plain):.2f} times the perplexity of plain texts."
    )


def _closest(view: View, points: Sequence[Point], step: FeatureStep | None) -> str:
    """What the strength lacks that comes nearest."""
    nearest = max(points, key=lambda point: view.scores[point.name].value if point.name in view.scores else -1.0)
    if nearest.name not in view.scores:
        return "Nothing was written to tell by."
    return f"The nearest is {amount_text(nearest.how, nearest.amount, step)}, but {view.scores[nearest.name].lacks}."
