"""One number a vector that mends the length of its reconstruction, in one byte.

The squared error that a BAE is trained on makes reconstructions too short, which the paper calls a distortion in the radial
direction. `norm` gives them the length of the hidden state; a cosine does not change by that, and the squared error grows wherever
the direction is not exact. `gain` takes the factor that makes the squared error least, about the mean that the BAE centres at.
"""

import struct
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bae.states.scaling import Scaling

LEVELS = 256
RANGE = struct.Struct("<ff")


def factors(
    radial: str, states: Float[Tensor, "token d_model"], found: Float[Tensor, "token d_model"], scaling: Scaling
) -> Float[Tensor, " token"]:
    """What to stretch each reconstruction by, from its `_centre`. 1 for one that lies at the centre."""
    states, found = states - _centre(radial, scaling), found - _centre(radial, scaling)
    square = found.square().sum(-1)
    best = states.norm(dim=-1) / square.sqrt() if radial == "norm" else (states * found).sum(-1) / square
    return torch.where(square > 0, best, 1.0)


def stretched(
    radial: str, found: Float[Tensor, "token d_model"], by: Float[Tensor, " token"], scaling: Scaling
) -> Float[Tensor, "token d_model"]:
    """Reconstructions with their lengths mended."""
    centre = _centre(radial, scaling)
    return centre + (found - centre) * by[:, None]


def _centre(radial: str, scaling: Scaling) -> Float[Tensor, " d_model"] | float:
    return scaling.mean if radial == "gain" else 0.0


@dataclass(frozen=True, eq=False)
class Bytes:
    """Factors of a block as bytes: 256 levels, evenly from the least to the greatest, which come first as two fp32."""

    data: bytes

    @classmethod
    def of(cls, values: Float[Tensor, " token"]) -> "Bytes":
        """Round factors to levels."""
        least, greatest = values.min().item(), values.max().item()
        step = (greatest - least) / (LEVELS - 1) or 1.0
        levels = ((values.double() - least) / step).round().clamp(0, LEVELS - 1).to(torch.uint8)
        return cls(RANGE.pack(least, greatest) + levels.numpy().tobytes())

    @property
    def values(self) -> Float[Tensor, " token"]:
        """The factors, as they are applied."""
        least, greatest = RANGE.unpack_from(self.data)
        levels = torch.frombuffer(bytearray(self.data[RANGE.size :]), dtype=torch.uint8)
        return (least + levels.double() * ((greatest - least) / (LEVELS - 1))).float()


def size(vectors: int) -> int:
    """Bytes that the factors of a block take."""
    return RANGE.size + vectors
