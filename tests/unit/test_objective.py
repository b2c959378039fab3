"""Losses against exhaustive or hand-made figures."""

import itertools
import math

import pytest
import torch

from bae.autoencoder import KINDS, Pair
from bae.states.scaling import Scaling
from bae.training.objective import BinaryObjective, SparseObjective, entropy_bits, excess_density, l1, reconstruction_loss, revival_loss


def test_entropy_of_all_codes_of_r_fair_bits_is_r():
    for r in (1, 3, 8):
        code = torch.tensor(list(itertools.product([0.0, 1.0], repeat=r)))
        assert entropy_bits(code).item() == pytest.approx(r, abs=1e-4)


def test_entropy_is_the_full_bernoulli_entropy():
    """p = 1/4: -(1/4 log2 1/4 + 3/4 log2 3/4) = 0.8113. Eq. (4) as printed gives 0.5, the first half alone."""
    code = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    assert entropy_bits(code).item() == pytest.approx(0.811278, abs=1e-5)
    assert entropy_bits(code).item() != pytest.approx(0.5, abs=0.1)


def test_constant_bits_have_a_finite_gradient():
    code = torch.zeros(16, 3).requires_grad_()
    entropy_bits(code).backward()
    assert torch.equal(code.grad, torch.zeros(16, 3))


def test_entropy_gradient_is_log_odds():
    code = torch.zeros(10, 1)
    code[:3] = 1
    code.requires_grad_()
    entropy_bits(code).backward()
    assert code.grad[0].item() == pytest.approx(math.log2(0.7 / 0.3) / 10, rel=1e-5)


def test_reconstruction_is_a_mean_over_elements():
    assert reconstruction_loss(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [3.0, 3.0]])).item() == (4 + 1) / 4


def test_l1_is_a_mean_over_tokens():
    assert l1(torch.tensor([[1.0, -2.0], [0.0, 1.0]])).item() == 2.0


def test_revival_loss_is_0_when_dead_features_explain_the_rest_and_1_when_they_say_nothing():
    W_out = torch.eye(4)
    residual = torch.tensor([[0.0, 0.0, 2.0, 3.0]])
    dead = torch.tensor([False, False, True, True])
    assert revival_loss(residual, torch.tensor([[9.0, 9.0, 2.0, 3.0]]), W_out, dead).item() == pytest.approx(0)
    assert revival_loss(residual, torch.tensor([[9.0, 9.0, -2.0, -3.0]]), W_out, dead).item() == pytest.approx(1)


def test_entropy_weight_waits_for_the_warm_up():
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    autoencoder = KINDS["binary"](8, 16, Scaling.raw(8))
    objective = BinaryObjective(entropy_weight=1.0, covariance_weight=0.5, warm_up=0.25)
    early, late = (objective(autoencoder, Pair.same(x), done, None) for done in (0.2, 0.3))
    assert early.total.item() == pytest.approx((early.parts["reconstruction"] + 0.5 * early.parts["covariance"]).item())
    assert late.total.item() == pytest.approx((early.total + late.parts["entropy"]).item())
    assert late.parts["entropy"] > 0


def test_plain_sae_has_no_revival():
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    autoencoder = KINDS["relu"](8, 16, Scaling.raw(8))
    dead = torch.arange(16) < 4
    assert "revival" in SparseObjective(l1_weight=0.1)(autoencoder, Pair.same(x), 0.5, dead).parts
    assert "revival" not in SparseObjective(l1_weight=0.1, revival_weight=0.0)(autoencoder, Pair.same(x), 0.5, dead).parts


def test_excess_density_counts_only_what_is_above_the_cap():
    """Rates 0.5 and 0.1 against a cap of 0.2: 0.3 in all."""
    code = torch.zeros(10, 2)
    code[:5, 0] = 1
    code[:1, 1] = 1
    assert excess_density(code, 0.2).item() == pytest.approx(0.3)
    assert excess_density(code, 0.5).item() == 0
