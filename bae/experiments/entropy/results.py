"""What experiments on entropies found, kept as Parquet: `WORKSPACE/entropy/<experiment>-<digest>.parquet`, with where it comes from.

A run keeps its rows some at a time, so that one that was stopped goes on; other settings are another file. Loads no torch: pages read it.
"""

import hashlib
import json
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet

from bae.system.files import locked, write_json, written_whole
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.model.language_model import LanguageModel

PROVENANCE = b"bae.provenance"
PACKAGES = ("bae-explorer", "torch", "transformers", "numpy")
BUSY = "an experiment on entropies runs in this workspace already; wait until it has ended, or stop it"


@dataclass
class Results:
    """A run as far as it has come."""

    file: Path
    provenance: dict
    """`experiment`, `settings`, `model`, `fingerprint`, `versions`, `machine`, `command`, `date` of the last row, `seconds` spent so far,
    reading among them, and `wanted`: rows of a whole run."""
    rows: list[dict]

    @property
    def finished(self) -> bool:
        """Whether all that was asked for is there."""
        return len(self.rows) >= self.provenance["wanted"]

    def has(self, **values: object) -> bool:
        """Whether a row with these values is there."""
        return any(all(row[name] == value for name, value in values.items()) for row in self.rows)

    def keep(self, rows: Iterable[Mapping[str, object]], seconds: float) -> None:
        """Add rows that took so long, and write all down, whole or not at all."""
        self.rows.extend(dict(row) for row in rows)
        self.provenance["seconds"] += seconds
        self.provenance["date"] = datetime.now(UTC).isoformat(timespec="seconds")
        # rows that an earlier version kept lack what later ones have
        names = dict.fromkeys(name for row in self.rows for name in row)
        table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in self.rows])
        told = {**(table.schema.metadata or {}), PROVENANCE: json.dumps(self.provenance).encode()}
        with written_whole(self.file) as draft:
            pyarrow.parquet.write_table(table.replace_schema_metadata(told), draft)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count what is done here as work on the run; it is written down with the next rows."""
        began = time.monotonic()
        yield
        self.provenance["seconds"] += time.monotonic() - began

    @classmethod
    def read(cls, file: Path) -> "Results":
        """What was kept. Raises ValueError for a file that is none of ours, or is damaged or missing."""
        try:
            table = pyarrow.parquet.read_table(file)
            told = (table.schema.metadata or {}).get(PROVENANCE)
            provenance = None if told is None else json.loads(told)
        except (ValueError, OSError) as error:
            raise ValueError(f"{file} is damaged ({error}); delete it to run the experiment again") from error
        if provenance is None:
            raise ValueError(f"{file} says nothing of where it comes from; it is no result of `bae entropy`")
        return cls(file, provenance, table.to_pylist())


Run = TypeVar("Run")


class Runs(NamedTuple, Generic[Run]):
    """The runs of an experiment that a workspace keeps. Files that are damaged hide no others."""

    found: list[Run]
    """Newest first; those that were stopped among them."""
    damaged: list[str]
    """Of each that cannot be read, a sentence that names the file and says why."""


def lock_file(workspace: Workspace) -> Path:
    """Held while a process runs one of the experiments."""
    return workspace.folder / "entropy" / "lock"


def running_file(workspace: Workspace) -> Path:
    """Says which experiment the holder of the lock runs; without a holder it means nothing."""
    return workspace.folder / "entropy" / "running.json"


@contextmanager
def alone(workspace: Workspace, experiment: str) -> Iterator[None]:
    """One experiment at a time in a workspace: two would write over each other's rows. Raises BlockingIOError while another one runs."""
    with locked(lock_file(workspace), BUSY):
        write_json(running_file(workspace), {"experiment": experiment})
        yield


def digest(told: Mapping[str, object]) -> str:
    """A short name for what settings decide."""
    return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=6).hexdigest()


def begun(workspace: Workspace, experiment: str, settings: object, model: "LanguageModel | None", wanted: int) -> Results:
    """The run of these settings, a dataclass, on this model, or on none: as far as an earlier one came, else a new one of `wanted` rows."""
    told = {"settings": json.loads(json.dumps(asdict(settings)))}
    told |= {"model": model.title, "fingerprint": model.fingerprint} if model else {"model": None, "fingerprint": None}
    file = workspace.folder / "entropy" / f"{experiment}-{digest(told)}.parquet"
    if file.is_file():
        return Results.read(file)
    provenance = {
        "experiment": experiment,
        **told,
        "versions": {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}},
        "machine": ", ".join([f"{platform.system()} {platform.machine()}", *([model.device.type] if model else [])]),
        "command": shlex.join(["bae", *sys.argv[1:]]),
        "seconds": 0.0,
        "wanted": wanted,
    }
    return Results(file, provenance, [])


def kept(workspace: Workspace, experiment: str) -> Runs[Results]:
    """Every run of an experiment."""
    return read_all(workspace, experiment, Results.read, lambda results: results)


def read_all(workspace: Workspace, experiment: str, read: Callable[[Path], Run], results_of: Callable[[Run], Results]) -> Runs[Run]:
    """What `read` makes of the file of each run, and of which of them it raised ValueError."""
    found, damaged = [], []
    for file in sorted((workspace.folder / "entropy").glob(f"{experiment}-{'[0-9a-f]' * 12}.parquet")):
        try:
            found.append(read(file))
        except ValueError as error:
            damaged.append(str(error))
    return Runs(sorted(found, key=lambda run: results_of(run).provenance["date"], reverse=True), damaged)
