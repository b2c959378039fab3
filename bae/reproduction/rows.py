"""A report as rows for machines: every number once, in long form, as Parquet."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from bae.reproduction.report import Report, Section
from bae.system.files import written_whole

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("part", pa.string()),  # table, figure or claim
        ("title", pa.string()),  # of the table or figure
        ("row", pa.string()),  # what names the row, or the curve
        ("measure", pa.string()),
        ("unit", pa.string()),
        ("whose", pa.string()),  # paper or ours
        ("x", pa.float64()),  # of a figure's point
        ("value", pa.float64()),
        ("low", pa.float64()),  # range over seeds or draws, or an interval
        ("high", pa.float64()),
        ("seeds", pa.int64()),
        ("text", pa.string()),  # a claim's verdict, or what is shown in place of a number
    ]
)


def rows(report: Report) -> Iterator[dict]:
    """All of a report's numbers, paper's and ours, and its verdicts."""
    for section in report.sections:
        for row in (*_cells(section), *_points(section), *_claims(section)):
            yield {"item": section.name, **row}


def _cells(section: Section) -> Iterator[dict]:
    for table in section.tables:
        for row in table.rows:
            named = " · ".join(cell.text or "" for cell, column in zip(row, table.columns, strict=True) if not column.whose)
            for cell, column in zip(row, table.columns, strict=True):
                if column.whose and cell.value is not None:
                    numbers = {"value": cell.value, "low": cell.low, "high": cell.high, "seeds": cell.seeds, "text": cell.text}
                    told = {"measure": column.title, "unit": column.unit, "whose": column.whose}
                    yield {"part": "table", "title": table.title, "row": named, **told, **numbers}


def _points(section: Section) -> Iterator[dict]:
    for figure in section.figures:
        for curve in figure.curves:
            for place, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
                ends = {name: getattr(curve, name)[place] if getattr(curve, name) else None for name in ("low", "high")}
                told = {"title": figure.title, "row": curve.name, "measure": figure.y, "whose": "ours"}
                yield {"part": "figure", **told, "x": x, "value": y, **ends}


def _claims(section: Section) -> Iterator[dict]:
    for claim in section.claims:
        yield {"part": "claim", "title": section.title, "row": claim.says, "measure": "verdict", "text": claim.verdict}


def write(report: Report, file: Path) -> None:
    """Write them down, whole or not at all."""
    with written_whole(file) as draft:
        pyarrow.parquet.write_table(pa.Table.from_pylist(list(rows(report)), SCHEMA), draft)
