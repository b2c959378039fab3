"""BAEs of several sets at once: one stack of weights, one stack of states, a step for all of them together."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from bae.experiments.entropy.synthetic_settings import LARGEST_BATCH
from bae.system.products import bmm

FEW_MOVING = 0.8
"""Share of bits that move in a batch below which it pays to pick them out: 13 to 16 ms become 0.5 to 2.5 where few do."""


Origin = Literal["mean", "state"]


@dataclass(frozen=True)
class Training:
    """How a BAE of a set is trained.

    Weights are given beside an L_r that is the unexplained share of the variance: alpha_e is what share a fair bit must explain to be
    worth its bit. `gradients_of` itself takes them beside a mean over elements.
    """

    expansion: int = 1
    """Bits over the width of the states, d'/d."""
    steps: int = 4000
    batch_size: int = 512
    learning_rate: float = 2e-3
    decay: float = 0.4
    """Last share of the steps, over which the learning rate falls to 0."""
    entropy_weight: float = 3e-4
    """alpha_e."""
    covariance_weight: float = 3e-5
    """alpha_c."""
    warm_up: float = 0.25
    """Share of the steps before alpha_e acts."""
    firing_rate: float = 0.05
    """Of every bit at the start."""
    decoder_start: float = 0.1
    """Of the encoder's directions, how long those of the decoder are at the start."""
    origin: Origin = "mean"
    """What states are shifted by: their mean, or the first state of the set. Where sets are a few patterns each, the mean lies between
    them and copies of a bit with either sign pay: 26 bits for two patterns, and 2 from the first state. Where every state is another,
    the first leaves the states a common direction, which takes the slope: 0.59 unexplained for 0.42 (docs/results.md)."""

    def __post_init__(self):
        if self.expansion < 1 or self.steps < 1 or self.batch_size < 2 or self.learning_rate <= 0:
            raise ValueError(f"training needs expansion >= 1, steps >= 1, batch_size >= 2 and learning_rate > 0; got {self}")
        if self.batch_size > LARGEST_BATCH:
            raise ValueError(
                f"a batch is of at most {LARGEST_BATCH:,} states: signs of covariances are no longer exact; got {self.batch_size:,}"
            )
        if not 0 < self.firing_rate < 1:
            raise ValueError(f"a firing rate lies between 0 and 1; got {self.firing_rate}")
        if self.origin not in get_args(Origin):
            raise ValueError(f"the origin is one of {', '.join(get_args(Origin))}; got {self.origin!r}")
        if self.decoder_start <= 0:
            raise ValueError(f"decoder_start is above 0; got {self.decoder_start}")
        if not (0 <= self.decay <= 1 and 0 <= self.warm_up <= 1) or min(self.entropy_weight, self.covariance_weight) < 0:
            raise ValueError(f"training needs decay and warm_up in [0, 1] and weights of at least 0; got {self}")

    def without_entropy(self) -> "Training":
        """The same with both weights 0, as in the paper's Fig. 12 (right)."""
        return replace(self, entropy_weight=0.0, covariance_weight=0.0)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained BAE, on scaled states."""

    W_in: Float[Tensor, "d_model bit"]
    b_in: Float[Tensor, " bit"]
    W_out: Float[Tensor, "bit d_model"]
    b_out: Float[Tensor, " d_model"]

    def encode(self, scaled: Float[Tensor, "vector d_model"]) -> Float[Tensor, "vector bit"]:
        """0.0 and 1.0."""
        return (torch.addmm(self.b_in, scaled, self.W_in) >= 0).to(scaled.dtype)

    def decode(self, code: Float[Tensor, "vector bit"]) -> Float[Tensor, "vector d_model"]:
        """Scaled states."""
        return torch.addmm(self.b_out, code, self.W_out)


Watch = Callable[[int, Float[Tensor, " set"], Float[Tensor, " set"]], None]
"""Told of steps: their number from 1, and of each set's batch L_r (scaled) and entropy in bits."""


def fit_sets(
    stack: Float[Tensor, "set vector d_model"], training: Training, seed: int, advance: Callable[[int], None], watch: Watch | None = None
) -> list[Fitted]:
    """Train a BAE for each set of scaled states; all take the same rows of their sets as batches. The seed decides all else.

    Raises ValueError for sets smaller than a batch, FloatingPointError where a loss is no longer finite.
    """
    if stack.shape[1] < training.batch_size:
        raise ValueError(f"the sets hold {stack.shape[1]:,} vectors to train on, fewer than a batch of {training.batch_size}")
    generator = torch.Generator().manual_seed(seed)
    weights = _start(stack, training, generator)
    descent = Adam(weights)
    for step in range(training.steps):
        rows = torch.randint(stack.shape[1], (training.batch_size,), generator=generator)
        batch = stack[:, rows.to(stack.device)]
        gradients, error, entropy = gradients_of(batch, weights, training, step / training.steps)
        left = (training.steps - step) / max(training.steps * training.decay, 1)
        descent.step(gradients, training.learning_rate * min(1.0, left))
        if watch:
            watch(step + 1, error, entropy)
        advance(1)
    if not all(weight.isfinite().all() for weight in weights):
        raise FloatingPointError("the weights are no longer finite: lower the learning rate")
    W_in, b_in, W_out, b_out = (weight.cpu() for weight in weights)
    return [Fitted(W_in[one], b_in[one, 0], W_out[one], b_out[one, 0]) for one in range(len(stack))]


def _start(stack: Tensor, training: Training, generator: torch.Generator) -> list[Tensor]:
    sets, _, d_model = stack.shape
    bound, n_bits = d_model**-0.5, d_model * training.expansion
    W_in = torch.empty(sets, d_model, n_bits).uniform_(-bound, bound, generator=generator).to(stack.device)
    sample = stack[:, : 8 * training.batch_size]
    below = max(1, round((1 - training.firing_rate) * sample.shape[1]))
    b_in = torch.stack([-(one @ own).kthvalue(below, dim=0).values[None] for one, own in zip(sample, W_in, strict=True)])
    W_out = training.decoder_start * W_in.transpose(1, 2)
    return [W_in, b_in, W_out.contiguous(), torch.zeros(sets, 1, d_model, device=stack.device)]


def gradients_of(
    batch: Float[Tensor, "set vector d_model"], weights: list[Tensor], training: Training, done: float
) -> tuple[list[Tensor], Float[Tensor, " set"], Float[Tensor, " set"]]:
    """The gradients of Eq. (5) with the surrogate `clip`, by hand: those of `bae.training.objective`, for all sets at once."""
    W_in, b_in, W_out, b_out = weights
    n, d_model = batch.shape[1:]
    pre_activation = bmm(batch, W_in).add_(b_in)
    code = (pre_activation >= 0).to(batch.dtype)
    off = bmm(code, W_out).add_(b_out).sub_(batch)
    error = off.square().mean((1, 2))
    of_found = off * (2 / (n * d_model))
    of_code = bmm(of_found, W_out.transpose(1, 2))
    fired = code.sum(1, keepdim=True)
    rate, moving = (fired / n).clamp(0.5 / n, 1 - 0.5 / n), (fired > 0) & (fired < n)
    entropy = -(rate * rate.log2() + (1 - rate) * (1 - rate).log2()).where(moving, 0.0).sum((1, 2))
    if training.entropy_weight and done >= training.warm_up:
        of_code += ((1 - rate) / rate).log2().where(moving, 0.0) * (training.entropy_weight / n)
    if training.covariance_weight:
        of_code += _covariance(code, fired) * training.covariance_weight
    of_code *= pre_activation.abs() <= 1
    return (
        [
            bmm(batch.transpose(1, 2), of_code),
            of_code.sum(1, keepdim=True),
            bmm(code.transpose(1, 2), of_found),
            of_found.sum(1, keepdim=True),
        ],
        error,
        entropy,
    )


def _covariance(code: Float[Tensor, "set vector bit"], fired: Float[Tensor, "set 1 bit"]) -> Float[Tensor, "set vector bit"]:
    """The gradient of the sum of |cov| over pairs (`bae.training.covariance`). Bits that stand still in a batch have none and lend none."""
    moving = ((fired > 0) & (fired < code.shape[1])).squeeze(1)
    most = int(moving.sum(1).max())
    if most > FEW_MOVING * code.shape[2]:
        return _covariance_of_all(code, fired)
    place = moving.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, None, :most].expand(-1, code.shape[1], -1)
    part = code.gather(2, place)
    return torch.zeros_like(code).scatter_(2, place, _covariance_of_all(part, part.sum(1, keepdim=True)))


def _covariance_of_all(code: Float[Tensor, "set vector bit"], fired: Float[Tensor, "set 1 bit"]) -> Float[Tensor, "set vector bit"]:
    n = code.shape[1]
    signs = bmm(code.transpose(1, 2), code).mul_(n).sub_(fired.transpose(1, 2) @ fired).sign_()
    signs.diagonal(dim1=1, dim2=2).zero_()
    signed = bmm(code, signs)
    return (signed - signed.mean(1, keepdim=True)) * (2 / (n - 1))


class Adam:
    """Adam on a list of stacked weights, in place."""

    def __init__(self, weights: list[Tensor], betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8):
        self.weights, self.betas, self.epsilon, self.steps = weights, betas, epsilon, 0
        self.moments = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights]

    def step(self, gradients: list[Tensor], rate: float) -> None:
        """Take a step."""
        self.steps += 1
        one, two = self.betas
        correction = math.sqrt(1 - two**self.steps)
        for weight, gradient, (mean, square) in zip(self.weights, gradients, self.moments, strict=True):
            mean.lerp_(gradient, 1 - one)
            square.mul_(two).addcmul_(gradient, gradient, value=1 - two)
            spread = square.sqrt().add_(self.epsilon * correction)
            weight.addcdiv_(mean, spread, value=-rate * correction / (1 - one**self.steps))
