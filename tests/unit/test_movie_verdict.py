"""What a run of the movie experiment says of the BAE: planted counts, and chance alone."""

import random

import pytest
from scipy.stats import binomtest

from bae.experiments.movies.results import GAMMAS, MEANS, PLAIN, PROMPTED, Point, Results
from bae.experiments.movies.verdict import chance, compare, harms, helps, least_told, threshold, verdicts

METHODS = {
    "bae": ("features", "bae", None),
    "bae, signs": ("sign", "bae", None),
    **{f"bae, {kind} {draw}": (kind, "bae", draw) for draw in (1, 2) for kind in ("random features", "random direction")},
    "topk": ("features", "topk", None),
    MEANS: (MEANS, None, None),
}
"""One BAE, another dictionary, and the controls."""


def made_up(counts: dict[str, list[int]], tested: int = 512, gammas: tuple[float, ...] = (0.0, 1.0, 2.0), plain: int = 100) -> Results:
    """A run with these counts of right answers at the strengths above 0, and with `plain` at 0 and wherever none are given."""
    directions = {method: dict(zip(("kind", "dictionary", "draw"), one, strict=True)) for method, one in METHODS.items()}
    steered = {method: counts.get(method, [plain] * (len(gammas) - 1)) for method in METHODS}
    right = {(PLAIN, 0.0): plain, (PROMPTED, 0.0): tested}
    right |= {(method, gamma): count for method, each in steered.items() for gamma, count in zip(gammas[1:], each, strict=True)}
    points = [Point(method, gamma, tested, count, count, tested, tested, {}) for (method, gamma), count in right.items()]
    return Results(None, {"gammas": list(gammas)}, 0.5, directions, points)


def test_a_bae_beats_its_controls_only_where_every_one_is_below_it():
    clear = made_up({"bae": [100, 300]})
    (verdict,) = verdicts(clear, "vocabulary")
    assert verdict.title == "bae" and verdict.beats_controls and verdict.unsteered.relation == "above"
    assert [one.against for one in verdict.controls] == ["bae, random features", "bae, random direction", MEANS]
    assert [one.against for one in verdict.others] == ["topk"] and verdict.others[0].ours[0].gamma == 2.0
    for control in ("bae, random features 2", "bae, random direction 1", MEANS):
        assert not verdicts(made_up({"bae": [100, 300], control: [280, 100]}), "vocabulary")[0].beats_controls, control
    assert not verdicts(made_up({}), "vocabulary")[0].beats_controls
    turned = made_up({MEANS: [300, 100]})
    assert compare(turned, "bae", MEANS, "labels").relation == "below" and compare(turned, MEANS, "bae", "labels").relation == "above"
    one_draw_only = made_up({"bae, random features 1": [100, 300]})
    assert compare(one_draw_only, "bae, random features", PLAIN, "vocabulary").relation == "undecided"
    both = made_up({f"bae, random features {draw}": [100, 300] for draw in (1, 2)})
    assert compare(both, "bae, random features", PLAIN, "vocabulary").relation == "above"


def test_harm_begins_where_the_interval_leaves_the_model_as_it_is():
    assert harms(made_up({"bae": [90, 10]}), "bae", "vocabulary") == 2.0
    assert harms(made_up({"bae": [10, 90]}), "bae", "vocabulary") == 1.0
    assert harms(made_up({"bae": [90, 300]}), "bae", "vocabulary") is None


def test_no_verdict_before_all_is_there():
    results = made_up({"bae": [100, 300]})
    results.points.pop()
    with pytest.raises(ValueError, match="1 points of this run are missing"):
        verdicts(results, "vocabulary")


def test_the_best_of_many_strengths_is_not_taken_for_more_than_it_is():
    """Where nothing differs, some curve seems above the model as it is in at most 5 % of runs; at 95 % each alone in far more."""
    draw, wrong = random.Random(0), {"joint": 0, "alone": 0}
    right = lambda: sum(draw.random() < 0.2 for _ in range(100))  # noqa: E731
    for _ in range(100):
        results = made_up({method: [right() for _ in GAMMAS[1:]] for method in METHODS}, 100, GAMMAS, plain=right())
        plain = next(point for point in results.points if point.method == PLAIN)
        wrong["joint"] += any(one.relation == "above" for one in helps(results, "vocabulary"))
        wrong["alone"] += any(point.interval("vocabulary")[0] > plain.accuracy("vocabulary") for point in results.points if point.gamma)
    assert wrong["joint"] <= 5 and wrong["alone"] > 30, wrong
    # against none: 6 curves; the BAE against 3 controls and another dictionary
    assert threshold(made_up({})) == pytest.approx(0.05 / (2 * (6 + 3 + 1)))


def test_the_chance_is_the_greatest_that_any_reviews_can_be_behind():
    """Every way in which two counts can lie over each other, by scipy's test; the greatest is ours."""
    for right, other, tested in ((9, 3, 20), (17, 12, 20), (10, 10, 20), (20, 0, 20), (3, 14, 24), (20, 20, 20)):
        each = []
        for both in range(max(0, right + other - tested), min(right, other) + 1):
            alone = right + other - 2 * both
            each.append(binomtest(right - both, alone, 0.5).pvalue if alone else 1.0)
        assert chance(right, other, tested) == pytest.approx(max(each)) == pytest.approx(chance(other, right, tested))
    assert chance(12, 3, 20) < chance(9, 3, 20) < chance(9, 5, 20), "negative control: it follows the counts"


def test_the_least_difference_that_is_told_is_told():
    results = made_up({})
    more = round(512 * least_told(results, "vocabulary"))
    for right, relation in ((100 + more, "above"), (99 + more, "undecided")):
        assert compare(made_up({"topk": [right, 0]}), "topk", PLAIN, "vocabulary").relation == relation
    assert least_told(made_up({}, 3, plain=2), "labels") is None
