"""How large compressed hidden states are, and how far restored ones are off."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bae.compression.container import Container
from bae.compression.positions import positions_bytes


@dataclass(frozen=True)
class Errors:
    """How far reconstructions are off, those vectors left out that are stored as they are."""

    vectors: int
    mse: float
    """Mean squared error over elements, in raw units."""
    fvu: float | None
    """Squared error over squared distance from the mean of these vectors; None where all are equal."""
    cosine: float
    """Of reconstruction and hidden state, mean over vectors."""
    length: float
    """Of the reconstruction over that of the hidden state, mean over vectors."""


class ErrorSum:
    """Errors of a stream of vectors, a part at a time."""

    def __init__(self):
        self._count = 0
        self._error = self._squares = self._cosine = self._length = 0.0
        self._total: Tensor | float = 0.0

    def add(self, states: Float[Tensor, "token d_model"], found: Float[Tensor, "token d_model"]) -> None:
        """Count a part."""
        states, found = states.double(), found.double()
        self._count += len(states)
        self._error += (states - found).square().sum().item()
        self._squares += states.square().sum().item()
        self._total = self._total + states.sum(0)
        self._cosine += torch.cosine_similarity(states, found, dim=-1).sum().item()
        tiny = torch.finfo(torch.float64).tiny
        self._length += (found.norm(dim=-1) / states.norm(dim=-1).clamp(min=tiny)).sum().item()

    def errors(self) -> Errors | None:
        """What was found; None where there was nothing."""
        if not self._count:
            return None
        n, width = self._count, len(self._total)
        spread = self._squares - (self._total / n).square().sum().item() * n
        fvu = self._error / spread if spread > 1e-12 * self._squares else None
        return Errors(n, self._error / (n * width), fvu, self._cosine / n, self._length / n)


@dataclass(frozen=True)
class Sizes:
    """Bytes of a set of hidden states, plain and compressed."""

    vectors: int
    fp16: int
    """Two bytes a number."""
    fp32: int
    """Four bytes a number."""
    file: int
    """Everything, header and prior among it."""
    model: int
    """The BAE that the file cannot be read without, two bytes a weight; once, whatever the number of vectors."""
    decoder: int
    """The part of it that restoring needs: W_out and its bias."""
    prior: int
    positions: int
    """What the paper's indices take, whatever the file holds, the prior left out."""
    bound: float
    """The codes at `-sum log2 q`, in bytes."""
    entropy: float
    """The codes at `n sum H(p)`, in bytes."""

    @property
    def bits_a_vector(self) -> float:
        """Of the whole file."""
        return 8 * self.file / self.vectors

    @property
    def ratio(self) -> float:
        """File over fp16, in (0, inf); below 1 it saves."""
        return self.file / self.fp16

    @property
    def ratio_with_model(self) -> float:
        """File and model over fp16."""
        return (self.file + self.model) / self.fp16

    @property
    def over_bound(self) -> float:
        """File over the bound of its codes; inf where they cost nothing."""
        return self.file / self.bound if self.bound else float("inf")


def sizes(container: Container, autoencoder: nn.Module) -> Sizes:
    """The sizes of an opened file of this BAE."""
    header, habits = container.header, container.habits
    numbers = header.vectors * header.d_model
    weights = {name: 2 * weight.numel() for name, weight in autoencoder.named_parameters()}
    return Sizes(
        vectors=header.vectors,
        fp16=2 * numbers,
        fp32=4 * numbers,
        file=container.size,
        model=sum(weights.values()),
        decoder=weights["W_out"] + weights["b_out"],
        prior=header.prior_bytes,
        positions=positions_bytes(habits),
        bound=habits.code_length_bits / 8,
        entropy=habits.entropy_bits / 8,
    )
