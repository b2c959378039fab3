"""Archives of studies that others send, with right checksums and wrong intentions; and cells that a spreadsheet would compute."""

import csv
import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hostile
import pytest
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st

from bae.exports import spreadsheet
from bae.exports.manifest import FORMAT, NAME, VERSION, Manifest
from bae.exports.unpacking import unpack
from bae.notebook.database import Notebook
from bae.workspace import Workspace

RECIPE = b'layers = [2]\n[[autoencoder]]\nname = "bae"\nkind = "binary"\nlayer = 2\n'
PLACE: dict[str, Path] = {}
NOTEBOOK: list[bytes] = []
PATHS = ["rates.json", "autoencoders/bae/config.json", "index/current", "entropy/icl-0123.parquet", "notebook.sqlite", "judges.toml"]
PATHS += ["../canary.json", "autoencoders/../../canary.json", "/canary.json", "autoencoders/bae/run.py", "Recipe.TOML", "autoencoders"]
PATHS += [".env", "index/a\\b.json", "jobs/x.json"]
KINDS = [0, 0, 0, 0o120777 << 16, 0o644 << 16]
"""What a zip says that its files are: nothing, a link, a file."""


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A folder, in memory where that is possible, with a canary beside where archives are unpacked; and a notebook."""
    memory = Path("/dev/shm")
    PLACE["folder"] = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    (PLACE["folder"] / "canary.json").write_text("it sings", encoding="utf-8")
    book = tmp_path_factory.mktemp("book") / "notebook.sqlite"
    with Notebook(book).connected() as connection:
        connection.execute("pragma journal_mode=delete")
    NOTEBOOK.append(book.read_bytes())
    yield
    shutil.rmtree(PLACE["folder"])


def told_of(files: dict[str, bytes]) -> dict:
    """The manifest of these files."""
    entries = [
        {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "modified_ns": 1_700_000_000_000_000_000}
        for path, data in files.items()
    ]
    about = {"study": "s", "made": "2026-11-24", "program": "bae", "with_states": False, "left_out": []}
    return {"format": FORMAT, "version": VERSION, **about, "files": entries}


def zipped(files: dict[str, bytes], manifest: bytes, way: int = zipfile.ZIP_DEFLATED, mode: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", way) as archive:
        for path, data in (*files.items(), (NAME, manifest)):
            one = zipfile.ZipInfo(path)
            one.compress_type, one.external_attr = way, mode
            archive.writestr(one, data)
    return out.getvalue()


@st.composite
def archives(draw: Callable) -> bytes:
    """An archive of a small study with files of others in it, or broken."""
    contents = st.one_of(st.just(b"[]"), st.just(NOTEBOOK[0]), hostile.texts().map(str.encode), st.just(b"\0" * 200_000))
    names = st.one_of(st.sampled_from(PATHS), st.sampled_from(PATHS), hostile.texts(12).map(lambda text: f"entropy/{text}.json"))
    files = {"recipe.toml": draw(st.sampled_from([RECIPE, RECIPE, RECIPE, b"layers = 3"]))}
    for name in draw(st.lists(names, max_size=3)):
        files[name.replace("\0", "") or "x"] = draw(contents)
    manifest = told_of(files)
    if draw(st.integers(0, 3)) == 0:
        manifest = draw(hostile.altered(manifest))
    if draw(st.integers(0, 3)) == 0:
        one = draw(st.sampled_from(manifest["files"])) if isinstance(manifest.get("files"), list) and manifest["files"] else None
        if isinstance(one, dict):
            one["size"] = draw(st.sampled_from([0, 1, 2**40, -1]))
    way, mode = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])), draw(st.sampled_from(KINDS))
    whole = zipped(files, json.dumps(manifest).encode(), way, mode)
    return draw(st.one_of(st.just(whole), st.just(whole), hostile.broken(whole)))


def unpacked(data: bytes) -> Workspace:
    file, target = PLACE["folder"] / "sent.zip", PLACE["folder"] / "study"
    shutil.rmtree(target, ignore_errors=True)
    file.write_bytes(data)
    return unpack(file, target)[0]


def nothing_lies_outside(_data: bytes, _found: object) -> None:
    """Only the archive, the canary and perhaps the study are there, and in it files and folders alone."""
    assert {path.name for path in PLACE["folder"].iterdir()} <= {"sent.zip", "canary.json", "study"}
    assert (PLACE["folder"] / "canary.json").read_text(encoding="utf-8") == "it sings"
    for path in (PLACE["folder"] / "study").rglob("*"):
        assert not path.is_symlink() and (path.is_dir() or not path.stat().st_mode & 0o111)


def reads_back(_text: bytes, found: Manifest) -> None:
    assert Manifest.read(found.text()) == found


def in_a_sheet(text: str) -> str:
    file = io.StringIO(newline="")
    spreadsheet.write(file, ["text"], [[text]])
    return file.getvalue()


def is_not_computed(text: str, written: str) -> None:
    """A reader of CSV finds the text, with an apostrophe before what would be a formula, in one cell."""
    ((heading,), (cell,)) = csv.reader(io.StringIO(written, newline=""), strict=True)
    assert heading == "text" and cell in (text, f"'{text}") and not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


TOLD = st.one_of(hostile.altered(told_of({"recipe.toml": RECIPE, "rates.json": b"[]"})), hostile.values())
MANIFESTS = TOLD.map(lambda told: json.dumps(told).encode())
SENT = st.one_of(MANIFESTS, MANIFESTS.flatmap(hostile.broken), st.just(b"[" * 9_000))
FORMULAS = st.tuples(st.sampled_from("=+-@\t"), hostile.texts()).map("".join)
CELLS = st.one_of(hostile.texts(), FORMULAS).filter(lambda text: "\0" not in text)
PARSERS = known(
    Parser("archives of studies", archives(), unpacked, (ValueError, OSError), nothing_lies_outside, nothing_lies_outside, share=0.7),
    Parser("manifests of archives", SENT, Manifest.read, holds=reads_back, share=1),
    Parser("cells of a spreadsheet", CELLS, in_a_sheet, holds=is_not_computed, share=1),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_refused_in_a_sentence_or_read(parser):
    check(parser)


def test_a_trusting_reader_is_caught():
    """Negative controls: an archive that is unpacked as it comes; a cell as it comes."""
    archive, _, cells = PARSERS

    def trusting(data: bytes) -> None:
        shutil.rmtree(PLACE["folder"] / "study", ignore_errors=True)
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            for one in opened.infolist():
                (PLACE["folder"] / "study").mkdir(exist_ok=True)
                (PLACE["folder"] / "study" / one.filename).write_bytes(opened.read(one))

    outside = {"../canary.json": b"it is dead"}
    with pytest.raises(AssertionError):
        fuzz(replace(archive, inputs=st.just(zipped(outside, b"{}")), read=trusting), 2)
    (PLACE["folder"] / "canary.json").write_text("it sings", encoding="utf-8")
    with pytest.raises((AssertionError, csv.Error)):
        fuzz(replace(cells, read=lambda text: f'"text"\r\n"{text}"\r\n'), 100)
