"""The only door for files that others wrote: JSON, safetensors, torch weights, and pickles of plain values. Nothing read here runs.

A pickle is a program. Of what one may call, this lets through what builds numbers, text, containers and NumPy arrays; torch's
own `weights_only` does the same for tensors. Everything else is refused by its name.
"""

import io
import pickle
import pickletools
import struct
import zipfile
from pathlib import Path
from types import FunctionType

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bae.system.parsing import parsed_json

PLAIN = {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "complex"),
    ("collections", "OrderedDict"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}
"""What a pickle may name. Numbers, strings, lists, tuples and dicts need no name."""

BROKEN_PICKLE = (
    *(pickle.UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError, ImportError, OverflowError),
    *(RecursionError, SystemError, AssertionError, struct.error),
)
"""What a broken stream raises: the first line by the pickle module's documentation, the second where streams were forged
(tests/fuzz/test_fuzz_imports.py)."""


class _PlainUnpickler(pickle.Unpickler):
    """Refuses every name but those of `PLAIN`, before it is looked up: a module that is refused is not even imported."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in PLAIN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no number, text, container or NumPy array")
        found = super().find_class(module, name)
        # a function is an object too: a forged stream could change its defaults for everybody, so that it gets one of its own
        return (lambda *told: found(*told)) if isinstance(found, FunctionType) else found


def plain_pickle(file: Path) -> object:
    """The value in a pickle of plain values. Raises ValueError that names the file and what it asked for, FileNotFoundError."""
    data = file.read_bytes()
    try:
        _check_places(data)
        # from memory: of a file, as much is made room for as a forged length asks
        return _PlainUnpickler(io.BytesIO(data)).load()
    except BROKEN_PICKLE as error:
        raise ValueError(f"{file} is not read: {str(error) or 'it ends too soon'}") from error


def _check_places(data: bytes) -> None:
    """Raise ValueError for a stream whose values are stored further apart than it has bytes: the reader would make room for all between."""
    for operation, argument, _ in pickletools.genops(data):
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > len(data):
            raise ValueError(f"it stores a value at place {argument:,}, and has {len(data):,} bytes")


def torch_weights(file: Path) -> dict:
    """What a file of `torch.save` holds, tensors and plain values only. Raises ValueError for anything else, or a damaged file."""
    if not zipfile.is_zipfile(file):
        # what torch wrote before 1.6: its reader makes room for any length that such a file tells
        raise ValueError(f"{file} is not read: it is damaged, or older than torch 1.6; save it again with a newer one")
    try:
        told = torch.load(file, map_location="cpu", weights_only=True)
    except (*BROKEN_PICKLE, RuntimeError) as error:
        raise ValueError(f"{file} is not read: torch finds no plain tensors in it ({_first_line(error)})") from error
    if not isinstance(told, dict):
        raise ValueError(f"{file} holds a {type(told).__name__}; weights are saved as a state dict")
    return told


def tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises ValueError for a damaged one."""
    try:
        return load_file(file)
    except SafetensorError as error:
        raise ValueError(f"{file} is not read: it is damaged or no safetensors file ({error}); copy it again") from error


def json_object(file: Path) -> dict:
    """The object in a JSON file. Raises ValueError where there is another thing, or none."""
    try:
        told = parsed_json(file.read_text(encoding="utf-8"))
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are of this kind
        raise ValueError(f"{file} is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise ValueError(f"{file} must hold one JSON object; it holds a {type(told).__name__}")
    return told


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
