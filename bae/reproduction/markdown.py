"""A report as Markdown with GitHub's tables. Foreign text cannot reach out of its cell or its line."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bae.reproduction.report import VERDICTS, Report, Section, Source, Table
from bae.system.files import written_whole

WHOSE = {"paper": "paper: ", "ours": "ours: ", "": ""}


def write(report: Report, file: Path) -> None:
    """Write it down, whole or not at all."""
    with written_whole(file) as draft:
        draft.write_text("\n".join(lines(report)) + "\n", encoding="utf-8")


def lines(report: Report) -> Iterator[str]:
    """The whole report."""
    yield f"# {plain(report.title)}"
    yield ""
    yield (
        f"Written by `bae reproduce` on {report.date} with the recipe `{report.recipe}`; {plain(report.machine)}. "
        f"Language model: {plain(report.model)}. Every number of ours has its command, machine and date below its table. Verdicts are "
        "computed from the numbers."
    )
    yield ""
    yield from _table(["item", "section", *VERDICTS, "standing"], (_summary(section) for section in report.sections))
    for section in report.sections:
        yield from ("", f"## {section.title}", "", f"*{plain(section.caption)}* (section {section.section})", "")
        yield from _section(section)


def _summary(section: Section) -> list[str]:
    return [f"[{section.title}](#{section.title.lower().replace(' ', '-')})", section.section,
            *(str(section.count(verdict)) for verdict in VERDICTS), section.standing]  # fmt: skip


def _section(section: Section) -> Iterator[str]:
    if section.damaged:
        yield f"**Cannot be read:** {plain(section.damaged)}"
        return
    if section.claims:
        yield from _table(
            ["what the paper says", "verdict", "our numbers"], ([plain(c.says), f"**{c.verdict}**", plain(c.told)] for c in section.claims)
        )
        yield ""
    for table in section.tables:
        yield from (f"**{plain(table.title)}**", "")
        yield from _table(list(heads(table)), ([plain(text) for text in row] for row in shown(table)))
        yield from ("", *(f"- {plain(note)}" for note in table.notes), "")
    for figure in section.figures:
        yield from (f"Figure: {plain(figure.title)}, in `report.html`; its points are in `results.parquet`.", "")
    if section.scale:
        yield from _table(["scale", "paper", "ours"], ([plain(text) for text in row] for row in section.scale))
        yield ""
    if section.missing:
        yield from (
            "Not measured, and what fills it:",
            "",
            *(f"- {plain(one.what)}" + (f": {code(one.command)}" if one.command else "") for one in section.missing),
            "",
        )
    yield from (f"- {_source(source)}" for source in section.sources)


def heads(table: Table) -> Iterator[str]:
    """Headings with their unit, and whose numbers they are."""
    for column in table.columns:
        yield plain(f"{WHOSE[column.whose]}{column.title}" + (f", {column.unit}" if column.unit else ""))


def shown(table: Table) -> Iterator[list[str]]:
    """Cells as texts."""
    return ([cell.shown(column.form) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _source(source: Source) -> str:
    seeds = f"seed {', '.join(map(str, source.seeds))}" if source.seeds else ""
    told = "; ".join(filter(None, (plain(source.machine), plain(source.date), seeds, plain(source.about))))
    return f"{plain(source.what)}: {code(source.command)}; {told}"


def plain(text: str) -> str:
    """Foreign text as text in a line: what Markdown or HTML would read in it is escaped."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]<>|$~#])", r"\\\1", line).replace("&", "&amp;")


def code(text: str) -> str:
    """Foreign text as code, in a line; a bar would end a cell even there."""
    line = " ".join(str(text).split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"
