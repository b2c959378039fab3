"""What the code of each token of a text costs in bits under the habits of a corpus. A code length (cross-entropy), not an entropy.

Knows features that are one bit. For features of several bits a prior holds the rates of features, not of their bits: refused.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bae.features.magnitude import Prior


@dataclass(frozen=True, eq=False)
class CorpusCode:
    """How long the bits of a code are when they are written with what a corpus taught."""

    probability: Float[Tensor, " feature"]
    """`q = (count + 1/2) / (n + 1)`: how likely each bit is to be on, never 0 or 1, so that nothing costs infinitely much."""
    usual: float
    """Mean over the corpus's own tokens, in bits: exact, from the counts."""

    @classmethod
    def of(cls, prior: Prior) -> "CorpusCode":
        """The code of the corpus on which `prior` was measured: `count = rate * tokens`."""
        rate = prior.rate.double()
        q = (rate * prior.tokens + 0.5) / (prior.tokens + 1)
        usual = -(torch.xlogy(rate, q) + torch.xlogy(1 - rate, 1 - q)).sum() / torch.log(torch.tensor(2.0, dtype=torch.float64))
        return cls(q, usual.item())

    def bits(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, " token"]:
        """`-sum_i log2(1 - |h_i - q_i|)` of every token, in bits, above 0.

        Raises ValueError for a code that is not of zeros and ones, a bit a feature.
        """
        on = code == 1
        if code.shape[-1] != len(self.probability) or not torch.equal(on, code != 0):
            raise ValueError(
                f"a description length is that of {len(self.probability):,} features of one bit each, 0 or 1; "
                "values, and features of several bits, have none here"
            )
        silent, fires = -torch.log2(1 - self.probability), -torch.log2(self.probability)
        return silent.sum() + on.double() @ (fires - silent)
