"""A block of a file: the codes of some vectors, and what comes on top of codes.

    how many vectors, how long their codes are, how many vectors are stored as they are; checksum of the codes
    the codes, as the file's coder writes them
    the factors that mend lengths, where the file has them
    rows and numbers of the vectors that are stored as they are: massive activations, which a BAE is not made for

The checksum of the codes is taken before they are coded, so that a coder that would read them differently (another version of the
library, another machine) is found out.
"""

import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bae.compression import radial
from bae.compression.container import Header, checksum
from bae.compression.entropy_coding import EntropyCoder
from bae.compression.positions import PositionCoder

HEAD = struct.Struct("<III16s")
CODERS = {coder.name: coder for coder in (EntropyCoder, PositionCoder)}


@dataclass(frozen=True, eq=False)
class Block:
    """What a block holds."""

    deviations: Bool[np.ndarray, "token bit"]
    factors: Float[Tensor, " token"] | None
    rows: Int[np.ndarray, " kept"]
    """Which of its vectors are stored as they are."""
    kept: Float[np.ndarray, "kept d_model"]
    """Those vectors, in the file's type."""


def pack(header: Header, coder: EntropyCoder | PositionCoder, block: Block) -> bytes:
    """A block as it is stored."""
    coded = coder.encode(block.deviations)
    head = HEAD.pack(len(block.deviations), len(coded), len(block.rows), _checksum(block.deviations))
    lengths = b"" if block.factors is None else radial.Bytes.of(block.factors).data
    kept = block.kept.astype(_type(header)).tobytes()
    return head + coded + lengths + block.rows.astype("<u4").tobytes() + kept


def unpack(header: Header, coder: EntropyCoder | PositionCoder, data: bytes, vectors: int) -> Block:
    """Read a block of `vectors` back. Raises ValueError where it does not hold what its head says."""
    found, coded, n_kept, expected = HEAD.unpack_from(data) if len(data) >= HEAD.size else (0, 0, 0, b"")
    row_bytes, lengths = 4 + header.d_model * _type(header).itemsize, 0 if header.radial == "none" else radial.size(vectors)
    if found != vectors or len(data) != HEAD.size + coded + lengths + n_kept * row_bytes:
        raise ValueError(f"a block of {vectors} vectors was expected; this one says {found}, in {len(data):,} bytes")
    ends = np.cumsum([HEAD.size, coded, lengths, 4 * n_kept])
    deviations = coder.decode(data[ends[0] : ends[1]], vectors)
    if _checksum(deviations) != expected:
        raise ValueError("its codes come out otherwise than they went in, though the file is whole; it was written by another coder")
    rows = np.frombuffer(data[ends[2] : ends[3]], "<u4").astype(np.int64)
    if len(rows) and rows.max() >= vectors:
        raise ValueError(f"it stores vector {rows.max()} of {vectors} as it is")
    kept = np.frombuffer(data[ends[3] :], _type(header)).reshape(n_kept, header.d_model)
    return Block(deviations, radial.Bytes(data[ends[1] : ends[2]]).values if lengths else None, rows, kept)


def _type(header: Header) -> np.dtype:
    return np.dtype(header.dtype).newbyteorder("<")


def _checksum(deviations: Bool[np.ndarray, "token bit"]) -> bytes:
    return checksum(np.packbits(deviations, axis=1).tobytes())
