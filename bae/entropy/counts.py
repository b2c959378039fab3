"""What is counted of a set of codes, batch by batch, and the bits of it that stand still."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bae.entropy.marginal import marginal_bias, marginal_entropy
from bae.entropy.sets import checked_bits, enough
from bae.entropy.tree import tree_edges, tree_entropy
from bae.features.bits import Bits
from bae.features.magnitude import Prior

CHUNK_TOKENS = 512
"""Codes that are multiplied at a time: few enough to stay in the cache."""


def coactivations(bits: Float[Tensor, "token bit"]) -> Int[Tensor, "bit bit"]:
    """On how many tokens each pair of bits is on together; on the diagonal, each bit."""
    counts = torch.zeros(bits.shape[1], bits.shape[1], device=bits.device)
    for part in bits.split(CHUNK_TOKENS):
        counts += Bits(part).transposed_times(part)
    return counts.long()


class BitCounts:
    """How often each bit of a set of codes is on and, unless `pairs` is False, each pair of bits together.

    Batches come in any order and size: these are whole numbers, so nothing hangs on how a set was cut up. Pairs take 8 n_bits² bytes.
    """

    def __init__(self, n_bits: int, pairs: bool = True, device: torch.device | str = "cpu"):
        self.tokens = 0
        self.ones: Int[Tensor, " bit"] = torch.zeros(n_bits, dtype=torch.int64, device=device)
        self.together: Int[Tensor, "bit bit"] | None = torch.zeros(n_bits, n_bits, dtype=torch.int64, device=device) if pairs else None

    def add(self, code: Float[Tensor, "token bit"]) -> None:
        """Count a batch of codes. Raises ValueError where it is no table of as many bits, NaN among what is refused."""
        checked_bits(code, len(self.ones))
        self.tokens += len(code)
        self.ones += code.sum(0, dtype=torch.int64)
        if self.together is not None:
            self.together += coactivations(code)

    @property
    def rates(self) -> Float[Tensor, " bit"]:
        """The mean code: how often each bit is on, in [0, 1]. Raises ValueError below two tokens, as all that follows does."""
        return (self.ones.double() / enough(self.tokens)).float()

    def marginal(self) -> float:
        """`marginal_entropy` of the set, in bits, in [0, n_bits]. Of the states it tells what the code keeps of them, not what it loses."""
        return marginal_entropy(self.ones, enough(self.tokens)).item()

    def marginal_bias(self) -> float:
        """By how much `marginal` is too low on average, in bits, >= 0."""
        return marginal_bias(self.ones, self.tokens)

    def tree(self) -> float:
        """`tree_entropy` of the set, in bits, in [0, `marginal`]. Raises ValueError where no pairs were counted."""
        return tree_entropy(self._pairs(), enough(self.tokens))

    def tree_edges(self) -> Int[Tensor, "edge 2"]:
        """The pairs of bits of that tree. Raises what `tree` raises."""
        return tree_edges(self._pairs(), enough(self.tokens))

    def _pairs(self) -> Int[Tensor, "bit bit"]:
        if self.together is None:
            raise ValueError("the tree needs pairs of bits, which were not counted; count with pairs=True")
        return self.together


class Movement(NamedTuple):
    """The bits of a set by whether they move. Every bit is in one of the three."""

    moving: Bool[Tensor, " bit"]
    frozen: Bool[Tensor, " bit"]
    """Always on or always off in the set, and not so in the prior: what the set's members have in common."""
    constant: Bool[Tensor, " bit"]
    """Standing still in the prior too, so that they tell nothing of the set: dead bits, and bits that are always on."""


def movement(counts: BitCounts, prior: Prior) -> Movement:
    """Which bits move in a set, against the prior of a corpus. A bit that only the set moves counts as moving.

    Raises ValueError where the two are not of as many bits.
    """
    if counts.ones.shape != prior.rate.shape:
        raise ValueError(f"the set's codes have {len(counts.ones)} bits, the prior {len(prior.rate)}; they are not of one dictionary")
    still = (counts.ones == 0) | (counts.ones == enough(counts.tokens))
    everywhere = ((prior.rate <= 0) | (prior.rate >= 1)).to(still.device)
    return Movement(~still, still & ~everywhere, still & everywhere)
