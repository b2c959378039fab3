"""What "activated" means: how loud a feature is on a token, and which features of a token count.

Burstiness for a Binary Autoencoder (section 5.2), the value for a Sparse Autoencoder, the rescaled value (mean 0,
deviation 1) as an option. Does not know where codes come from, nor what is done with magnitudes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

TOP_K = 10
"""A feature is activated on a token when it is among the token's loudest k (Algorithm 1)."""


@dataclass(frozen=True)
class Prior:
    """How often each feature fires, and the mean and deviation of its value: `h̄_B` of the paper for a BAE."""

    rate: Float[Tensor, " feature"]
    """Firing rate, in [0, 1]: share of tokens with a code that is not 0."""
    mean: Float[Tensor, " feature"]
    deviation: Float[Tensor, " feature"]
    tokens: int
    """Number of hidden states that it was measured on."""

    @classmethod
    def of(cls, codes: Iterable[Float[Tensor, "_ feature"]]) -> "Prior":
        """Measure a stream of codes in one pass and constant memory.

        Raises ValueError on an empty stream: a prior of nothing would make every feature look surprising.
        """
        fired, total, squares, tokens = 0, 0.0, 0.0, 0
        for code in codes:
            # int64 and float64: float32 stops counting at 2**24 tokens
            fired = fired + (code != 0).sum(0, dtype=torch.int64)
            total = total + code.sum(0, dtype=torch.float64)
            squares = squares + code.square().sum(0, dtype=torch.float64)
            tokens += len(code)
        if tokens == 0:
            raise ValueError("a prior needs at least one code; the stream was empty")
        mean = total / tokens
        deviation = (squares / tokens - mean.square()).clamp(min=0).sqrt()
        return cls((fired.double() / tokens).float(), mean.float(), deviation.float(), tokens)


class TopK(NamedTuple):
    """The loudest features of every token, loudest first. Feature -1 where fewer than k are activated; its magnitude is 0."""

    feature: Int[Tensor, "token k"]
    magnitude: Float[Tensor, "token k"]


class Magnitude(Protocol):
    """How loud features are. Made from a prior; applied to codes."""

    name: str
    unit: str

    def of(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """The magnitude of every feature on every token."""

    def activated(self, code: Float[Tensor, "token feature"]) -> Bool[Tensor, "token feature"]:
        """Which features stand out on a token at all; the top k are taken among these."""

    def top(self, code: Float[Tensor, "token feature"], k: int = TOP_K) -> TopK:
        """The k loudest activated features of every token; ties go to the lower index."""


class Burstiness:
    """`log2 |h_B - h̄_B|`: how far each bit stands from its habit, in bits, in [-inf, 0].

    Two values a feature: `log2(1 - rate)` where the bit is on, `log2(rate)` where it is off. A rare bit that fires is near 0.
    A bit *bursts* where this exceeds -1, that is where the bit differs from its rounded prior (Appendix A.5).
    """

    name, unit = "burstiness", "bits"

    def __init__(self, prior: Prior):
        self.on, self.off = torch.log2(1 - prior.rate), torch.log2(prior.rate)
        self.bursts_when_on = self.on > -1
        self.bursts_when_off = self.off > -1
        # burstiness is a table of two numbers a feature: rank the table once, then top k compares integers and ties cannot move
        # feature by feature, on before off, so that ties go to the lower feature whichever of the two it is
        table = torch.stack([self.on, self.off], dim=1).flatten()
        order = torch.argsort(table, stable=True, descending=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order), 0, -1, device=order.device)
        # float32 holds integers exactly to 2**24, far above twice the features of any dictionary here
        self._rank_on, self._rank_off = (
            torch.where(bursts, ranks, 0).float()
            for bursts, ranks in zip((self.bursts_when_on, self.bursts_when_off), rank.view(-1, 2).unbind(1), strict=True)
        )
        self._table = table
        self._feature_of_rank = torch.cat([order.new_zeros(1), order.flip(0)])

    def of(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """Eq. of section 5.2."""
        return torch.where(code > 0, self.on, self.off)

    def activated(self, code: Float[Tensor, "token feature"]) -> Bool[Tensor, "token feature"]:
        """Bits that burst."""
        return torch.where(code > 0, self.bursts_when_on, self.bursts_when_off)

    def top(self, code: Float[Tensor, "token feature"], k: int = TOP_K) -> TopK:
        """The k burstiest bits of every token."""
        ranks = torch.where(code > 0, self._rank_on, self._rank_off).topk(min(k, code.shape[-1]), dim=-1).values.long()
        entry = self._feature_of_rank[ranks]
        bursts = ranks > 0
        return TopK(torch.where(bursts, entry // 2, -1), torch.where(bursts, self._table[entry], 0.0))


class GradedBurstiness:
    """`log2 |h_R - mean h_R|` for features of C bits, whose values h_R have 2^C levels from 0 to 1 (section 6).

    A feature *bursts* where its value is not the level nearest to its mean; with one bit this is `Burstiness`.
    """

    name, unit = "burstiness", "bits"

    def __init__(self, prior: Prior, bits_per_feature: int):
        self.mean, self.steps = prior.mean, 2**bits_per_feature - 1

    def of(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """Eq. of section 5.2 on the aggregated value."""
        return (code - self.mean).abs().log2()

    def activated(self, code: Float[Tensor, "token feature"]) -> Bool[Tensor, "token feature"]:
        """Values that are not their habit."""
        return (code * self.steps).round() != (self.mean * self.steps).round()

    def top(self, code: Float[Tensor, "token feature"], k: int = TOP_K) -> TopK:
        """The k burstiest features of every token; ties go to the lower index."""
        return _exact_top(self.of(code), self.activated(code), k)


class Value:
    """The value of an SAE's feature, in the units of its scaled hidden states; 0 is never activated."""

    name, unit = "value", ""

    def of(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """The code itself."""
        return code

    def activated(self, code: Float[Tensor, "token feature"]) -> Bool[Tensor, "token feature"]:
        """Values that are not 0."""
        return code != 0

    def top(self, code: Float[Tensor, "token feature"], k: int = TOP_K) -> TopK:
        """The k largest values of every token."""
        return _exact_top(self.of(code), self.activated(code), k)


class RescaledValue(Value):
    """The value, shifted and scaled so that each feature has mean 0 and deviation 1 over tokens ("Resc." in Table 1)."""

    name, unit = "rescaled value", "deviations"

    def __init__(self, prior: Prior):
        self.mean, self.deviation = prior.mean, prior.deviation.clamp(min=torch.finfo(torch.float32).tiny)

    def of(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """`(value - mean) / deviation`."""
        return (code - self.mean) / self.deviation


def _exact_top(magnitude: Tensor, activated: Tensor, k: int) -> TopK:
    """The k largest among the activated, ties to the lower index, which `topk` alone does not promise."""
    shown = magnitude.masked_fill(~activated, -torch.inf)
    k = min(k, shown.shape[-1])
    # one more than k, so that a tie for the last place shows too
    values, features = shown.topk(min(k + 1, shown.shape[-1]), dim=-1)
    tied = (values[:, 1:] == values[:, :-1]).logical_and(values[:, 1:].isfinite()).any(-1)
    values, features = values[:, :k], features[:, :k]
    if tied.any():
        order = shown[tied].argsort(dim=-1, descending=True, stable=True)[:, :k]
        features[tied] = order
        values[tied] = shown[tied].gather(-1, order)
    found = values.isfinite()
    return TopK(features.where(found, -1), values.where(found, 0.0))
