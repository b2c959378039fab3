"""Arrays in a safetensors file, mapped into memory: written in place piece by piece, and read without loading what is not looked at."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

TYPES = {"U8": np.uint8, "I32": np.int32, "U32": np.uint32, "I64": np.int64, "U64": np.uint64, "F16": np.float16, "F32": np.float32}
NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}
ALIGNMENT = 64


def create(file: Path, arrays: Mapping[str, tuple[type, tuple[int, ...]]]) -> dict[str, np.ndarray]:
    """Make a file of zeros with these arrays, each a type and a shape, and map them for writing.

    Raises OSError where the disk has no room for them: the space is taken at once, so that no later write can fail for want of it.
    """
    header, end = {}, 0
    # wider types first, so that each array begins at a multiple of its own width
    for name, (kind, shape) in sorted(arrays.items(), key=lambda item: -np.dtype(item[1][0]).itemsize):
        size = math.prod(shape) * np.dtype(kind).itemsize
        header[name] = {"dtype": NAMES[np.dtype(kind)], "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    told = json.dumps(header).encode()
    told += b" " * (-(len(told) + 8) % ALIGNMENT)
    with file.open("wb") as out:
        out.write(len(told).to_bytes(8, "little") + told)
        _take_room(out, len(told) + 8 + end)
    return _mapped(file, "r+")


def open_mapped(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, mapped for reading. Raises ValueError where the file is damaged or cut short."""
    return _mapped(file, "r")


def damaged(file: Path, why: str) -> ValueError:
    """What is raised of a file of the index that cannot be read, with what to do."""
    return ValueError(f"{file} is damaged: {why}; delete the folder of this index and run `bae index`, which builds it again")


def _take_room(out, size: int) -> None:
    block = b"\0" * 2**20
    left = size - out.tell()
    while left > 0:
        left -= out.write(block[: min(left, len(block))])


def _told(array: dict) -> tuple[type, tuple[int, ...], tuple[int, int]]:
    """Type, shape, first byte and the one behind the last, as the header has them. Raises KeyError or TypeError where it has not."""
    begin, end = array["data_offsets"]
    return TYPES[array["dtype"]], tuple(map(int, array["shape"])), (int(begin), int(end))


def _mapped(file: Path, mode: str) -> dict[str, np.ndarray]:
    size = file.stat().st_size
    with file.open("rb") as found:
        length = int.from_bytes(found.read(8), "little")
        if length > size - 8:
            raise damaged(file, "its header is longer than the file")
        try:
            header = json.loads(found.read(length))
            told = {name: _told(one) for name, one in header.items() if name != "__metadata__"}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(file, "its header cannot be read") from error
    arrays = {}
    for name, (kind, shape, offsets) in told.items():
        begin, end = (8 + length + offset for offset in offsets)
        if end > size or end - begin != math.prod(shape) * np.dtype(kind).itemsize:
            raise damaged(file, f"it ends before its array {name}")
        # an empty stretch cannot be mapped
        arrays[name] = np.memmap(file, kind, mode, begin, shape) if end > begin else np.empty(shape, kind)
    return arrays
