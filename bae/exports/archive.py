"""Everything of a study as one zip: written whole or not at all, a piece of a file at a time. `bae.exports.unpacking` reads it."""

import hashlib
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from bae.exports.manifest import NAME, POINTER, Entry, LeftOut, Manifest, is_state, refusal
from bae.system.files import written_whole
from bae.system.progress import Progress
from bae.workspace import Workspace

AT_ONCE = 2**20
"""Bytes that are in memory."""
LEVEL = 1
"""Of deflate: codes of an index shrink to a third at 50 MB a second; level 6 takes five times as long for a tenth more."""
STORED = ("autoencoders/", "harvest/", "entropy/states/", "compression/")
"""Folders of what hardly shrinks: weights, hidden states, files that are compressed already."""
STORED_KINDS = (".parquet", ".baec")
NOTEBOOK = "notebook.sqlite"
MACHINE = "it is about this machine: its processes, locks and servers"
OWN_SERVERS = "it names judges' servers, which are yours; keys are never in a study"
OLDER = "an older index, or one that was not finished"
STATES = "hidden states, or what a stopped training goes on from; --with-states adds them"
LINK = "a link, or no plain file"


class Chosen(NamedTuple):
    """What of a workspace goes into an archive."""

    files: dict[str, Path]
    left_out: tuple[LeftOut, ...]


def write(workspace: Workspace, file: Path, with_states: bool = False) -> Manifest:
    """Write the archive; returns what it holds and what was left out.

    The notebook is copied while others may write to it; addresses of servers are taken out of the copy, and what was deleted is gone
    for good. Raises FileExistsError where something lies, OSError when the disk is full.
    """
    if file.exists():
        raise FileExistsError(f"{file} exists; give another name, or delete it")
    chosen = choose(workspace, with_states)
    with written_whole(file.absolute()) as draft:
        files = dict(chosen.files)
        if NOTEBOOK in files:
            # beside the draft: what `written_whole` cleans away
            files[NOTEBOOK] = copy_notebook(files[NOTEBOOK], draft.with_name(f"copy-of-{NOTEBOOK}"))
        total = sum(path.stat().st_size for path in files.values())
        with zipfile.ZipFile(draft, "w", compresslevel=LEVEL) as archive, Progress("writing the archive", total, "B") as progress:
            entries = tuple(_add(archive, name, path, progress) for name, path in files.items())
            made = datetime.now(UTC).isoformat(timespec="seconds")
            told = Manifest(workspace.folder.name, made, f"bae-explorer {version('bae-explorer')}", with_states, chosen.left_out, entries)
            archive.compression = zipfile.ZIP_DEFLATED
            archive.writestr(NAME, told.text())
    return told


def choose(workspace: Workspace, with_states: bool = False) -> Chosen:
    """The files of an archive by their names in it, and what is left out with the reason, a line a file or folder."""
    current = workspace.index_file()
    kept = f"index/{current.parent.name}/" if current else None
    files, out = {}, {}
    for name, path in _all(workspace.folder, ""):
        why = _why_not(name, path, kept, with_states)
        if why is None:
            files[name] = path
        elif why:
            out.setdefault((_group(name), why), None)
    return Chosen(files, tuple(LeftOut(what, why) for what, why in out))


def _all(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """Every file and link below a folder with its name from there, links not followed; what begins with a dot is unfinished or private."""
    for one in sorted(os.scandir(folder), key=lambda one: one.name):
        if one.name.startswith("."):
            continue
        name = f"{prefix}{one.name}"
        if one.is_dir(follow_symlinks=False):
            yield from _all(Path(one.path), f"{name}/")
        else:
            yield name, Path(one.path)


def _why_not(name: str, path: Path, kept: str | None, with_states: bool) -> str | None:
    """Why a file is left out; None where it is not, empty where nobody needs to be told."""
    if name == "lock" or name.endswith(("/lock", ".lock", f"{NOTEBOOK}-wal", f"{NOTEBOOK}-shm")):
        return ""
    if name.split("/")[0] in ("jobs", "logs", "status"):
        return MACHINE
    if name == "judges.toml":
        return OWN_SERVERS
    if path.is_symlink() or not path.is_file():
        return LINK
    if name.startswith("index/") and name != POINTER and not (kept and name.startswith(kept)):
        return OLDER
    if not with_states and is_state(name):
        return STATES
    return refusal(name)


def _group(name: str) -> str:
    """What a person is told was left out: the folder, as deep as one folder holds one thing."""
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] in ("index", "entropy", "compression", "training") else parts[0]


def _add(archive: zipfile.ZipFile, name: str, path: Path, progress: Progress) -> Entry:
    stored = (name.startswith(STORED) and not name.endswith(".json")) or name.endswith(STORED_KINDS)
    archive.compression = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    checksum, size = hashlib.sha256(), 0
    # sizes beyond 4 GiB are known only when they are reached
    with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
        while piece := source.read(AT_ONCE):
            checksum.update(piece)
            target.write(piece)
            size += len(piece)
            progress.advance(len(piece))
    return Entry(name, size, checksum.hexdigest(), path.stat().st_mtime_ns)


def copy_notebook(file: Path, target: Path) -> Path:
    """Copy a notebook by SQLite's backup, so that what still lies in its log is there; without servers, and without what was deleted."""
    there = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(there, uri=True, timeout=10)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        with copy:
            if copy.execute("select 1 from sqlite_master where type = 'table' and name = 'server'").fetchone():
                copy.execute("delete from server")
        copy.execute("vacuum")
        copy.execute("pragma journal_mode=delete")
    return target
