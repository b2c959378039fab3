"""Reading a file of codes: any range of its vectors, as codes, as hidden states, or as a file of those."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from bae.compression.blocks import CODERS, Block, unpack
from bae.compression.container import TYPES, Container
from bae.compression.dictionary import check_bae, decoded, dictionary_digest, encoded, made_block, mended
from bae.compression.paths import check_target
from bae.compression.vectors import ENDINGS, VectorWriter
from bae.system.files import written_whole
from bae.system.progress import Progress


class CompressedStates:
    """A file of compressed hidden states. A block is in memory at a time, and only those are read that are asked for."""

    def __init__(self, container: Container):
        self.container, self.header, self.habits = container, container.header, container.habits
        self._coder = CODERS[self.header.coding](self.habits)

    @classmethod
    def open(cls, path: Path) -> "CompressedStates":
        """Raises ValueError that says what is wrong with the file, OSError where it cannot be read."""
        return cls(Container.open(path))

    def __len__(self) -> int:
        """Vectors in the file."""
        return self.header.vectors

    def check_fit(self, autoencoder: nn.Module, name: str) -> None:
        """Raise ValueError unless this is the dictionary that the codes are of."""
        check_bae(autoencoder, name)
        head, width = self.header, len(autoencoder.scaling.mean)
        if dictionary_digest(autoencoder) != head.dictionary_digest:
            raise ValueError(
                f"{self.container.path} was written with the dictionary {head.dictionary} at layer {head.layer} of {head.model}, "
                f"whose weights differ from those of {name}; nothing is restored with another"
            )
        # of a file that was forged the digest may be right
        if (head.n_bits, head.d_model) != (autoencoder.n_bits, width):
            raise ValueError(
                f"{self.container.path} tells of {head.n_bits:,} bits and {head.d_model:,} numbers a vector; the dictionary {name} has "
                f"{autoencoder.n_bits:,} and {width:,}"
            )

    def codes(self, begin: int = 0, end: int | None = None) -> Iterator[Bool[np.ndarray, "_ bit"]]:
        """The codes of a range of vectors, a block at a time."""
        return (self.habits.restored(block.deviations) for block in self._blocks(begin, end))

    def vectors(
        self, autoencoder: nn.Module, name: str = "", begin: int = 0, end: int | None = None
    ) -> Iterator[Float[Tensor, "_ d_model"]]:
        """The restored hidden states of a range, in fp32, a block at a time. Raises what `check_fit` raises."""
        self.check_fit(autoencoder, name)
        for block in self._blocks(begin, end):
            yield mended(self.header, autoencoder, block, decoded(autoencoder, self.habits.restored(block.deviations)))

    def span(self, begin: int, end: int | None) -> tuple[int, int]:
        """A range of vectors, its end settled. Raises ValueError where it is not within the file."""
        last = len(self) if end is None else end
        if not 0 <= begin < last <= len(self):
            raise ValueError(f"{self.container.path} holds vectors 0 to {len(self) - 1:,}; got {begin:,} to {last:,}, end left out")
        return begin, last

    def _blocks(self, begin: int, end: int | None) -> Iterator[Block]:
        begin, end = self.span(begin, end)
        size = self.header.block_vectors
        for number in range(begin // size, -(-end // size)):
            first, vectors = number * size, min(size, len(self) - number * size)
            try:
                block = unpack(self.header, self._coder, self.container.read(number), vectors)
            except ValueError as error:
                raise ValueError(f"{self.container.path}, block {number}: {error}") from error
            yield _rows(block, max(begin - first, 0), min(end - first, vectors))


def _rows(block: Block, begin: int, end: int) -> Block:
    """Some of a block."""
    within = (block.rows >= begin) & (block.rows < end)
    factors = None if block.factors is None else block.factors[begin:end]
    return Block(block.deviations[begin:end], factors, block.rows[within] - begin, block.kept[within])


def decompress(
    states: CompressedStates,
    autoencoder: nn.Module,
    target: Path,
    *,
    name: str = "this one",
    begin: int = 0,
    end: int | None = None,
    dtype: str | None = None,
    status: Path | None = None,
) -> None:
    """Write the restored hidden states of a range to a .npy or .safetensors file, whole or not at all; in the type that went in.

    Raises ValueError for a damaged file, a dictionary that does not fit, a range beyond the file.
    """
    check_target(target, ENDINGS)
    if dtype not in (None, *TYPES):
        raise ValueError(f"unknown type {dtype!r}; there are {', '.join(TYPES)}")
    begin, end = states.span(begin, end)
    with (
        written_whole(target) as draft,
        draft.open("wb") as file,
        Progress("restoring", end - begin, "vectors", status) as progress,
    ):
        writer = VectorWriter(file, target.suffix, (end - begin, states.header.d_model), dtype or states.header.dtype)
        for part in states.vectors(autoencoder, name, begin, end):
            writer.add(part)
            progress.advance(len(part))


@torch.inference_mode()
def rewritten(like: "CompressedStates", autoencoder: nn.Module, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
    """What would come back of other vectors, had they gone into a file under its prior and with its options."""
    deviations = like.habits.deviations(encoded(autoencoder, states))
    found = decoded(autoencoder, like.habits.restored(deviations))
    return mended(like.header, autoencoder, made_block(like.header, autoencoder, states, deviations, found), found)
