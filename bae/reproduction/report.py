"""What a reproduction is, as plain data: items with tables, figures and claims of the paper, each with its verdict. Draws nothing.

Kept as JSON; `bae.reproduction.markdown`, `.html` and `.rows` write it for people and machines.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from bae.system.files import write_json

FORMAT = 1
AGREES, DIFFERS, UNSAID = "agrees", "differs", "cannot be said"
Verdict = Literal["agrees", "differs", "cannot be said"]
VERDICTS: tuple[Verdict, ...] = (AGREES, DIFFERS, UNSAID)
SEVERAL: dict[str, str] = {AGREES: "agree", DIFFERS: "differ", UNSAID: "cannot be said"}
Whose = Literal["paper", "ours", ""]


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    unit: str = ""
    whose: Whose = ""
    """The paper's numbers, ours, or what names the row."""
    form: str = "{:g}"
    about: str = ""
    """What it is, where the title does not say it all."""


@dataclass(frozen=True)
class Cell:
    """A number with its spread over seeds, or a text; or neither: not measured, or not in the paper."""

    value: float | None = None
    low: float | None = None
    """Least of the seeds; None for a single one."""
    high: float | None = None
    seeds: int = 1
    text: str | None = None
    """What is shown in place of the number, or beside nothing."""

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "Cell":
        """The mean of what there is, a value a seed, and its range."""
        known = [float(value) for value in values if value is not None and math.isfinite(value)]
        if not known:
            return cls()
        spread = (min(known), max(known)) if len(known) > 1 else (None, None)
        return cls(sum(known) / len(known), *spread, seeds=len(known))

    def shown(self, form: str) -> str:
        """As a reader sees it; empty where there is nothing."""
        if self.text is not None or self.value is None:
            return self.text or ""
        mean = form.format(self.value)
        low, high = (None if end is None else form.format(end) for end in (self.low, self.high))
        return mean if low is None or low == high else f"{mean} ({low} to {high})"


@dataclass(frozen=True)
class Table:
    """Numbers side by side."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Curve:
    """A line of a figure."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    """Lower end of an interval a point; empty without."""
    high: tuple[float, ...] = ()
    dashed: bool = False
    """Of the same colour as the curve before it, which it is to be compared with."""


@dataclass(frozen=True)
class Figure:
    """Lines over a common axis."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, and what our numbers say of it."""

    says: str
    verdict: Verdict
    told: str
    """The figures that the verdict was made from."""


@dataclass(frozen=True)
class Source:
    """Where numbers come from."""

    what: str
    command: str
    machine: str = ""
    """Empty: not kept."""
    date: str = ""
    seeds: tuple[int, ...] = ()
    about: str = ""


@dataclass(frozen=True)
class Missing:
    """What was not measured."""

    what: str
    command: str = ""
    """That fills it; empty where it failed."""


@dataclass(frozen=True)
class Section:
    """An item of the report: a table or figure of the paper."""

    name: str
    title: str
    section: str
    """Of the paper."""
    caption: str
    scale: tuple[tuple[str, str, str], ...] = ()
    """What differs in scale: quantity, in the paper, here."""
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    claims: tuple[Claim, ...] = ()
    sources: tuple[Source, ...] = ()
    missing: tuple[Missing, ...] = ()
    damaged: str = ""
    """Why nothing can be read; empty where it can."""

    @property
    def measured(self) -> bool:
        """Whether there is a number of ours."""
        rows = ((row, table.columns) for table in self.tables for row in table.rows)
        ours = (cell for row, columns in rows for cell, column in zip(row, columns, strict=True) if column.whose == "ours")
        return bool(self.figures) or any(cell.value is not None for cell in ours)

    def count(self, verdict: Verdict) -> int:
        """Claims with this verdict."""
        return sum(claim.verdict == verdict for claim in self.claims)

    @property
    def standing(self) -> str:
        """In a few words."""
        if self.damaged:
            return "damaged"
        if not self.measured:
            return "not measured"
        counted = ((self.count(verdict), verdict) for verdict in VERDICTS)
        return ", ".join(f"{n} {SEVERAL[verdict] if n > 1 else verdict}" for n, verdict in counted if n) or "measured"


@dataclass(frozen=True)
class Report:
    """A whole reproduction."""

    title: str
    recipe: str
    workspace: str
    model: str
    date: str
    machine: str
    """Where the report was made; numbers have a machine of their own."""
    sections: tuple[Section, ...]
    format: int = field(default=FORMAT)

    def keep(self, file: Path) -> None:
        """Write it as JSON."""
        write_json(file, asdict(self))

    @classmethod
    def read(cls, file: Path) -> "Report":
        """What was kept. Raises ValueError where the file is damaged or of another version."""
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            if told["format"] != FORMAT:
                raise ValueError(f"it is of format {told['format']!r}, this program reads {FORMAT}")
            return cls(**{**told, "sections": tuple(map(_section, told["sections"]))})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file} is damaged ({error}); `bae reproduce --report-only` makes it anew") from error


def _section(told: dict) -> Section:
    made = {
        "tables": tuple(_table(one) for one in told["tables"]),
        "figures": tuple(Figure(**{**one, "curves": tuple(map(_curve, one["curves"]))}) for one in told["figures"]),
        "claims": tuple(Claim(**one) for one in told["claims"]),
        "sources": tuple(Source(**{**one, "seeds": tuple(one["seeds"])}) for one in told["sources"]),
        "missing": tuple(Missing(**one) for one in told["missing"]),
        "scale": tuple((name, paper, ours) for name, paper, ours in told["scale"]),
    }
    return Section(**{**told, **made})


def _table(told: dict) -> Table:
    rows = tuple(tuple(Cell(**cell) for cell in row) for row in told["rows"])
    columns = tuple(Column(**column) for column in told["columns"])
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"a row of the table {told['title']!r} has not as many cells as there are columns")
    return Table(told["title"], columns, rows, tuple(told["notes"]))


def _curve(told: dict) -> Curve:
    points = {name: tuple(told[name]) for name in ("x", "y", "low", "high")}
    return Curve(told["name"], dashed=told["dashed"], **points)
