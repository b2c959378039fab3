"""Whether the paper's findings show: each is told from numbers, and other numbers tell otherwise."""

import math

import pytest

from app.entropy.charts import Axis, ordered_colours
from bae.experiments.entropy import findings


def made(**labels) -> dict:
    """A row whose interval is a bit to each side."""
    row = {"tree": labels["entropy"], "fvu": 0.1, "reconstruction": 0.1, **labels}
    return row | {"entropy_low": row["entropy"] - 1, "entropy_high": row["entropy"] + 1}


def shown(found, word: str) -> float | None:
    """What the one finding says whose claim holds this word."""
    (one,) = [one for one in found if word in one.claim]
    return one.shows


def synthetic(with_loss, without) -> list[dict]:
    return [
        made(rank=rank, expansion=expansion, entropy_loss=loss, entropy=estimate(rank))
        for rank in (0, 1, 4, 8)
        for expansion in (1, 2)
        for loss, estimate in ((True, with_loss), (False, without))
    ]


def test_synthetic_shows_where_estimates_are_r_and_higher_without():
    found = findings.synthetic(synthetic(lambda r: 1.04 * r, lambda r: 3 * r))
    assert [one.shows for one in found] == [1, 1, 1]
    assert "4.0 %" in found[0].told and "200 %" in found[1].told
    # 6 % is within 0.2 bit for r = 1 alone
    assert shown(findings.synthetic(synthetic(lambda r: 1.06 * r, lambda r: 3 * r)), "is r") == pytest.approx(1 / 3)
    assert shown(findings.synthetic(synthetic(lambda r: r, lambda r: 1.04 * r)), "clearly higher") == 0
    assert shown(findings.synthetic(synthetic(lambda r: r + 0.1, lambda r: r)), "constant") == 0


def test_half_a_run_says_only_what_it_can():
    rows = [row for row in synthetic(lambda r: r, lambda r: 2 * r) if row["entropy_loss"]]
    assert [one.claim for one in findings.synthetic(rows) if "Without" in one.claim] == []
    assert findings.synthetic([]) == [] == findings.language([]) == findings.icl([], []) == findings.tokens([]) == findings.dynamics([], 0)


def language(entropy) -> list[dict]:
    return [made(layer=layer, position=position, entropy=entropy(layer, position)) for layer in (0, 5, 10) for position in (1, 4, 16, 64)]


def test_language_rises_ends_and_deepens():
    paper = {0: (50, 60, 60, 60), 5: (60, 90, 100, 100), 10: (70, 100, 140, 145)}
    rows = language(lambda layer, position: paper[layer][int(math.log(position, 4))])
    found = findings.language(rows)
    assert [one.shows for one in found] == [1, 1, 1, 1]
    assert "layer 0 from 4, layer 5 from 16, layer 10 from 16" in found[3].told
    assert all(one.told.endswith("One training each.") for one in found)
    flat = findings.language(language(lambda layer, position: 100.0))
    assert shown(flat, "rises") == shown(flat, "Deeper layers hold more") == shown(flat, "later") == 0 and shown(flat, "an end") == 1
    # within the interval is not above
    assert shown(findings.language(language(lambda layer, position: 100 + 0.01 * position)), "rises") == 0


@pytest.mark.parametrize(
    ("curve", "position"), [((10, 50, 99, 100), 16), ((10, 20, 50, 100), 64), ((100, 100, 100, 100), 1), ((99, 10, 99, 100), 16)]
)
def test_a_curve_has_settled_where_a_loop_says_so(curve, position):
    own = [made(position=4**place, entropy=value) for place, value in enumerate(curve)]
    places = [4**place for place in range(4) if all(abs(value - curve[-1]) <= 0.05 * curve[-1] for value in curve[place:])]
    assert findings.settled_from(own) == min(places) == position


def icl(entropy) -> list[dict]:
    return [made(layer=layer, shots=shots, entropy=entropy(layer, shots)) for layer in (0, 5, 10) for shots in (0, 1, 8)]


def answered(shares: tuple[float, float]) -> list[dict]:
    return [
        {"shots": shots, "majority": 0.5, **{name: share for name in ("vocabulary", "labels")}, "vocabulary_low": share - 0.05,
         "vocabulary_high": share + 0.05}
        for shots, share in zip((0, 8), shares, strict=True)
    ]  # fmt: skip


def test_icl_has_fewer_bits_and_more_right():
    found = findings.icl(icl(lambda layer, shots: 10.0 * layer - 4 * shots if layer else 0.0), answered((0.2, 0.8)))
    assert [one.shows for one in found] == [1, 1, 1, 1] and "20 %" in found[3].told and "80 %" in found[3].told
    other = findings.icl(icl(lambda layer, shots: 50.0 + shots), answered((0.5, 0.55)))
    assert [one.shows for one in other] == [0, 0, 0, 0] and "more bits at 2 of 2 layers" in other[2].told


def test_known_sets_are_held_against_r_and_log2_n():
    rows = [made(rank=rank, expansion=1, entropy=float(rank), log2_vectors=6.0) for rank in (1, 4, 8)]
    assert [one.shows for one in findings.tokens(rows)] == [1, 1, 1]
    stuck = [made(rank=rank, expansion=1, entropy=min(float(rank), 6.0), log2_vectors=6.0) for rank in (1, 4, 8, 16)]
    assert [one.shows for one in findings.tokens(stuck)] == [0.5, pytest.approx(2 / 3), 0]


def course(loss: bool, values) -> list[dict]:
    return [
        {"position": 1, "entropy_loss": loss, "step": step, "entropy": float(value), "unexplained": 0.1}
        for step, value in enumerate(values, start=1)
    ]


def test_dynamics_end_lower_and_calmer():
    wild = [100.0] * 30 + [10.0, 20.0] * 5
    found = findings.dynamics(course(True, [100.0] * 20 + [5.0] * 20) + course(False, wild), decay=0.0)
    assert [one.shows for one in found] == [1, 1, 1] and "calms both" not in found[1].told
    swapped = findings.dynamics(course(False, [5.0] * 40) + course(True, wild), decay=0.4)
    assert [one.shows for one in swapped] == [0, 0, 0] and "40 %" in swapped[1].told


def test_axes_keep_0_and_the_diagonal():
    axis = Axis("bits", "from0")
    assert axis.place(0) == 0 and axis.place(1) == 1 and axis.place(7) == 3 and axis.place(None) is None
    assert Axis("bits").place(7) == 7


def test_colours_are_as_many_as_asked_for_and_differ():
    assert ordered_colours(0) == [] and len(set(ordered_colours(8))) == 8 and len(ordered_colours(1)) == 1
    assert all(len(colour) == 7 and int(colour[1:], 16) >= 0 for colour in ordered_colours(8))
