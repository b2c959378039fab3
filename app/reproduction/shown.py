"""The report as a page: what stands, one item with its claims, tables, figures and sources, and files to take away."""

from collections.abc import Iterable
from html import escape

import streamlit as st

from app import charts
from app.components import url
from app.components.explain import MEANINGS, hover
from app.components.small_table import small_table
from app.reproduction import charts as figures
from app.services import reproduction
from app.services.reproduction import Kept
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, VERDICTS, Column, Report, Section, Source, Table

OVERVIEW = "overview"
NAMES = {AGREES: "reproduction_agrees", DIFFERS: "reproduction_differs", UNSAID: "reproduction_unsaid"}
COLOURS = {AGREES: "#1B8A5A", DIFFERS: "#D55E00", UNSAID: "#7F7F7F"}
"""Of verdicts; the word stands beside the colour."""
BOLD, SOFT = "font-weight:600;margin-top:.8rem", "font-size:.88rem;opacity:.75"
GROUNDS = {"paper": "rgba(176,152,80,.13)", "ours": "rgba(10,140,163,.10)", "": "transparent"}
COMMAND = "bae reproduce --workspace {}"


def draw(kept: Kept, study: str) -> None:
    """All of it; `study` is the name of the workspace's folder."""
    _whence(kept, study)
    report = kept.report
    titles = {OVERVIEW: "Overview", **{section.name: section.title for section in report.sections}}
    item = url.switch("Item", "item", titles, OVERVIEW)
    if item == OVERVIEW:
        _overview(report)
        _downloads(kept)
        return
    _section(next(section for section in report.sections if section.name == item))


def _whence(kept: Kept, study: str) -> None:
    report = kept.report
    told = f"{url.code(report.model)}, recipe {url.code(report.recipe)}, written {url.code(report.date[:16].replace('T', ' '))} on "
    told += url.code(report.machine)
    if kept.shipped:
        st.info(
            f"This report comes with the explorer and is not of this workspace: {told}. {url.code(COMMAND.format(study))} makes one here; "
            "with `--dry-run` it says first what is left to do and how long that takes.",
            icon=":material/inventory_2:",
        )
    else:
        st.caption(f"The report of this workspace: {told}.")


def _overview(report: Report) -> None:
    heads = [("Item", ""), ("Section of the paper", ""), *((MEANINGS[NAMES[one]].label, hover(NAMES[one])) for one in VERDICTS), ("", "")]
    rows = [
        [escape(one.title), escape(one.section), *(_count(one, verdict) for verdict in VERDICTS), _state(one)] for one in report.sections
    ]
    st.html(small_table(heads, rows))
    st.caption("Verdicts are computed from the numbers. What differs in scale between the paper and here is told with every item.")


def _count(section: Section, verdict: str) -> str:
    count = section.count(verdict)
    return f'<span style="color:{COLOURS[verdict]};font-weight:600">{count}</span>' if count else ""


def _state(section: Section) -> str:
    if section.damaged:
        return "cannot be read"
    return "" if section.measured else "not measured"


def _downloads(kept: Kept) -> None:
    with st.container(horizontal=True):
        for name, file in reproduction.downloads(kept.folder).items():
            told = {"key": f"reproduction:{name}", "icon": ":material/download:", "on_click": "ignore"}
            st.download_button(name, file.read_bytes(), name, reproduction.FILES[name], **told)


def _section(section: Section) -> None:
    _text(section.title, "font-size:1.4rem;font-weight:600")
    _text(f"{section.caption} Section {section.section}.", SOFT)
    if section.damaged:
        st.error(f"What was kept of this item cannot be read: {url.code(section.damaged)}", icon=":material/broken_image:")
        return
    if not section.measured:
        st.info("Nothing of this item was measured here; below stands what fills it.", icon=":material/science:")
    if section.claims:
        heads = [("What the paper says", ""), ("Verdict", ""), ("Our numbers", "")]
        st.html(small_table(heads, [[escape(one.says), _verdict(one.verdict), escape(one.told)] for one in section.claims]))
    for table in section.tables:
        _table(table)
    for number, drawn in enumerate(section.figures):
        _text(drawn.title, BOLD)
        st.plotly_chart(
            figures.figure(drawn),
            config=charts.config(f"reproduction {section.name} {number + 1}"),
            key=f"reproduction:{section.name}:{number}",
            alt=f"{drawn.title}: {drawn.y} against {drawn.x}, {len(drawn.curves)} curves",
        )
    _below(section)


def _text(text: str, style: str) -> None:
    """Foreign text as text: reports are files that anybody may have written."""
    st.html(f'<div style="{style}">{escape(text)}</div>')


def _verdict(verdict: str) -> str:
    style = f"color:{COLOURS[verdict]};font-weight:600;white-space:nowrap"
    return f'<span title="{escape(hover(NAMES[verdict]))}" style="{style}">{verdict}</span>'


def _table(table: Table) -> None:
    _text(table.title, BOLD)
    heads = [(_head(column), _about(column)) for column in table.columns]
    rows = [[_ground(cell.shown(column.form), column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    st.html(small_table(heads, rows))
    for note in table.notes:
        _text(note, SOFT)


def _head(column: Column) -> str:
    return ": ".join(filter(None, (column.whose, column.title))) + (f" ({column.unit})" if column.unit else "")


def _about(column: Column) -> str:
    whose = hover(f"reproduction_{column.whose}") if column.whose else ""
    return " ".join(filter(None, (column.about, whose)))


def _ground(shown: str, column: Column) -> str:
    style = f"background:{GROUNDS[column.whose]};white-space:nowrap" + (";padding:0 .3em" if column.whose else "")
    return f'<span style="{style}">{escape(shown)}</span>' if shown else ""


def _below(section: Section) -> None:
    if section.missing:
        st.markdown("**Not measured, and what fills it**")
        for one in section.missing:
            _text(one.what, SOFT)
            if one.command:
                st.code(one.command, language="bash")
    if section.scale:
        st.markdown("**Scale**")
        st.html(small_table([("", ""), ("Paper", ""), ("Here", "")], [[escape(text) for text in row] for row in section.scale]))
    if section.sources:
        st.markdown("**Where our numbers come from**")
        heads = [("What", ""), ("Command", ""), ("Machine", ""), ("Date", ""), ("Seeds", ""), ("", "")]
        st.html(small_table(heads, list(_sources(section.sources))))


def _sources(sources: Iterable[Source]) -> Iterable[list[str]]:
    for one in sources:
        seeds, date = ", ".join(map(str, one.seeds)), one.date[:16].replace("T", " ")
        told = (one.machine or "not kept", date, seeds, one.about)
        yield [escape(one.what), f"<code>{escape(one.command)}</code>", *map(escape, told)]
