"""Arrays of a safetensors file, of which only what is looked at is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open


@contextmanager
def opened(file: Path, remedy: str) -> Iterator[safe_open]:
    """A file of arrays, open for reading as numpy has them.

    Raises ValueError, with what to do, where the file is damaged or lacks what is asked of it; FileNotFoundError where it is gone.
    """
    try:
        with safe_open(file, framework="numpy") as arrays:
            yield arrays
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged ({error}); {remedy}") from error
