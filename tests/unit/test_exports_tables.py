"""Labels and tables of an index as CSV and Parquet: read back, they are what the study holds, and spreadsheets compute nothing."""

import csv
import io

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_workspace import DICTIONARIES, HOSTILE, make_workspace
from typer.testing import CliRunner

from bae.cli.main import app
from bae.exports import labels, spreadsheet, tables
from bae.exports.material import Material

STARTS = "=+-@\t\r\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("tables") / "study")


@pytest.fixture
def material(study):
    with Material.of(study) as found:
        yield found


def written(rows) -> list[list[str]]:
    file = io.StringIO()
    spreadsheet.write(file, ["a", "b"], rows)
    return list(csv.reader(io.StringIO(file.getvalue(), newline="")))


@given(st.lists(st.tuples(st.one_of(st.text(), st.sampled_from(["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1"])), st.integers())))
def test_no_cell_begins_as_a_formula_does(rows):
    read = written(rows)[1:]
    assert len(read) == len(rows)
    for (text, number), (cell, other) in zip(rows, read, strict=True):
        assert not cell or cell[0] not in STARTS
        assert cell.removeprefix("'") == text.removeprefix("'"), "nothing but the apostrophe is added"
        assert other == str(number), "numbers stay, negative ones too"


def test_the_check_sees_a_formula():
    """Negative control: without the guard, a cell begins as a formula does."""
    file = io.StringIO()
    csv.writer(file).writerows([["=1+1"]])
    assert file.getvalue()[0] in STARTS
    assert written([("=1+1", 0)])[1] == ["'=1+1", "0"]


def test_labels_come_back(material, tmp_path):
    rows = labels.write(material, DICTIONARIES, tmp_path / "labels.parquet")
    read = pq.read_table(tmp_path / "labels.parquet")
    assert read.schema.equals(labels.SCHEMA) and read.num_rows == rows == 4
    found = read.to_pylist()
    assert [(row["feature"], row["label"], row["shown"]) for row in found] == [
        (1, HOSTILE, True),
        (1, "words of the sea", False),
        (2, "=HYPERLINK(1)", True),
        (3, "-2+3", True),
    ]
    judged = found[1]
    assert (judged["judge"], judged["scored_by"], judged["score"], judged["yes"], judged["asked"]) == (
        "gpt-4.1-mini",
        "gpt-4.1-mini",
        0.75,
        6,
        8,
    )
    assert found[0]["score"] is None and found[0]["scored_by"] == ""
    assert found[3]["judge"] == "" and found[3]["scored_by"] == "all-MiniLM-L6-v2"


def test_csv_has_the_same_rows(material, tmp_path):
    labels.write(material, ["bae"], tmp_path / "labels.csv")
    labels.write(material, ["bae"], tmp_path / "labels.parquet")
    with (tmp_path / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = pq.read_table(tmp_path / "labels.parquet").to_pylist()
    assert list(rows[0]) == labels.SCHEMA.names
    for row, whole in zip(rows, expected, strict=True):
        for name, value in whole.items():
            told = "" if value is None else str(value)
            assert row[name] == (f"'{told}" if isinstance(value, str) and told.startswith(tuple(STARTS)) else told), name
    assert rows[2]["label"] == "'=HYPERLINK(1)"
    assert not [cell for row in rows for cell in row.values() if cell.startswith(tuple(STARTS))]


def test_wrong_names_are_refused(material, tmp_path):
    with pytest.raises(ValueError, match=r"as \.csv or \.parquet; got labels\.xlsx"):
        labels.write(material, ["bae"], tmp_path / "labels.xlsx")
    with pytest.raises(ValueError, match="no dictionary 'x'; it has bae, topk"):
        labels.write(material, ["x"], tmp_path / "labels.csv")
    assert list(tmp_path.iterdir()) == [], "nothing half-written stays"


def test_tables_come_back(material, study, tmp_path):
    names = tables.write(material, tmp_path / "out")
    assert names == ["meta", "dictionary", "context", "feature", "example"]
    assert {file.name for file in (tmp_path / "out").iterdir()} == {f"{name}.parquet" for name in names}
    order = {"meta": "key", "dictionary": "name", "context": "context_id", "feature": "dictionary, feature"}
    for name in names:
        by = order.get(name, "dictionary, feature, band, rank")
        expected = material.index.rows(f"select * from {name} order by {by}")
        # DuckDB's own reader is the oracle
        with duckdb.connect() as connection:
            read = connection.execute(
                f"select * from read_parquet(?) order by {by}", [str(tmp_path / "out" / f"{name}.parquet")]
            ).fetchall()
        assert read == expected and read, name
    with pytest.raises(FileExistsError, match="not empty"):
        tables.write(material, tmp_path / "out")


def test_a_type_that_is_not_known_is_named():
    with pytest.raises(ValueError, match="of the type HUGEINT"):
        tables._type("HUGEINT[]")
    assert tables._type("FLOAT[]").value_type == "float"


def test_commands(study, tmp_path):
    run = CliRunner()
    done = run.invoke(app, ["export", "labels", str(tmp_path / "l.csv"), "--workspace", str(study.folder), "--dictionary", "bae"])
    assert done.exit_code == 0 and "4 rows" in done.output
    done = run.invoke(app, ["export", "tables", str(tmp_path / "t"), "--workspace", str(study.folder)])
    assert done.exit_code == 0 and (tmp_path / "t" / "example.parquet").is_file()
    done = run.invoke(app, ["export", "labels", str(tmp_path / "l.csv"), "--workspace", str(tmp_path)])
    assert done.exit_code == 1 and "holds no study" in done.output
