"""The refitted decoder against NumPy's least squares, and what it must not touch."""

import numpy as np
import pytest
import torch

from bae.autoencoder import BinaryAutoencoder, Pair
from bae.measures.evaluation import evaluate
from bae.states.scaling import Scaling
from bae.training.refit import refit_decoder


@pytest.fixture
def fitted(monkeypatch):
    monkeypatch.setattr("bae.training.refit.CHUNK_TOKENS", 64)
    x = torch.randn(2000, 8, generator=torch.Generator().manual_seed(0)) * 3 + 1
    autoencoder = BinaryAutoencoder(8, 20, Scaling.measure(x.norm(dim=-1), [x]), seed=1)
    autoencoder.start_at(0.2, autoencoder.scaling.apply(x))
    return x, autoencoder


def test_it_is_least_squares(fitted, monkeypatch):
    x, autoencoder = fitted
    monkeypatch.setattr("bae.training.refit.RIDGE_TOKENS", 1e-9)
    refit_decoder(autoencoder, [Pair.same(x[:900]), Pair.same(x[900:])])
    design = np.c_[autoencoder.encode(x).double().numpy(), np.ones(len(x))]
    expected, *_ = np.linalg.lstsq(design, autoencoder.scaling.apply(x).double().numpy(), rcond=None)
    assert np.allclose(autoencoder.W_out.detach().numpy(), expected[:-1], atol=1e-4)
    assert np.allclose(autoencoder.b_out.detach().numpy(), expected[-1], atol=1e-4)


def test_codes_stay_and_the_error_falls(fitted):
    x, autoencoder = fitted
    before, code = evaluate(autoencoder, [Pair.same(x)])[0], autoencoder.encode(x)
    refit_decoder(autoencoder, [Pair.same(x)])
    assert torch.equal(autoencoder.encode(x), code)
    assert evaluate(autoencoder, [Pair.same(x)])[0].fvu < before.fvu


def test_a_bit_that_never_fires_gets_no_row(fitted):
    """Negative control of the ridge: without it the equations would be singular."""
    x, autoencoder = fitted
    with torch.no_grad():
        autoencoder.b_in[3] = -1e6
    refit_decoder(autoencoder, [Pair.same(x)])
    assert autoencoder.W_out[3].abs().max() == 0 and autoencoder.W_out[4].abs().max() > 0
