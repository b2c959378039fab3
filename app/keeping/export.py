"""A list of features as a file: JSON with everything as it is, CSV for spreadsheets."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

from app.keeping.tables import Row
from bae.notebook.lists import FeatureList

COLUMNS = ("dictionary", "checkpoint", "feature", "label", "label_by", "words", "rate", "note")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet compute a cell instead of showing it."""


def as_json(kept: FeatureList, rows: Sequence[Row]) -> str:
    """The list with its source and its features; rates are shares of tokens in [0, 1], null where the index lacks the feature."""
    return json.dumps({**asdict(kept), "features": [_told(row) for row in rows]}, ensure_ascii=False, indent=1)


def as_csv(rows: Sequence[Row]) -> str:
    """A line a feature. A text that a spreadsheet would take for a formula has an apostrophe before it; JSON has it as it is."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in _told(row).values()] for row in rows)
    return file.getvalue()


def _told(row: Row) -> dict:
    values = (*row.key, row.label, row.label_by, row.words, row.rate, row.note)
    return dict(zip(COLUMNS, values, strict=True))


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
