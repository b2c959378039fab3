"""Verdicts against brute force, the paper's numbers against themselves, and what is concluded from judges."""

import itertools
import math
import random

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from small_index import make_index, n_tokens, sentences

from bae.comsem.score import Verdict
from bae.experiments.entropy.findings import Finding
from bae.reproduction import judged, paper, svg, table1, table4
from bae.reproduction.claims import greatest, not_the_greatest, of_findings, of_share
from bae.reproduction.frequencies import _least
from bae.reproduction.judged import Judged, Span
from bae.reproduction.recipe import JudgeColumn
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, Cell, Curve, Figure

JUDGE = JudgeColumn("embedded", "draft", features=4)


def cells(seeds: int) -> list[Cell]:
    draw = random.Random(seeds)
    return [Cell.of([draw.uniform(0, 3) + place * draw.choice((0, 4)) for _ in range(seeds)]) for place in range(3)]


@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 5])
def test_the_greatest_is_told_where_ranges_are_apart(seeds):
    own, *others = cells(seeds)
    low, high = (own.value, own.value) if own.low is None else (own.low, own.high)
    spans = [(one.value, one.value) if one.low is None else (one.low, one.high) for one in others]
    wanted = AGREES if all(low > end for _, end in spans) else DIFFERS if any(begin > high for begin, _ in spans) else UNSAID
    assert greatest(own, others) == wanted
    assert (not_the_greatest(own, others) == DIFFERS) == (wanted == AGREES), "one is the other's opposite"


def test_what_is_missing_decides_nothing():
    assert greatest(Cell(), [Cell(1.0)]) == greatest(Cell(1.0), [Cell()]) == not_the_greatest(Cell(1.0), []) == UNSAID
    assert greatest(Cell(2.0), [Cell(), Cell(1.0)]) == AGREES
    assert Cell.of([None, float("nan")]) == Cell() and Cell.of([1, None, 3]) == Cell(2.0, 1.0, 3.0, seeds=2)


def test_the_least_is_the_greatest_with_the_sign_turned():
    assert _least(Cell.of([1, 2]), [Cell.of([3, 4])]) == AGREES and _least(Cell.of([1, 3]), [Cell.of([2, 4])]) == UNSAID
    assert _least(Cell(5.0), [Cell(1.0)]) == DIFFERS


def test_shares_of_cases_become_verdicts():
    assert [of_share(share) for share in (1.0, 0.8, 0.79, 0.51, 0.5, 0.0, None)] == [
        AGREES,
        AGREES,
        UNSAID,
        UNSAID,
        DIFFERS,
        DIFFERS,
        UNSAID,
    ]
    (claim,) = of_findings([Finding("says", 0.5, "told")])
    assert (claim.says, claim.verdict, claim.told) == ("says", DIFFERS, "told")


# the paper's numbers


def rows(name: str) -> dict:
    return {(row["model"], row["layer"], row["kind"]): row for row in paper.printed(name).rows if "kind" in row}


def test_the_papers_tables_agree_with_each_other():
    first, fourth = rows("table1"), rows("table4")
    assert len(paper.printed("table1").rows) == len(first) == 30 and len(fourth) == 18
    for key, row in fourth.items():
        if row["kind"] != "binary":
            assert (row["active"], row["fi"], row["score"]) == tuple(first[key][name] for name in ("active", "fi", "score")), key
    plain = next(row for row in paper.printed("table2").rows if row["bits"] == 1)
    same = first["Llama 3.2-1B", 11, "binary"]
    assert all(plain[name] == same[name] for name in ("active", "fi_mini", "score_mini")) and math.isclose(
        plain["l_r"], same["l_r"], rel_tol=0.11
    )


def test_interpretable_features_are_among_the_activated_but_for_what_is_known():
    strange = [(name, key) for name in ("table1", "table4") for key, row in rows(name).items() if row["fi"] > row["active"]]
    assert strange == [("table4", ("Llama 3.2-3B", 20, "binary"))], "as printed, and told in a note"


def test_ours_stand_beside_the_nearest_share_of_the_depth():
    printed = paper.printed("table1").rows
    for layer, blocks in itertools.product((1, 10, 15, 20, 28), (16, 30)):
        model, number = paper.nearest(printed, layer, blocks)
        best = min(abs(row["layer"] / paper.DEPTHS[row["model"]] - layer / blocks) for row in printed)
        assert math.isclose(abs(number / paper.DEPTHS[model] - layer / blocks), best, abs_tol=1e-6)


# judges


def test_whom_to_ask_is_spread_from_the_commonest_to_the_rarest():
    counts = [0, 5, *range(6, 26)]
    asked = [int(part) for part in judged.chosen(counts, JUDGE).split(", ")]
    assert len(asked) == 4 and all(counts[feature] > 5 for feature in asked)
    assert [counts[feature] for feature in asked] == [23, 18, 13, 8]
    assert judged.chosen(counts, JudgeColumn("x", "x")) == judged.chosen(counts[:4], JUDGE) == "active"


def run(scores, own, control) -> Judged:
    return Judged(len(scores), tuple(scores), own, control, "run", True, 0.0)


def test_a_judge_must_beat_its_control():
    clear, mixed, chance = Span(0.8, 0.7, 0.9), Span(0.6, 0.45, 0.75), Span(0.5, 0.4, 0.6)
    assert run([1.0], clear, chance).beaten and not run([1.0], mixed, chance).beaten
    assert not run([1.0], clear, None).beaten and not run([1.0], chance, clear).beaten
    assert run([1.0, 0.0, 0.5], clear, chance).interpretable == 2 and run([], clear, chance).score is None


def test_the_auroc_of_a_control_is_that_of_sklearn_with_an_interval():
    draw = random.Random(0)
    verdicts = [Verdict(truth, None, draw.gauss(0.7 * truth, 1)) for truth in (True, False) for _ in range(60)]
    span = judged._auroc_span(verdicts)
    assert math.isclose(span.value, roc_auc_score([v.truth for v in verdicts], [v.probability for v in verdicts]))
    assert 0.05 < span.high - span.low < 0.3 and judged._auroc_span([]) is None
    means = judged._mean_span([0.4, 0.6])
    assert (
        means.value == 0.5
        and math.isclose(means.high - 0.5, 1.96 * np.std([0.4, 0.6], ddof=1) / math.sqrt(2))
        and judged._mean_span([1.0]) is None
    )


class Rows:
    """Rows of dictionaries with given judgements and counts, in place of a workspace."""

    def __init__(self, found, active):
        self._found, self._active = found, active

    def judged(self, row, judge):
        return self._found.get(row[0])

    def active(self, row, of):
        return Cell(self._active.get(row[0]))


CLEAR, CHANCE = Span(0.8, 0.75, 0.85), Span(0.5, 0.45, 0.55)


def test_nothing_is_concluded_where_a_control_is_not_beaten():
    found = {"binary": run([1.0] * 4, CLEAR, CHANCE), "relu": run([0.1] * 4, CHANCE, CHANCE)}
    for claims in (table1._judge_claims, lambda rows, layer, judge: table4._claims4(rows, layer, judge, 0.5)):
        (claim,) = claims(Rows(found, {"binary": 100, "relu": 50}), 15, JUDGE)
        assert claim.verdict == UNSAID and "ReLU SAE" in claim.told
    # negative control: with controls that are beaten, something is
    found["relu"] = run([0.1] * 4, CLEAR, CHANCE)
    assert next(iter(table4._claims4(Rows(found, {"binary": 100, "relu": 50}), 15, JUDGE, 0.5))).verdict == AGREES


def test_as_many_features_are_kept_as_the_largest_baseline_has():
    held = Rows({}, {"binary": 5464, "topk": 3417, "relu": 2065})
    assert math.isclose(table4._kept_share(held, 11), 3417 / 5464)
    assert table4._kept_share(Rows({}, {"binary": 10, "topk": 20}), 11) == 1.0 and table4._kept_share(Rows({}, {}), 11) is None
    best = table4._best(run([0.1, 0.9, 0.5, 0.7], CLEAR, CHANCE), 0.5)
    assert math.isclose(best.value, 0.8), "the mean of the better half"


def test_counts_of_activated_features_are_those_of_the_index(tmp_path):
    texts = sentences(30)
    code = (torch.rand(n_tokens(texts), 12, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    index = make_index(tmp_path / "index", texts, {"bae": code})
    counts = index.column("bae", "top_count")
    asked = judged.chosen(counts, JudgeColumn("x", "x", features=3)).split(", ")
    assert len(asked) == 3 and all(counts[int(feature)] > 5 for feature in asked)
    index.close()


# drawings


def test_a_drawing_puts_points_where_they_are():
    axis = svg.Axis([1, 100], True, 0, 200)
    assert math.isclose(axis.place(10), 100) and axis.place(0) is None and axis.ticks()[0] == 1
    flat = svg.Axis([5, 5], False, 0, 100)
    assert flat.place(5) == 50 and svg.Axis([], False, 0, 1).place(0.5) is not None
    drawn = svg.drawing(
        Figure("t", "x", "y", (Curve("<b>", (0.0, 1.0), (0.0, 10.0)), Curve("w", (0.0, 1.0), (1.0, float("nan")), dashed=True)))
    )
    assert f'points="{svg.LEFT}.0,{svg.HEIGHT - svg.BOTTOM}.0 {svg.WIDTH - svg.RIGHT}.0,{svg.TOP}.0"' in drawn
    assert "&lt;b&gt;" in drawn and "<b>" not in drawn and "nan" not in drawn
