"""What every reader returns, and what all of them check: shapes that fit the config, weights that are numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bae.autoencoder import KINDS
from bae.states.scaling import Scaling


@dataclass(frozen=True, eq=False)
class Foreign:
    """A dictionary as its folder tells of it, turned into an autoencoder of ours that encodes and decodes alike, in fp32."""

    autoencoder: nn.Module
    layout: str
    """Who wrote it, as in `SAELens 6.54.12, jumprelu`."""
    layer: int | None
    """The hidden state that it says it reads; None where the folder does not say."""
    model: str | None = None
    """What it says it was trained on."""
    corpus: tuple[str, ...] = ()
    context_length: int | None = None
    tokens_seen: int = 0
    seed: int = 0
    before_gain: bool = False
    """Whether it reads what the norm before an MLP makes before its gain; ours reads it after the gain."""
    notes: tuple[str, ...] = ()
    """Where ours and theirs differ, as sentences."""


def raw(d_model: int, scale: float = 1.0) -> Scaling:
    """Hidden states as they are, or times one number. Who may be dropped is settled when the model is at hand."""
    return Scaling(mean=torch.zeros(d_model), scale=scale, norm_limit=float("inf"))


def checked(found: Mapping[str, object], shapes: Mapping[str, tuple[int, ...]], file: Path) -> dict[str, Tensor]:
    """The tensors in fp32. Raises ValueError unless they are those of `shapes`, no more and no less, and hold numbers."""
    foreign = [name for name, value in found.items() if not isinstance(value, Tensor)]
    if foreign:
        raise ValueError(f"{file} holds {', '.join(map(repr, foreign))} besides tensors")
    if set(found) != set(shapes):
        lacks, strange = (", ".join(sorted(names)) or "nothing" for names in (set(shapes) - set(found), set(found) - set(shapes)))
        raise ValueError(f"{file} does not fit its config: it lacks {lacks} and has {strange} on top; such a dictionary is another one")
    for name, shape in shapes.items():
        if tuple(found[name].shape) != tuple(shape):
            raise ValueError(f"{file} does not fit its config: {name} is {list(found[name].shape)}, the config asks for {list(shape)}")
        if not found[name].isfinite().all():
            raise ValueError(f"{file} is damaged: {name} holds values that are not numbers")
    return {name: tensor.float() for name, tensor in found.items()}


def filled(kind: str, weights: Mapping[str, Tensor], scaling: Scaling, **options) -> nn.Module:
    """An autoencoder of ours with these weights, ready to encode. Raises what its options raise."""
    autoencoder = KINDS[kind](weights["W_in"].shape[0], weights["W_out"].shape[0], scaling, **options)
    with torch.no_grad():
        for name, parameter in autoencoder.named_parameters():
            parameter.copy_(weights[name])
    return autoencoder.eval().requires_grad_(False)


def number(told: Mapping, key: str, file: Path, least: int = 1) -> int:
    """A whole number of a config. Raises ValueError that names the file and the key."""
    value = told.get(key)
    if type(value) is not int or value < least:
        raise ValueError(f"{file}: {key} must be a whole number from {least} up; it is {value!r}")
    return value


def text(value: object) -> str | None:
    """A text of a config; None for whatever else stands there."""
    return value if isinstance(value, str) and value else None


def just_above(threshold: float) -> float:
    """The next fp32 number: `x > t` is `x >= just_above(t)`, which is how our BatchTopK writes it."""
    t = torch.tensor(threshold, dtype=torch.float32)
    return torch.nextafter(t, torch.tensor(torch.inf)).item()


def just_below(threshold: float) -> float:
    """The fp32 number before: `x >= t` is `x > just_below(t)`."""
    t = torch.tensor(threshold, dtype=torch.float32)
    return torch.nextafter(t, torch.tensor(-torch.inf)).item()
