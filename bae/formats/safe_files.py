"""The only door for files that others wrote: JSON, safetensors, torch weights, and pickles of plain values. Nothing read here runs.

A pickle is a program. Of what one may call, this lets through what builds numbers, text, containers and NumPy arrays; torch's
own `weights_only` does the same for tensors. Everything else is refused by its name.
"""

import json
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

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


class _PlainUnpickler(pickle.Unpickler):
    """Refuses every name but those of `PLAIN`, before it is looked up: a module that is refused is not even imported."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in PLAIN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no number, text, container or NumPy array")
        return super().find_class(module, name)


def plain_pickle(file: Path) -> object:
    """The value in a pickle of plain values. Raises ValueError that names the file and what it asked for, FileNotFoundError."""
    try:
        with file.open("rb") as stream:
            return _PlainUnpickler(stream).load()
    # what a broken stream raises besides, according to the pickle module's own documentation
    except (pickle.UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError, ImportError, OverflowError) as error:
        raise ValueError(f"{file} is not read: {error or 'it ends too soon'}") from error


def torch_weights(file: Path) -> dict:
    """What a file of `torch.save` holds, tensors and plain values only. Raises ValueError for anything else, or a damaged file."""
    try:
        told = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
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
        told = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are of this kind
        raise ValueError(f"{file} is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise ValueError(f"{file} must hold one JSON object; it holds a {type(told).__name__}")
    return told


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
