"""Whether a path that a person gave can be read from, or written to. Loads no torch: what only looks at files does not either."""

import os
from pathlib import Path


def check_source(path: Path, allowed: str) -> None:
    """Raise FileNotFoundError for a path that is no file, PermissionError for one that must not be read; `allowed` is what to give."""
    if not path.is_file():
        wrong = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
        raise FileNotFoundError(f"{wrong}; give {allowed}")
    if not os.access(path, os.R_OK):
        raise PermissionError(f"{path} must not be read; ask whoever owns it, or give {allowed}")


def check_target(path: Path, endings: tuple[str, ...] = ()) -> None:
    """Raise ValueError for a path that no file can be written to, or whose name does not end in one of `endings`."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file")
    if endings and path.suffix not in endings:
        raise ValueError(f"the file's name must end in {' or '.join(endings)}; got {path.name}")
    if path.exists() and not os.access(path, os.W_OK):
        raise ValueError(f"{path} is there and must not be written to")
