"""Autoencoders behind one protocol: what the rest of the house knows of a dictionary, whatever its kind."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from bae.autoencoder.binary import BinaryAutoencoder
from bae.autoencoder.sparse import GatedAutoencoder, ReluAutoencoder, TopKAutoencoder
from bae.magnitude import Magnitude
from bae.scaling import Scaling

KINDS = {cls.kind: cls for cls in (BinaryAutoencoder, ReluAutoencoder, TopKAutoencoder, GatedAutoencoder)}
"""Every kind of dictionary, by the name its checkpoint gives it."""


@runtime_checkable
class Autoencoder(Protocol):
    """Reads hidden states of one site, raw; writes them again from a code. Scaling is its own business."""

    kind: str
    site: str
    """What it reads: `residual` (the hidden state after a block)."""
    binary: bool
    """Whether codes are bits, whose habit may be either value; values of an SAE have the habit 0."""
    n_features: int
    scaling: Scaling

    def encode(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """The code: bits of a BAE (0.0 or 1.0), values of an SAE."""

    def margin(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """What the activation decides on: distance of a bit's pre-activation from its threshold, pre-activation of an SAE."""

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """The code of a margin: `encode` is `activation(margin(states))`."""

    def decode(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token d_model"]:
        """Hidden states from a code, in raw units."""

    def magnitude(self) -> Magnitude:
        """How loud each feature of a code is: what "activated" means for this dictionary."""


__all__ = ["KINDS", "Autoencoder", "BinaryAutoencoder", "GatedAutoencoder", "ReluAutoencoder", "TopKAutoencoder"]
