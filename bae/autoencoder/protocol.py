"""What the rest of the house knows of a dictionary, whatever its kind."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from bae.features.bits import Bits
from bae.features.magnitude import Magnitude
from bae.states.scaling import Scaling


@dataclass(frozen=True, eq=False)
class Pair:
    """The states that an autoencoder reads and those that it is to write, row by row; the same tensor where it writes what it reads."""

    read: Float[Tensor, "token d_read"]
    written: Float[Tensor, "token d_model"]

    @classmethod
    def same(cls, states: Float[Tensor, "token d_model"]) -> "Pair":
        """For an autoencoder that writes what it reads."""
        return cls(states, states)

    @classmethod
    def joined(cls, parts: Sequence["Pair"]) -> "Pair":
        """Rows of several, one after the other."""
        read = torch.cat([part.read for part in parts])
        same = all(part.written is part.read for part in parts)
        return cls(read, read if same else torch.cat([part.written for part in parts]))

    def map(self, change: Callable[[Tensor], Tensor], change_written: Callable[[Tensor], Tensor] | None = None) -> "Pair":
        """Change both, in the same way unless told otherwise; made once where they are the same."""
        read = change(self.read)
        return Pair(read, read if self.written is self.read else (change_written or change)(self.written))

    def rows(self, begin: int, end: int | None = None) -> "Pair":
        """Some of its rows, one after the other."""
        return self.map(lambda states: states[begin:end])

    def split(self, size: int) -> Iterator["Pair"]:
        """All rows, at most `size` at a time."""
        return (self.rows(begin, begin + size) for begin in range(0, len(self), size))

    def __len__(self) -> int:
        return len(self.read)


class Pass(NamedTuple):
    """A differentiable pass over scaled states: what objectives are made of."""

    found: Float[Tensor, "token d_model"]
    """The reconstruction, in the scaled units of what the autoencoder writes."""
    code: Float[Tensor, "token feature"]
    """Values of an SAE; of a BAE all its bits."""
    pre_activation: Float[Tensor, "token feature"]
    charged: Float[Tensor, "token feature"] | None = None
    """What L1 is measured on, where it is not the code itself."""
    helper: Float[Tensor, "token d_model"] | None = None
    """A second reconstruction whose error is added: that of the gate of a two-path Gated SAE."""
    bits: Bits | None = None
    """The index lists of a BAE's code."""


@runtime_checkable
class Autoencoder(Protocol):
    """Reads states of one site, raw; writes hidden states from a code. Scaling is its own business."""

    kind: str
    site: str
    """What it reads: `residual` (the hidden state after a block) or `mlp_input` (what that block's MLP reads, after its norm)."""
    binary: bool
    """Whether every feature is one bit, whose habit may be either value; all other features have the habit 0."""
    discrete: bool
    """Whether the bits say all (a BAE), or values come on top of them (an SAE)."""
    n_features: int
    scaling: Scaling
    """Of what it reads."""
    written_scaling: Scaling
    """Of what it writes: the hidden state after the block."""

    def encode(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """The code: bits of a BAE (0.0 or 1.0), values of an SAE."""

    def margin(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token unit"]:
        """What the activation decides on: distance of a bit's pre-activation from its threshold, pre-activation of an SAE."""

    def activation(self, margin: Float[Tensor, "token unit"]) -> Float[Tensor, "token feature"]:
        """The code of a margin: `encode` is `activation(margin(states))`."""

    def decode(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token d_model"]:
        """Hidden states from a code, in raw units."""

    def bits(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token bit"]:
        """What a code costs bits for, as 0.0 and 1.0: the bits of a BAE, of an SAE which features fire (their values come on top)."""

    def magnitude(self) -> Magnitude:
        """How loud each feature of a code is: what "activated" means for this dictionary."""
