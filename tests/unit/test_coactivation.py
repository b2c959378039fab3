"""Measures of two features that fire together, against their definitions counted token by token."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from small_index import make_index, n_tokens, sentences

from bae.features.coactivation import coactivation
from bae.index.columns import Columns
from bae.index.layout import Layout
from bae.index.profile import documents, groups, positions, token_shares

TEXTS = sentences(80, seed=4)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    draw = np.random.default_rng(5)
    fires = draw.random((n_tokens(TEXTS), 12)) < draw.choice([0.02, 0.2, 0.7], 12)
    fires[:, 3] = fires[:, 0] & (draw.random(len(fires)) < 0.7)  # 3 implies 0
    fires[:, 4] = ~fires[:, 1]
    fires[:, 5] = False
    fires[:, 6] = True
    values = (fires * draw.uniform(0.5, 2, fires.shape)).astype(np.float32)
    index = make_index(tmp_path_factory.mktemp("pairs") / "index", TEXTS, {"sae": torch.from_numpy(values)})
    return fires, values, Columns(index, "sae"), Layout.of(index)


def entropy(*shares: float) -> float:
    return -sum(share * math.log2(share) for share in shares if share)


@pytest.mark.parametrize("a", [0, 1, 3, 5, 6])
def test_every_measure_is_what_its_definition_counts(made, a):
    fires, _, columns, _ = made
    found = coactivation(columns, a, len(fires))
    n = len(fires)
    for b in range(fires.shape[1]):
        both = sum(bool(fires[t, a] and fires[t, b]) for t in range(n))
        either = sum(bool(fires[t, a] or fires[t, b]) for t in range(n))
        only_a, only_b = int(fires[:, a].sum()) - both, int(fires[:, b].sum()) - both
        assert found.together[b] == both
        assert found.jaccard[b] == pytest.approx(both / either, nan_ok=True) if either else math.isnan(found.jaccard[b])
        if only_a + both:
            assert found.implies[b] == pytest.approx(both / (only_a + both))
        if only_b + both:
            assert found.implied[b] == pytest.approx(both / (only_b + both))
        if both:
            assert found.pmi[b] == pytest.approx(math.log2(both / n) - math.log2((only_a + both) / n) - math.log2((only_b + both) / n))
        h_a, h_b = (entropy((only + both) / n, 1 - (only + both) / n) for only in (only_a, only_b))
        joint = entropy(both / n, only_a / n, only_b / n, (n - both - only_a - only_b) / n)
        assert found.mutual_information[b] == pytest.approx(h_a + h_b - joint, abs=1e-12)
        if 0 < only_a + both < n and 0 < only_b + both < n:
            assert found.correlation[b] == pytest.approx(np.corrcoef(fires[:, a], fires[:, b])[0, 1])
        else:
            assert math.isnan(found.correlation[b])


def test_what_implies_and_what_excludes_is_seen(made):
    fires, _, columns, _ = made
    assert coactivation(columns, 3, len(fires)).implies[0] == 1, "3 was made to imply 0"
    assert coactivation(columns, 0, len(fires)).implies[3] < 1, "negative control: not the other way round"
    against = coactivation(columns, 1, len(fires))
    assert against.together[4] == 0 and against.surplus[4] == min(against.surplus[np.isfinite(against.surplus)]) < -10
    assert abs(against.surplus[8]) < 4, "negative control: made independently"


def test_chance_is_the_mean_and_the_deviation_of_shuffled_tokens(made):
    fires, _, columns, _ = made
    draw = np.random.default_rng(0)
    counts = [int((fires[:, 0] & draw.permutation(fires[:, 8])).sum()) for _ in range(2000)]
    found = coactivation(columns, 0, len(fires))
    assert found.expected[8] == pytest.approx(np.mean(counts), rel=0.02)
    assert (found.together[8] - found.expected[8]) / found.surplus[8] == pytest.approx(np.std(counts), rel=0.08)


def test_where_a_feature_fires(made):
    fires, _, columns, layout = made
    place = [(context, position) for context in range(len(TEXTS)) for position in range(1, 1 + int(np.diff(layout.begins)[context]))]
    for feature in (0, 5, 6):
        here = [place[token] for token in np.flatnonzero(fires[:, feature])]
        found = positions(columns, layout, feature)
        for position in range(1, len(found.fired) + 1):
            assert found.fired[position - 1] == sum(where[1] == position for where in here)
            assert found.tokens[position - 1] == sum(where[1] == position for where in place)
        document = np.arange(len(TEXTS)) // 20
        shares = documents(columns, layout, document, feature)
        assert dict(zip(shares.which.tolist(), shares.fired.tolist(), strict=True)) == {
            d: count for d in range(4) if (count := sum(document[context] == d for context, _ in here))
        }
        assert (np.diff(shares.rate) <= 0).all() and shares.tokens.sum() <= len(place)
        ids = token_shares(columns, layout, feature)
        assert ids.fired.sum() == len(here) and (ids.fired <= ids.tokens).all() and (np.diff(ids.fired) <= 0).all()
        for which, fired in zip(ids.which, ids.fired, strict=True):
            assert fired == (layout.token_ids[fires[:, feature]] == which).sum()


def test_groups_hold_equally_many_from_strong_to_weak(made):
    fires, values, columns, layout = made
    found = groups(columns, layout, 0)
    assert len(found) == 5 and all(one.low >= next_.low and one.high >= next_.high for one, next_ in pairwise(found))
    sizes = [((values[:, 0] >= one.low - 1e-3) & (values[:, 0] <= one.high + 1e-3) & fires[:, 0]).sum() for one in found]
    assert max(sizes) - min(sizes) <= 4
    for one in found:
        strengths = values[one.tokens, 0]
        assert len(one.tokens) <= 4 and (strengths >= one.low - 1e-3).all() and (strengths <= one.high + 1e-3).all()
        assert len(set(layout.context(one.tokens).tolist())) == len(one.tokens)
    again, other = groups(columns, layout, 0), groups(columns, layout, 0, seed=1)
    assert [g.tokens.tolist() for g in again] == [g.tokens.tolist() for g in found]
    assert [g.tokens.tolist() for g in other] != [g.tokens.tolist() for g in found], "negative control: another seed draws others"
    assert groups(columns, layout, 5) == []
