"""Codes on their way from the language model to the index: sparse, in shards on disk, so that memory holds one shard at a time.

A shard keeps, for every token, which features fire and how strongly (margin of a bit, value of an SAE's feature).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors.numpy import load_file, save_file
from torch import Tensor

from bae.inspection import Lens
from bae.magnitude import Prior

CHUNK_TOKENS = 2048


class Entries(NamedTuple):
    """The features that fire in one shard: entry e says that `feature[e]` fires on token `token[e]` of the shard, this strongly."""

    token: np.ndarray
    feature: np.ndarray
    strength: np.ndarray
    n_tokens: int


class Spool:
    """The codes of one dictionary, and the sums that make their prior."""

    def __init__(self, lens: Lens, folder: Path):
        self.lens, self.folder = lens, folder
        self.n_features: int = lens.autoencoder.n_features
        self.shards = 0
        self.tokens = 0
        self.count = np.zeros(self.n_features, np.int64)
        self.total, self.squares = np.zeros(self.n_features), np.zeros(self.n_features)
        self.largest = np.zeros(self.n_features, np.float32)
        folder.mkdir(parents=True, exist_ok=True)

    @torch.inference_mode()
    def add(self, states: Float[Tensor, "token d_model"], kept: Bool[Tensor, " token"]) -> None:
        """Encode one shard's hidden states and write what fires. Tokens that are not `kept` get an empty code."""
        counts, features, strengths = [], [], []
        for part, keep in zip(states.split(CHUNK_TOKENS), kept.split(CHUNK_TOKENS), strict=True):
            margin = self.lens.autoencoder.margin(part.float().to(self.lens.autoencoder.W_in.device))
            code = self.lens.autoencoder.activation(margin).cpu()
            code[~keep] = 0
            token, feature = code.nonzero(as_tuple=True)
            strength = (margin.cpu() if self.lens.autoencoder.binary else code)[token, feature]
            value = code[token, feature].double()
            counts.append(torch.bincount(token, minlength=len(part)).int().numpy())
            features.append(feature.int().numpy())
            strengths.append(strength.numpy())
            self.count += torch.bincount(feature, minlength=self.n_features).numpy()
            self.total += torch.bincount(feature, value, self.n_features).numpy()
            self.squares += torch.bincount(feature, value.square(), self.n_features).numpy()
            np.maximum.at(self.largest, features[-1], strengths[-1])
        self.tokens += int(kept.sum())
        arrays = {"counts": np.concatenate(counts), "features": np.concatenate(features), "strengths": np.concatenate(strengths)}
        save_file(arrays, self.folder / f"{self.shards:05}.safetensors")
        self.shards += 1

    def prior(self) -> Prior:
        """Rate, mean and deviation of every feature over the tokens that were kept."""
        assert self.tokens, "a prior is asked for before any token was added"
        mean = self.total / self.tokens
        deviation = np.sqrt(np.maximum(self.squares / self.tokens - mean**2, 0))
        return Prior(*(torch.from_numpy(x).float() for x in (self.count / self.tokens, mean, deviation)), tokens=self.tokens)

    def entries(self) -> Iterator[Entries]:
        """Every shard, in order."""
        for number in range(self.shards):
            arrays = load_file(self.folder / f"{number:05}.safetensors")
            token = np.repeat(np.arange(len(arrays["counts"])), arrays["counts"])
            yield Entries(token, arrays["features"], arrays["strengths"], len(arrays["counts"]))

    def codes(self, entries: Entries) -> Iterator[tuple[int, Float[Tensor, "token feature"]]]:
        """The dense codes of a shard, some thousand tokens at a time, each with the number of its first token."""
        for begin in range(0, entries.n_tokens, CHUNK_TOKENS):
            end = min(begin + CHUNK_TOKENS, entries.n_tokens)
            first, last = np.searchsorted(entries.token, (begin, end))
            code = torch.zeros(end - begin, self.n_features)
            value = 1.0 if self.lens.autoencoder.binary else torch.from_numpy(entries.strength[first:last])
            code[torch.from_numpy(entries.token[first:last] - begin), torch.from_numpy(entries.feature[first:last]).long()] = value
            yield begin, code
