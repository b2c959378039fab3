"""Scaling against NumPy in float64, and the one property it is for: E||x||^2 = d without the outliers."""

import numpy as np
import pytest
import torch

from bae.states.scaling import NORM_LIMIT, Scaling

D_MODEL = 16


def states(tokens: int = 500) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(tokens, D_MODEL, generator=generator) * 3 + torch.linspace(-5, 5, D_MODEL)


def measured(vectors: torch.Tensor, shard: int = 130) -> Scaling:
    return Scaling.measure(vectors.norm(dim=-1), vectors.split(shard))


def test_mean_and_scale_are_numpy_s():
    vectors = states()
    exact = vectors.numpy().astype(np.float64)
    mean = exact.mean(0)
    scale = np.sqrt(D_MODEL / np.square(exact - mean).sum(1).mean())
    scaling = measured(vectors)
    np.testing.assert_allclose(scaling.mean, mean, rtol=1e-6)
    assert scaling.scale == pytest.approx(scale, rel=1e-9)
    assert (scaling.tokens, scaling.dropped) == (500, 0)
    assert scaling.scale != pytest.approx(np.sqrt(D_MODEL / np.square(exact).sum(1).mean()), rel=1e-3), "uncentred is another scale"


def test_shards_of_any_size_measure_the_same():
    one, many = measured(states(), 500), measured(states(), 7)
    assert torch.allclose(one.mean, many.mean, rtol=1e-6) and one.scale == pytest.approx(many.scale, rel=1e-12)


def test_scaled_states_have_mean_0_and_squared_norm_d():
    scaled = measured(states()).apply(states())
    assert scaled.mean(0).abs().max() < 1e-5
    assert scaled.square().sum(-1).mean().item() == pytest.approx(D_MODEL, rel=1e-5)


def test_undo_undoes_apply():
    scaling = measured(states())
    assert torch.allclose(scaling.undo(scaling.apply(states())), states(), atol=1e-4)
    assert not torch.allclose(scaling.apply(states()), states(), atol=1e-1), "apply must do something"


def test_an_outlier_is_dropped_and_moves_nothing():
    vectors = states()
    with_outliers = torch.cat([vectors, torch.full((1, D_MODEL), 5000.0), torch.full((1, D_MODEL), torch.inf)])
    clean, scaling = measured(vectors), measured(with_outliers)
    assert (scaling.tokens, scaling.dropped) == (502, 2)
    assert torch.equal(scaling.mean, clean.mean) and scaling.scale == clean.scale
    assert not scaling.keeps(with_outliers)[-2:].any() and scaling.keeps(vectors).all()
    assert (with_outliers[:-1].mean(0) - clean.mean).abs().max() > 5, "kept, it would have moved the mean"


def test_the_limit_is_in_medians():
    scaling = measured(states())
    assert scaling.norm_limit == pytest.approx(NORM_LIMIT * states().norm(dim=-1).median().item())


def test_a_value_that_is_no_number_is_dropped():
    vectors = states()
    vectors[3, 2] = torch.nan
    scaling = measured(vectors)
    assert scaling.dropped == 1 and scaling.mean.isfinite().all()
    assert scaling.keeps(vectors).nonzero().flatten().tolist() == [row for row in range(500) if row != 3]


def test_raw_changes_nothing_and_keeps_all():
    raw = Scaling.raw(D_MODEL)
    assert torch.equal(raw.apply(states()), states()) and raw.keeps(states() * 1e6).all()


def test_nothing_to_measure():
    with pytest.raises(ValueError, match="at least one finite"):
        Scaling.measure(torch.tensor([torch.nan]), [torch.full((1, D_MODEL), torch.nan)])
    with pytest.raises(ValueError, match="equal"):
        measured(torch.ones(5, D_MODEL))


def test_without_a_limit_what_is_not_finite_is_not_kept():
    vectors = states(6)
    vectors[1, 2], vectors[4, 0] = torch.inf, torch.nan
    assert Scaling.raw(D_MODEL).keeps(vectors).tolist() == [True, False, True, True, False, True]
