"""CSV that spreadsheets show and do not compute.

A text whose first sign a spreadsheet takes for the beginning of a formula (`=` `+` `-` `@`, a tab, a line break) gets an apostrophe
before it, which spreadsheets take for "this is text", and every text stands in quotes. Numbers stay numbers. Whoever reads the file
by program takes the apostrophe off, or reads Parquet or JSON, which have every text as it is.
"""

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell instead of showing it, with the wide forms (OWASP, "CSV Injection")."""


def cell(value: object) -> object:
    """A value as a cell of a CSV has it: a text that would be computed has an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a heading and rows, one at a time; None is an empty cell."""
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
