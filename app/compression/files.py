"""Files of codes for people: limits, names and places, and how far the work is. Knows no page.

What a visitor calls a file never names a place on disk: it lies under a name of ours, in a folder that goes with the request.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from bae.compression import CompressedStates, Sizes
    from bae.compression.container import Header
    from bae.compression.vectors import Source
    from bae.workspace import Workspace

Tell = Callable[[int, int], None]
"""Told how many more vectors were gone through, and how many there are."""
MOST_UPLOAD_MB = 32
MOST_RESTORED_BYTES = 128_000_000
MOST_BLOCK_BITS = 2**27
"""Bits of a block, which is in memory as a whole. One of a usual file has 4,096 vectors."""
SHOWN_NAME = 80


@dataclass(frozen=True, eq=False)
class File:
    """A file of compressed hidden states, and what is known of it."""

    data: bytes
    header: "Header"
    figures: dict
    """Measured when it was written: errors, and how many vectors are stored as they are."""
    lost: float
    """Share of the bits that leave their habit which are not stored, in [0, 1]: they come back wrong."""
    blocks: int
    block_bytes: int
    """Of all blocks: what is written for single vectors."""
    fits: str | None
    """The dictionary here that it is of, whatever its name; None where there is none."""
    sizes: "Sizes | None"
    """None without that dictionary."""


def check_size(data: bytes) -> None:
    """Raise ValueError for a file that is larger than a page takes."""
    if len(data) > MOST_UPLOAD_MB * 1_000_000:
        raise ValueError(f"the file has {len(data) / 1e6:,.1f} MB; this page takes at most {MOST_UPLOAD_MB} MB")


def check_memory(header: "Header") -> None:
    """Raise ValueError for a file that says it holds too much.

    A small file can say that it holds very much: whoever wrote it may have wanted that.
    """
    size = _restored_bytes(header.vectors, header.d_model, header.dtype)
    if size > MOST_RESTORED_BYTES or min(header.block_vectors, header.vectors) * header.n_bits > MOST_BLOCK_BITS:
        raise ValueError(
            f"its {header.vectors:,} vectors take {size / 1e6:,.0f} MB, in blocks of {header.block_vectors:,}; this page restores at most "
            f"{MOST_RESTORED_BYTES / 1e6:,.0f} MB in blocks of {MOST_BLOCK_BITS:,} bits. `bae decompress` restores files of any size"
        )


def check_restorable(source: "Source") -> None:
    """Raise ValueError for more vectors than a page can restore."""
    if (size := _restored_bytes(source.total, source.d_model, source.dtype)) > MOST_RESTORED_BYTES:
        raise ValueError(
            f"its {source.total:,} vectors take {size / 1e6:,.0f} MB restored; this page restores at most {MOST_RESTORED_BYTES / 1e6:,.0f} "
            "MB, so it compresses no more. `bae compress` takes any number"
        )


def _restored_bytes(vectors: int, d_model: int, dtype: str) -> int:
    return vectors * d_model * (2 if dtype == "float16" else 4)


@contextmanager
def place(workspace: "Workspace") -> Iterator[Path]:
    """A folder of the workspace for the time of a request."""
    parent = workspace.folder / "compression"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=parent) as folder:
        yield Path(folder)


@contextmanager
def named(path: Path, name: str) -> Iterator[None]:
    """Errors call a file what whoever brought it does, and do not tell where it lies."""
    try:
        yield
    except ValueError as error:
        raise ValueError(str(error).replace(str(path), shown(name)).replace(path.name, shown(name))) from error


def shown(name: str) -> str:
    """What a visitor calls a file, cut."""
    return name if len(name) <= SHOWN_NAME else f"{name[:SHOWN_NAME]}…"


def watched(path: Path, tell: Tell) -> "CompressedStates":
    """A file that says a word for every part of it that is restored."""
    from bae.compression import CompressedStates

    class Watched(CompressedStates):
        def vectors(self, *asked, **also) -> "Iterator[Tensor]":
            for part in super().vectors(*asked, **also):
                yield part
                tell(len(part), len(self))

    return Watched.open(path)


class Part:
    """The first vectors of a source, and a word for every part of them that was gone through."""

    def __init__(self, source: "Source", most: int, tell: Tell):
        self._source, self._tell = source, tell
        self.total, self.d_model, self.dtype, self.skips = min(most, source.total), source.d_model, source.dtype, source.skips
        self.name = source.name if self.total == source.total else f"the first {self.total:,} vectors of {source.name}"

    def __iter__(self) -> "Iterator[Tensor]":
        from bae.compression.vectors import CHUNK

        left = self.total
        for part in self._source:
            for chunk in part[:left].split(CHUNK):
                yield chunk
                self._tell(len(chunk), self.total)
                left -= len(chunk)
            if not left:
                return
