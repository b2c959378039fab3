"""Labels that come as a file are brought in once, scored, and only for the checkpoint that they belong to."""

import json
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bae.comsem.records import Records, Subject, checkpoint_of
from bae.comsem.score import Verdict, score
from bae.comsem.shipped import FILE, bring_in
from bae.notebook.database import Notebook
from bae.workspace import DATA, Workspace

NEAR = score([Verdict(truth, None, 0.5 + 0.3 * truth) for truth in (True, False) for _ in range(8)], 20)


def row(**changes) -> dict:
    told = {"dictionary": "bae", "checkpoint": "c0ffee", "feature": 3, "text": "words of the sea", "occurrences": 20}
    return told | {"score": json.dumps(asdict(NEAR)), "source": "a reading", "date": "2026-11-23", "judge": "MiniLM"} | changes


@pytest.fixture
def study(tmp_path) -> Workspace:
    (tmp_path / "recipe.toml").write_text('layers = [2]\n[[autoencoder]]\nname = "bae"\nkind = "binary"\nlayer = 2\n')
    return Workspace.open(tmp_path)


def write(study: Workspace, *rows: dict) -> None:
    pq.write_table(pa.Table.from_pylist(list(rows)), study.folder / FILE)


def test_they_are_brought_in_once_with_their_score(study):
    assert bring_in(study) == 0, "a study without the file"
    write(study, row(), row(feature=5, text="<b>nouns</b>"))
    assert bring_in(study) == 2 and bring_in(study) == 0
    records = Records(Notebook(study.notebook_file))
    (label,) = records.labels(Subject("bae", "c0ffee"), 5)
    assert (label.text, label.source, label.draft, label.occurrences) == ("<b>nouns</b>", "maintainers", False, 20)
    assert label.provenance["how"] == "a reading" and records.rescores(label.id) == {"MiniLM": NEAR}
    assert not records.labels(Subject("bae", "another"))


def test_another_file_is_named(study):
    pq.write_table(pa.table({"a": [1]}), study.folder / FILE)
    with pytest.raises(ValueError, match="holds no labels"):
        bring_in(study)


def test_those_that_ship_belong_to_the_dictionaries_that_ship():
    rows = pq.read_table(DATA / "demo" / FILE).to_pylist()
    for name in ("bae", "bae-10", "bae-20"):
        told = json.loads((DATA / "demo" / "autoencoders" / name / "config.json").read_text())["provenance"]
        own = [row for row in rows if row["dictionary"] == name]
        assert 150 <= len(own) <= 200 and {row["checkpoint"] for row in own} == {checkpoint_of(told)}
        assert all(row["text"].strip() and 0 <= row["feature"] < 2304 and json.loads(row["score"])["auroc"] is not None for row in own)
