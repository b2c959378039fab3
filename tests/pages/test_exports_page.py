"""Files that pages hand out: what the buttons give is made from the study, and the commands beside them are those that there are."""

import csv
import io
import shlex
import shutil
import time

import pyarrow.parquet as pq
import pytest
from small_study import HOSTILE
from test_pages import said
from typer.testing import CliRunner

from app import services
from app.exports import study as study_exports
from app.feature import export as feature_export
from app.keeping import export as keeping_export
from bae.cli.main import app as command_line
from bae.comsem.records import Label, Records
from bae.exports import archive
from bae.exports.unpacking import unpack
from bae.notebook.database import Notebook
from bae.notebook.kept import keys
from bae.notebook.lists import FeatureLists
from bae.workspace import Workspace


@pytest.fixture
def mine(study, tmp_path, monkeypatch):
    """A copy of the study with two labels; the services look at it too."""
    folder = tmp_path / "my study"
    shutil.copytree(study.folder, folder)
    monkeypatch.setenv("BAE_WORKSPACE", str(folder))
    found = Workspace.open(folder)
    records = Records(Notebook(found.notebook_file))
    for feature, text in ((5, HOSTILE), (6, "=1+1")):
        records.keep_label(Label(0, services.subject("topk"), feature, text, "person", "", False, "", None, time.time(), None, None))
    return found


@pytest.fixture
def files(monkeypatch):
    """What download buttons would give, by their labels: made when it is called."""
    offered = {}
    for module in (feature_export, keeping_export, study_exports):
        monkeypatch.setattr(module.st, "download_button", lambda label, made, *_, **__: offered.update({label: made}))
    return offered


def codes(page) -> list[list[str]]:
    """The commands of a page as words; lines that begin with # are left out."""
    return [words for one in page.code for line in one.value.splitlines() if (words := shlex.split(line, comments=True))]


def test_a_feature_as_a_file(mine, open_page, files):
    page = open_page(mine, "feature", ae="topk", feature="5")
    assert not page.exception
    made = files["Download as HTML"]()
    assert made.startswith("<!doctype html>") and "Feature 5 of topk" in made and "default-src 'none'" in made
    assert "<script" not in made and "&lt;script" in made, "the hostile label is there, as text"
    (command,) = [words for words in codes(page) if words[:3] == ["bae", "export", "html"]]
    assert command[3:] == ["--workspace", "my study", "topk", "5", "--output", "topk-5.html"] and "topk 5" in made


def test_the_command_of_a_feature_makes_its_file(mine, open_page, files, tmp_path, monkeypatch):
    page = open_page(mine, "feature", ae="topk", feature="5")
    (command,) = [words for words in codes(page) if words[:3] == ["bae", "export", "html"]]
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command_line, command[1:])
    assert done.exit_code == 0, done.output
    written = (tmp_path / "topk-5.html").read_text(encoding="utf-8")
    shown = files["Download as HTML"]()
    # all but the lines that say how and when it was made
    assert written.split("<footer>")[0] == shown.split("<footer>")[0]


def test_a_list_as_a_file(mine, open_page, files, monkeypatch):
    lists = FeatureLists(Notebook(mine.notebook_file))
    name = "a list <b> 'x'"
    identity = lists.make(name, keys(services.subject("topk"), [5, 7]))
    page = open_page(mine, "kept", show="lists", list=identity)
    assert not page.exception
    made = files["HTML"]()
    assert made.count("<section") == 2 and "a list &lt;b&gt;" in made and "<b>" not in made.split("<footer>")[0].replace("<b>bold</b>", "")
    files.clear()
    monkeypatch.setattr(keeping_export, "MOST_ON_PAGE", 1)
    page = open_page(mine, "kept", show="lists", list=identity)
    assert "HTML" not in files and "bae export html --workspace" in said(page) and not page.exception


def test_a_list_of_which_nothing_is_here_has_no_page(mine, open_page, files):
    stranger = keys(services.subject("topk"), [5])[0]._replace(checkpoint="another")
    identity = FeatureLists(Notebook(mine.notebook_file)).make("gone", [stranger])
    page = open_page(mine, "kept", show="lists", list=identity)
    assert not page.exception and "HTML" not in files and "JSON" in files


def test_labels_as_files(mine, open_page, files):
    page = open_page(mine, "labels", ae="topk")
    assert not page.exception
    rows = list(csv.DictReader(io.StringIO(files["Its labels as CSV"]().decode("utf-8-sig"), newline="")))
    assert {row["label"] for row in rows} == {HOSTILE, "'=1+1"} and {row["dictionary"] for row in rows} == {"topk"}
    whole = pq.read_table(io.BytesIO(files["Its labels as Parquet"]()))
    assert set(whole.column("label").to_pylist()) == {HOSTILE, "=1+1"}
    files.clear()
    open_page(mine, "labels", ae="bae")
    # negative control: another dictionary has others
    assert pq.read_table(io.BytesIO(files["Its labels as Parquet"]())).num_rows == 0


def test_the_start_page_names_commands_that_there_are(mine, open_page, files):
    page = open_page(mine, "overview", ae="bae")
    assert not page.exception and {"All labels as CSV", "All labels as Parquet"} <= files.keys()
    told = [words for words in codes(page) if words[:2] == ["bae", "export"]]
    assert [words[2] for words in told] == ["archive", "tables", "html", "saelens", "neuronpedia", "saedashboard"]
    for words in told:
        # a command whose options are wrong ends with 2
        done = CliRunner().invoke(command_line, [*words[1:], "--help"])
        assert done.exit_code == 0, words
        assert words[words.index("--workspace") + 1] == "my study"
    assert CliRunner().invoke(command_line, ["export", "html", "--nonsense"]).exit_code == 2
    assert "every text that was typed" in said(page)


def test_without_an_index_nothing_is_offered(bare_study, open_page, files):
    page = open_page(bare_study, "overview")
    assert not page.exception and not files


def test_pages_work_on_a_study_that_was_unpacked_as_on_its_own(mine, open_page, tmp_path):
    archive.write(mine, tmp_path / "study.zip")
    there, _ = unpack(tmp_path / "study.zip", tmp_path / "elsewhere" / mine.folder.name)
    for name, params in {"feature": {"ae": "topk", "feature": "5"}, "features": {"ae": "bae"}}.items():
        pages = [open_page(one, name, **params) for one in (mine, there)]
        assert not any(page.exception for page in pages)
        own, other = ([one.value for kind in (page.html, page.markdown, page.caption, page.metric) for one in kind] for page in pages)
        assert own == other and own, name
