"""The table of the compare page: a row a dictionary, a column a figure, each with its hover. As HTML, so that cells have hovers too."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from app.charts import KIND_COLOURS, PEER_COLOUR
from app.components.explain import MEANINGS, Meaning
from bae.measures.reports import Report
from bae.names import TITLES

GROUPS = {
    "reconstruction": "Reconstruction",
    "cost": "Cost of a token",
    "features": "Features",
    "model": "Language model",
    "probing": "Probing sentiment",
    "shape": "Shape of W_out",
    "tokens": "Text",
}
CHOICES = {"basic": "Basic", **GROUPS, "all": "All"}
SIGNS = dict(zip(TITLES, "●■◆▲✚★⬢✖", strict=True))
"""As in the charts."""
ARROWS = {"lower": "↓", "higher": "↑", "near 1": "→\N{NO-BREAK SPACE}1"}
STYLE = """<style>
.figures-scroll { overflow-x: auto; }
.figures { border-collapse: separate; border-spacing: 0; font-size: .9rem; font-variant-numeric: tabular-nums; }
.figures th { font-weight: 500; text-align: right; vertical-align: bottom; padding: .15rem .7rem .35rem; line-height: 1.25; cursor: help; }
.figures th small { display: block; font-weight: 400; opacity: .65; white-space: nowrap; }
.figures th.group { text-align: left; font-size: .8rem; opacity: .65; cursor: default; border-left: 1px solid rgba(128,128,128,.3); }
.figures th.first, .figures td.first { border-left: 1px solid rgba(128,128,128,.3); }
.figures td { text-align: right; padding: .4rem .7rem; border-top: 1px solid rgba(128,128,128,.22); white-space: nowrap; }
.figures .who { text-align: left; line-height: 1.3; padding-left: 0; cursor: default; max-width: 15rem; overflow-wrap: anywhere;
  white-space: normal; min-width: 9rem; }
.figures .who { position: sticky; left: 0; z-index: 1; background: light-dark(#FCFCFB, #14191E); }
.figures a { color: inherit; text-decoration: underline dotted; text-underline-offset: .2em; }
.figures .who small { opacity: .7; }
.figures td.best span { font-weight: 700; background: rgba(0,114,178,.16); border-radius: .25rem; padding: .1rem .35rem; margin: 0 -.35rem }
.figures .carried { font-style: italic; opacity: .8; }
.figures .none { opacity: .55; cursor: help; }
</style>"""


def plain(value: float) -> str:
    """Three digits behind the point."""
    return f"{value:.3f}"


def count(value: float) -> str:
    """A whole number."""
    return f"{value:,.0f}"


def tenth(value: float) -> str:
    """One digit behind the point."""
    return f"{value:,.1f}"


def hundredth(share: float) -> str:
    """A share in [0, 1] in per cent; the unit stands in the heading."""
    return f"{100 * share:.1f}"


def digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.3g}"


@dataclass(frozen=True)
class Column:
    """A figure as a column."""

    metric: str
    """Its name in `bae evaluate --json`."""
    group: str
    show: Callable[[float], str]
    basic: bool = False
    explained: str = ""
    """Its name among the meanings, where that is another."""

    @property
    def meaning(self) -> Meaning:
        """What it is."""
        return MEANINGS[self.explained or self.metric]

    @property
    def percent(self) -> bool:
        """Whether it is a share that is shown in per cent."""
        return self.show is hundredth

    @property
    def axis(self) -> str:
        """Its name with its unit."""
        return f"{self.meaning.label} ({self.meaning.unit})" if self.meaning.unit else self.meaning.label


COLUMNS = (
    Column("fvu", "reconstruction", plain, basic=True),
    Column("fvu_all", "reconstruction", digits),
    Column("cosine", "reconstruction", plain),
    Column("shrinkage", "reconstruction", plain),
    Column("l_r", "reconstruction", digits),
    Column("l0", "cost", tenth, basic=True),
    Column("l0_deviations", "cost", tenth),
    Column("l0_top_k", "cost", tenth),
    Column("support_bits", "cost", tenth, basic=True),
    Column("tree_bits", "cost", tenth),
    Column("active_8192_tokens", "features", count, basic=True),
    Column("dense_share", "features", hundredth, basic=True),
    Column("dense_over_1_percent", "features", hundredth),
    Column("max_rate", "features", hundredth),
    Column("max_top_k_rate", "features", hundredth),
    Column("dead", "features", count, basic=True),
    Column("frozen", "features", count),
    Column("delta_ce", "model", plain, basic=True),
    Column("ce_score", "model", plain, basic=True),
    Column("probe_k1", "probing", hundredth),
    Column("probe_k5", "probing", hundredth),
    Column("probe_majority", "probing", hundredth),
    Column("effective_rank", "shape", tenth),
    Column("spectral_norm_samples", "shape", digits),
    Column("spectral_norm_samples_unit", "shape", digits),
    Column("spectral_norm_variables", "shape", digits),
    Column("spectral_norm_variables_unit", "shape", digits),
    Column("tokens", "tokens", count, explained="tokens_measured"),
)
BY_METRIC = {column.metric: column for column in COLUMNS}


def columns(picked: Sequence[str]) -> list[Column]:
    """The columns of the chosen groups, in the order of the table; the basic ones where none is chosen."""
    picked = picked or ("basic",)
    return [column for column in COLUMNS if "all" in picked or column.group in picked or ("basic" in picked and column.basic)]


def best(rows: Sequence[Report], column: Column) -> set[str]:
    """Names of the dictionaries that are best by a figure among those of their layer; figures measured elsewhere do not compete.

    None where a layer has no two that differ in what is shown.
    """
    better, names = column.meaning.better, set()
    if not better:
        return names
    worth = {"lower": lambda value: -value, "higher": lambda value: value, "near 1": lambda value: -abs(value - 1)}[better]
    for layer in {row.layer for row in rows}:
        found = {
            row.name: row.measured[column.metric] for row in rows if row.layer == layer and row.measured.get(column.metric) is not None
        }
        shown = {name: column.show(value) for name, value in found.items()}
        if len(set(shown.values())) > 1:
            top = shown[max(found, key=lambda name: worth(found[name]))]
            names |= {name for name, text in shown.items() if text == top}
    return names


def in_order(rows: Sequence[Report], column: Column | None) -> list[Report]:
    """Rows with the best of a figure first and those that lack it last; without a figure as they come."""
    if column is None:
        return list(rows)
    sign = {"higher": -1}.get(column.meaning.better, 1)
    near = 1.0 if column.meaning.better == "near 1" else None

    def place(row: Report) -> tuple[bool, float]:
        value = row.figure(column.metric)
        return value is None, 0.0 if value is None else abs(value - near) if near is not None else sign * value

    return sorted(rows, key=place)


def html(rows: Sequence[Report], shown: Sequence[Column], command: str, indexed: frozenset[str]) -> str:
    """The whole table. `command` measures what is missing; dictionaries that are `indexed` have features to look at."""
    begins = {column.metric for place, column in enumerate(shown) if not place or shown[place - 1].group != column.group}
    winners = {column.metric: best(rows, column) for column in shown}
    lines = "".join(
        f"<tr>{_who(row, row.name in indexed)}"
        + "".join(
            _cell(row, column, command, row.name in winners[column.metric], "first" if column.metric in begins else "") for column in shown
        )
        + "</tr>"
        for row in rows
    )
    table = f'<table class="figures"><thead>{_heads(shown, begins)}</thead><tbody>{lines}</tbody></table>'
    return f'{STYLE}<div class="figures-scroll">{table}</div>'


def _heads(shown: Sequence[Column], begins: set[str]) -> str:
    groups = "".join(
        f'<th class="group" colspan="{sum(one.group == column.group for one in shown)}">{GROUPS[column.group]}</th>'
        for column in shown
        if column.metric in begins
    )
    names = "".join(_head(column.meaning, column.metric in begins) for column in shown)
    return f'<tr><th class="who" rowspan="2" scope="col">Dictionary</th>{groups}</tr><tr>{names}</tr>'


def _head(meaning: Meaning, first: bool) -> str:
    unit = escape(meaning.unit) or "&nbsp;"
    # a heading breaks between words, not within "k = 5", "10 %" or "Delta-CE"
    label = escape(meaning.label).replace(" = ", "&nbsp;=&nbsp;").replace(" %", "&nbsp;%").replace("-", "&#8209;")
    return (
        f'<th scope="col" class="{"first" if first else ""}" title="{escape(meaning.hover)}">'
        f"{label}&nbsp;{ARROWS.get(meaning.better, '')}<small>{unit}</small></th>"
    )


def _who(row: Report, indexed: bool) -> str:
    name = escape(row.name)
    if indexed:
        name = f'<a href="features?ae={quote(row.name, safe="")}" target="_self" title="Its features">{name}</a>'
    else:
        name = f'<span title="Not in the index: `bae index` puts its features on the pages.">{name}</span>'
    return (
        f'<td class="who"><span style="color:{KIND_COLOURS.get(row.kind, PEER_COLOUR)}">{SIGNS.get(row.kind, "○")}</span> <b>{name}</b><br>'
        f"<small>{escape(TITLES.get(row.kind, row.kind))} · layer {row.layer}</small></td>"
    )


def _cell(row: Report, column: Column, command: str, wins: bool, kind: str) -> str:
    value = row.figure(column.metric)
    if row.lacks(column.metric):
        return f'<td class="{kind}"><span class="none" title="Not measured here. {escape(command)} measures it.">–</span></td>'
    if value is None:
        return f'<td class="{kind}"><span class="none" title="It does not apply to this dictionary.">n/a</span></td>'
    text = column.show(value)
    if column.metric not in row.measured:
        told = f"Came with the checkpoint, not measured here. {escape(command)} measures it."
        return f'<td class="{kind}"><span class="carried" title="{told}">{text}*</span></td>'
    told = f' title="Best of layer {row.layer}"' if wins else ""
    return f'<td class="{kind} {"best" if wins else ""}"{told}><span>{text}</span></td>'


def as_csv(rows: Sequence[Report]) -> str:
    """Every figure of these dictionaries with all its digits, by its name in `bae evaluate --json`; shares stay in 0..1."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(["name", "kind", "layer", "n_features", "measured_here", *(column.metric for column in COLUMNS)])
    for row in rows:
        figures = [row.figure(column.metric) for column in COLUMNS]
        write(
            [
                row.name,
                row.kind,
                row.layer,
                row.n_features,
                int(bool(row.measured)),
                *("" if value is None else value for value in figures),
            ]
        )
    return file.getvalue()
