"""The covariance penalty against NumPy in int64, its gradient against autograd on the dense formula."""

import numpy as np
import pytest
import torch

from bae.features.bits import Bits
from bae.training.covariance import _pair_floors, covariance_floor, covariance_penalty


def bits(n: int, features: int, rate: float, seed: int = 0) -> torch.Tensor:
    return (torch.rand(n, features, generator=torch.Generator().manual_seed(seed)) < rate).float()


def by_integers(code: torch.Tensor) -> float:
    """Sum over i != j of |n N_ij - s_i s_j| / (n (n - 1)), all in int64."""
    whole = code.numpy().astype(np.int64)
    n = len(whole)
    excess = n * (whole.T @ whole) - np.outer(whole.sum(0), whole.sum(0))
    return (np.abs(excess).sum() - np.abs(np.diag(excess)).sum()) / (n * (n - 1))


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [2, 64, 513])
def test_value_is_exact(n, rate):
    code = bits(n, 96, rate)
    assert covariance_penalty(code).item() == pytest.approx(by_integers(code), rel=1e-6, abs=1e-9)


def test_value_agrees_with_the_library_covariance():
    code = bits(300, 40, 0.2)
    covariance = torch.cov(code.double().T)
    expected = (covariance.abs().sum() - covariance.diagonal().abs().sum()).item()
    assert covariance_penalty(code).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_gradient_equals_autograd_of_the_dense_formula(rate):
    code = bits(128, 48, rate).requires_grad_()
    covariance_penalty(code).backward()
    dense = code.detach().double().requires_grad_()
    covariance = torch.cov(dense.T)
    # pairs of exactly zero covariance have no sign: keep the dense formula from inventing one out of rounding
    mask = (covariance.detach().abs() > 1e-12).double().fill_diagonal_(0)
    (covariance.abs() * mask).sum().backward()
    assert torch.allclose(code.grad.double(), dense.grad, atol=1e-6)
    assert code.grad.abs().max() > 0


def test_duplicated_bits_raise_it():
    """Negative control: two equal bits vary together as much as bits can."""
    independent = bits(512, 8, 0.3)
    doubled = torch.cat([independent[:, :4], independent[:, :4]], dim=1)
    assert covariance_penalty(doubled) > 3 * covariance_penalty(independent)


def test_one_code_is_refused():
    with pytest.raises(ValueError, match="two"):
        covariance_penalty(torch.ones(1, 4))


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2, 1.0])
def test_sums_of_rows_equal_the_product(rate):
    """Both ways, below and above the share from which the product is taken; rows without a one sum to nothing."""
    code, table = bits(70, 90, rate), torch.randn(90, 11, generator=torch.Generator().manual_seed(2))
    expected = (code.double() @ table.double()).float()
    found = Bits(code)
    assert found.sparse == (rate < 0.15)
    assert torch.allclose(found.times(table), expected, atol=1e-4)
    assert torch.allclose(found.transposed_times(expected), code.T @ expected, atol=1e-3)
    assert torch.allclose(found.transposed_times(expected, 20, 33), (code.T @ expected)[20:33], atol=1e-3)


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_tiles_do_not_show(rate, monkeypatch):
    code = bits(100, 70, rate).requires_grad_()
    covariance_penalty(code).backward()
    whole = code.grad.clone()
    monkeypatch.setattr("bae.training.covariance.TILE", 16)
    code.grad = None
    assert covariance_penalty(code).item() == pytest.approx(by_integers(code.detach()), rel=1e-6)
    covariance_penalty(code).backward()
    assert torch.equal(code.grad, whole)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3, 0.8])
def test_floor_is_the_penalty_of_shuffled_columns(rate):
    """The oracle: columns shuffled independently, many times."""
    code = bits(200, 30, rate, seed=3)
    generator = torch.Generator().manual_seed(0)
    shuffled = [
        by_integers(torch.stack([column[torch.randperm(200, generator=generator)] for column in code.T], dim=1)) for _ in range(150)
    ]
    assert covariance_floor(code).item() == pytest.approx(np.mean(shuffled), rel=0.03)


def test_floor_of_bits_that_move_together_is_far_below_their_penalty():
    """Negative control: the floor knows counts, not company."""
    code = bits(512, 1, 0.3).expand(-1, 12).contiguous()
    assert covariance_floor(code) < 0.2 * covariance_penalty(code)


def test_debiased_counts_only_what_rises_above_the_floor():
    code = bits(256, 40, 0.2)
    code[:, 1] = code[:, 0]
    found = code.clone().requires_grad_()
    penalty = covariance_penalty(found, debiased=True)
    penalty.backward()
    dense = code.double().requires_grad_()
    covariance = torch.cov(dense.T)
    floor = _pair_floors(code.sum(0).long(), 256)
    above = (covariance.detach().abs() > floor).double().fill_diagonal_(0)
    expected = ((covariance.abs() - floor) * above).sum()
    expected.backward()
    assert penalty.item() == pytest.approx(expected.item(), rel=1e-5) and 0 < penalty < covariance_penalty(code)
    assert torch.allclose(found.grad.double(), dense.grad, atol=1e-6) and found.grad.abs().max() > 0
