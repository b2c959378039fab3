"""What training minimises: Eq. (3)-(5) for a BAE, Eq. (9), (11), (14) for SAEs, as pure functions and two objectives.

An objective maps (autoencoder, batch, share of training done) to a loss and its parts. It takes no step and keeps no state.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bae.autoencoder.binary import BinaryAutoencoder
from bae.autoencoder.sparse import SparseAutoencoder
from bae.covariance import covariance_penalty


class Loss(NamedTuple):
    """A loss to take the gradient of, what it is made of, and the code that it was measured on."""

    total: Float[Tensor, ""]
    parts: dict[str, Float[Tensor, ""]]
    """Unweighted: reconstruction, entropy in bits, covariance, L1, ..."""
    code: Float[Tensor, "token feature"]


def reconstruction_loss(target: Float[Tensor, "token d_model"], found: Float[Tensor, "token d_model"]) -> Float[Tensor, ""]:
    """Mean over elements of the squared error. Eq. (3) sums over d; the published weights only fit the mean."""
    return (target - found).square().mean()


def entropy_bits(code: Float[Tensor, "token feature"]) -> Float[Tensor, ""]:
    """Entropy of the bits' mean, summed over features: in bits, in [0, n_features]. Eq. (4) with both halves.

    Bits that a batch shows as constant are held at half a count, so their gradient is 0 instead of infinite.
    """
    floor = 0.5 / len(code)
    rate = code.mean(0).clamp(floor, 1 - floor)
    return -(rate * rate.log2() + (1 - rate) * (1 - rate).log2()).sum()


def excess_density(code: Float[Tensor, "token feature"], cap: float) -> Float[Tensor, ""]:
    """Sum over features of how far their firing rate is above `cap`, >= 0. Not in the paper: see `BinaryObjective.density_weight`."""
    return (code.mean(0) - cap).relu().sum()


def l1(code: Float[Tensor, "token feature"]) -> Float[Tensor, ""]:
    """Mean over tokens of the sum of absolute values. Eq. (9) sums over the batch."""
    return code.abs().sum(-1).mean()


def revival_loss(
    residual: Float[Tensor, "token d_model"],
    pre_activation: Float[Tensor, "token feature"],
    W_out: Float[Tensor, "feature d_model"],
    dead: Bool[Tensor, " feature"],
    k: int = 64,
) -> Float[Tensor, ""]:
    """How badly the k strongest dead features explain what is left over, as a share of it (Gao et al. 2025, AuxK)."""
    candidates = pre_activation[:, dead]
    values, features = candidates.topk(min(k, candidates.shape[1]), dim=-1, sorted=False)
    code = torch.zeros_like(candidates).scatter(-1, features, values.relu())
    residual = residual.detach()
    return (residual - code @ W_out[dead]).square().mean() / residual.square().mean()


@dataclass(frozen=True)
class BinaryObjective:
    """Eq. (5). Weights are in the units of scaled hidden states; scaling data by s scales them by s squared."""

    entropy_weight: float = 1e-4
    """alpha_e."""
    covariance_weight: float = 3e-5
    """alpha_c; acts from the first step."""
    warm_up: float = 0.25
    """Share of training before alpha_e acts."""
    density_weight: float = 0.0
    """Of the firing rates above `density_cap`. The entropy is concave, so in a long training it splits bits into rare and dense ones;
    the covariance alone holds the dense end only by pressing on all pairs."""
    density_cap: float = 0.08

    def __call__(self, autoencoder: BinaryAutoencoder, batch: Tensor, done: float, dead: Bool[Tensor, " feature"]) -> Loss:
        found, code = autoencoder(batch)
        parts = {"reconstruction": reconstruction_loss(batch, found), "entropy": entropy_bits(code)}
        total = parts["reconstruction"]
        if done >= self.warm_up:
            total = total + self.entropy_weight * parts["entropy"]
        if self.covariance_weight:
            parts["covariance"] = covariance_penalty(code)
            total = total + self.covariance_weight * parts["covariance"]
        if self.density_weight:
            parts["excess_density"] = excess_density(code, self.density_cap)
            total = total + self.density_weight * parts["excess_density"]
        return Loss(total, parts, code)


@dataclass(frozen=True)
class SparseObjective:
    """Eq. (9), (11), (14), with a remedy for dead features that the paper's plain form leaves out."""

    l1_weight: float = 0.0
    """alpha, a token."""
    warm_up: float = 0.05
    """Share of training over which alpha rises to its value."""
    revival_weight: float = 1 / 32
    """Of the dead features' share in the residual; 0 for the plain form."""

    def __call__(self, autoencoder: SparseAutoencoder, batch: Tensor, done: float, dead: Bool[Tensor, " feature"]) -> Loss:
        found, code, pre_activation = autoencoder(batch)
        parts = {"reconstruction": reconstruction_loss(batch, found), "l0": (code != 0).sum(-1).float().mean()}
        total = parts["reconstruction"]
        if self.l1_weight:
            parts["l1"] = l1(code)
            total = total + self.l1_weight * min(1.0, done / self.warm_up if self.warm_up else 1.0) * parts["l1"]
        if self.revival_weight and dead.any():
            parts["revival"] = revival_loss(batch - found, pre_activation, autoencoder.W_out, dead)
            total = total + self.revival_weight * parts["revival"]
        return Loss(total, parts, code)
