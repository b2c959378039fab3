"""Files that appear whole or not at all, and where this package keeps what it derives from installed packages."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Where conversions of installed packages are kept: `BAE_CACHE`, or `bae-explorer` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("BAE_CACHE") or Path(base) / "bae-explorer")


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it to `target` when the block ends well, remove it otherwise.

    Works for a file and for a folder. A kill leaves only a name that starts with `.tmp-`, which nothing reads.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".tmp-", dir=target.parent))
    draft = scratch / target.name
    try:
        yield draft
        if target.is_dir():
            target.rename(scratch / "replaced")
        draft.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as readable JSON, whole or not at all."""
    with written_whole(path) as draft:
        draft.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def locked(lock: Path, busy: str | None = None) -> Iterator[None]:
    """Let one process in at a time; others wait, or are refused with the message `busy` as a BlockingIOError.

    The system frees the lock when the process ends, however it ends.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError as error:
            raise BlockingIOError(busy) from error
        yield


def held(lock: Path) -> bool:
    """Whether a process holds a lock. It is taken for a moment to see that, shared, so that two who ask do not see each other."""
    if not lock.is_file():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
