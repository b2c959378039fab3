"""Hidden states as an autoencoder sees them: raw, or centred and scaled so that E||x||^2 = d.

Massive activations (a handful of tokens a hundred times longer than the rest) would own both the mean and the loss;
tokens above `NORM_LIMIT` times the median norm are left out of it. Autoencoders carry their scaling in their checkpoint.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

NORM_LIMIT = 10.0
"""In units of the median norm."""


@dataclass(frozen=True)
class Scaling:
    """`x -> (x - mean) * scale`, and which tokens it is meant for."""

    mean: Float[Tensor, " d_model"]
    scale: float
    norm_limit: float
    """Tokens with a longer hidden state are dropped: not trained on, not indexed, grey in live text. In raw units."""
    tokens: int = 0
    """Hidden states that were measured."""
    dropped: int = 0
    """Hidden states among them that were over the limit or not finite."""

    @classmethod
    def raw(cls, d_model: int) -> "Scaling":
        """The paper's: hidden states as they are, none dropped."""
        return cls(mean=torch.zeros(d_model), scale=1.0, norm_limit=float("inf"))

    @classmethod
    def measure(cls, norms: Float[Tensor, " token"], shards: Iterable[Float[Tensor, "_ d_model"]]) -> "Scaling":
        """Measure over a stream of shards whose norms, in the same order, are `norms`. Two float64 sums, one pass.

        Raises ValueError when there is nothing to measure or all hidden states are equal.
        """
        finite = norms[norms.isfinite()]
        if not len(finite):
            raise ValueError("scaling needs at least one finite hidden state; there was none")
        limit = NORM_LIMIT * finite.median().item()
        total, squares, kept, seen = 0.0, 0.0, 0, 0
        for shard in shards:
            inside = norms[seen : seen + len(shard)] <= limit
            seen += len(shard)
            states = shard[inside].double()
            total, squares, kept = total + states.sum(0), squares + states.square().sum(), kept + len(states)
        mean = total / kept
        variance = squares / kept - mean.square().sum()
        if variance <= 0:
            raise ValueError("all hidden states are equal; there is no scale to measure")
        scale = (len(mean) / variance).sqrt().item()
        return cls(mean=mean.float(), scale=scale, norm_limit=limit, tokens=seen, dropped=seen - kept)

    def apply(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
        """Raw hidden states to what the autoencoder is trained on."""
        return (states.float() - self.mean) * self.scale

    def undo(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
        """The inverse of `apply`."""
        return states / self.scale + self.mean

    def keeps(self, states: Float[Tensor, "*token d_model"]) -> Bool[Tensor, "*token"]:
        """Which hidden states are within the norm limit; one that is not finite is not."""
        norms = states.float().norm(dim=-1)
        return (norms <= self.norm_limit) & norms.isfinite()

    def to(self, device: torch.device | str) -> "Scaling":
        """The same on another device."""
        return Scaling(self.mean.to(device), self.scale, self.norm_limit, self.tokens, self.dropped)
