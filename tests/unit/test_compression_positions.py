"""The paper's compression against loops over bits, and the codes of a file against their entropy."""

import math

import numpy as np
import pytest

from bae.compression import entropy_coding
from bae.compression.entropy_coding import GROUP, EntropyCoder, _group_probabilities
from bae.compression.positions import ALL, Habits, PositionCoder, positions_bytes
from tests.benchmarks._codes import codes, counted, rates, write_codes

THRESHOLDS = (ALL, -0.9, -0.5, -0.2, -0.05, 0.0)


@pytest.fixture(scope="module")
def bits() -> np.ndarray:
    """40 codes of 30 bits, among which are bits of p = 0, 0.5 exactly and 1."""
    draw = np.random.default_rng(0)
    found = draw.random((40, 30)) < draw.random(30)
    found[:, 0], found[:, 1], found[:, 2] = False, True, np.arange(40) % 2 == 0
    return found


def by_loops(bits: np.ndarray, threshold: float) -> tuple[list[list[int]], list[list[int]]]:
    """Appendix A.5 as it is written: indices of every vector, and the codes that are restored from them."""
    vectors, width = bits.shape
    mean = [sum(int(bits[v][i]) for v in range(vectors)) / vectors for i in range(width)]
    stored, restored = [], []
    for v in range(vectors):
        indices = []
        for i in range(width):
            h = int(bits[v][i])
            distance = abs(h - mean[i])
            loud = distance > 0 and math.log2(distance) > threshold
            # at the default threshold a bit of p = 0.5 has exactly the burstiness -1, and is stored all the same
            if loud or (threshold == ALL and distance == 0.5 and h != round(mean[i])):
                indices.append(i)
        stored.append(indices)
        flipped = [round(p) for p in mean]
        for i in indices:
            flipped[i] = 1 - flipped[i]
        restored.append(flipped)
    return stored, restored


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_indices_and_restored_codes_are_those_of_the_paper(bits, threshold):
    habits = Habits(bits.sum(0), len(bits), threshold)
    deviations = habits.deviations(bits)
    stored, restored = by_loops(bits, threshold)
    assert [np.flatnonzero(row).tolist() for row in deviations] == stored
    assert habits.restored(deviations).astype(int).tolist() == restored
    assert habits.stored_bursts == sum(map(len, stored))
    assert habits.lost_bursts == int((np.array(restored) != bits).sum())


def test_nothing_is_lost_at_the_default_threshold_and_more_at_every_higher_one(bits):
    lost = [Habits(bits.sum(0), len(bits), threshold).lost_bursts for threshold in THRESHOLDS]
    assert lost == sorted(lost) and lost[0] == 0 and lost[1] > 0
    assert lost[-1] == Habits(bits.sum(0), len(bits)).bursts.sum(), "at 0 nothing is stored"
    strict = (np.array([row.sum() for row in bits.T]) == 20).sum()
    assert strict, "negative control: there are bits of p = 0.5, which the strict rule would lose"


def test_positions_are_a_count_and_the_indices_of_16_bits(bits):
    habits = Habits(bits.sum(0), len(bits))
    coder, (stored, _) = PositionCoder(habits), by_loops(bits, ALL)
    expected = [len(indices) for indices in stored] + [i for indices in stored for i in indices]
    data = coder.encode(habits.deviations(bits))
    assert np.frombuffer(data, "<u2").tolist() == expected and len(data) == positions_bytes(habits)
    assert np.array_equal(coder.decode(data, len(bits)), habits.deviations(bits))
    assert PositionCoder(Habits(np.zeros(70_000, int), 1)).index_bytes == 4


@pytest.mark.parametrize(
    ("data", "vectors"),
    [
        (b"\0", 1),
        (b"", 1),
        (np.array([2, 5], "<u2").tobytes(), 1),
        (np.array([1, 30], "<u2").tobytes(), 1),
    ],
)
def test_what_is_no_list_of_positions_is_refused(bits, data, vectors):
    with pytest.raises(ValueError, match="positions"):
        PositionCoder(Habits(bits.sum(0), len(bits))).decode(data, vectors)


def test_the_bound_is_the_length_under_the_stored_prior(bits):
    habits = Habits(bits.sum(0), len(bits))
    q = [(sum(map(int, column)) + 0.5) / (len(bits) + 1) for column in bits.T]
    bound = -sum(math.log2(q[i] if row[i] else 1 - q[i]) for row in bits for i in range(len(q)))
    assert habits.code_length_bits == pytest.approx(bound)
    p = bits.mean(0)
    p = p[(p > 0) & (p < 1)]
    entropy = -len(bits) * (p * np.log2(p) + (1 - p) * np.log2(1 - p)).sum()
    assert habits.entropy_bits == pytest.approx(entropy) and entropy < bound


def test_a_set_of_equal_codes_costs_nothing():
    habits = Habits(np.array([0, 7, 7]), 7)
    assert habits.entropy_bits == 0 and habits.stored_bursts == 0
    coder = EntropyCoder(habits)
    assert coder.encode(np.zeros((7, 3), bool)) == b"" and not coder.decode(b"", 7).any()


@pytest.mark.parametrize(("counts", "vectors", "threshold", "words"), [
    ([1], 0, ALL, "empty"),
    ([3], 2, ALL, "between 0 and 2"),
    ([-1], 2, ALL, "between 0 and 2"),
    ([1], 2, -1.5, "lies between"),
    ([1], 2, 0.5, "lies between"),
    ([1], 2, float("nan"), "lies between"),
])  # fmt: skip
def test_wrong_priors_and_thresholds_are_named(counts, vectors, threshold, words):
    with pytest.raises(ValueError, match=words):
        Habits(np.array(counts), vectors, threshold)


def test_a_group_of_bits_is_as_likely_as_its_bits_together():
    (found,) = _group_probabilities(np.array([0.3]))
    for symbol in range(2**GROUP):
        assert found[symbol] == pytest.approx(math.prod(0.3 if symbol >> bit & 1 else 0.7 for bit in range(GROUP)))
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("vectors", [1, 7, 8, 9, 4096])
def test_entropy_coded_bits_come_back(vectors):
    (bits,) = codes(rates(300), vectors, seed=1)
    habits = counted([bits])
    coder = EntropyCoder(habits)
    deviations = habits.deviations(bits)
    assert np.array_equal(coder.decode(coder.encode(deviations), vectors), deviations)


def test_models_are_made_when_they_are_needed_and_no_more_are_kept_than_may_be(monkeypatch):
    (bits,) = codes(rates(300), 500, seed=1)
    habits = counted([bits])
    deviations = habits.deviations(bits)
    whole = EntropyCoder(habits)
    data = whole.encode(deviations)
    monkeypatch.setattr(entropy_coding, "KEPT_MODELS", 3)
    coder = EntropyCoder(habits)
    assert not coder._models
    assert np.array_equal(coder.decode(data, 500), deviations) and coder.encode(deviations) == data
    assert len(coder._models) == 3 < len(whole._models), "control: without the limit all are kept"


def test_only_the_right_rates_reach_the_bound_and_read_the_bits():
    (bits,) = codes(rates(300), 4096, seed=1)
    habits = counted([bits])
    data = EntropyCoder(habits).encode(habits.deviations(bits))
    assert 0.999 < 8 * len(data) / habits.code_length_bits < 1.005
    wrong = Habits(np.roll(habits.counts, 20), habits.vectors)
    longer = EntropyCoder(wrong).encode((bits ^ habits.habit) & (wrong.bursts > 0))
    assert len(longer) > 1.3 * len(data), "negative control: other rates are longer"
    with pytest.raises(ValueError, match="end where"):
        EntropyCoder(wrong).decode(data, 4096)


@pytest.mark.parametrize("coding", ["entropy", "positions"])
def test_a_hundred_thousand_codes_come_back_bit_by_bit(tmp_path, coding):
    blocks = list(codes(rates(576), 100_000))
    states = write_codes(tmp_path / "codes.baec", blocks, coding)
    assert len(states) == 100_000 == sum(map(len, blocks))
    assert all(np.array_equal(*pair) for pair in zip(blocks, states.codes(), strict=True))
    ratio = 8 * states.container.size / states.habits.code_length_bits
    assert ratio <= 1.02 if coding == "entropy" else ratio > 2
