"""Entropies of codes against exhaustive sums over all codes, loops, and simulations."""

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
import torch

from bae.entropy import (
    BitCounts,
    BlockCounts,
    binary_entropy,
    checked_bits,
    checked_states,
    marginal_bias,
    marginal_entropy,
    marginal_interval,
    movement,
    tree_entropy,
    tree_interval,
)
from bae.entropy.bootstrap import TREE_DRAWS
from bae.entropy.peers import pattern_entropy
from bae.features.magnitude import Prior

ALL_CODES = np.array(list(itertools.product([0.0, 1.0], repeat=8)), dtype=np.float32)


def drawn(shape, rate=0.3, seed=0) -> torch.Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def counted(code: torch.Tensor, pairs: bool = True) -> BitCounts:
    counts = BitCounts(code.shape[1], pairs)
    counts.add(code)
    return counts


def repeated(times) -> torch.Tensor:
    """A set in which the i-th of the 256 codes of eight bits occurs so often."""
    return torch.from_numpy(np.repeat(ALL_CODES, np.asarray(times).astype(int), axis=0))


def joint(code: torch.Tensor) -> float:
    counts = Counter(map(tuple, code.tolist()))
    return -sum(n / len(code) * math.log2(n / len(code)) for n in counts.values())


def test_marginal_is_at_least_tree_at_least_joint_over_all_codes_of_eight_bits():
    for seed in range(5):
        code = repeated(np.random.default_rng(seed).dirichlet(np.full(256, 0.3)) * 20_000)
        counts, exact = counted(code), joint(code)
        by_hand = sum(-p * math.log2(p) - (1 - p) * math.log2(1 - p) for p in code.double().mean(0).tolist())
        assert counts.marginal() == pytest.approx(by_hand, abs=1e-9)
        assert counts.marginal() > counts.tree() + 1e-3 > exact + 2e-3
        assert pattern_entropy(code) == pytest.approx(exact, abs=1e-9)


def test_all_three_agree_on_independent_bits():
    """Bits of rates k/4: the 256 codes in whole numbers of copies, so that independence is exact."""
    on = np.array([1, 2, 3, 1, 2, 3, 2, 1])
    code = repeated(np.where(ALL_CODES == 1, on, 4 - on).prod(1))
    counts = counted(code)
    assert counts.marginal() == pytest.approx(joint(code), abs=1e-9)
    assert counts.tree() == pytest.approx(joint(code), abs=1e-9)


@pytest.mark.parametrize("parents", [(0, 1, 2, 3, 4, 5, 6), (0, 0, 0, 1, 1, 2, 2)], ids=["chain", "branches"])
def test_the_tree_is_exact_where_bits_depend_in_a_tree(parents):
    """Each bit agrees with its parent three times of four."""
    same = ALL_CODES[:, 1:] == ALL_CODES[:, list(parents)]
    code = repeated(np.where(same, 3, 1).prod(1))
    counts = counted(code)
    assert counts.tree() == pytest.approx(joint(code), abs=1e-9)
    assert counts.marginal() == pytest.approx(8, abs=1e-9)


def test_the_tree_does_not_see_what_three_bits_tell_together():
    """Negative control of the correction: an exclusive or looks independent to every pair."""
    one, other = ALL_CODES[:, 0], ALL_CODES[:, 1]
    code = torch.from_numpy(np.stack([one, other, (one != other).astype(np.float32)], 1))
    assert counted(code).tree() == pytest.approx(3, abs=1e-9)
    assert joint(code) == pytest.approx(2)


def test_copies_and_complements_do_not_raise_the_corrected_entropy():
    code = drawn((4000, 6), 0.35)
    plain, doubled = counted(code), counted(torch.cat([code, code[:, :4], 1 - code], 1))
    assert doubled.tree() == pytest.approx(plain.tree(), abs=1e-9)
    assert doubled.marginal() > plain.marginal() + 8
    # negative control: a bit that is new does raise it, by what it holds
    fresh = counted(torch.cat([code, drawn((4000, 1), 0.5, seed=1)], 1))
    assert fresh.tree() == pytest.approx(plain.tree() + 1, abs=0.01)


def test_counts_do_not_hang_on_batches_or_their_order():
    code = drawn((1000, 12), 0.2)
    parts = list(code.split(170))
    random.Random(0).shuffle(parts)
    found = BitCounts(12)
    for part in parts:
        found.add(part)
    rows = code.int().tolist()
    ones = [sum(row[i] for row in rows) for i in range(12)]
    together = [[sum(row[i] and row[j] for row in rows) for j in range(12)] for i in range(12)]
    assert (found.tokens, found.ones.tolist(), found.together.tolist()) == (1000, ones, together)
    assert found.marginal() == counted(code).marginal() == counted(code, pairs=False).marginal()
    assert torch.allclose(found.rates, code.mean(0))
    found.add(code[:1])
    assert found.tokens == 1001 and found.together.tolist() != together, "negative control: one more token shows"


def test_marginal_entropy_takes_many_sets_at_once():
    code = drawn((300, 5))
    ones = torch.stack([part.sum(0).long() for part in code.split([100, 200])])
    found = marginal_entropy(ones, torch.tensor([100, 200]))
    assert found.tolist() == pytest.approx([counted(part).marginal() for part in code.split([100, 200])])
    assert found.tolist() == pytest.approx([binary_entropy(part.mean(0)).sum().item() for part in code.split([100, 200])], abs=1e-5)


def test_a_constant_set_holds_nothing():
    code = torch.cat([torch.zeros(50, 3), torch.ones(50, 2)], 1)
    counts = counted(code)
    assert counts.marginal() == counts.tree() == counts.marginal_bias() == 0
    assert tuple(marginal_interval(BlockCounts.of(code, torch.arange(50)))) == (0, 0, 0)


def test_bad_sets_are_refused_in_a_sentence():
    empty, one = BitCounts(3), counted(torch.ones(1, 3))
    for counts in (empty, one):
        for estimate in (counts.marginal, counts.tree, counts.marginal_bias, lambda counts=counts: counts.rates):
            with pytest.raises(ValueError, match="two vectors or more"):
                estimate()
    for wrong, words in (
        (torch.full((4, 3), math.nan), "NaN"),
        (torch.full((4, 3), 0.5), "zeros and ones"),
        (torch.ones(4, 2), "of 3 bits"),
    ):
        with pytest.raises(ValueError, match=words):
            empty.add(wrong)
    assert empty.tokens == 0, "what was refused is not counted"
    with pytest.raises(ValueError, match="pairs=True"):
        counted(torch.ones(4, 3), pairs=False).tree()
    with pytest.raises(ValueError, match="pairs=True"):
        counted(torch.ones(4, 3), pairs=False).tree_edges()
    for states, words in ((torch.zeros(0, 4), "an empty set"), (torch.zeros(1, 4), "got 1"), (torch.zeros(4), "table")):
        with pytest.raises(ValueError, match=words):
            checked_states(states)
    broken = torch.zeros(4, 2)
    broken[1, 0], broken[2, 1] = math.nan, math.inf
    with pytest.raises(ValueError, match="2 of 4 vectors"):
        checked_states(broken)
    same = torch.ones(4, 2)
    assert checked_states(same) is same and checked_bits(same) is same


def test_frozen_and_constant_bits_are_told_apart():
    """Bits: dead everywhere, always on everywhere, silent here, always on here, moving, moving here alone."""
    corpus = torch.tensor([[0.0, 1, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0]])
    found = movement(counted(torch.tensor([[0.0, 1, 0, 1, 0, 0], [0, 1, 0, 1, 1, 1]])), Prior.of([corpus]))
    assert found.constant.tolist() == [True, True, False, False, False, False]
    assert found.frozen.tolist() == [False, False, True, True, False, False]
    assert found.moving.tolist() == [False, False, False, False, True, True]
    with pytest.raises(ValueError, match="not of one dictionary"):
        movement(counted(torch.ones(2, 3)), Prior.of([corpus]))


def test_the_bias_is_what_small_samples_lack():
    """Over many samples of 60 tokens, the marginal entropy falls short of the true one by the bias that is told."""
    rates = torch.tensor([0.5, 0.3, 0.2, 0.5, 0.0])
    true = binary_entropy(rates).sum().item()
    ones = torch.binomial(torch.full((20_000, 5), 60.0), rates.expand(20_000, 5), generator=torch.Generator().manual_seed(0)).long()
    short = true - marginal_entropy(ones, 60).mean().item()
    assert short == pytest.approx(marginal_bias(ones[0], 60), rel=0.08)
    assert marginal_bias(ones[0], 60) == pytest.approx(4 / (120 * math.log(2)))
    assert marginal_bias(ones[0], 61) < short


def test_intervals_hold_what_they_promise():
    """The mean estimate over samples lies in about 95 of 100 intervals of single samples."""
    samples = [drawn((400, 8), 0.25, seed) for seed in range(150)]
    middle = float(np.mean([counted(code, pairs=False).marginal() for code in samples]))
    intervals = [marginal_interval(BlockCounts.of(code, torch.arange(400)), draws=200) for code in samples]
    assert 0.9 <= np.mean([low <= middle <= high for low, _, high in intervals]) <= 0.985
    narrow = [marginal_interval(BlockCounts.of(code, torch.arange(400)), level=0.5, draws=200) for code in samples[:40]]
    assert np.mean([low <= middle <= high for low, _, high in narrow]) < 0.8, "negative control: half of the intervals miss"


def test_intervals_by_documents_know_that_tokens_of_one_are_alike():
    """Documents whose tokens are all equal: as many draws as documents, not as tokens."""
    documents = drawn((100, 6), 0.2)
    code, block = documents.repeat_interleave(10, dim=0), torch.arange(100).repeat_interleave(10)
    width = lambda found: found.high - found.low  # noqa: E731
    by_document, by_token = (marginal_interval(BlockCounts.of(code, own)) for own in (block, torch.arange(1000)))
    assert by_document.value == pytest.approx(by_token.value) == pytest.approx(counted(code).marginal())
    assert width(by_document) / width(by_token) == pytest.approx(math.sqrt(10), rel=0.15)
    alone = marginal_interval(BlockCounts.of(documents, torch.arange(100)))
    assert tuple(by_document) == pytest.approx(tuple(alone)), "ten copies of a token tell what one does"


def test_blocks_are_counted_as_a_loop_counts_them():
    code, block = drawn((60, 4)), torch.tensor([7, 3, 9] * 20)
    found = BlockCounts.of(code.bool(), block)
    by_hand = [
        [int(sum(row[bit] for row, own in zip(code.tolist(), block.tolist(), strict=True) if own == b)) for bit in range(4)]
        for b in (3, 7, 9)
    ]
    assert found.ones.tolist() == by_hand and found.tokens.tolist() == [20, 20, 20]


def test_the_interval_of_the_tree_is_that_of_drawing_rows_and_growing_a_tree_anew():
    code = drawn((300, 5), 0.4)
    code[:, 1] = torch.where(drawn((300,), 0.2, seed=1) == 1, 1 - code[:, 0], code[:, 0])
    found = tree_interval(code, torch.arange(300), counted(code).tree_edges())
    assert found.value == pytest.approx(counted(code).tree())
    generator = np.random.default_rng(0)
    redrawn = [counted(code[torch.from_numpy(generator.integers(0, 300, 300))]).tree() for _ in range(400)]
    low, high = np.quantile(np.array(redrawn) - np.mean(redrawn), [0.025, 0.975])
    assert found.high - found.low == pytest.approx(high - low, rel=0.2)
    assert found.low < found.value < found.high
    documents = tree_interval(code.repeat_interleave(9, dim=0), torch.arange(300).repeat_interleave(9), counted(code).tree_edges())
    assert tuple(documents) == pytest.approx(tuple(found)), "nine copies of a token tell what one does"
    bare = tree_interval(code, torch.arange(300), torch.zeros(0, 2, dtype=torch.long))
    marginal = marginal_interval(BlockCounts.of(code, torch.arange(300)), draws=TREE_DRAWS)
    assert tuple(bare) == pytest.approx(tuple(marginal)), "negative control: without edges it is the marginal's"
    assert bare.value > found.value + 0.2


def test_the_edges_of_the_tree_are_the_pairs_that_tell_most():
    code = drawn((400, 4), 0.5)
    code = torch.cat([code, code[:, :1], 1 - code[:, 1:2], torch.ones(400, 1)], 1)
    edges = {tuple(sorted(edge)) for edge in counted(code).tree_edges().tolist()}
    assert {(0, 4), (1, 5)} <= edges and all(6 not in edge for edge in edges), "a constant bit has no edge"


def test_intervals_refuse_what_they_cannot_tell():
    code = drawn((20, 3))
    with pytest.raises(ValueError, match="two blocks"):
        marginal_interval(BlockCounts.of(code, torch.zeros(20, dtype=torch.long)))
    with pytest.raises(ValueError, match="two vectors"):
        marginal_interval(BlockCounts.of(code[:0], torch.zeros(0, dtype=torch.long)))
    with pytest.raises(ValueError, match="two vectors"):
        tree_interval(code[:1], torch.zeros(1, dtype=torch.long), torch.zeros(0, 2, dtype=torch.long))
    with pytest.raises(ValueError, match="between 0 and 1"):
        marginal_interval(BlockCounts.of(code, torch.arange(20)), level=95)
    with pytest.raises(ValueError, match="20 tokens and 19 blocks"):
        BlockCounts.of(code, torch.arange(19))


def test_tree_entropy_takes_counts_of_many_tokens():
    """Counts beyond what float32 holds: a copy still counts once."""
    n = 2**30 + 1
    together = torch.tensor([[n // 2, n // 2], [n // 2, n // 2]])
    assert tree_entropy(together, n) == pytest.approx(1, abs=1e-9)
