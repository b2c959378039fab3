"""What the views of the experiments share: which run is shown, what it says of the paper, its lines, its table, where it comes from."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from app import charts
from app.components import panels, tables, url
from app.components.explain import MEANINGS, hover
from app.components.small_table import hovering
from app.entropy.charts import DASHES, Axis, Curve, Reference, sets
from app.live import parts as live
from bae.experiments.entropy.findings import Finding, Row
from bae.experiments.entropy.job import flat
from bae.experiments.entropy.results import Results
from bae.numbers import duration, percent

PART_OF_A_RUN = ("expansion", "position")
"""What no longer holds when another run is chosen."""
RUN_OF_A_VIEW = ("run", "lines", "bands", "log", *PART_OF_A_RUN)
"""What no longer holds when another view is chosen."""
PEERS = tuple(name for name in DASHES if name not in ("entropy", "tree"))
FORMATS = {
    "entropy": "%.2f", "entropy_low": "%.2f", "entropy_high": "%.2f", "tree": "%.2f", "tree_low": "%.2f", "tree_high": "%.2f",
    "patterns": "%.2f", "matrix_renyi": "%.2f", "two_nn": "%.1f", "binary_dimension": "%.1f", "fvu": "%.4f", "held_out_fvu": "%.4f",
    "reconstruction": "%.3g", "log2_vectors": "%.1f", "vectors": "localized", "texts_bits": "%.2f", "pca_rank": "localized",
    "moving": "localized", "always_on": "localized", "always_off": "localized", "frozen": "localized", "dropped": "localized",
    "unexplained": "%.4f", "batch": "%.2f", "step": "localized",
}  # fmt: skip
ENDS = {"entropy_low": "95 % from", "entropy_high": "95 % to", "tree_low": "Corrected from", "tree_high": "Corrected to"}
"""What the ends of intervals are called in the table."""
SMALLEST = 1e-6
"""A share that is no more than this is rounding."""
MEASURED = (
    "entropy", "entropy_low", "entropy_high", "tree", "tree_low", "tree_high", "fvu", "held_out_fvu", "reconstruction", "vectors",
    "log2_vectors", "dropped", "moving", "always_on", "always_off", "frozen", *PEERS,
)  # fmt: skip
"""Columns of the table; those that a run does not have are left out."""


def choose(found: Sequence[Results], title: Callable[[dict], str]) -> Results:
    """The chooser of the run; `title` tells settings in a few words."""
    by_name = {results.file.stem[-12:]: results for results in found}
    newest = next(iter(by_name))
    name = url.choice("run", by_name, newest)
    shown = {"format_func": lambda one: _title(by_name[one], title), "width": 900, "also": PART_OF_A_RUN}
    url.bound(st.selectbox, "Run", "run", name, list(by_name), default=newest, **shown)
    return by_name[name]


def _title(results: Results, title: Callable[[dict], str]) -> str:
    told = results.provenance
    model = f" · {told['model']}" if told["fingerprint"] else ""
    rest = "" if results.finished else f" · {told['wanted'] - len(results.rows):,} of {told['wanted']:,} rows missing"
    return f"{title(told['settings'])}{model} · {told['date'][:16].replace('T', ' ')}{rest}"


def say(found: Sequence[Finding], results: Results) -> None:
    """What the run says of the paper's findings."""
    with st.container(border=True):
        if not results.finished:
            st.caption(
                f"This run has not finished: {len(results.rows):,} of {results.provenance['wanted']:,} rows are there. "
                "What follows is of those.",
            )
        if not found:
            st.markdown("There is too little yet to hold against the paper.")
        for one in found:
            mark, said = _verdict(one.shows)
            st.markdown(f"{mark} **{one.claim}** {said}  \n{one.told}")
        if told := _fit(results.rows):
            st.caption(told, help=hover("set_fvu"))


def _fit(rows: Sequence[Row]) -> str:
    """How much the codes leave unexplained: what entropies have to be judged by."""
    told = []
    for name, where in (("fvu", "of the sets"), ("held_out_fvu", "of the vectors that no training saw")):
        there = [row[name] for row in rows if row.get(name) is not None and row["entropy"] > 0]
        if there:
            told.append(f"{_share(min(there))} to {_share(max(there))} {where}")
    return f"The codes leave unexplained {', '.join(told)}. Entropies are comparable where that is alike." if told else ""


def _verdict(shows: float | None) -> tuple[str, str]:
    if shows is None:
        return ":material/help:", "Not told by this run."
    if 0 < shows < 1:
        return ":material/contrast:", "Shows in part."
    return (":material/check_circle:", "Shows here.") if shows else (":material/cancel:", "Does not show here.")


def _share(value: float) -> str:
    return percent(value) if value > SMALLEST else "nothing"


def lines(offered: Sequence[str], usual: Sequence[str] = ("entropy",)) -> tuple[list[str], bool]:
    """The chooser of the estimates, and whether intervals are drawn; below them, on hovering, what each can see and what not."""
    picked, bands = url.several("lines", offered, usual), url.flag("bands", True)
    shown = {"format_func": estimate_title, "selection_mode": "multi", "written": ",".join, "default": list(usual)}
    url.bound(st.pills, "Estimates", "lines", picked, list(offered), **shown)
    told = " · ".join(hovering(estimate_title(name), hover(f"set_{name}")) for name in offered)
    st.html(f'<div style="font-size:.82rem;opacity:.8">Hover to read what each can see, and what it cannot: {told}</div>')
    url.bound(st.toggle, "95 % intervals", "bands", bands, default=True, written=live.bit, help=hover("set_interval"))
    return picked, bands


def estimate_title(name: str) -> str:
    """An estimate as people read it."""
    return MEANINGS[f"set_{name}"].label


def curve(rows: Sequence[Row], x: str, estimate: str, group: str, look: tuple[str, str], bands: bool) -> Curve:
    """One estimate of some sets, in the order of `x`; what it could not say of a set is a gap."""
    ordered = sorted(rows, key=lambda row: row[x])
    # most estimates have none, and of the tree earlier versions kept none
    with_spans = bands and any(_span(row, estimate) for row in ordered)
    return Curve(
        group,
        *look,
        estimate,
        estimate_title(estimate),
        [row[x] for row in ordered],
        [row[estimate] for row in ordered],
        [_note(row, x, estimate) for row in ordered],
        [row[f"{estimate}_low"] for row in ordered] if with_spans else (),
        [row[f"{estimate}_high"] for row in ordered] if with_spans else (),
    )


def _span(row: Row, estimate: str) -> tuple[float, float] | None:
    """The interval of an estimate, where there is one."""
    ends = row.get(f"{estimate}_low"), row.get(f"{estimate}_high")
    return None if None in ends else ends


def _note(row: Row, x: str, estimate: str) -> str:
    told = f" {MEANINGS[f'set_{estimate}'].unit}<br>{MEANINGS[f'set_{x}'].label} {row[x]:,}"
    if span := _span(row, estimate):
        told += f"<br>95 % interval {span[0]:,.2f} to {span[1]:,.2f}"
    if row["fvu"] is not None:
        told += f"<br>unexplained {row['fvu']:.3f}, L_r {row['reconstruction']:.3g}"
    return f"{told}<br>{row['vectors']:,} vectors"


def draw(curves: Sequence[Curve], references: Sequence[Reference], x: Axis, y: Axis, name: str, alt: str) -> None:
    """The chart, or what to do where no estimate is chosen."""
    if not curves:
        st.info("No estimate is chosen: choose one above.", icon=":material/show_chart:")
        return
    st.plotly_chart(sets(curves, references, x, y), config=charts.config(name), key=name, alt=alt)


def rows_of_interest(rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    """The columns that any of the rows has something in: earlier versions measured less."""
    there = [name for name in columns if any(row.get(name) is not None for row in rows)]
    return pd.DataFrame([{name: row.get(name) for name in there} for row in rows])


def table(results: Results, first: Sequence[str], measured: Sequence[str] = MEASURED, shown: Sequence[Row] | None = None) -> None:
    """The rows, with what tells sets apart in front; and all of them to take away."""
    rows = results.rows if shown is None else shown
    frame = rows_of_interest(rows, (*first, *measured))
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        lazy=False,
        height=tables.ROW_PX * (min(len(frame), 10) + 1) + 3,
        column_config={name: _column(name) for name in frame.columns},
    )
    st.download_button(
        "All rows as CSV",
        pd.DataFrame(results.rows).to_csv(index=False),
        file_name=f"{results.file.stem}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="Every figure that was kept of this run.",
    )


def _column(name: str):
    if name in ENDS:
        return st.column_config.NumberColumn(ENDS[name], help=hover("set_interval"), format=FORMATS[name])
    if name == "entropy_loss":
        return st.column_config.CheckboxColumn(MEANINGS["set_entropy_loss"].label, help=hover("set_entropy_loss"))
    return tables.number(f"set_{name}", FORMATS.get(name))


def provenance(results: Results) -> None:
    """Command, machine, date, versions and all settings."""
    told = results.provenance
    model = f"{told['model']}, fingerprint {told['fingerprint']}" if told["fingerprint"] else "none: the states are made"
    with st.popover("Where it comes from", icon=":material/history_edu:", type="tertiary"):
        panels.facts(
            [
                ("Command", told["command"]),
                ("Machine", told["machine"]),
                ("Date", f"{told['date']}, {duration(told['seconds'])} of work"),
                ("Language model", model),
                ("Versions", ", ".join(f"{name} {version}" for name, version in told["versions"].items())),
                *((name.replace("_", " "), _spelled(value)) for name, value in flat(told["settings"])),
                ("Kept in", f"entropy/{results.file.name}"),
            ]
        )


def _spelled(value: object) -> str:
    if value is None or value == []:
        return "open"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
