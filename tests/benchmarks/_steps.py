"""Training steps to compare: ours, and the same loss written down straightforwardly with dense products and autograd."""

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from bae.autoencoder import BinaryAutoencoder, Pair
from bae.states.scaling import Scaling
from bae.training.descent import FitConfig, TrainingState, step
from bae.training.objective import BinaryObjective, entropy_bits

BATCH = 512
SHAPES = ((576, 2304), (256, 1024))
ENTROPY_WEIGHT, COVARIANCE_WEIGHT = 1e-4, 3e-5


class _Straight(torch.autograd.Function):
    """The step function, its gradient clipped."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient * (ctx.saved_tensors[0].abs() <= 1)


def made(d_model: int, n_features: int, rate: float) -> tuple[BinaryAutoencoder, Tensor]:
    """A BAE whose bits fire at `rate` on the batch that comes with it."""
    torch.manual_seed(0)
    batch = torch.randn(BATCH, d_model)
    autoencoder = BinaryAutoencoder(d_model, n_features, Scaling.raw(d_model))
    autoencoder.start_at(rate, batch)
    return autoencoder, batch


def ours(d_model: int, n_features: int, rate: float, covariance: bool = True) -> Callable[[], None]:
    """The step of `bae.training.descent`, as `bae train` takes it. The learning rate is tiny, so that the rate stays what it is."""
    autoencoder, batch = made(d_model, n_features, rate)
    state, config = TrainingState.start(autoencoder), FitConfig(steps=10**9, batch_size=BATCH, learning_rate=1e-12)
    objective = BinaryObjective(ENTROPY_WEIGHT, COVARIANCE_WEIGHT if covariance else 0.0, warm_up=0.0)
    pair = Pair.same(batch)
    return lambda: step(state, pair, objective, config)


def straightforward(d_model: int, n_features: int, rate: float, covariance: bool) -> Callable[[], None]:
    """Dense products, `torch.cov` under autograd, the library's default Adam."""
    autoencoder, batch = made(d_model, n_features, rate)
    weights = [autoencoder.W_in, autoencoder.b_in, autoencoder.W_out, autoencoder.b_out]
    optimizer = torch.optim.Adam(weights, lr=1e-12)

    def take() -> None:
        code = _Straight.apply(batch @ autoencoder.W_in + autoencoder.b_in)
        found = code @ autoencoder.W_out + autoencoder.b_out
        loss = (batch - found).square().mean() + ENTROPY_WEIGHT * entropy_bits(code)
        if covariance:
            values = torch.cov(code.T)
            loss = loss + COVARIANCE_WEIGHT * (values.abs().sum() - values.diagonal().abs().sum())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return take


def gemm_rate(d_model: int, n_features: int) -> Callable[[], None]:
    """The encoder's product alone: what the machine can do at this shape."""
    left, right = torch.randn(BATCH, d_model), torch.randn(d_model, n_features)
    return lambda: left @ right


def alternated(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every side, taken in turn, after a warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 3):
        for name, run in sides.items():
            began = time.perf_counter()
            run()
            if number >= 3:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def row(
    metric: str, value: float, unit: str, limit: float | None = None, peer: str | None = None, spread: list[float] | None = None
) -> dict:
    """One line of a report (DESIGN, section 6)."""
    return {"metric": metric, "value": value, "unit": unit, "limit": limit, "peer": peer, "spread": spread}
