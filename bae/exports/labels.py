"""Every label of a study's dictionaries as a table: CSV for spreadsheets, Parquet with every text as it is."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bae.comsem.score import Score
from bae.exports import spreadsheet
from bae.exports.material import Material, Said
from bae.system.files import written_whole

SCORES = {
    "score": pa.float64(),
    "low": pa.float64(),
    "high": pa.float64(),
    "asked": pa.int64(),
    "yes": pa.int64(),
    "unclear": pa.int64(),
    "negatives": pa.int64(),
    "false_yes": pa.int64(),
    "balanced_accuracy": pa.float64(),
    "auroc": pa.float64(),
    "vacuous": pa.bool_(),
}
"""The fields of `bae.comsem.score.Score`, which says what each means."""
SCHEMA = pa.schema(
    {
        "dictionary": pa.string(),
        "layer": pa.int64(),
        "checkpoint": pa.string(),
        "feature": pa.int64(),
        "label": pa.string(),
        "shown": pa.bool_(),
        "source": pa.string(),
        "judge": pa.string(),
        "draft": pa.bool_(),
        "prompt_version": pa.string(),
        "run": pa.string(),
        "created": pa.string(),
        "occurrences": pa.int64(),
        "scored_by": pa.string(),
        **SCORES,
    }
)
"""A row a label and judge that scored it. `shown` is the label that stands for the feature; `created` is in UTC; `scored_by` is empty where
nobody scored it; the same label stands in several rows where several judges did."""
ROWS_AT_ONCE = 10_000


def write(material: Material, dictionaries: Sequence[str], file: Path) -> int:
    """Write all labels of these dictionaries, whole or not at all, as the name of the file says: `.csv` or `.parquet`.

    Returns the number of rows. Raises ValueError for another name, and where the index lacks a dictionary.
    """
    if file.suffix not in (".csv", ".parquet"):
        raise ValueError(f"labels are written as .csv or .parquet; got {file.name}")
    with written_whole(file.absolute()) as draft:
        return (_write_csv if file.suffix == ".csv" else _write_parquet)(rows(material, dictionaries), draft)


def rows(material: Material, dictionaries: Sequence[str]) -> Iterator[tuple]:
    """The rows of the table, by dictionary and feature, in the order of `SCHEMA`."""
    for name in dictionaries:
        layer = material.entry(name).layer
        for said in material.all_said(name):
            yield from _rows(said, layer)


def _rows(said: Said, layer: int) -> Iterator[tuple]:
    label = said.label
    created = datetime.fromtimestamp(label.created, UTC).isoformat(timespec="seconds")
    told = (
        *(label.subject.dictionary, layer, label.subject.checkpoint, label.feature, label.text, said.shown),
        *(label.source, label.judge, label.draft, label.prompt_version, label.run, created, label.occurrences),
    )
    for judge, score in said.scores or (("", None),):
        yield (*told, judge, *_figures(score))


def _figures(score: Score | None) -> tuple:
    return tuple(None if score is None else getattr(score, name) for name in SCORES)


def _write_csv(found: Iterator[tuple], file: Path) -> int:
    counted = _Counted(found)
    # utf-8-sig: without a mark some spreadsheets take the file for another encoding; newline="": csv writes its own
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        spreadsheet.write(out, SCHEMA.names, counted)
    return counted.number


def _write_parquet(found: Iterator[tuple], file: Path) -> int:
    counted = _Counted(found)
    passing = iter(counted)
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        while some := list(islice(passing, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pydict(dict(zip(SCHEMA.names, zip(*some, strict=True), strict=True)), SCHEMA))
    return counted.number


class _Counted:
    """Rows that are counted as they pass."""

    def __init__(self, found: Iterator[tuple]):
        self._found, self.number = found, 0

    def __iter__(self) -> Iterator[tuple]:
        for row in self._found:
            self.number += 1
            yield row
