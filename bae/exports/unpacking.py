"""An archive of a study, unpacked and checked. Archives come from others: nothing in one is believed before it was looked at.

Refused are paths that lead outside, links, files that are not of a study, files that the manifest does not name or names otherwise,
more bytes than it says, other checksums, and databases that hold more than tables.
"""

import hashlib
import os
import shutil
import sqlite3
import stat
import zipfile
import zlib
from contextlib import closing
from pathlib import Path

import duckdb

from bae.exports.archive import AT_ONCE, NOTEBOOK
from bae.exports.manifest import NAME, POINTER, Entry, Manifest
from bae.index.query import Index
from bae.system.files import written_whole
from bae.system.progress import Progress
from bae.workspace import Workspace

LARGEST_MANIFEST = 64 * 2**20
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError)
"""What `zipfile` raises for files that are no zip, are cut off, or are made in ways that nobody needs."""


def unpack(archive: Path, folder: Path) -> tuple[Workspace, Manifest]:
    """Unpack into a new or empty folder, whole or not at all, and check what is there; returns the study and its manifest.

    Raises FileExistsError where something lies, ValueError for what is no archive of a study or is damaged, OSError where it does not
    fit on the disk.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not empty; give another folder")
    if not archive.is_file():
        raise FileNotFoundError(f"there is no archive {archive}")
    try:
        with zipfile.ZipFile(archive) as opened:
            manifest = _checked(opened, archive.stat().st_size)
            _fits(manifest, folder)
            with written_whole(folder.absolute()) as draft:
                draft.mkdir()
                _extract(opened, manifest, draft)
                _check_study(draft)
    except DAMAGED as error:
        raise ValueError(f"{archive} is no archive of a study, or it is damaged ({error or type(error).__name__}); get it again") from error
    except ValueError as error:
        raise ValueError(f"{archive} is not unpacked: {error}") from error
    return Workspace.open(folder), manifest


def _checked(opened: zipfile.ZipFile, size: int) -> Manifest:
    """The manifest, after everything that the zip says of itself was held against it."""
    listed = {one.filename: one for one in opened.infolist()}
    if len(listed) < len(opened.infolist()):
        raise ValueError("it holds two files of one name")
    if NAME not in listed:
        raise ValueError(f"it has no {NAME}: `bae export archive` writes one")
    for one in listed.values():
        _check_header(one)
    if sum(one.compress_size for one in listed.values()) > size:
        raise ValueError("its files overlap: they are longer than it is")
    if listed[NAME].file_size > LARGEST_MANIFEST:
        raise ValueError(f"its {NAME} is longer than {LARGEST_MANIFEST:,} bytes")
    manifest = Manifest.read(opened.read(NAME))
    named = {entry.path: entry for entry in manifest.files}
    if strange := sorted((listed.keys() - {NAME}) ^ named.keys()):
        where = NAME if strange[0] in listed else "it"
        raise ValueError(f"{strange[0]!r} is missing in {where}")
    if "recipe.toml" not in named:
        raise ValueError("it holds no study: it has no recipe.toml")
    for path, entry in named.items():
        if listed[path].file_size != entry.size:
            raise ValueError(f"{path!r} has {listed[path].file_size:,} bytes, its {NAME} says {entry.size:,}")
    return manifest


def _check_header(one: zipfile.ZipInfo) -> None:
    mode = one.external_attr >> 16
    if not one.filename or one.is_dir() or (stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
        raise ValueError(f"{one.filename!r} is a folder, a link or no plain file")
    if one.flag_bits & 1:
        raise ValueError(f"{one.filename!r} is encrypted")
    if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{one.filename!r} is compressed in a way that archives of a study are not")


def _fits(manifest: Manifest, folder: Path) -> None:
    needed = sum(entry.size for entry in manifest.files)
    place = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise OSError(f"unpacked it takes {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free at {place}")


def _extract(opened: zipfile.ZipFile, manifest: Manifest, folder: Path) -> None:
    with Progress("unpacking", sum(entry.size for entry in manifest.files), "B") as progress:
        for entry in manifest.files:
            target = folder / entry.path
            assert target.resolve().is_relative_to(folder.resolve()), f"the manifest let {entry.path!r} pass"
            target.parent.mkdir(parents=True, exist_ok=True)
            _extract_one(opened, entry, target, progress)
            os.utime(target, ns=(entry.modified_ns, entry.modified_ns))


def _extract_one(opened: zipfile.ZipFile, entry: Entry, target: Path, progress: Progress) -> None:
    checksum, left = hashlib.sha256(), entry.size
    with opened.open(entry.path) as source, target.open("xb") as out:
        while piece := source.read(AT_ONCE):
            left -= len(piece)
            if left < 0:
                raise ValueError(f"{entry.path!r} is longer than its {NAME} says")
            checksum.update(piece)
            out.write(piece)
            progress.advance(len(piece))
    if left or checksum.hexdigest() != entry.sha256:
        raise ValueError(f"{entry.path!r} is damaged: its checksum is another")


def _check_study(folder: Path) -> None:
    """The recipe can be read, and the databases hold tables and nothing that runs when they are read."""
    study = Workspace.open(folder)
    if study.notebook_file.is_file():
        _check_notebook(study.notebook_file)
    try:
        file = study.index_file()
    except FileNotFoundError as error:
        raise ValueError(f"it lacks the index that its {POINTER} names") from error
    if file is not None:
        with closing(Index(file)) as index:
            _check_index(index)


def _check_notebook(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as notebook:
            (said,) = notebook.execute("pragma quick_check(1)").fetchone()
            kinds = {kind for (kind,) in notebook.execute("select distinct type from sqlite_master")}
    except sqlite3.DatabaseError as error:
        raise ValueError(f"its {NOTEBOOK} cannot be read ({error})") from error
    if said != "ok":
        raise ValueError(f"its {NOTEBOOK} is damaged ({said})")
    if strange := kinds - {"table", "index"}:
        raise ValueError(f"its {NOTEBOOK} holds a {min(strange)}, which no notebook has")


def _check_index(index: Index) -> None:
    try:
        strange = index.rows("select table_name from information_schema.tables where table_type <> 'BASE TABLE'")
    except duckdb.Error as error:
        raise ValueError(f"its index cannot be read ({error})") from error
    if strange:
        raise ValueError(f"its index has {strange[0][0]!r} as something else than a table")
