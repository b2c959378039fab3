"""The file of compressed hidden states: every byte of it is under a checksum, and a block can be read without those before it.

    prelude   magic, version, length and checksum of the header
    header    JSON: `Header`
    prior     how often every bit is on in the set: 8 bytes a bit, deflated
    blocks    `Header.block_vectors` vectors each, the last one fewer; what is in one is told in `bae.compression.blocks`
    index     JSON: offset, length and checksum of every block, and figures that were measured while it was written
    trailer   length and checksum of the index, and a magic of its own, which a file that was cut short lacks

Numbers are little-endian. Checksums are BLAKE2b of 16 bytes; that of the index covers the header's too, so that parts of two files
do not pass for one. They tell damage, not malice: whoever can write a file can write its checksums.
"""

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Int

from bae.compression.figures import check_figures
from bae.compression.paths import check_source
from bae.compression.positions import Habits, check_threshold

MAGIC = b"\x89BAEC\r\n\x1a"
"""As PNG's: a byte beyond ASCII, and line ends, so that a transfer as text is noticed at once."""
END = b"\x1aCEAB\r\n\x89"
VERSION = 1
PRELUDE = struct.Struct("<8sHI16s")
TRAILER = struct.Struct("<I16s8s")
TYPES = ("float16", "float32")
"""What hidden states may be stored and written as."""
MOST = {"d_model": 2**20, "n_bits": 2**20, "block_vectors": 2**20}
MOST_IN_BLOCK, MOST_VECTORS = 2**30, 2**50
"""What a header may ask for: of a file that was forged, no more than this is made room for."""
CODINGS = ("entropy", "positions")
RADII = ("none", "norm", "gain")
TEXTS = ("dictionary", "dictionary_digest", "model", "model_fingerprint", "dtype", "coding", "radial", "prior_checksum", "source")


def checksum(*parts: bytes) -> bytes:
    """BLAKE2b of 16 bytes over several parts."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(part)
    return found.digest()


@dataclass(frozen=True)
class Header:
    """What a file says of itself."""

    dictionary: str
    """The name of the BAE that the codes are of."""
    dictionary_digest: str
    """Of its weights and scaling: another dictionary of that name is refused."""
    layer: int
    model: str
    model_fingerprint: str
    """Of the language model that the hidden states are of."""
    d_model: int
    n_bits: int
    vectors: int
    dtype: str
    """Of the hidden states that went in, one of `TYPES`."""
    threshold: float
    """Burstiness above which bits are stored; -1 loses none."""
    coding: str
    """One of `CODINGS`."""
    radial: str
    """One of `RADII`: what is done about the length of reconstructions."""
    block_vectors: int
    prior_bytes: int
    prior_checksum: str
    source: str
    """Where the vectors came from, in words."""
    left_out: int
    """Vectors of the source that are not in the file because they are not finite."""
    written_with: Mapping[str, str]
    """Versions of what wrote it."""

    def __post_init__(self):
        numbers = {"d_model": 1, "n_bits": 1, "vectors": 1, "block_vectors": 1, "prior_bytes": 1, "layer": 0, "left_out": 0}
        for field, least in numbers.items():
            value, most = getattr(self, field), MOST.get(field, MOST_VECTORS)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{field} must be a whole number from {least} to {most:,}; got {value!r}")
        if self.n_bits * self.block_vectors > MOST_IN_BLOCK:
            raise ValueError(f"a block holds at most {MOST_IN_BLOCK:,} bits; got {self.block_vectors:,} vectors of {self.n_bits:,}")
        for field in TEXTS:
            if not isinstance(getattr(self, field), str):
                raise ValueError(f"{field} must be a text; got {getattr(self, field)!r}")
        versions = self.written_with
        if not isinstance(versions, Mapping) or not all(isinstance(text, str) for pair in versions.items() for text in pair):
            raise ValueError(f"written_with must map names to versions; got {versions!r}")
        for field, allowed in {"dtype": TYPES, "coding": CODINGS, "radial": RADII}.items():
            if getattr(self, field) not in allowed:
                raise ValueError(f"unknown {field} {getattr(self, field)!r}; there are {', '.join(allowed)}")
        if type(self.threshold) not in (int, float):
            raise ValueError(f"threshold must be a number; got {self.threshold!r}")
        check_threshold(self.threshold)
        # half of a surrogate pair can be told in JSON, and neither be written nor shown
        self.json()

    @property
    def blocks(self) -> int:
        """How many blocks the file has."""
        return -(-self.vectors // self.block_vectors)

    def json(self) -> bytes:
        """As it is written."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def parse(cls, text: bytes) -> "Header":
        """Read it back. Raises ValueError for what is no header."""
        told = _parsed(text)
        expected = {field.name for field in fields(cls)}
        if not isinstance(told, dict) or set(told) != expected:
            raise ValueError(f"its fields must be {', '.join(sorted(expected))}")
        return cls(**told)


def _parsed(text: bytes) -> object:
    """What JSON says. Raises ValueError for all that is none."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def pack_prior(counts: Int[np.ndarray, " bit"]) -> bytes:
    """The counts of a set's bits as they are stored."""
    return zlib.compress(counts.astype("<u8").tobytes(), 9)


def _unpack_prior(data: bytes, n_bits: int) -> Int[np.ndarray, " bit"]:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(data, 8 * n_bits)
    except zlib.error as error:
        raise ValueError(f"its prior cannot be inflated ({error})") from error
    if len(raw) != 8 * n_bits:
        raise ValueError(f"its prior holds {len(raw):,} bytes, {n_bits:,} bits need {8 * n_bits:,}")
    return np.frombuffer(raw, "<u8").astype(np.int64)


class Writer:
    """Writes a file from front to back. `close` ends it; without that it is cut short, and says so when it is opened."""

    def __init__(self, file: BinaryIO, header: Header, prior: bytes):
        self._file, self._blocks = file, []
        text = header.json()
        self._header_checksum = checksum(text)
        file.write(PRELUDE.pack(MAGIC, VERSION, len(text), self._header_checksum) + text + prior)

    def block(self, data: bytes) -> None:
        """Add the next block."""
        self._blocks.append([self._file.tell(), len(data), checksum(data).hex()])
        self._file.write(data)

    def close(self, figures: Mapping[str, object]) -> None:
        """Write the index, with figures for whoever reads the file, and the trailer."""
        index = json.dumps({"blocks": self._blocks, "figures": dict(figures)}).encode()
        self._file.write(index + TRAILER.pack(len(index), checksum(self._header_checksum, index), END))


@dataclass(frozen=True, eq=False)
class Container:
    """A file that was opened: everything but its blocks was read and is right."""

    path: Path
    header: Header
    habits: Habits
    index: tuple[tuple[int, int, str], ...]
    """Offset, length and checksum of every block."""
    figures: Mapping[str, object]
    """Those that were measured when it was written."""
    size: int
    """In bytes."""

    @classmethod
    def open(cls, path: Path) -> "Container":
        """Raises ValueError that says what is wrong with the file, OSError where it is not there or cannot be read."""
        check_source(path, "the name of a file that `bae compress` wrote")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            header, header_checksum, begin = _header(file, path, size)
            if begin + header.prior_bytes + TRAILER.size > size:
                raise ValueError(f"{path} is cut short, or damaged: its prior of {header.prior_bytes:,} bytes would end beyond it")
            prior = file.read(header.prior_bytes)
            index, figures, end = _index(file, path, size, header_checksum)
        if checksum(prior).hex() != header.prior_checksum:
            raise ValueError(f"{path} is damaged: the checksum of its prior is wrong; get it again")
        try:
            habits = Habits(_unpack_prior(prior, header.n_bits), header.vectors, header.threshold)
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        _check_index(path, header, index, begin + header.prior_bytes, end)
        return cls(path, header, habits, index, figures, size)

    def read(self, block: int) -> bytes:
        """One block. Raises ValueError where it is not what was written."""
        offset, length, expected = self.index[block]
        with self.path.open("rb") as file:
            file.seek(offset)
            data = file.read(length)
        if len(data) != length or checksum(data).hex() != expected:
            raise ValueError(f"{self.path} is damaged: the checksum of block {block} is wrong; get it again")
        return data


def _header(file: BinaryIO, path: Path, size: int) -> tuple[Header, bytes, int]:
    """The header, its checksum, and where what follows it begins."""
    prelude = file.read(PRELUDE.size)
    if not prelude.startswith(MAGIC):
        if prelude and MAGIC.startswith(prelude):
            raise ValueError(f"{path} is cut short: it has {size} bytes, which is not even its prelude; get it again")
        raise ValueError(f"{path} holds no compressed hidden states; `bae compress` makes such files")
    if len(prelude) < PRELUDE.size:
        raise ValueError(f"{path} is cut short: it ends within its prelude; get it again")
    _, version, length, expected = PRELUDE.unpack(prelude)
    if version != VERSION:
        raise ValueError(f"{path} is of version {version} of the format; this program reads version {VERSION}")
    if PRELUDE.size + length > size:
        raise ValueError(f"{path} is cut short, or damaged in its prelude: its header would end beyond it; get it again")
    text = file.read(length)
    if checksum(text) != expected:
        raise ValueError(f"{path} is damaged: the checksum of its header is wrong; get it again")
    try:
        header = Header.parse(text)
    except ValueError as error:
        raise ValueError(f"{path} has a header that this program cannot read: {error}") from error
    return header, expected, PRELUDE.size + length


def _index(file: BinaryIO, path: Path, size: int, header_checksum: bytes) -> tuple[tuple[tuple[int, int, str], ...], dict, int]:
    """Of every block offset, length and checksum; the figures; and where the blocks end."""
    file.seek(max(0, size - TRAILER.size))
    trailer = file.read()
    if len(trailer) < TRAILER.size or not trailer.endswith(END):
        raise ValueError(f"{path} is cut short, or something was added to it: it does not end as such files do; get it again")
    length, expected, _ = TRAILER.unpack(trailer)
    begin = size - TRAILER.size - length
    if begin < 0:
        raise ValueError(f"{path} is damaged in its trailer: the index would begin before it; get it again")
    file.seek(begin)
    text = file.read(length)
    if checksum(header_checksum, text) != expected:
        raise ValueError(f"{path} is damaged: the checksum of its index is wrong; get it again")
    try:
        told = _parsed(text)
        blocks = tuple((_whole(offset), _whole(length), str(digest)) for offset, length, digest in told["blocks"])
        check_figures(told["figures"])
        return blocks, told["figures"], begin
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} has an index that this program cannot read ({error!r}); get it again") from error


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"offsets and lengths must be whole numbers; got {value!r}")
    return value


def _check_index(path: Path, header: Header, index: tuple[tuple[int, int, str], ...], begin: int, end: int) -> None:
    """The blocks must be as many as the header says, and fill what lies between prior and index."""
    for offset, length, _ in index:
        if offset != begin or length < 0:
            raise ValueError(f"{path} is damaged: its blocks do not follow one another; get it again")
        begin += length
    if len(index) != header.blocks or begin != end:
        raise ValueError(f"{path} is damaged: {len(index)} blocks to byte {begin:,}, expected {header.blocks} to {end:,}; get it again")
