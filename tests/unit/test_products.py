"""An SAE's products and their gradients against dense autograd, on sparse and on dense codes."""

import pytest
import torch

from bae.autoencoder import KINDS
from bae.autoencoder.products import decode, encode
from bae.features.bits import Values
from bae.states.scaling import Scaling

N, D, F = 60, 12, 90


def matrix(share: float, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N, F, generator=generator, dtype=torch.float64) * (torch.rand(N, F, generator=generator) < share)


def weights(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5])
def test_decoding_and_its_gradients(share):
    code, W_out, upstream = matrix(share).requires_grad_(), weights(F, D), torch.randn(N, D, dtype=torch.float64)
    assert Values(code.detach()).sparse == (share < 0.15)
    decode(code, W_out).backward(upstream)
    dense, dense_out = code.detach().clone().requires_grad_(), W_out.detach().clone().requires_grad_()
    (dense @ dense_out).backward(upstream)
    assert torch.allclose(decode(code, W_out), dense @ dense_out) and torch.allclose(W_out.grad, dense_out.grad)
    on = code != 0
    assert torch.allclose(code.grad[on], dense.grad[on])
    assert share == 0.5 or (code.grad[~on] == 0).all(), "what the activation held at 0 gets no gradient"


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("share", [0.03, 0.5])
def test_encoding_and_its_gradients(share, centred):
    x, W_in, b_in, b_out = torch.randn(N, D, dtype=torch.float64), weights(D, F), weights(F, seed=2), weights(D, seed=3)
    upstream = matrix(share)
    encode(x, W_in, b_in, b_out if centred else None).backward(upstream)
    others = [weight.detach().clone().requires_grad_() for weight in (W_in, b_in, b_out)]
    found = (x - others[2] if centred else x) @ others[0] + others[1]
    found.backward(upstream)
    assert torch.allclose(W_in.grad, others[0].grad) and torch.allclose(b_in.grad, others[1].grad)
    assert torch.allclose(b_out.grad, others[2].grad) if centred else b_out.grad is None
    assert W_in.grad.is_contiguous()


@pytest.mark.parametrize("kind", ["relu", "topk", "gated", "twopath", "batchtopk", "transcoder"])
def test_a_whole_step_has_the_gradients_of_dense_autograd(kind, monkeypatch):
    """The same autoencoder with products that know nothing of zeros."""

    def gradients() -> dict[str, torch.Tensor]:
        autoencoder = KINDS[kind](D, F, Scaling.raw(D), seed=4).double()
        with torch.no_grad():
            autoencoder.b_in.fill_(-1.0)
        x = torch.randn(N, D, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
        found = autoencoder(x)
        loss = (found.found - x).square().mean() + 0.01 * (found.code if found.charged is None else found.charged).abs().sum(-1).mean()
        loss = loss if found.helper is None else loss + (found.helper - x).square().mean()
        loss.backward()
        assert 0 < (found.code != 0).double().mean() < 0.3
        return {name: weight.grad for name, weight in autoencoder.named_parameters() if weight.grad is not None}

    sparse = gradients()
    monkeypatch.setattr("bae.autoencoder.sparse.encode", lambda x, W, b, c: (x if c is None else x - c) @ W + b)
    monkeypatch.setattr("bae.autoencoder.sparse.decode", lambda code, W: code @ W)
    dense = gradients()
    assert sparse.keys() == dense.keys()
    for name in dense:
        assert torch.allclose(sparse[name], dense[name], atol=1e-12), name
