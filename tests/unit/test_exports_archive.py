"""A study as one archive: unpacked elsewhere it is the same, and nothing that is not of a study gets in or out."""

import hashlib
import json
import os
import sqlite3
import stat
import warnings
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_workspace import make_workspace
from typer.testing import CliRunner

from bae.cli.main import app
from bae.comsem.records import Records
from bae.exports import archive, unpacking
from bae.exports.manifest import NAME, Manifest, refusal
from bae.exports.material import Material
from bae.measures import fit
from bae.notebook.database import Notebook
from bae.workspace import Workspace

KEY = "sk-a-secret-of-a-judge"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A workspace with everything that one can have beside what `small_workspace` makes."""
    found = make_workspace(tmp_path_factory.mktemp("archive") / "my study")
    for name, text in {
        "autoencoders/bae/config.json": "{}",
        "autoencoders/bae/weights.safetensors": "w" * 3000,
        "autoencoders/.tmp-x/config.json": KEY,
        "steering/openai.key": KEY,
        "index/index-older/index.duckdb": "old",
        "index/index-made/states/00000.safetensors": "s" * 5000,
        "index/lock": "",
        "harvest/train/00000.safetensors": "h" * 5000,
        "entropy/states/a/x.safetensors": "h",
        "entropy/icl-0123.parquet": "p",
        "training/bae/stage-0/curve.jsonl": "{}\n",
        "training/bae/stage-0/state.safetensors": "o",
        "training/bae/lock": "",
        "steering/movies.json": "{}",
        "jobs/label.json": "{}",
        "logs/label.log": KEY,
        "status/index.json": "{}",
        "judges.toml": f'[judge.x]\nbase_url = "https://me:{KEY}@host"\n',
        ".env": KEY,
        "notes.txt": KEY,
        "rates.json": "[]",
    }.items():
        file = found.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (found.folder / "steering" / "link.json").symlink_to("/etc/passwd")
    (found.folder / "steering" / "folder").symlink_to("/etc")
    records = Records(Notebook(found.notebook_file))
    records.keep_capabilities(f"https://me:{KEY}@host", {"logprobs": True})
    return found


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    file = tmp_path_factory.mktemp("written") / "study.zip"
    return file, archive.write(study, file)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_what_comes_out_is_what_went_in(study, written, tmp_path):
    file, told = written
    opened, read = unpacking.unpack(file, tmp_path / "there")
    assert read == told and opened.recipe == study.recipe and opened.index_file().is_file()
    found = contents(opened.folder)
    assert found.keys() == {entry.path for entry in told.files} == set(zipfile.ZipFile(file).namelist()) - {NAME}
    for name, data in found.items():
        if name != archive.NOTEBOOK:
            assert data == (study.folder / name).read_bytes(), name
            assert (opened.folder / name).stat().st_mtime_ns == (study.folder / name).stat().st_mtime_ns
    # what is kept of a checkpoint goes by its files' sizes and times
    assert fit.mark(opened.autoencoder_folder("bae")) == fit.mark(study.autoencoder_folder("bae"))
    with Material.of(opened) as there, Material.of(study) as here:
        key = here.keys("bae", [1])[0]
        assert there.told(key).groups == here.told(key).groups and there.said("bae", 1) == here.said("bae", 1)


def test_what_is_left_out_is_named(written):
    told = written[1]
    names = {entry.path for entry in told.files}
    assert {"recipe.toml", "notebook.sqlite", "index/current", "training/bae/stage-0/curve.jsonl", "entropy/icl-0123.parquet"} <= names
    out = {one.what for one in told.left_out}
    assert out == {
        *("harvest", "entropy/states", "index/index-older", "index/index-made", "training/bae"),
        *("jobs", "logs", "status", "judges.toml", "notes.txt", "steering"),
    }
    assert not [name for name in names if "state" in name or "older" in name or "lock" in name or "link" in name or "folder" in name]


def test_states_come_along_when_asked_for(study, tmp_path):
    told = archive.write(study, tmp_path / "all.zip", with_states=True)
    names = {entry.path for entry in told.files}
    for name in ("harvest/train/00000.safetensors", "entropy/states/a/x.safetensors", "training/bae/stage-0/state.safetensors"):
        assert name in names
    assert "index/index-made/states/00000.safetensors" in names and told.with_states
    assert not names & {"judges.toml", "jobs/label.json"}


def test_no_key_gets_out(study, written):
    """Not from files beside the study, nor from the notebook. Negative control: the workspace holds it in six places."""
    holding = [name for name, data in contents(study.folder).items() if KEY.encode() in data]
    assert len(holding) >= 6 and any(name.startswith("notebook.sqlite") for name in holding)
    with zipfile.ZipFile(written[0]) as opened:
        assert not [name for name in opened.namelist() if KEY.encode() in opened.read(name)]


def test_what_was_deleted_is_gone(tmp_path):
    """A text that a person took back is not among the free pages of the copy; it is in those of the original."""
    notebook = Notebook(tmp_path / "notebook.sqlite")
    name = notebook.keep_text("a private sentence " * 500)
    with notebook.connected() as connection:
        connection.execute("pragma secure_delete = off")
        connection.execute("delete from text where id = ?", (name,))
    copied = archive.copy_notebook(notebook.file, tmp_path / "copy.sqlite")
    there = b"".join(file.read_bytes() for file in tmp_path.glob("notebook.sqlite*"))
    assert b"private sentence" in there and b"private sentence" not in copied.read_bytes()


def test_what_lies_in_the_log_of_sqlite_is_there(tmp_path):
    """Copying the file alone would lose it: the negative control does."""
    notebook = Notebook(tmp_path / "notebook.sqlite")
    with closing(sqlite3.connect(notebook.file)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from text").fetchone()  # keeps the log from being written back
        kept = notebook.keep_text("written while somebody reads")
        alone = tmp_path / "alone.sqlite"
        alone.write_bytes(notebook.file.read_bytes())
        copied = archive.copy_notebook(notebook.file, tmp_path / "copy.sqlite")
        assert Notebook(copied).text(kept) == "written while somebody reads"
        with pytest.raises(KeyError):
            Notebook(alone).text(kept)


def test_nothing_is_written_over(written, study, tmp_path):
    with pytest.raises(FileExistsError, match="exists; give another name"):
        archive.write(study, written[0])
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("x")
    with pytest.raises(FileExistsError, match="not empty"):
        unpacking.unpack(written[0], tmp_path / "there")


def test_a_failure_leaves_nothing(study, tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(archive, "_add", full)
    with pytest.raises(OSError, match="no space"):
        archive.write(study, tmp_path / "study.zip")
    assert list(tmp_path.iterdir()) == []


# archives of others ---------------------------------------------------------------------------------------------------


def remade(file: Path, target: Path, change) -> Path:
    """The archive with its manifest and files changed by `change(manifest, files)`; files are written as they then are."""
    with zipfile.ZipFile(file) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    manifest = json.loads(files.pop(NAME))
    change(manifest, files)
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
        warnings.simplefilter("ignore")
        for name, data in files.items():
            opened.writestr(name if isinstance(name, (str, zipfile.ZipInfo)) else name[0], data)
        opened.writestr(NAME, json.dumps(manifest) if isinstance(manifest, dict) and manifest else b"[]")
    return target


def entry(path: str, data: bytes) -> dict:
    return {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "modified_ns": 0}


def adding(path: str, data: bytes = b"x"):
    def change(manifest, files):
        files[path] = data
        manifest["files"].append(entry(path, data))

    return change


def without(path: str):
    def change(manifest, files):
        del files[path]
        manifest["files"] = [one for one in manifest["files"] if one["path"] != path]

    return change


def telling(path: str, **told):
    def change(manifest, files):
        next(one for one in manifest["files"] if one["path"] == path).update(told)

    return change


def linked(manifest, files):
    link = zipfile.ZipInfo("steering/x.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    files[link] = b"/etc/passwd"
    manifest["files"].append(entry("steering/x.json", b"/etc/passwd"))


def replaced(path: str, data: bytes):
    def change(manifest, files):
        files[path] = data
        manifest["files"] = [one for one in manifest["files"] if one["path"] != path] + [entry(path, data)]

    return change


def with_trigger(manifest, files):
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("create table text (id text)")
        made.execute("create trigger t after insert on text begin delete from text; end")
        replaced(archive.NOTEBOOK, made.serialize())(manifest, files)


ATTACKS = {
    "leads out": (adding("../outside.json"), "hidden, or leads elsewhere"),
    "leads out within": (adding("autoencoders/../../outside.json"), "hidden, or leads elsewhere"),
    "absolute": (adding("/tmp/outside.json"), "1 to 200 signs"),
    "of Windows": (adding("steering\\..\\x.json"), "signs that can be seen"),
    "a drive": (adding("C:/x.json"), "signs that can be seen"),
    "hidden": (adding(".streamlit/secrets.toml"), "hidden, or leads elsewhere"),
    "judges": (adding("judges.toml"), "no part of a study"),
    "a program": (adding("autoencoders/bae/run.py"), "no kind of file"),
    "a pickle": (adding("autoencoders/bae/x.pkl"), "no kind of file"),
    "twice by capitals": (adding("RATES.json"), "no part of a study"),
    "twice by capitals below": (adding("steering/Movies.json"), "twice"),
    "file and folder": (adding("steering/movies.json/x.json"), "as a file and as a folder"),
    "a link": (linked, "a link or no plain file"),
    "not named": (lambda manifest, files: files.update({"steering/more.json": b"x"}), "missing in manifest.json"),
    "not there": (lambda manifest, files: files.pop("rates.json"), "missing in it"),
    "larger than told": (telling("rates.json", size=1), "has 2 bytes"),
    "smaller than told": (telling("rates.json", size=10**15), "has 2 bytes"),
    "another checksum": (telling("rates.json", sha256="0" * 64), "its checksum is another"),
    "no checksum": (telling("rates.json", sha256="x"), "cannot be"),
    "negative": (telling("rates.json", size=-1), "cannot be"),
    "a number as text": (telling("rates.json", size="2"), "not one of a study"),
    "no study": (without("recipe.toml"), "no recipe.toml"),
    "no index": (without("index/index-made/index.duckdb"), "lacks the index"),
    "a broken recipe": (replaced("recipe.toml", b"layers = ["), "recipe.toml"),
    "a broken notebook": (replaced("notebook.sqlite", b"SQLite format 3\0" + b"x" * 5000), "notebook.sqlite"),
    "a broken index": (replaced("index/index-made/index.duckdb", b"x" * 5000), "cannot be read"),
    "a trigger": (with_trigger, "holds a trigger"),
    "another version": (lambda manifest, files: manifest.update(version=2), "another format or version"),
    "no manifest": (lambda manifest, files: manifest.clear(), "not one of a study"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_study_is_refused_and_leaves_nothing(written, tmp_path, attack):
    change, reason = ATTACKS[attack]
    file = remade(written[0], tmp_path / "bad.zip", change)
    with pytest.raises(ValueError, match=reason.replace(".", r"\.")):
        unpacking.unpack(file, tmp_path / "there" / "study")
    left = [one for one in tmp_path.rglob("*") if one != file and not one.is_dir()]
    assert left == [] and not (tmp_path.parent / "outside.json").exists()


def test_an_archive_that_is_remade_unchanged_is_read(written, tmp_path):
    """Negative control of the attacks: it is the change that is refused, not that it was made anew."""
    file = remade(written[0], tmp_path / "good.zip", lambda manifest, files: None)
    assert unpacking.unpack(file, tmp_path / "there")[1] == written[1]


def test_a_bomb_is_refused_before_it_is_unpacked(written, tmp_path, monkeypatch):
    """A file of a hundred megabytes of zeros that is told truly does not fit on a small disk; told falsely it is no study."""
    zeros = bytes(10**8)
    file = remade(written[0], tmp_path / "bomb.zip", adding("steering/zeros.json", zeros))
    assert file.stat().st_size < 2 * 10**6
    usage = unpacking.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda _: usage._replace(free=10**7))
    with pytest.raises(OSError, match=r"0\.1 GB, and 0\.0 GB are free"):
        unpacking.unpack(file, tmp_path / "there")

    def liar(manifest, files):
        adding("steering/zeros.json", zeros)(manifest, files)
        telling("steering/zeros.json", size=100)(manifest, files)

    with pytest.raises(ValueError, match="100,000,000 bytes"):
        unpacking.unpack(remade(written[0], tmp_path / "liar.zip", liar), tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_header_that_lies_gives_no_more_than_it_says(written, tmp_path):
    """The zip's own list and the manifest both say 10 bytes; what lies behind is longer."""

    def shorter(manifest, files):
        adding("steering/a.json", b"a" * 1000)(manifest, files)
        telling("steering/a.json", size=10)(manifest, files)

    file = remade(written[0], tmp_path / "lying.zip", shorter)
    data = bytearray(file.read_bytes())
    place = data.rindex(b"steering/a.json") - 46  # its record in the list at the end
    assert int.from_bytes(data[place + 24 : place + 28], "little") == 1000
    data[place + 24 : place + 28] = (10).to_bytes(4, "little")
    file.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        unpacking.unpack(file, tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06" + bytes(18), b"not a zip at all", b"PK\x03\x04" + b"x" * 100])
def test_what_is_no_zip_is_refused(tmp_path, data):
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.zip"):
        unpacking.unpack(tmp_path / "x.zip", tmp_path / "there")


def test_a_damaged_archive_is_refused(written, tmp_path):
    """A bit anywhere in the files is found by a checksum; what is cut off is no zip."""
    data = bytearray(written[0].read_bytes())
    data[len(data) // 3] ^= 1
    (tmp_path / "bit.zip").write_bytes(data)
    (tmp_path / "cut.zip").write_bytes(data[: len(data) // 2])
    for name in ("bit.zip", "cut.zip"):
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            unpacking.unpack(tmp_path / name, tmp_path / "there")
    assert not (tmp_path / "there").exists()


@given(st.text(max_size=30))
def test_no_path_that_is_let_pass_leads_out(path):
    base = Path("/a/b")
    for tried in (path, f"autoencoders/{path}", f"steering/{path}.json", f"../{path}", f"/{path}"):
        if refusal(tried) is None:
            assert Path(os.path.normpath(base / tried)).is_relative_to(base) and not tried.startswith("/")
    assert refusal("autoencoders/bae/config.json") is None and refusal("../recipe.toml") is not None


def test_a_manifest_that_is_nested_without_end_is_refused():
    with pytest.raises(ValueError, match="not one of a study"):
        Manifest.read("[" * 100_000 + "]" * 100_000)


def test_commands(study, tmp_path):
    run = CliRunner()
    done = run.invoke(app, ["export", "archive", str(tmp_path / "s.zip"), "--workspace", str(study.folder)])
    assert done.exit_code == 0 and "every text that was typed" in done.output and "judges.toml (it names" in done.output
    done = run.invoke(app, ["open", str(tmp_path / "s.zip"), str(tmp_path / "there")])
    assert done.exit_code == 0 and "my study, written" in done.output and Workspace.open(tmp_path / "there").index_file()
    done = run.invoke(app, ["open", str(tmp_path / "none.zip"), str(tmp_path / "other")])
    assert done.exit_code == 1 and "there is no archive" in done.output
