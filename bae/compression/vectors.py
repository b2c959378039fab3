"""Where hidden states to compress come from, and files that restored ones go to; never all of them in memory.

A source is gone through twice: the prior of a set must be known before its first vector can be written.
"""

import json
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from bae.autoencoder import Autoencoder
from bae.compression.paths import check_source
from bae.states.harvest import HiddenStates

CHUNK = 4096
"""Vectors that are read at a time."""
ENDINGS = (".npy", ".safetensors")
NAME = "vectors"
"""What restored vectors are called in a safetensors file."""
NO_ARRAY = (ValueError, EOFError, TypeError, SyntaxError, OverflowError, MemoryError, RecursionError, tokenize.TokenError)
"""What NumPy raises for headers that are none: they are Python literals, which it reads with Python's own reader."""
CODES = {"float16": "F16", "float32": "F32"}


class Source(Protocol):
    """A set of hidden states that can be gone through again and again."""

    name: str
    """Where they come from, in words."""
    d_model: int
    dtype: str
    """What they can be kept in without loss: float16 or float32."""
    total: int
    """How many there are, those that are left out among them."""
    skips: bool
    """Whether those that are not finite are left out by the source, instead of being an error."""

    def __iter__(self) -> Iterator[Float[Tensor, "_ d_model"]]:
        """The vectors in order, raw, in parts of any size."""


class FileVectors:
    """A matrix `[vector d_model]` in a .npy or .safetensors file. Raises ValueError for what is none, OSError for what is not there."""

    skips = False

    def __init__(self, path: Path, tensor: str | None = None):
        if path.suffix not in ENDINGS:
            raise ValueError(f"vectors are read from files that end in {' or '.join(ENDINGS)}; got {path.name}")
        check_source(path, "the name of a .npy or .safetensors file")
        self.path, self.tensor = path, tensor
        if path.suffix == ".npy":
            found = self._matrix()
            shape, exact = found.shape, found.dtype == np.float16
            # not long doubles, which torch has no type for
            number = found.dtype.kind == "f" and found.dtype.itemsize in (2, 4, 8)
        else:
            self.tensor = self._chosen()
            with safe_open(path, framework="pt") as file:
                one = file.get_slice(self.tensor)
                shape, code = one.get_shape(), one.get_dtype()
            exact, number = code == "F16", code in ("F16", "BF16", "F32", "F64")
        if len(shape) != 2 or not number or not shape[1]:
            raise ValueError(
                f"{path} must hold a matrix of floating point numbers of 16, 32 or 64 bits, a vector a row; its shape is {tuple(shape)}"
            )
        if not shape[0]:
            raise ValueError(f"{path} holds no vectors: its shape is {tuple(shape)}")
        self.name, self.total, self.d_model, self.dtype = path.name, shape[0], shape[1], "float16" if exact else "float32"

    def __iter__(self) -> Iterator[Float[Tensor, "_ d_model"]]:
        """The rows in order."""
        if self.path.suffix == ".npy":
            found = self._matrix()
            for begin in range(0, self.total, CHUNK):
                yield torch.from_numpy(np.array(found[begin : begin + CHUNK], dtype=found.dtype.newbyteorder("=")))
            return
        with safe_open(self.path, framework="pt") as file:
            rows = file.get_slice(self.tensor)
            for begin in range(0, self.total, CHUNK):
                yield rows[begin : begin + CHUNK]

    def _matrix(self) -> np.ndarray:
        try:
            # not `np.load`, which takes an archive for an array
            return np.lib.format.open_memmap(self.path, mode="r")
        except NO_ARRAY as error:
            raise ValueError(f"{self.path} cannot be read as a .npy file: {error}") from error

    def _chosen(self) -> str:
        """The name of the tensor; asked for where there are several."""
        try:
            with safe_open(self.path, framework="pt") as file:
                there = sorted(file.keys())
        except SafetensorError as error:
            raise ValueError(f"{self.path} cannot be read as a safetensors file: {error}") from error
        if self.tensor is None and len(there) == 1:
            return there[0]
        if self.tensor not in there:
            asked = "name one of its tensors" if self.tensor is None else f"there is no tensor {self.tensor!r} in it"
            raise ValueError(f"{self.path}: {asked}; it has {', '.join(there) or 'none'}")
        return self.tensor


class HarvestVectors:
    """The hidden states of a harvest that a dictionary reads; those that are not finite are left out, those of any length stay in."""

    dtype, skips = "float16", True

    def __init__(self, states: HiddenStates, layer: int, autoencoder: Autoencoder):
        self._pairs = states.all_pairs(layer, autoencoder, filtered=False)
        self.name = f"layer {layer} of {states.folder.name}, a harvest of {', '.join(states.record['sources'])}"
        self.total, self.d_model = len(states), states.record["d_model"]

    def __iter__(self) -> Iterator[Float[Tensor, "_ d_model"]]:
        """Shard by shard."""
        return (pair.read for pair in self._pairs)


class TensorVectors:
    """Hidden states that are in memory."""

    skips = False

    def __init__(self, states: Float[Tensor, "token d_model"], name: str = "memory"):
        self.states, self.name = states, name
        self.total, self.d_model = states.shape
        self.dtype = "float16" if states.dtype == torch.float16 else "float32"

    def __iter__(self) -> Iterator[Float[Tensor, "_ d_model"]]:
        """A part at a time."""
        return iter(self.states.split(CHUNK))


def in_blocks(source: Iterable[Float[Tensor, "_ d_model"]], size: int) -> Iterator[Float[Tensor, "_ d_model"]]:
    """The rows of a stream, `size` at a time whatever its parts were; fewer in the last."""
    waiting: list[Tensor] = []
    held = 0
    for part in source:
        while len(part):
            taken, part = part[: size - held], part[size - held :]
            waiting.append(taken)
            held += len(taken)
            if held == size:
                yield torch.cat(waiting)
                waiting, held = [], 0
    if waiting:
        yield torch.cat(waiting)


class VectorWriter:
    """Writes a matrix to a .npy or .safetensors file, a few rows at a time."""

    def __init__(self, file: BinaryIO, ending: str, shape: tuple[int, int], dtype: str):
        self._file, self._type = file, np.dtype(dtype).newbyteorder("<")
        if ending == ".npy":
            told = {"descr": self._type.str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, told)
        else:
            size = shape[0] * shape[1] * self._type.itemsize
            told = json.dumps({NAME: {"dtype": CODES[dtype], "shape": list(shape), "data_offsets": [0, size]}}).encode()
            told += b" " * (-len(told) % 8)
            file.write(len(told).to_bytes(8, "little") + told)

    def add(self, states: Float[Tensor, "_ d_model"]) -> None:
        """The next rows. Raises ValueError for numbers that the file's type cannot hold."""
        with np.errstate(over="ignore"):
            rows = states.numpy().astype(self._type)
        if not np.isfinite(rows).all():
            raise ValueError(f"restored hidden states reach {states.abs().max().item():,.0f}, too much for {self._type.name}; use float32")
        self._file.write(rows.tobytes())
