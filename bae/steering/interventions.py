"""What can be done to the residual stream: add to it, set features in it, project out of it. Each says what it changes, and where.

A feature is set by splicing: `h + decode(code') - decode(code)`, so that what the dictionary does not reconstruct stays. Decoders are
linear, so this is the row of every feature whose value changes, times the change. The code is that of the hidden state in fp16, as
the pages show it.

A dictionary is steered at its own layer. Of one that reads the residual stream, features can be added, clamped and ablated, and of a
BAE bits changed. A Transcoder reads another state than the one that is changed here, so its features can be added, no more; to push
a row at another layer, `Add` it. That a dictionary was made for the model is for whoever loads it (`bae.reading.lenses`): only
sizes are seen here.
"""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from bae.features.directions import raw_rows
from bae.model.language_model import RESIDUAL, LanguageModel
from bae.reading.inspection import Lens

Positions = Literal["all", "prompt", "generated", "last"]
POSITIONS = get_args(Positions)
"""Which tokens: all, those of the prompt, those behind it, the last of the prompt. Never position 0, the BOS."""
Change = Literal["flip", "set", "clear"]


@dataclass(frozen=True, eq=False)
class Intervention:
    """What all have in common. Impossible ones are refused with ValueError when they are made.

    Each has a `layer`, 0 for the embeddings and l for the output of block l; and a `lens`, the dictionary that it goes through, or
    None. Tokens that the dictionary drops because of their norm are left alone.
    """

    _: KW_ONLY
    strength: float = 1.0
    """Multiplies the change; 0 is no intervention at all."""
    positions: Positions = "all"

    def __post_init__(self):
        _check_finite("a strength", self.strength)
        if self.positions not in POSITIONS:
            raise ValueError(f"positions are {', '.join(POSITIONS)}; got {self.positions!r}")

    @property
    def sets(self) -> frozenset[int]:
        """The features that it brings to a value of their own, which no other may set at the same tokens."""
        return frozenset()

    def check(self, model: LanguageModel) -> None:
        """Raise ValueError where `model` lacks the layer, or has another width."""
        if not 0 <= self.layer <= model.n_layers:
            raise ValueError(f"{model.title} has layers 0 to {model.n_layers}; got {self.layer}")
        if self._width != model.d_model:
            raise ValueError(f"the hidden states of {model.title} have width {model.d_model}; this steers states of width {self._width}")

    def change(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"] | Float[Tensor, " d_model"]:
        """What it adds to raw hidden states, fp32."""
        raise NotImplementedError

    @property
    def _width(self) -> int:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Add(Intervention):
    """`h + strength * direction`; with a `norm`, `h + strength * norm * direction / |direction|`."""

    layer: int
    direction: Float[Tensor, " d_model"]
    _: KW_ONLY
    norm: float | None = None
    """Of the layer (`rms_norm`): strength 1 is then a push as long as a hidden state. None takes the direction as it is."""

    lens = None

    def __post_init__(self):
        super().__post_init__()
        _check_direction(self.direction)
        _check_norm(self.norm)

    def change(self, states: Tensor) -> Tensor:
        """The same for all tokens."""
        return self._push.to(states.device)

    @cached_property
    def _push(self) -> Float[Tensor, " d_model"]:
        return _scaled(self.direction, self.strength, self.norm)

    @property
    def _width(self) -> int:
        return len(self.direction)


@dataclass(frozen=True, eq=False)
class ProjectOut(Intervention):
    """`h - strength * (h . u) u` with u the direction at length 1: at strength 1 nothing of it is left. Done after all else at a layer."""

    layer: int
    direction: Float[Tensor, " d_model"]

    lens = None

    def __post_init__(self):
        super().__post_init__()
        _check_direction(self.direction)

    def change(self, states: Tensor) -> Tensor:
        """Of each token what points along the direction, taken off."""
        unit = (self.direction.float() / self.direction.float().norm()).to(states.device)
        return -self.strength * (states @ unit)[:, None] * unit

    @property
    def _width(self) -> int:
        return len(self.direction)


@dataclass(frozen=True, eq=False)
class _OfDictionary(Intervention):
    lens: Lens

    def __post_init__(self):
        super().__post_init__()
        if self._splices and self.lens.autoencoder.site != RESIDUAL:
            raise ValueError(
                f"{self.lens.name} reads the {self.lens.autoencoder.site.replace('_', ' ')} of block {self.lens.layer}, not the residual "
                "stream that is steered: its features can be added, not clamped, ablated or changed as bits"
            )

    _splices = True

    @property
    def layer(self) -> int:
        """That of the dictionary."""
        return self.lens.layer

    @property
    def _width(self) -> int:
        return self.lens.autoencoder.W_out.shape[1]

    def _check_feature(self, feature: int) -> None:
        last = self.lens.autoencoder.n_features - 1
        if not 0 <= feature <= last:
            raise ValueError(f"{self.lens.name} has features 0 to {last}; got {feature}")

    def _code(self, states: Tensor) -> Float[Tensor, "token feature"]:
        return self.lens.autoencoder.encode(states.half().float())


@dataclass(frozen=True, eq=False)
class AddFeature(_OfDictionary):
    """`h + strength * row`: what the feature writes at value 1, in raw units; with a `norm`, the row brought to that length."""

    feature: int
    _: KW_ONLY
    norm: float | None = None
    """Of the layer (`rms_norm`), so that strengths compare between features. None: strength is in the feature's own unit."""

    _splices = False

    def __post_init__(self):
        super().__post_init__()
        self._check_feature(self.feature)
        _check_norm(self.norm)

    def change(self, states: Tensor) -> Tensor:
        """The same for all tokens."""
        return self._push.to(states.device)

    @cached_property
    def _push(self) -> Float[Tensor, " d_model"]:
        return _scaled(raw_rows(self.lens.autoencoder)[self.feature], self.strength, self.norm)


@dataclass(frozen=True, eq=False)
class Clamp(_OfDictionary):
    """Bring a feature to a value, whatever it was. A value that no code has (a bit at 3, a ReLU below 0) writes that many rows."""

    feature: int
    value: float

    def __post_init__(self):
        super().__post_init__()
        self._check_feature(self.feature)
        _check_finite("a value", self.value)

    @property
    def sets(self) -> frozenset[int]:
        """Its feature."""
        return frozenset({self.feature})

    def change(self, states: Tensor) -> Tensor:
        """The row times what the value lacks."""
        lacking = self.value - self._code(states)[:, self.feature]
        return self.strength * lacking[:, None] * self._row

    @cached_property
    def _row(self) -> Float[Tensor, " d_model"]:
        return raw_rows(self.lens.autoencoder)[self.feature]


@dataclass(frozen=True, eq=False)
class Ablate(Clamp):
    """Bring a feature to 0: an SAE's silence; for a bit off, whatever its habit."""

    value: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        if self.value:
            raise ValueError(f"what is ablated is brought to 0; Clamp brings it to {self.value}")


@dataclass(frozen=True, eq=False)
class ChangeBits(_OfDictionary):
    """Flip, set or clear bits of a BAE. With several bits a feature, each adds or takes the row times its place value (Eq. 7)."""

    bits: Sequence[int]
    how: Change = "flip"

    def __post_init__(self):
        super().__post_init__()
        autoencoder = self.lens.autoencoder
        if not autoencoder.discrete:
            raise ValueError(f"{self.lens.name} has values, not bits; its features can be added, clamped or ablated")
        if self.how not in get_args(Change):
            raise ValueError(f"bits are changed by {', '.join(get_args(Change))}; got {self.how!r}")
        wrong = [bit for bit in self.bits if not 0 <= bit < autoencoder.n_bits]
        if wrong or not self.bits or len(set(self.bits)) < len(self.bits):
            raise ValueError(f"bits are at least one of 0 to {autoencoder.n_bits - 1}, each once; got {list(self.bits)}")

    @property
    def sets(self) -> frozenset[int]:
        """The features that the bits are of."""
        autoencoder = self.lens.autoencoder
        return frozenset(bit * autoencoder.n_features // autoencoder.n_bits for bit in self.bits)

    def change(self, states: Tensor) -> Tensor:
        """The sum of the rows of bits that come on, less those that go off."""
        bits = self.lens.autoencoder.bits(self._code(states))[:, list(self.bits)]
        after = {"flip": 1 - bits, "set": torch.ones_like(bits), "clear": torch.zeros_like(bits)}[self.how]
        return self.strength * (after - bits) @ self._rows

    @cached_property
    def _rows(self) -> Float[Tensor, "bit d_model"]:
        autoencoder = self.lens.autoencoder
        return autoencoder.table()[list(self.bits)].float() / autoencoder.written_scaling.scale


def _scaled(direction: Tensor, strength: float, norm: float | None) -> Tensor:
    direction = direction.float()
    return strength * direction if norm is None else strength * norm * (direction / direction.norm())


def _check_finite(what: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{what} is a finite number; got {value}")


def _check_norm(norm: float | None) -> None:
    if norm is not None and not 0 < norm < math.inf:
        raise ValueError(f"the norm of a layer is above 0 and finite; got {norm}")


def _check_direction(direction: Tensor) -> None:
    if direction.dim() != 1:
        raise ValueError(f"a direction is one vector; got a tensor of shape {list(direction.shape)}")
    if not direction.isfinite().all():
        raise ValueError("a direction is made of finite numbers; this one holds NaN or infinity")
    if not direction.any():
        raise ValueError("a direction that is 0 everywhere points nowhere")
