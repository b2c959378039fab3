"""Made-up codes of realistic rates, and files of them without a dictionary: what the codec alone does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from bae.compression.blocks import CODERS, Block, pack
from bae.compression.container import Header, Writer, checksum, pack_prior
from bae.compression.positions import Habits
from bae.compression.reading import CompressedStates

D_MODEL = 576
BLOCK = 4096


def rates(n_bits: int, seed: int = 0) -> Float[np.ndarray, " bit"]:
    """Log-normal about 1 %, as the demo's are; some bits on most of the time, some never."""
    draw = np.random.default_rng(seed)
    found = np.exp(draw.normal(np.log(0.01), 1.3, n_bits)).clip(1e-5, 0.5)
    found[: n_bits // 50] = 1 - found[: n_bits // 50]
    found[-(n_bits // 50) :] = 0
    return found


def codes(rate: Float[np.ndarray, " bit"], vectors: int, seed: int = 0) -> Iterator[Bool[np.ndarray, "_ bit"]]:
    """Independent bits, a block at a time; rates to a 65,536th."""
    draw = np.random.default_rng(seed)
    below = np.round(rate * 65_536).astype(np.uint32)
    for begin in range(0, vectors, BLOCK):
        shape = (min(BLOCK, vectors - begin), len(rate))
        yield np.frombuffer(draw.bytes(2 * shape[0] * shape[1]), np.uint16).reshape(shape) < below


def counted(blocks: list[Bool[np.ndarray, "_ bit"]]) -> Habits:
    """The prior of a set of codes."""
    return Habits(sum(block.sum(0, dtype=np.int64) for block in blocks), sum(map(len, blocks)))


def write_codes(path: Path, blocks: list[Bool[np.ndarray, "_ bit"]], coding: str = "entropy") -> CompressedStates:
    """A file of codes, as `bae.compression.compress` writes them."""
    habits = counted(blocks)
    prior = pack_prior(habits.counts)
    header = Header(
        dictionary="made up",
        dictionary_digest="0",
        layer=1,
        model="none",
        model_fingerprint="0",
        d_model=D_MODEL,
        n_bits=len(habits.counts),
        vectors=habits.vectors,
        dtype="float16",
        threshold=habits.threshold,
        coding=coding,
        radial="none",
        block_vectors=BLOCK,
        prior_bytes=len(prior),
        prior_checksum=checksum(prior).hex(),
        source="made up",
        left_out=0,
        written_with={},
    )
    coder = CODERS[coding](habits)
    none = (np.empty(0, np.int64), np.empty((0, D_MODEL), np.float16))
    with path.open("wb") as file:
        writer = Writer(file, header, prior)
        for bits in blocks:
            writer.block(pack(header, coder, Block(habits.deviations(bits), None, *none)))
        writer.close({})
    return CompressedStates.open(path)
