"""Figures of a dictionary against NumPy and loops."""

import numpy as np
import pytest
import torch

from bae.autoencoder import KINDS, Pair
from bae.entropy import binary_entropy
from bae.measures.evaluation import evaluate, minority_rate, unexplained
from bae.states.scaling import Scaling


class Stub:
    """A dictionary whose codes and reconstructions are given, to measure the measuring."""

    def __init__(self, decode, binary=False):
        self.decode, self.binary, self.discrete, self.n_features, self.kind = decode, binary, binary, 3, "relu"
        self.scaling = Scaling.raw(3)

    def encode(self, states):
        return states.clone()

    def bits(self, code):
        return (code != 0).float()

    def magnitude(self, prior=None):
        return KINDS["relu"](3, 3, Scaling.raw(3)).magnitude()


def states(n: int = 1000) -> torch.Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(0)) * 2 + 5


def test_fvu_of_the_mean_is_1_and_of_identity_0():
    x = states()
    assert evaluate(Stub(lambda code: code), [Pair.same(x)])[0].fvu == 0
    assert evaluate(Stub(lambda code: x.mean(0).expand_as(code)), [Pair.same(x)])[0].fvu == pytest.approx(1, abs=1e-6)
    assert evaluate(Stub(torch.zeros_like), [Pair.same(x)])[0].fvu > 2, "zero is worse than the mean where the mean is not zero"


@pytest.mark.parametrize("kind", KINDS)
def test_figures_equal_a_loop(kind):
    x = torch.randn(700, 12, generator=torch.Generator().manual_seed(1)) * 3 + 1
    autoencoder = KINDS[kind](12, 30, Scaling.measure(x.norm(dim=-1), [x]))
    found, prior = evaluate(autoencoder, [Pair.same(x[:300]), Pair.same(x[300:])], chunk=128)
    code, original = autoencoder.encode(x).numpy(), x.double().numpy()
    error = ((original - autoencoder.decode(autoencoder.encode(x)).double().numpy()) ** 2).sum()
    assert found.tokens == prior.tokens == 700
    assert found.fvu == pytest.approx(error / ((original - original.mean(0)) ** 2).sum(), rel=1e-5)
    assert found.l_r == pytest.approx(error / original.size, rel=1e-5)
    assert found.l0 == pytest.approx((code != 0).sum(1).mean(), rel=1e-5)
    rate = (code != 0).mean(0)
    habit = np.minimum(rate, 1 - rate) if kind == "binary" else rate
    assert found.dense_share == pytest.approx((habit > 0.1).mean()) and found.max_rate == pytest.approx(habit.max(), abs=1e-6)
    magnitude = autoencoder.magnitude(prior)
    loud, activated = magnitude.of(autoencoder.encode(x)), magnitude.activated(autoencoder.encode(x))
    counts = np.zeros(30, int)
    for row in range(700):
        candidates = [f for f in range(30) if activated[row, f]]
        for f in sorted(candidates, key=lambda f: (-loud[row, f].item(), f))[:10]:
            counts[f] += 1
    assert found.active_8192_tokens == (counts > 5).sum()
    assert found.max_top_k_rate == pytest.approx(counts.max() / 700)
    assert found.l0_deviations == pytest.approx(activated.sum().item() / 700) and found.l0_top_k == pytest.approx(counts.sum() / 700)
    assert unexplained(autoencoder, [Pair.same(x[:300]), Pair.same(x[300:])], chunk=64) == pytest.approx(found.fvu, rel=1e-6)
    assert (found.bits is None) == (kind != "binary")


def test_binary_entropy_and_its_limits():
    assert binary_entropy(torch.tensor([0.0, 1.0, 0.5, 0.25])).tolist() == pytest.approx([0, 0, 1, 0.811278], abs=1e-6)


def test_density_of_a_bit_is_that_of_its_rarer_value():
    rate = torch.tensor([0.95, 0.3])
    assert minority_rate(rate, binary=True).tolist() == pytest.approx([0.05, 0.3])
    assert minority_rate(rate, binary=False).tolist() == pytest.approx([0.95, 0.3])


def test_active_features_are_counted_on_tokens_spread_over_the_whole_text(monkeypatch):
    """A feature that fires only in the last tenth is seen; of the first tokens alone it is not."""
    x = torch.zeros(1000, 3)
    x[:900, 0] = 1
    x[900:, 1] = 1
    monkeypatch.setattr("bae.measures.evaluation.ACTIVE_TOKENS", 100)
    assert evaluate(Stub(lambda code: code), [Pair.same(x)])[0].active_8192_tokens == 2
    assert evaluate(Stub(lambda code: code), [Pair.same(x[:100]), Pair.same(x[100:])], chunk=64)[0].active_8192_tokens == 2
    monkeypatch.setattr("bae.measures.evaluation.ACTIVE_MORE_THAN", 10)
    assert evaluate(Stub(lambda code: code), [Pair.same(x)])[0].active_8192_tokens == 1, (
        "a tenth of the sample: 10 tokens, not more than 10"
    )
