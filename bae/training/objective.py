"""What training minimises: Eq. (3)-(5) for a BAE, Eq. (9), (11), (14), (16) for SAEs, as pure functions and two objectives.

An objective maps (autoencoder, batch, share of training done) to a loss and its parts. It takes no step and keeps no state.
Over several processes every part is that of the whole batch, and its gradient this process' share (`bae.system.world`).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bae.autoencoder import BinaryAutoencoder, Pair, SparseAutoencoder
from bae.system import world
from bae.training.covariance import covariance_floor, covariance_penalty

Entropy = Literal["full", "half"]
Covariance = Literal["plain", "debiased"]


class Loss(NamedTuple):
    """A loss to take the gradient of, what it is made of, and the code that it was measured on."""

    total: Float[Tensor, ""]
    parts: dict[str, Float[Tensor, ""]]
    """Unweighted: reconstruction, entropy in bits, covariance, L1, ..."""
    code: Float[Tensor, "token feature"]


def reconstruction_loss(target: Float[Tensor, "token d_model"], found: Float[Tensor, "token d_model"]) -> Float[Tensor, ""]:
    """Mean over elements of the squared error. Eq. (3) sums over d; the published weights only fit the mean."""
    return world.mean((target - found).square().mean())


def entropy_bits(code: Float[Tensor, "token feature"], form: Entropy = "full") -> Float[Tensor, ""]:
    """Entropy of the bits' mean, summed over features: in bits, in [0, n_features]. Eq. (4) with both halves.

    `half` is Eq. (4) as printed, `-p log2 p` alone: on r fair bits it gives r/2, and drives bits above p = 1/e to always on.
    Bits that a batch shows as constant are held at half a count, so their gradient is 0 instead of infinite.
    """
    floor = 0.5 / (len(code) * world.size())
    rate = world.mean(code.mean(0)).clamp(floor, 1 - floor)
    bits = -rate * rate.log2()
    return (bits - (1 - rate) * (1 - rate).log2() if form == "full" else bits).sum()


def excess_density(code: Float[Tensor, "token feature"], cap: float) -> Float[Tensor, ""]:
    """Sum over features of how far their firing rate is above `cap`, >= 0. Not in the paper: see `BinaryObjective.density_weight`."""
    return (world.mean(code.mean(0)) - cap).relu().sum()


def l1(code: Float[Tensor, "token feature"]) -> Float[Tensor, ""]:
    """Mean over tokens of the sum of absolute values. Eq. (9) sums over the batch."""
    return world.mean(code.abs().sum(-1).mean())


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
    return world.mean((residual - code @ W_out[dead]).square().mean()) / world.mean(residual.square().mean())


def ramp(done: float, begin: float, length: float) -> float:
    """A weight's share at a share of training `done`: 0 before `begin`, then rising linearly over `length` to 1."""
    if done < begin:
        return 0.0
    return min(1.0, (done - begin) / length) if length else 1.0


@dataclass(frozen=True)
class BinaryObjective:
    """Eq. (5). Weights are in the units of scaled hidden states; scaling data by s scales them by s squared."""

    entropy_weight: float = 1e-4
    """alpha_e."""
    covariance_weight: float = 3e-5
    """alpha_c."""
    warm_up: float = 0.25
    """Share of training before alpha_e acts."""
    ramp: float = 0.0
    """Share of training over which alpha_e then rises to its value."""
    covariance_warm_up: float = 0.0
    """The same for alpha_c, which in the authors' code acts from the first step."""
    covariance_ramp: float = 0.0
    entropy: Entropy = "full"
    covariance: Covariance = "plain"
    """`debiased` counts of each pair only what exceeds its sampling noise."""
    density_weight: float = 0.0
    """Of the firing rates above `density_cap`. The entropy is concave, so in a long training it splits bits into rare and dense ones;
    the covariance alone holds the dense end only by pressing on all pairs."""
    density_cap: float = 0.08

    def __post_init__(self):
        for name, forms in (("entropy", Entropy), ("covariance", Covariance)):
            if getattr(self, name) not in get_args(forms):
                raise ValueError(f"{name} is {' or '.join(get_args(forms))}; got {getattr(self, name)!r}")

    def __call__(self, autoencoder: BinaryAutoencoder, batch: Pair, done: float, dead: Bool[Tensor, " feature"] | None) -> Loss:
        found = autoencoder(batch.read)
        parts = {"reconstruction": reconstruction_loss(batch.written, found.found), "entropy": entropy_bits(found.code, self.entropy)}
        total = parts["reconstruction"]
        if share := ramp(done, self.warm_up, self.ramp):
            total = total + share * self.entropy_weight * parts["entropy"]
        if self.covariance_weight and (share := ramp(done, self.covariance_warm_up, self.covariance_ramp)):
            parts["covariance"] = covariance_penalty(found.code, found.bits, debiased=self.covariance == "debiased")
            total = total + share * self.covariance_weight * parts["covariance"]
        if self.density_weight:
            parts["excess_density"] = excess_density(found.code, self.density_cap)
            total = total + self.density_weight * parts["excess_density"]
        return Loss(total, parts, found.code)

    def watch(self, code: Float[Tensor, "token feature"]) -> dict[str, Float[Tensor, ""]]:
        """What the curve shows besides the parts: features that fire on a token, and the noise in the covariance penalty."""
        figures = {"l0": world.mean(code.sum(-1).mean())}
        return figures | ({"covariance_floor": covariance_floor(code)} if self.covariance_weight else {})


@dataclass(frozen=True)
class SparseObjective:
    """Eq. (9), (11), (14), (16), with a remedy for dead features that the paper's plain form leaves out."""

    l1_weight: float = 0.0
    """alpha, a token."""
    warm_up: float = 0.05
    """Share of training over which alpha rises to its value."""
    revival_weight: float = 1 / 32
    """Of the dead features' share in the residual; 0 for the plain form."""

    def __call__(self, autoencoder: SparseAutoencoder, batch: Pair, done: float, dead: Bool[Tensor, " feature"] | None) -> Loss:
        found = autoencoder(batch.read)
        parts = {"reconstruction": reconstruction_loss(batch.written, found.found)}
        total = parts["reconstruction"]
        if found.helper is not None:
            parts["gate_reconstruction"] = reconstruction_loss(batch.written, found.helper)
            total = total + parts["gate_reconstruction"]
        if self.l1_weight:
            parts["l1"] = l1(found.code if found.charged is None else found.charged)
            total = total + self.l1_weight * ramp(done, 0.0, self.warm_up) * parts["l1"]
        if self.revival_weight and dead is not None:
            parts["revival"] = revival_loss(batch.written - found.found, found.pre_activation, autoencoder.W_out, dead)
            total = total + self.revival_weight * parts["revival"]
        return Loss(total, parts, found.code)

    def watch(self, code: Float[Tensor, "token feature"]) -> dict[str, Float[Tensor, ""]]:
        """What the curve shows besides the parts: features that fire on a token."""
        return {"l0": world.mean((code != 0).sum(-1).float().mean())}
