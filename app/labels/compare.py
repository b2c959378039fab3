"""Labelling of several dictionaries and judges side by side: the right half of Table 1, running means, and the best N of each."""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd
import streamlit as st

from app import charts, services
from app.components import labels, tables
from app.components.explain import MEANINGS, hover
from app.components.small_table import small_table
from app.labels import charts as label_charts
from app.labels import figures as label_figures
from app.labels import results as label_results
from app.labels.charts import Scored
from app.labels.figures import Kept, Result
from bae.comsem.records import RunRecord
from bae.comsem.score import table
from bae.index.query import Index

Compared = tuple[RunRecord, list[Result]]


def compared(index: Index, runs: Sequence[RunRecord]) -> list[Compared]:
    """The largest run of each dictionary and judge that has a score, of checkpoints that are in the index."""
    present = {services.subject(name) for name in index.dictionaries()}
    found = {run.id: services.results(run) for run in runs if run.subject in present}
    scored = [run for run in runs if label_figures.scores(found.get(run.id, ())) and not label_figures.is_rescoring(run, found[run.id])]
    return [(run, found[run.id]) for run in label_figures.side_by_side(scored)]


def draw(rows: Sequence[Compared]) -> None:
    """The table, the curves and the trade-off."""
    st.subheader(
        "Dictionaries side by side", help="Of each dictionary and judge the run of most features, for the checkpoint that is in the index."
    )
    _table(rows)
    if len({run.settings for run, _ in rows}) > 1:
        st.caption("These runs were not asked in the same way (their settings differ), so their figures compare only roughly.")
    shown = [Scored(_name(row), colour, label_figures.scores(row[1])) for row, colour in zip(rows, _colours(rows), strict=True)]
    st.caption(
        "Mean score of the best N features against N. A curve that stays high and goes far belongs to a dictionary with many features "
        "that read well. Runs of a part of the features end early."
    )
    st.plotly_chart(
        label_charts.running_means(shown),
        config=charts.config("running means of scores"),
        key="running-means",
        alt="Mean score of the best N features",
    )
    st.markdown("**If only the best N are kept**", help=hover("best_kept"))
    _trade_off(rows)


def _name(row: Compared) -> str:
    return f"{row[0].subject.dictionary} · {_judge(row)}"


def _judge(row: Compared) -> str:
    run, results = row
    return f"{run.judge}, {labels.DRAFT}" if label_figures.is_draft(results) else run.judge


def _colours(rows: Sequence[Compared]) -> list[str]:
    return [charts.RUN_COLOURS[number % len(charts.RUN_COLOURS)] for number in range(len(rows))]


def _table(rows: Sequence[Compared]) -> None:
    frame = pd.DataFrame([_figures(row) for row in rows])
    frame[list(_SHARES)] = frame[list(_SHARES)].apply(pd.to_numeric)
    whole = {name: st.column_config.NumberColumn(MEANINGS[name].label, help=hover(name), format="localized") for name in _WHOLE}
    shares = {name: st.column_config.NumberColumn(MEANINGS[name].label, help=hover(name), format="%.3f") for name in _SHARES}
    named = {"dictionary": st.column_config.TextColumn("Dictionary", help="The name of its folder in autoencoders/.")}
    st.dataframe(frame, hide_index=True, placeholder="–", column_config={**named, "judge": tables.words("label_judge"), **whole, **shares})


def _figures(row: Compared) -> dict[str, object]:
    """A row of the table, by the names of figures."""
    run, results = row
    counts, own = label_results.counts_of(run), label_figures.own(results)
    found = table(counts or (), label_figures.scores(results), run.settings)
    control = label_figures.side(services.records().control(run.id)).balanced
    return {
        "dictionary": run.subject.dictionary,
        "judge": _judge(row),
        "fa": found.activated if counts else None,
        "fa_caption": found.activated_caption if counts else None,
        "scored": found.scored,
        "fi": found.interpretable,
        "mean_score": found.mean,
        "balanced_accuracy": own.balanced and own.balanced.value,
        "control": control and control.value,
        "vacuous_count": label_figures.vacuous(results),
    }


_WHOLE = ("fa", "fa_caption", "scored", "fi", "vacuous_count")
_SHARES = ("mean_score", "balanced_accuracy", "control")


def _trade_off(rows: Sequence[Compared]) -> None:
    kept = [(_name(row), label_figures.kept(label_figures.scores(row[1]))) for row in rows]
    sizes = sorted({size for _, found in kept for size in found if size in label_figures.KEPT})
    st.html(trade_off_html(kept, sizes))


def trade_off_html(kept: Sequence[tuple[str, Mapping[int, Kept]]], sizes: Sequence[int]) -> str:
    """Mean score and interpretable features of the best N, a row a run, a column a size; then all that the run has."""
    heads = [("Run", ""), *((f"best {size:,}", hover("best_kept")) for size in sizes), ("all scored", hover("mean_score"))]
    return small_table(
        heads, [[escape(name), *(_kept(found.get(size)) for size in sizes), _kept(found[max(found)])] for name, found in kept]
    )


def _kept(one: Kept | None) -> str:
    if one is None:
        return "–"
    of = f'<span style="opacity:.6">({one.interpretable:,} of {one.features:,})</span>'
    return f'<span style="white-space:nowrap">{one.mean:.3f} {of}</span>'
