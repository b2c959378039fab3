"""What a folder holds, so that two can be compared: everything but when, where and how fast it was made."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from safetensors import safe_open

PASSING = {
    *("command", "created", "date", "finished", "host", "log_mtime", "machine", "made", "rate", "seconds", "seconds_left", "started"),
    *("tokens_per_s", "updated", "vectors_per_s", "written", "elapsed", "when", "at"),
}
"""Keys of what differs between two runs of the same: times and rates."""
SKIPPED = {"status", "jobs", "lock"}
"""Names of files and folders that tell of a run, not of its result."""


def contents(folder: Path) -> dict[str, str]:
    """A digest of every file, by its path in the folder."""
    found = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and not SKIPPED.intersection(path.parts) and not file.name.endswith(".lock"):
            found[str(path)] = _digest(file)
    return found


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Files that one folder lacks, or that hold something else."""
    return [path for path in sorted(one.keys() | other.keys()) if one.get(path) != other.get(path)]


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    for part in _parts(file):
        digest.update(part)
    return digest.hexdigest()[:16]


def _parts(file: Path) -> Iterator[bytes]:
    if file.suffix == ".safetensors":
        with safe_open(file, framework="np") as tensors:
            yield _spelled(tensors.metadata() or {})
            for name in sorted(tensors.keys()):
                tensor = tensors.get_tensor(name)
                yield f"{name} {tensor.dtype} {tensor.shape}".encode()
                yield tensor.tobytes()
    elif file.suffix == ".parquet":
        table = pq.read_table(file)
        yield _spelled([{name: value for name, value in row.items() if name not in PASSING} for row in table.to_pylist()])
    elif file.suffix == ".json":
        yield _spelled(json.loads(file.read_text(encoding="utf-8")))
    elif file.suffix == ".jsonl":
        yield _spelled([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])
    elif file.suffix == ".duckdb":
        with duckdb.connect(str(file), read_only=True) as database:
            for (table,) in database.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall():
                yield table.encode()
                yield _spelled(database.execute(f'SELECT * FROM "{table}" ORDER BY ALL').fetchall())
    else:
        yield file.read_bytes()


def _spelled(value: object) -> bytes:
    return json.dumps(_lasting(value), sort_keys=True, default=str).encode()


def _lasting(value: object) -> object:
    if isinstance(value, dict):
        return {name: _lasting(item) for name, item in value.items() if name not in PASSING}
    return [_lasting(item) for item in value] if isinstance(value, (list, tuple)) else value
