"""Codes on their way from the language model to the index: sparse, in shards on disk, so that memory holds one shard at a time.

A shard keeps, for every token, which features of every dictionary fire and how strongly (margin of a bit, value of an SAE's
feature). Shards are written by whoever read them, in any order, and are the same whoever it was.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors import safe_open
from safetensors.numpy import save_file
from torch import Tensor

from bae.features.magnitude import Prior
from bae.reading.inspection import Lens
from bae.system.files import written_whole

CHUNK_TOKENS = 2048


def shard_file(folder: Path, number: int) -> Path:
    """Where a shard lies."""
    return folder / f"{number:05}.safetensors"


@torch.inference_mode()
def write_shard(
    lenses: Mapping[str, Lens],
    states: Mapping[object, Float[Tensor, "token d_model"]],
    kept: Mapping[str, Bool[Tensor, " token"]],
    file: Path,
) -> None:
    """Encode one shard's states, by the place each dictionary reads, and write what fires, whole or not at all.

    Tokens that a dictionary's `kept` leaves out get an empty code; those left out by any are recorded.
    """
    arrays = {"dropped": (~torch.stack(list(kept.values())).all(0)).numpy()}
    for name, lens in lenses.items():
        arrays |= {f"{name}.{key}": array for key, array in _encoded(lens, states[lens.place], kept[name]).items()}
    with written_whole(file) as draft:
        save_file(arrays, draft)


def _encoded(lens: Lens, states: Float[Tensor, "token d_model"], kept: Bool[Tensor, " token"]) -> dict[str, np.ndarray]:
    counts, features, strengths = [], [], []
    for part, keep in zip(states.split(CHUNK_TOKENS), kept.split(CHUNK_TOKENS), strict=True):
        margin = lens.autoencoder.margin(part.float().to(lens.autoencoder.W_in.device))
        code = lens.autoencoder.activation(margin).cpu()
        code[~keep] = 0
        token, feature = code.nonzero(as_tuple=True)
        counts.append(torch.bincount(token, minlength=len(part)).int().numpy())
        features.append(feature.int().numpy())
        strengths.append((margin.cpu() if lens.autoencoder.binary else code)[token, feature].numpy())
    return {
        "kept": kept.numpy(),
        "counts": np.concatenate(counts),
        "features": np.concatenate(features),
        "strengths": np.concatenate(strengths),
    }


class Entries(NamedTuple):
    """The features that fire in one shard: entry e says that `feature[e]` fires on token `token[e]` of the shard, this strongly."""

    token: np.ndarray
    feature: np.ndarray
    strength: np.ndarray
    kept: np.ndarray
    """Which tokens of the shard the dictionary was to see."""

    @property
    def n_tokens(self) -> int:
        """Tokens of the shard, those left out among them."""
        return len(self.kept)


class Spool:
    """The codes of one dictionary in all shards of a folder, and the sums that make their prior."""

    def __init__(self, name: str, lens: Lens, folder: Path):
        self.name, self.lens, self.folder = name, lens, folder
        self.n_features: int = lens.autoencoder.n_features
        self.files = sorted(folder.glob("[0-9]*.safetensors"))

    @cached_property
    def tokens(self) -> int:
        """Tokens that the dictionary was to see."""
        return self._sums[0]

    @property
    def count(self) -> np.ndarray:
        """Tokens that each feature fires on."""
        return self._sums[1]

    @property
    def largest(self) -> np.ndarray:
        """The greatest strength of each feature, 0 where none is above it."""
        return self._sums[2]

    def prior(self) -> Prior:
        """Rate, mean and deviation of every feature over the tokens that were kept."""
        tokens, count, _, total, squares = self._sums
        assert tokens, "a prior is asked for before any token was read"
        mean = total / tokens
        deviation = np.sqrt(np.maximum(squares / tokens - mean**2, 0))
        return Prior(*(torch.from_numpy(x).float() for x in (count / tokens, mean, deviation)), tokens=tokens)

    @cached_property
    def _sums(self) -> tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        count, largest = np.zeros(self.n_features, np.int64), np.zeros(self.n_features, np.float32)
        total, squares = np.zeros(self.n_features), np.zeros(self.n_features)
        for entries in self.entries():
            count += np.bincount(entries.feature, minlength=self.n_features)
            np.maximum.at(largest, entries.feature, entries.strength)
            if not self.lens.autoencoder.binary:
                value = entries.strength.astype(np.float64)
                total += np.bincount(entries.feature, value, self.n_features)
                squares += np.bincount(entries.feature, value**2, self.n_features)
        tokens = sum(int(self._array(file, "kept").sum()) for file in self.files)
        return (tokens, count, largest, count, count) if self.lens.autoencoder.binary else (tokens, count, largest, total, squares)

    def _array(self, file: Path, key: str) -> np.ndarray:
        with safe_open(file, framework="numpy") as shard:
            return shard.get_tensor(f"{self.name}.{key}")

    def entries(self) -> Iterator[Entries]:
        """Every shard, in order."""
        for file in self.files:
            counts = self._array(file, "counts")
            token = np.repeat(np.arange(len(counts)), counts)
            yield Entries(token, self._array(file, "features"), self._array(file, "strengths"), self._array(file, "kept"))

    def codes(self, entries: Entries) -> Iterator[tuple[int, Float[Tensor, "token feature"]]]:
        """The dense codes of a shard, some thousand tokens at a time, each with the number of its first token."""
        for begin in range(0, entries.n_tokens, CHUNK_TOKENS):
            end = min(begin + CHUNK_TOKENS, entries.n_tokens)
            first, last = np.searchsorted(entries.token, (begin, end))
            code = torch.zeros(end - begin, self.n_features)
            value = 1.0 if self.lens.autoencoder.binary else torch.from_numpy(entries.strength[first:last])
            code[torch.from_numpy(entries.token[first:last] - begin), torch.from_numpy(entries.feature[first:last]).long()] = value
            yield begin, code


def dropped_positions(folder: Path, lengths: list[int]) -> list[list[int]]:
    """For contexts of these numbers of tokens, in the order of the shards, the positions that some dictionary left out."""
    flags = []
    for file in sorted(folder.glob("[0-9]*.safetensors")):
        with safe_open(file, framework="numpy") as shard:
            flags.append(torch.from_numpy(shard.get_tensor("dropped")))
    return [(part.nonzero().flatten() + 1).tolist() for part in torch.cat(flags).split(lengths)]
