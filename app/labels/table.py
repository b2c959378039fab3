"""Every label of a run in a table, and every feature that got none with the reason."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import navigation
from app.components import labels, tables, url
from app.components.explain import MEANINGS
from app.labels.figures import Result
from bae.comsem.records import OPEN, RunRecord
from bae.comsem.telling import interval

ONLY = {"all": "All", "vacuous": "Vacuous", "zero": "Score 0", "other": "Other flags"}
MOST_PX = 520


def draw(run: RunRecord, results: Sequence[Result]) -> None:
    """The labels as they come; a click leads to the feature, with the tests of the label open."""
    labelled = [result for result in results if result.score is not None]
    if not labelled:
        return
    only = url.switch("Show", "only", ONLY, "all")
    rows = [result for result in labelled if fits(result, only)]
    # the newest on top while they come, the best on top when all are there
    rows = rows[::-1] if run.state in OPEN else sorted(rows, key=_worth, reverse=True)
    st.caption(f"{len(rows):,} of {len(labelled):,} labels. Click a row to see its tests word for word.")
    if rows:
        _table(run, rows)


def fits(result: Result, only: str) -> bool:
    """Whether a result is among those that are asked for."""
    told = labels.flags(result.label, result.score)
    match only:
        case "vacuous":
            return "vacuous" in told
        case "zero":
            return result.score.score == 0
        case "other":
            return bool(set(told) - {"vacuous"})
    return True


def _worth(result: Result) -> tuple[float, float]:
    return (result.score.score or 0.0, result.score.auroc or 0.0)


def _table(run: RunRecord, rows: Sequence[Result]) -> None:
    key = f"labels:{run.id}:{len(rows)}"
    st.dataframe(
        frame_of(run, rows).dropna(axis="columns", how="all"),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=min(tables.ROW_PX * (len(rows) + 1) + 3, MOST_PX),
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "feature": tables.number("feature", width=70),
            "label": tables.words("label", 300),
            "label_by": tables.words("label_by", 120),
            "label_score": tables.number("label_score", "%.2f", 70),
            "interval": tables.words("interval", 100),
            "balanced_accuracy": tables.number("balanced_accuracy", "%.2f"),
            "auroc": tables.number("auroc", "%.2f", 70),
            "negatives_yes": tables.words("negatives_yes"),
            "flags": tables.words("flags", 110),
        },
    )
    picked = tables.clicked_row(key, len(rows))
    if picked is not None:
        label = rows[picked].label
        opened = label.id if label.source == "judge" else None
        navigation.go("feature", ae=run.subject.dictionary, feature=rows[picked].feature, label=opened)


def frame_of(run: RunRecord, rows: Sequence[Result]) -> pd.DataFrame:
    """The columns of the table; a run that wrote its labels itself names no other authors."""
    frame = pd.DataFrame(
        {
            "feature": [row.feature for row in rows],
            "label": [row.label.text for row in rows],
            "label_by": [None if row.label.run == run.id else labels.author(row.label) for row in rows],
            "label_score": [row.score.score for row in rows],
            "interval": [interval(row.score.low, row.score.high) for row in rows],
            "balanced_accuracy": [row.score.balanced_accuracy for row in rows],
            "auroc": [row.score.auroc for row in rows],
            "negatives_yes": [f"{row.score.false_yes} of {row.score.negatives}" if row.score.negatives else None for row in rows],
            "flags": [", ".join(MEANINGS[name].label for name in labels.flags(row.label, row.score)) or None for row in rows],
        }
    )
    # columns in which nothing is told would be no numbers
    numbers = ["label_score", "balanced_accuracy", "auroc"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric)
    return frame


def failures(results: Sequence[Result]) -> None:
    """Every feature without a label, by the reason."""
    failed = [result for result in results if result.failure]
    if not failed:
        return
    with st.expander(f"{len(failed):,} without a label", icon=":material/error:"):
        counts = Counter(result.failure for result in failed)
        for reason, count in counts.most_common():
            numbers = ", ".join(str(result.feature) for result in failed if result.failure == reason)
            st.markdown(f"**{count:,}** because {url.code(reason)}")
            st.caption(f"Features {numbers}")
