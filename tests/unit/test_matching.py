"""Dictionary against dictionary: counts against loops, planted relations found again, chance told as such, and the file read back."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.sparse import csc_array
from small_index import make_index, n_tokens, sentences

from bae.index.columns import Columns
from bae.maps.projection import unit_rows
from bae.matching import counts
from bae.matching.directions import Nearest, cosines_of, nearest
from bae.matching.relations import RELATIONS, Thresholds, beyond_chance, compared, found, match
from bae.matching.stored import Compared, Matches, control_shift, file_of, job_name, read, write

TOKENS = 4000


def sparse(code: np.ndarray) -> csc_array:
    return csc_array(code.astype(np.int32))


def drawn(rates, seed: int = 0, tokens: int = TOKENS) -> np.ndarray:
    """Bits that know nothing of each other."""
    return np.random.default_rng(seed).random((tokens, len(rates))) < np.array(rates)


def part_of(column: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A random share of the tokens on which a feature fires."""
    return column & (np.random.default_rng(seed).random(len(column)) < share)


def planted() -> tuple[np.ndarray, np.ndarray]:
    """Two dictionaries whose relations are known; every feature of a base of its own, so that they do not meet by chance."""
    base = drawn([0.03] * 7, seed=1)
    # a part that has more than half would be one to one with the whole
    third = np.random.default_rng(2).integers(0, 3, TOKENS)
    wide = drawn([0.2], seed=3)[:, 0]
    a = [base[:, 0], base[:, 1], base[:, 2] & (third == 0), base[:, 2] & (third > 1), part_of(wide, 0.1, 4), base[:, 3]]
    b = [part_of(base[:, 0], 0.9, 5), base[:, 1] & (third == 0), base[:, 1] & (third == 1), base[:, 2], wide, base[:, 4], base[:, 5]]
    a.append(np.zeros(TOKENS, bool))
    once = np.zeros(TOKENS, bool)
    once[17] = True
    return np.stack([*a, once], 1), np.stack([*b, once], 1)


def brute_force(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([[int((left & right).sum()) for right in b.T] for left in a.T])


@pytest.mark.parametrize("block", [1, 3, 256])
def test_counts_are_those_of_a_loop(block):
    a, b = drawn([0.01, 0.5, 0, 1, 0.1], tokens=300), drawn([0.3, 0.02, 0.9], seed=9, tokens=300)
    blocks = list(counts.together(sparse(a), sparse(b), block))
    assert [first for first, _ in blocks] == list(range(0, 5, block))
    both = np.concatenate([found for _, found in blocks])
    assert both.dtype == np.int64 and np.array_equal(both, brute_force(a, b))
    # negative control: one token moved is seen
    a[:, 3][7] = False
    changed = np.concatenate([found for _, found in counts.together(sparse(a), sparse(b), block)])
    assert np.array_equal(both - changed, np.outer([0, 0, 0, 1, 0], b[7]))


def test_dictionaries_on_other_tokens_are_refused():
    with pytest.raises(ValueError, match="same tokens; got 300 and 301"):
        list(counts.together(sparse(drawn([0.1], tokens=300)), sparse(drawn([0.1], tokens=301))))


def test_columns_of_an_index_become_the_same_codes(tmp_path):
    texts = sentences(30)
    code = (torch.rand(n_tokens(texts), 9, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    code[:, 0], code[:, 8] = 0, 1
    codes = counts.fired(Columns(make_index(tmp_path / "index", texts, {"one": code}), "one"))
    assert np.array_equal(codes.toarray(), code.numpy().astype(int))
    assert np.array_equal(counts.shifted(codes, 7).toarray(), np.roll(code.numpy(), 7, axis=0).astype(int))


def test_planted_relations_are_found_both_ways():
    a, b = planted()
    first, second = match(sparse(a), sparse(b))
    assert first.relation == ["one to one", "split", "merged", "merged", "absorbed", "unmatched", "silent", "rare"]
    assert second.relation == ["one to one", "merged", "merged", "split", "unmatched", "unmatched", "unmatched", "rare"]
    assert first.partners[:5] == [[0], sorted([1, 2], key=lambda part: -brute_force(a, b)[1, part]), [3], [3], [4]]
    assert not any(first.partners[5:]) and sorted(second.partners[3]) == [2, 3]
    assert compared(first.tally()) == 6 and found(first.tally()) == 5
    assert list(first.tally()) == list(RELATIONS) and sum(first.tally().values()) == a.shape[1]


def test_best_partners_are_those_of_a_loop():
    a, b = planted()
    both = brute_force(a, b)
    jaccard = np.array([[both[i, j] / max((a[:, i] | b[:, j]).sum(), 1) for j in range(b.shape[1])] for i in range(a.shape[1])])
    first, second = match(sparse(a), sparse(b))
    for side, matrix, overlap in ((first, jaccard, both), (second, jaccard.T, both.T)):
        for feature in range(len(matrix)):
            best = matrix[feature].argmax() if matrix[feature].max() > 0 else -1
            assert side.best[feature] == best
            assert side.jaccard[feature] == pytest.approx(matrix[feature].max())
            assert side.both[feature] == (overlap[feature, best] if best >= 0 else 0)
    assert np.array_equal(first.count, a.sum(0))


def test_relations_do_not_depend_on_the_size_of_blocks(monkeypatch):
    a, b = (sparse(drawn(np.linspace(0.01, 0.4, 11), seed=seed) | planted()[seed][:, :1]) for seed in (0, 1))
    whole = match(a, b)
    monkeypatch.setattr(counts, "BLOCK", 2)
    monkeypatch.setattr(counts.together, "__defaults__", (2,))
    for one, other in zip(whole, match(a, b), strict=True):
        assert one.relation == other.relation and one.partners == other.partners
        assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("best", "jaccard", "both"))


def test_a_dictionary_has_all_of_itself_and_chance_gives_nearly_nothing():
    code = sparse(drawn(np.geomspace(0.005, 0.9, 80), seed=6))
    same, _ = match(code, code)
    assert same.relation == ["one to one"] * 80 and np.array_equal(same.best, np.arange(80))
    shifted, _ = match(code, counts.shifted(code, 1234))
    assert found(shifted.tally()) == 0 and compared(shifted.tally()) == 80


def test_dense_features_that_meet_by_chance_are_no_match():
    """Two bits that each fire on 80 % of tokens have a Jaccard index of 2/3 without knowing of each other."""
    a, b = drawn([0.8], seed=7), drawn([0.8], seed=8)
    first, _ = match(sparse(a), sparse(b))
    assert first.jaccard[0] > Thresholds().jaccard and first.relation == ["unmatched"]
    assert match(sparse(a), sparse(a))[0].relation == ["one to one"]
    assert beyond_chance(0.8, 0.8) == 0 and beyond_chance(1, 0.8) == 1


def test_every_good_partner_that_is_not_mutual_is_merged():
    """The defaults leave no gap: who shares half of all tokens with another, and is second there, is part of what that one splits into."""
    base = drawn([0.05], seed=1)[:, 0]
    a = np.stack([base, part_of(base, 0.8, 2)], 1)
    first, second = match(sparse(a), sparse(base[:, None]))
    assert first.jaccard.min() > 0.5
    assert first.relation == ["one to one", "merged"] and second.relation == ["one to one"]


@pytest.mark.parametrize("wrong", [{"jaccard": 0}, {"contained": 1.5}, {"wider": 0.5}, {"fewest": 0}])
def test_impossible_thresholds_are_refused(wrong):
    with pytest.raises(ValueError, match="shares lie above 0"):
        Thresholds(**wrong)


def test_cosines_are_those_of_a_loop():
    draw = np.random.default_rng(0)
    a, b = unit_rows(draw.normal(size=(50, 8))), unit_rows(draw.normal(size=(30, 8)))
    b[4] = a[7]
    cosine = np.array([[float(left @ right) for right in b] for left in a])
    near = nearest(a, b)
    assert np.array_equal(near.partner, cosine.argmax(1)) and np.allclose(near.cosine, cosine.max(1), atol=1e-6)
    assert near.partner[7] == 4
    told = cosines_of(a, b, np.array([3, -1] * 25))
    assert np.allclose(told[::2], cosine[::2, 3]) and np.isnan(told[1::2]).all()
    with pytest.raises(ValueError, match="widths 8 and 7"):
        nearest(a, b[:, :7])


def test_the_control_is_shifted_by_whole_sentences():
    lengths = list(range(3, 53))
    ends = np.cumsum(lengths)
    assert control_shift(lengths) in ends and ends[4] <= control_shift(lengths) <= ends[-6]
    assert len({control_shift(lengths, seed) for seed in range(20)}) > 10
    assert control_shift([5] * 9) == 0


def test_a_comparison_is_read_back_as_it_was_written(tmp_path):
    sides = match(*map(sparse, planted()))
    draw = np.random.default_rng(0).random((2, 8)).astype(np.float32)
    near = Nearest(np.arange(8), draw[0])
    one, other = (Compared(name, side, draw[1], near, side.tally()) for name, side in zip("ab", sides, strict=True))
    kept = Matches(one, other, TOKENS, 99, Thresholds(fewest=3), "")
    file = tmp_path / "matches" / "a--b.parquet"
    write(kept, file)
    again = read(file)
    for before, after in ((kept.first, again.first), (kept.second, again.second), (kept.second, again.turned().first)):
        assert (before.name, before.by_chance) == (after.name, after.by_chance)
        assert before.side.relation == after.side.relation and before.side.partners == after.side.partners
        assert all(np.array_equal(getattr(before.side, name), getattr(after.side, name)) for name in ("count", "best", "jaccard", "both"))
        assert np.array_equal(before.cosine, after.cosine) and np.array_equal(before.nearest.cosine, after.nearest.cosine)
    assert (again.tokens, again.shift, again.thresholds) == (TOKENS, 99, Thresholds(fewest=3))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged"):
        read(file)


def test_a_comparison_has_one_name_in_either_order(tmp_path):
    texts = sentences(12)
    code = torch.ones(n_tokens(texts), 2)
    index = make_index(tmp_path / "index", texts, {"one": code, "two": code})
    assert file_of(index, "one", "two") == file_of(index, "two", "one") != file_of(index, "one", "two", Thresholds(fewest=2))
    assert job_name("b", "a") == job_name("a", "b") == "match-a--b"
    with pytest.raises(KeyError):
        file_of(index, "one", "three")


def test_the_command_says_what_is_wrong(tmp_path):
    done = subprocess.run([sys.executable, "-m", "bae.matching", str(tmp_path), "a", "b"], capture_output=True, text=True)
    assert done.returncode == 1 and "holds no study" in done.stderr and "Traceback" not in done.stderr
