"""Contrast of two sets of lines: planted features found, nothing found in two samples of one text, p-values against brute force."""

from itertools import combinations
from math import comb, pi

import numpy as np
import pytest
import torch

from bae.autoencoder import BinaryAutoencoder
from bae.features.magnitude import Prior
from bae.model.language_model import LanguageModel
from bae.reading import contrast as module
from bae.reading.contrast import LONGEST, Lines, checked, contrast, read_lines, tokens_of
from bae.reading.inspection import Lens, inspect
from bae.states.scaling import Scaling

FEATURES = 200


def null(lines: int, seed: int, features: int = FEATURES) -> np.ndarray:
    """Features of very different rates that know nothing of sides."""
    draw = np.random.default_rng(seed)
    return draw.random((lines, features)) < np.geomspace(0.01, 0.95, features)


def sides(n_a: int, n_b: int) -> np.ndarray:
    return np.arange(n_a + n_b) < n_a


def cohens_h(share_a: float, share_b: float) -> float:
    return 2 * np.arcsin(np.sqrt(share_a)) - 2 * np.arcsin(np.sqrt(share_b))


def test_shares_and_effects_are_those_of_a_loop():
    fires, first = null(25, seed=1), sides(11, 14)
    found = contrast(fires, first)
    for feature in range(FEATURES):
        a, b = fires[first, feature].mean(), fires[~first, feature].mean()
        assert found.share_a[feature] == pytest.approx(a) and found.share_b[feature] == pytest.approx(b)
        assert found.effect[feature] == pytest.approx(cohens_h(a, b))
    assert np.abs(found.effect).max() <= pi
    turned = contrast(fires, ~first)
    assert np.allclose(turned.effect, -found.effect)


def test_few_lines_are_permuted_in_all_ways_as_a_loop_does():
    fires, first = null(8, seed=2, features=6), sides(4, 4)
    fires[:, 0] = first
    found = contrast(fires, first)
    largest = []
    for chosen in combinations(range(8), 4):
        a = np.isin(np.arange(8), chosen)
        largest.append(max(abs(cohens_h(fires[a, f].mean(), fires[~a, f].mean())) for f in range(6)))
    expected = [np.mean([one >= abs(effect) - 1e-9 for one in largest]) for effect in found.effect]
    assert found.exact and found.permutations == comb(8, 4) == 70
    assert np.allclose(found.p, expected)
    assert found.p[0] == found.smallest_p == 2 / 70


def test_random_permutations_come_near_to_all(monkeypatch):
    fires, first = null(14, seed=3, features=30), sides(7, 7)
    fires[:, 4] = np.where(first, np.arange(14) < 6, False)
    every = contrast(fires, first, permutations=4000)
    drawn = contrast(fires, first, permutations=3000)
    assert every.exact and not drawn.exact and drawn.permutations == 3000
    assert np.abs(every.p - drawn.p).max() < 0.03
    monkeypatch.setattr(module, "AT_ONCE", 7)
    assert np.array_equal(contrast(fires, first, permutations=4000).p, every.p)


def test_a_planted_feature_is_found_and_no_other():
    fires, first = null(60, seed=4), sides(30, 30)
    fires[:, 50] = first & (np.arange(60) % 10 < 8)
    found = contrast(fires, first)
    assert np.flatnonzero(found.p < 0.05).tolist() == [50] and found.effect[50] > 1
    # negative control: the same bits on mixed lines are nothing
    fires[:, 50] = np.random.default_rng(0).permutation(fires[:, 50])
    assert not (contrast(fires, first).p < 0.05).any()


def test_the_same_seed_gives_the_same_p():
    fires, first = null(40, seed=5), sides(20, 20)
    assert np.array_equal(contrast(fires, first).p, contrast(fires, first).p)
    assert not np.array_equal(contrast(fires, first).p, contrast(fires, first, seed=1).p)


def test_two_samples_of_one_text_rarely_differ_in_any_feature():
    """Family-wise: of 200 nulls with 60 features each about 1 in 20 has any p up to 0.05."""
    first = sides(12, 12)
    nulls = [null(24, seed=1000 + seed, features=60) for seed in range(200)]
    wrong = sum(bool((contrast(fires, first, permutations=200).p <= 0.05).any()) for fires in nulls)
    assert wrong <= 18, "more than 9 %: with 5 % that is seen in 1 of 200 tests"
    # negative control: without the family, that is feature by feature, errors are several times as frequent
    alone = [min(contrast(fires[:, [feature]], first, permutations=200).p[0] for feature in range(60)) for fires in nulls[:20]]
    assert sum(p <= 0.05 for p in alone) > 4


def test_features_that_never_or_always_fire_tell_nothing():
    fires, first = np.zeros((12, 3), bool), sides(6, 6)
    fires[:, 1] = True
    found = contrast(fires, first)
    assert (found.effect == 0).all() and (found.p == 1).all()


@pytest.mark.parametrize(("n_a", "n_b"), [(2, 9), (9, 2), (0, 9)])
def test_too_few_lines_are_refused(n_a, n_b):
    with pytest.raises(ValueError, match=f"at least 3 lines; there are {n_a} and {n_b}"):
        contrast(null(n_a + n_b, seed=0), sides(n_a, n_b))


def test_sides_that_cannot_be_compared_are_named():
    lines = ["one", "two", "three"]
    checked(lines, [*lines, "four"])
    with pytest.raises(ValueError, match="at least 3 lines or sentences; the second side has 1"):
        checked(lines, ["one"])
    with pytest.raises(ValueError, match="the first side has 0 and the second side has 2"):
        checked([], ["one", "two"])
    with pytest.raises(ValueError, match="the same lines"):
        checked(lines, lines[::-1])
    with pytest.raises(ValueError, match="may have 300 lines"):
        checked(lines, [str(number) for number in range(301)])


@pytest.fixture(scope="module")
def model(tiny_llama):
    return LanguageModel.load(str(tiny_llama), device="cpu")


def lens(model, layer: int, seed: int) -> Lens:
    autoencoder = BinaryAutoencoder(model.d_model, 24, Scaling.raw(model.d_model), seed=seed)
    autoencoder.prior = Prior(torch.full((24,), 0.5), torch.full((24,), 0.5), torch.full((24,), 0.5), 10)
    return Lens(f"seed-{seed}", layer, autoencoder.requires_grad_(False), autoencoder.magnitude(), 64)


def test_lines_are_read_as_live_text_reads_them(model):
    lenses = {name: lens(model, layer, seed) for name, layer, seed in (("x", 2, 1), ("y", 3, 2))}
    lines = ["The sea and the harbor.", "A vote", "🙂 `x` <script>", "winter light winter light winter light"]
    told = []
    found = read_lines(model, lenses, tokens_of(model, lines[:3], lines[3:]), told.append)
    assert sum(told) == sum(found["x"].tokens)
    for name, one in lenses.items():
        for number, line in enumerate(lines):
            live = inspect(model, {name: one}, line)[name]
            code = live.code[live.read] != 0
            assert np.array_equal(found[name].firing[number], code.sum(0).numpy()) and found[name].tokens[number] == len(code)
    assert found["x"].fires.any() and not np.array_equal(found["x"].firing, found["y"].firing)
    assert found["x"].firing.dtype == np.uint8


def test_a_line_that_is_too_long_is_named_with_its_side(model):
    for a, b, side in ((["short", "sea " * 200], ["short"], "first"), (["short"], ["short", "sea " * 200], "second")):
        with pytest.raises(ValueError, match=f"line 2 of the {side} side has .* a line may have {LONGEST}"):
            tokens_of(model, a, b)


def test_the_model_is_held_for_a_batch_at_a_time(model, monkeypatch):
    class Turn:
        held = taken = 0

        def __enter__(self):
            self.held, self.taken = 1, self.taken + 1

        def __exit__(self, *_):
            self.held = 0

    turn, whole = Turn(), LanguageModel.hidden_states
    monkeypatch.setattr(LanguageModel, "hidden_states", lambda *told: whole(*told) if turn.held else 1 / 0)
    monkeypatch.setattr("bae.reading.text_set.BATCH_TOKENS", 8)
    lines = [f"sea vote law {number}" for number in range(9)]
    lenses, free = {"x": lens(model, 2, 1)}, []
    found = read_lines(model, lenses, tokens_of(model, lines, []), lambda tokens: free.append(not turn.held), turn)
    assert turn.taken == len(free) > 3 and all(free), "others come in between, and nothing is drawn while it is held"
    monkeypatch.undo()
    assert np.array_equal(found["x"].firing, read_lines(model, lenses, tokens_of(model, lines, []))["x"].firing)


def test_massive_activations_are_left_out(model):
    one = lens(model, 2, 1)
    norms = [float(state) for state in model.hidden_states(torch.tensor([model.tokenize("sea vote law").ids]), [2])[2][0, 1:].norm(dim=-1)]
    scaling = Scaling(one.autoencoder.scaling.mean, 1.0, norm_limit=sorted(norms)[-1] * 0.999)
    one.autoencoder.scaling = scaling
    found = read_lines(model, {"x": one}, tokens_of(model, ["sea vote law"], []))["x"]
    assert found.tokens[0] == len(norms) - 1


def test_the_share_of_tokens_is_a_mean_over_lines():
    lines = Lines(np.array([4, 2, 0]), np.array([[2, 0], [2, 1], [0, 0]], np.uint8))
    assert lines.token_share(np.array([True, True, False])).tolist() == [0.75, 0.25]
    assert lines.token_share(np.array([False, False, True])).tolist() == [0, 0]
