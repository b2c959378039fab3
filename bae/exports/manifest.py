"""What an archive of a study says of itself, every file with its size and checksum; and what may be in one, for writing and reading.

An archive is a zip of a workspace's files below their own names, and `manifest.json`. What is not of a study is left out when it
is written and refused when it is read: nothing hidden, no path that leads outside, no program, no file that names servers.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

FORMAT, VERSION = "bae-explorer study", 1
NAME = "manifest.json"
FILES = ("recipe.toml", "labels.parquet", "rates.json", "fits.json", "notebook.sqlite")
FOLDERS = ("autoencoders", "index", "evaluation", "training", "steering", "entropy", "compression", "reproduction", "harvest")
"""What lies in a workspace's folder. Other names are of the machine (jobs, logs, status) or of its owner (judges.toml), or unknown."""
KINDS = (".json", ".jsonl", ".toml", ".safetensors", ".parquet", ".duckdb", ".sqlite", ".baec", ".csv", ".md")
POINTER = "index/current"
"""The one file without an ending: it names the index that is read."""
DEEPEST, LONGEST = 8, 200
"""Parts of a path, and signs of a part."""
STATES = (("harvest",), ("entropy", "states"), ("compression", "harvest"))
"""Folders of hidden states, which `bae harvest` and the experiments make again."""
RESUMED = ("state.safetensors", "state.json")
"""What a training that was stopped goes on from."""


@dataclass(frozen=True)
class Entry:
    """A file of an archive."""

    path: str
    size: int
    """Bytes, uncompressed."""
    sha256: str
    modified_ns: int
    """When it was last changed, in nanoseconds since 1970: what is kept of checkpoints goes by that."""


@dataclass(frozen=True)
class LeftOut:
    """Something of the workspace that is not in the archive."""

    what: str
    why: str


@dataclass(frozen=True)
class Manifest:
    """What an archive holds and what it does not."""

    study: str
    made: str
    program: str
    with_states: bool
    left_out: tuple[LeftOut, ...]
    files: tuple[Entry, ...]

    def text(self) -> str:
        """As JSON."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, text: str | bytes) -> "Manifest":
        """Raises ValueError, with what is wrong, for anything but a manifest whose files are of a study."""
        try:
            told = json.loads(text)
            found = cls(
                study=_of(str, told["study"]),
                made=_of(str, told["made"]),
                program=_of(str, told["program"]),
                with_states=_of(bool, told["with_states"]),
                left_out=tuple(LeftOut(_of(str, one["what"]), _of(str, one["why"])) for one in told["left_out"]),
                files=tuple(_entry(one) for one in told["files"]),
            )
            known = told["format"] == FORMAT and told["version"] == VERSION
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"its {NAME} is not one of a study ({error or type(error).__name__})") from error
        if not known:
            raise ValueError(f"its {NAME} is of another format or version than {FORMAT!r}, {VERSION}")
        _check_together(found.files)
        return found


def _of(kind: type, value: object):
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _entry(told: dict) -> Entry:
    entry = Entry(*(_of(kind, told[name]) for name, kind in Entry.__annotations__.items()))
    if entry.size < 0 or not 0 <= entry.modified_ns < 2**63 or len(entry.sha256) != 64 or set(entry.sha256) - set("0123456789abcdef"):
        raise ValueError(f"what it says of {entry.path!r} cannot be")
    if why := refusal(entry.path):
        raise ValueError(f"{entry.path!r} may not be in an archive: {why}")
    return entry


def _check_together(files: Iterable[Entry]) -> None:
    """No two files in one place, on any system, and none where another has its folder."""
    seen: set[str] = set()
    folders: set[str] = set()
    for entry in files:
        # a system that does not tell capital letters from small ones would write one over the other
        name = entry.path.casefold()
        if name in seen:
            raise ValueError(f"its {NAME} names {entry.path!r} twice")
        seen.add(name)
        folders.update(str(parent) for parent in PurePosixPath(name).parents)
    if clash := seen & folders:
        raise ValueError(f"its {NAME} has {min(clash)!r} as a file and as a folder")


def refusal(path: str) -> str | None:
    """Why a path may not be in an archive; None for one that may."""
    parts = path.split("/")
    if len(parts) > DEEPEST or not all(0 < len(part) <= LONGEST for part in parts):
        return f"a path has at most {DEEPEST} parts of 1 to {LONGEST} signs"
    if not path.isprintable() or any(sign in path for sign in '\\:*?"<>|'):
        return 'a path holds signs that can be seen, without \\ : * ? " < > |'
    if any(part.startswith(".") or part.endswith((".", " ")) for part in parts):
        return "it is hidden, or leads elsewhere"
    if path in FILES or path == POINTER:
        return None
    if len(parts) == 1 or parts[0] not in FOLDERS:
        return "it is no part of a study"
    return None if PurePosixPath(path).suffix in KINDS else "it is no kind of file that a study has"


def is_state(path: str) -> bool:
    """Whether a file holds hidden states, or what a stopped training goes on from."""
    parts = tuple(path.split("/"))
    kept = parts[0] == "index" and len(parts) > 3 and parts[2] == "states"
    resumed = parts[0] == "training" and parts[-1] in RESUMED
    return kept or resumed or any(parts[: len(folder)] == folder for folder in STATES)
