"""A report as one HTML file that stands alone: no script, no network, light and dark as the reader has it. All text is escaped."""

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from bae.reproduction import svg
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, VERDICTS, Report, Section, Source, Table
from bae.system.files import written_whole

STYLE = """
:root{color-scheme:light dark;--text:#1c1c1c;--page:#fff;--soft:#666;--line:#ddd;--paper:#f3f1ea;--ours:#e8f2f6;
--agrees:#0b6e4f;--differs:#a63d00;--unsaid:#666;
--c0:#0072B2;--c1:#D55E00;--c2:#009E73;--c3:#CC79A7;--c4:#B07800;--c5:#2f8fce;--c6:#7F7F7F}
@media (prefers-color-scheme:dark){:root{--text:#e8e8e8;--page:#15181c;--soft:#a5a5a5;--line:#3a3f45;--paper:#2a2822;--ours:#16303a;
--agrees:#4cc79b;--differs:#ff9a5c;--unsaid:#a5a5a5;
--c0:#5ab0e8;--c1:#ff8a45;--c2:#35c795;--c3:#e39cc5;--c4:#e6ac30;--c5:#86c8f2;--c6:#a8a8a8}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:1180px;margin:0 auto;padding:1.2rem}
h1{font-size:1.5rem;line-height:1.3}h2{margin:3rem 0 .2rem;border-top:1px solid var(--line);padding-top:1.2rem}
h3{font-size:1rem;margin:1.6rem 0 .3rem}
.soft,figcaption,.notes,.sources{color:var(--soft);font-size:.86rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.84rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem .25rem .4rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
th{font-weight:600;vertical-align:bottom}th small{display:block;font-weight:400;color:var(--soft)}
td.number{white-space:nowrap}.paper{background:var(--paper)}.ours{background:var(--ours)}
.claims td:nth-child(2){white-space:nowrap;font-weight:600}
.agrees{color:var(--agrees)}.differs{color:var(--differs)}.unsaid{color:var(--unsaid)}
code{font-size:.85em;overflow-wrap:anywhere}
figure{margin:1.2rem 0;max-width:760px}figure>svg{width:100%;height:auto}
svg text{font-size:12px;fill:var(--soft)}.grid{stroke:var(--line)}.line{fill:none;stroke-width:1.8}.band{stroke:none;fill-opacity:.13}
.dashed{stroke-dasharray:5 4}.d1{stroke-dasharray:2 3}.d2{stroke-dasharray:8 3 2 3}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;font-size:.82rem}.key{width:26px;height:8px;margin-right:.4rem}
details{margin:.8rem 0}summary{cursor:pointer}
"""
STYLE += "".join(f".line.c{n}{{stroke:var(--c{n})}}.mark.c{n},.band.c{n}{{fill:var(--c{n})}}" for n in range(svg.COLOURS))
CLASSES = {AGREES: "agrees", DIFFERS: "differs", UNSAID: "unsaid"}


def write(report: Report, file: Path) -> None:
    """Write it down, whole or not at all."""
    with written_whole(file) as draft:
        draft.write_text(page(report), encoding="utf-8")


def page(report: Report) -> str:
    """The whole document."""
    title = escape(report.title)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title><style>{STYLE}</style></head>'
    )
    told = (
        f"Written by <code>bae reproduce</code> on {escape(report.date)} with the recipe {escape(report.recipe)}; "
        f"{escape(report.machine)}. Language model: {escape(report.model)}. Numbers of the paper stand on "
        '<span class="paper">this ground</span>, ours on <span class="ours">this one</span>; every number of ours has its command, machine '
        "and date at the end of its item. Verdicts are computed from the numbers."
    )
    body = [f"<h1>{title}</h1>", f"<p>{told}</p>", _summary(report), *map(_section, report.sections)]
    return f"{head}<body>{''.join(body)}</body></html>\n"


def _summary(report: Report) -> str:
    rows = (
        f'<tr><td><a href="#{escape(one.name)}">{escape(one.title)}</a></td><td>{escape(one.section)}</td>'
        + "".join(f'<td class="{CLASSES[verdict]}">{one.count(verdict) or ""}</td>' for verdict in VERDICTS)
        + f"<td>{escape(one.standing)}</td></tr>"
        for one in report.sections
    )
    heads = "".join(f"<th>{name}</th>" for name in ("item", "section", *VERDICTS, "standing"))
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'


def _section(section: Section) -> str:
    caption = f"{escape(section.caption)} (section {section.section})"
    head = f'<h2 id="{escape(section.name)}">{escape(section.title)}</h2><p class="soft">{caption}</p>'
    if section.damaged:
        return f'{head}<p class="differs"><b>Cannot be read:</b> {escape(section.damaged)}</p>'
    return head + "".join(
        [
            _claims(section),
            *map(_table, section.tables),
            *(f"<figure>{svg.drawing(figure)}<figcaption>{escape(figure.title)}</figcaption></figure>" for figure in section.figures),
            _scale(section),
            _missing(section),
            _sources(section.sources),
        ]
    )


def _claims(section: Section) -> str:
    if not section.claims:
        return ""
    rows = "".join(
        f'<tr><td>{escape(one.says)}</td><td class="{CLASSES[one.verdict]}">{one.verdict}</td><td>{escape(one.told)}</td></tr>'
        for one in section.claims
    )
    heads = "<tr><th>what the paper says</th><th>verdict</th><th>our numbers</th></tr>"
    return f'<div class="wide"><table class="claims">{heads}{rows}</table></div>'


def _table(table: Table) -> str:
    heads = "".join(
        f'<th class="{column.whose}" title="{escape(column.about)}">{escape(column.title)}<small>{escape(_under(column))}</small></th>'
        for column in table.columns
    )
    rows = "".join(f"<tr>{''.join(_cells(row, table))}</tr>" for row in table.rows)
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    notes = f'<ul class="notes">{notes}</ul>' if notes else ""
    return f'<h3>{escape(table.title)}</h3><div class="wide"><table><tr>{heads}</tr>{rows}</table></div>{notes}'


def _under(column) -> str:
    return ", ".join(filter(None, (column.whose, column.unit)))


def _cells(row, table: Table) -> Iterator[str]:
    for cell, column in zip(row, table.columns, strict=True):
        kind = f"number {column.whose}" if column.whose else ""
        yield f'<td class="{kind}">{escape(cell.shown(column.form))}</td>'


def _scale(section: Section) -> str:
    if not section.scale:
        return ""
    rows = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in section.scale)
    return f"<details><summary>Scale</summary><table><tr><th></th><th>paper</th><th>ours</th></tr>{rows}</table></details>"


def _missing(section: Section) -> str:
    told = "".join(f"<li>{escape(one.what)}: <code>{escape(one.command)}</code></li>" for one in section.missing)
    return f"<p>Not measured, and what fills it:</p><ul>{told}</ul>" if told else ""


def _sources(sources: Iterable[Source]) -> str:
    told = "".join(f"<li>{_source(source)}</li>" for source in sources)
    return f'<details class="sources"><summary>Where ours come from</summary><ul>{told}</ul></details>' if told else ""


def _source(source: Source) -> str:
    seeds = f"seed {', '.join(map(str, source.seeds))}" if source.seeds else ""
    told = "; ".join(filter(None, (source.machine, source.date, seeds, source.about)))
    return f"{escape(source.what)}: <code>{escape(source.command)}</code>; {escape(told)}"
