"""On how many tokens of a text, or of a set of texts, does each feature stand out?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bae.reading.inspection import Inspection


@dataclass(frozen=True, eq=False)
class Shares:
    """A feature stands out on a token where it is activated: its bit bursts, or its value is not 0. Not only among the loudest 10.

    Shares of several texts add up: `a + b`.
    """

    tokens: int
    """Tokens that were read for features."""
    count: Int[Tensor, " feature"]
    """Of these, how many each feature stands out on."""
    texts: Int[Tensor, " feature"]
    """Texts in which each feature stands out at least once."""
    peak: Float[Tensor, " feature"]
    """Its greatest magnitude where it stands out; -inf where it never does."""

    @classmethod
    def of(cls, inspection: Inspection) -> "Shares":
        """Those of one text."""
        magnitude, code = inspection.lens.magnitude, inspection.code[inspection.read]
        activated = magnitude.activated(code)
        count = activated.sum(0)
        # of a text without a token that was read there is no greatest magnitude
        silent = code.new_full((1, code.shape[1]), -torch.inf)
        loud = magnitude.of(code).masked_fill(~activated, -torch.inf)
        return cls(len(code), count, (count > 0).long(), torch.cat([silent, loud]).amax(0))

    def __add__(self, other: "Shares") -> "Shares":
        return Shares(self.tokens + other.tokens, self.count + other.count, self.texts + other.texts, torch.maximum(self.peak, other.peak))

    @property
    def share(self) -> Float[Tensor, " feature"]:
        """Share of the tokens that each feature stands out on, in [0, 1]; 0 where there was no token to read."""
        return self.count / max(self.tokens, 1)
