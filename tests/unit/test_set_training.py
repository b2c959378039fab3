"""BAEs of several sets at once: every gradient is that of the objective, each set is trained as if alone, planted bits are found."""

import math

import pytest
import torch

from bae.autoencoder import BinaryAutoencoder, Pair
from bae.experiments.entropy.set_training import Adam, Training, _covariance, _covariance_of_all, fit_sets, gradients_of
from bae.states.scaling import Scaling
from bae.training.objective import BinaryObjective

TRAINING = Training(steps=40, batch_size=64, expansion=2, entropy_weight=0.01, covariance_weight=0.002)


def stack(sets: int = 3, vectors: int = 256, d_model: int = 8) -> torch.Tensor:
    return torch.randn(sets, vectors, d_model, generator=torch.Generator().manual_seed(0))


def weights(sets: int = 3, d_model: int = 8, n_bits: int = 16) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = [(sets, d_model, n_bits), (sets, 1, n_bits), (sets, n_bits, d_model), (sets, 1, d_model)]
    return [0.4 * torch.randn(shape, generator=generator) for shape in shapes]


def by_autograd(batch: torch.Tensor, own: list[torch.Tensor], done: float):
    """The objective of the explorer on one set, differentiated by torch."""
    autoencoder = BinaryAutoencoder(batch.shape[1], own[0].shape[1], Scaling.raw(batch.shape[1]))
    with torch.no_grad():
        autoencoder.W_in.copy_(own[0])
        autoencoder.b_in.copy_(own[1][0])
        autoencoder.W_out.copy_(own[2])
        autoencoder.b_out.copy_(own[3][0])
    objective = BinaryObjective(entropy_weight=TRAINING.entropy_weight, covariance_weight=TRAINING.covariance_weight, warm_up=0.25)
    loss = objective(autoencoder, Pair.same(batch), done, None)
    loss.total.backward()
    return [autoencoder.W_in.grad, autoencoder.b_in.grad[None], autoencoder.W_out.grad, autoencoder.b_out.grad[None]], loss.parts


def plug_in(code: torch.Tensor) -> float:
    """The marginal entropy of bits, bit by bit."""
    rates = [bit.double().mean().item() for bit in code.T]
    return -sum(p * math.log2(p) for rate in rates for p in (rate, 1 - rate) if p > 0)


@pytest.mark.parametrize("done", [0.0, 0.5])
def test_gradients_are_those_of_the_objective(done):
    batch, own = stack(vectors=64), weights()
    own[1][:, :, 0] = -100.0  # a bit that is never on: no entropy and no gradient of it
    gradients, error, entropy = gradients_of(batch, own, TRAINING, done)
    codes = torch.baddbmm(own[1], batch, own[0]) >= 0
    for one in range(3):
        expected, parts = by_autograd(batch[one], [weight[one] for weight in own], done)
        for found, wanted in zip(gradients, expected, strict=True):
            assert torch.allclose(found[one], wanted, rtol=1e-3, atol=1e-5)
        assert error[one].item() == pytest.approx(parts["reconstruction"].item(), rel=1e-4)
        assert entropy[one].item() == pytest.approx(plug_in(codes[one]), rel=1e-4)
    # negative control: without the entropy the gradient is another once it acts
    other, _, _ = gradients_of(batch, own, TRAINING.without_entropy(), done)
    assert not torch.allclose(other[0], gradients[0], rtol=1e-3, atol=1e-5)


def test_adam_is_that_of_torch():
    own = weights()
    theirs = [torch.nn.Parameter(weight.clone()) for weight in own]
    optimizer, descent = torch.optim.Adam(theirs, lr=0.01), Adam(own)
    for step in range(5):
        gradients = [torch.sin(weight * (step + 1)) for weight in own]
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient.clone()
        optimizer.step()
        descent.step(gradients, 0.01)
    assert all(torch.allclose(mine, other, atol=1e-5) for mine, other in zip(own, theirs, strict=True))


def test_the_seed_decides_everything():
    one, again, other = (fit_sets(stack(), TRAINING, seed, lambda steps: None) for seed in (0, 0, 1))
    assert all(torch.equal(mine.W_in, same.W_in) and torch.equal(mine.b_out, same.b_out) for mine, same in zip(one, again, strict=True))
    assert not torch.equal(one[0].W_in, other[0].W_in)


def test_planted_bits_are_found():
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(16, 16, generator=generator))[0]
    sets = [(torch.rand(4096, rank, generator=generator) < 0.5).float() @ basis[:rank] for rank in (2, 4)]
    seen = []
    training = Training(steps=1500, batch_size=256, entropy_weight=1e-3, covariance_weight=1e-4)
    found = fit_sets(torch.stack(sets), training, 0, lambda steps: None, lambda *told: seen.append(told))
    for states, one, rank in zip(sets, found, (2, 4), strict=True):
        rate = one.encode(states).mean(0).double()
        bits = -(torch.special.xlogy(rate, rate) + torch.special.xlogy(1 - rate, 1 - rate)).sum().item() / 0.6931
        assert (one.decode(one.encode(states)) - states).square().mean() < 0.05
        assert rank - 0.2 < bits < 2 * rank + 1
    assert [told[0] for told in seen] == list(range(1, 1501))


def test_a_batch_is_no_larger_than_signs_of_covariances_are_exact():
    assert Training(batch_size=4095)
    with pytest.raises(ValueError, match=r"at most 4,095 states: .*; got 4,096"):
        Training(batch_size=4096)


def test_what_cannot_be_trained_is_said():
    with pytest.raises(ValueError, match="256 vectors to train on, fewer than a batch of 512"):
        fit_sets(stack(), Training(), 0, lambda steps: None)
    for change in ({"steps": 0}, {"expansion": 0}, {"batch_size": 1}, {"learning_rate": 0.0}, {"decay": 1.5}, {"entropy_weight": -1.0}):
        with pytest.raises(ValueError, match="training needs"):
            Training(**change)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Training(firing_rate=1.0)


@pytest.mark.parametrize("still", [0, 40, 60, 64])
def test_bits_that_stand_still_change_nothing_of_the_covariance_gradient(still):
    code = (torch.rand(3, 50, 64, generator=torch.Generator().manual_seed(2)) < 0.3).float()
    code[:, :, :still] = torch.arange(still) % 2
    fired = code.sum(1, keepdim=True)
    assert torch.equal(_covariance(code, fired), _covariance_of_all(code, fired))
    # control: bits that move have a gradient
    assert bool(_covariance(code, fired).any()) == (still < 64)
