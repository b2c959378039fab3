"""Tables of features under a text: of the token that is locked, and of the whole text. A click on a row paints its feature."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app import services
from app.components import labels, tables, url
from app.components.explain import MEANINGS, hover
from bae.reading.painting import NOT_READ, View, paint, shown

SORTS = {"peak": "Peak", "tokens": "Tokens", "rarity": "Rarity"}
MOST_PX = 560


def locked_features(reading: services.Reading, view: View, names: Mapping[int, str], lock: str = "token") -> None:
    """The features of the token that the address locks as `lock`."""
    stretches = paint(reading.inspection, reading.rate, view, cost=reading.cost)
    token = st.query_params.get(lock)
    stretch = next((one for one in stretches if str(one.token) == token), None)
    if stretch is None:
        return
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Token {url.code(stretch.text)} at position {stretch.token}")
            st.button("Unlock", icon=":material/lock_open:", on_click=url.put, kwargs={lock: None}, type="tertiary", key=f"unlock:{lock}")
        if stretch.note and (view.bits or stretch.kind == "grey"):
            st.caption(stretch.note)
        if stretch.note == NOT_READ or not stretch.top:
            st.caption("No feature is activated on it, or the switches above hide those that are.")
            return
        rows = [(feature, loud, None, reading.rate[feature]) for feature, loud in stretch.top]
        loudness = "burstiness" if reading.inspection.lens.autoencoder.binary else "value"
        _table(rows, reading, names, key=f"locked-features:{lock}", peak=loudness)


def text_features(reading: services.Reading, view: View, names: Mapping[int, str]) -> None:
    """The features of the whole text."""
    allowed = shown(reading.rate, reading.inspection.lens.autoencoder.binary, view)
    rows = [row for row in reading.features if allowed[row.feature]]
    st.subheader("Features of this text")
    sort = url.choice("sort", list(SORTS), "peak")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        url.bound(st.radio, "Sort by", "sort", sort, list(SORTS), default="peak", horizontal=True, format_func=SORTS.get)
        hidden = len(reading.features) - len(rows)
        st.caption(f"{len(rows):,} features" + (f", {hidden:,} hidden by the switches" if hidden else ""))
    order = {
        "peak": lambda row: (-row.peak, row.feature),
        "tokens": lambda row: (-row.count, -row.peak),
        "rarity": lambda row: (row.rate, -row.peak),
    }
    rows = sorted(rows, key=order[sort])
    if not rows:
        st.info("No feature is left. Let denser features through with the slider above, or switch the bursts on again.")
        return
    _table([(row.feature, row.peak, row.count, row.rate) for row in rows], reading, names, key="text-features", peak="peak")


def _table(rows: Sequence[tuple], reading: services.Reading, names: Mapping[int, str], key: str, peak: str) -> None:
    """Features with their numbers."""
    lens = reading.inspection.lens
    frame = pd.DataFrame(rows, columns=["feature", "peak", "tokens", "rate"])
    frame["rate"] *= 100
    if frame["tokens"].isna().all():
        frame = frame.drop(columns="tokens")
    unit = f" ({lens.magnitude.unit})" if lens.magnitude.unit else ""
    paints_on_click(
        frame,
        lens.name,
        names,
        key,
        {
            "peak": st.column_config.NumberColumn(MEANINGS[peak].label + unit, help=hover(peak), format="%.4f", width=120),
            "tokens": tables.number("tokens", width=80),
            "rate": st.column_config.NumberColumn("Rate", help=hover("rate"), format="%.3g %%", width=80),
        },
    )


def paints_on_click(frame: pd.DataFrame, ae: str, names: Mapping[int, str], key: str, columns: Mapping[str, object]) -> None:
    """A table with a column `feature`, to which labels and words are added; a click puts the row's feature in the address."""
    features = frame["feature"].tolist()
    chosen = st.query_params.get("feature", "")
    at = [features.index(int(chosen))] if chosen.isdecimal() and int(chosen) in features else []
    _select(key, at)
    st.dataframe(
        with_names(frame, ae, names),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=min(tables.ROW_PX * (len(features) + 1) + 3, MOST_PX),
        key=key,
        on_select=lambda: _choose(key, features, at[0] if at else None),
        selection_mode=["single-row", "single-cell"],
        column_config={**NAMED, **columns},
    )


NAMED = {
    "feature": tables.number("feature", width=70),
    "label": tables.words("label", 215),
    "label_by": tables.words("label_by", 170),
    "summary": tables.words("summary", 215),
}
"""How the columns are shown that say what a feature is."""


def with_names(frame: pd.DataFrame, ae: str, names: Mapping[int, str]) -> pd.DataFrame:
    """A table whose first column is `feature`, with what is known of their meaning; a column that says nothing takes no room."""
    features = frame["feature"].tolist()
    labelled = services.shown_labels(ae) if names else {}
    found = [labelled.get(feature) for feature in features]
    frame = frame.copy()
    if names:
        frame.insert(1, "summary", [names.get(feature, "") for feature in features])
    if any(found):
        frame.insert(1, "label", [label and label.text for label in found])
        frame["label_by"] = [label and labels.author(label) for label in found]
    return frame


def _select(key: str, rows: list[int]) -> None:
    """Have a table show these rows as selected."""
    wanted = {"rows": rows, "columns": [], "cells": []}
    known = st.session_state[key]["selection"] if key in st.session_state else None
    # written only where it differs, so that a click under way is not overwritten
    if rows if known is None else dict(known) != wanted:
        st.session_state[key] = {"selection": wanted}


def _choose(key: str, features: Sequence[int], before: int | None) -> None:
    row = tables.clicked_row(key, len(features))
    # Streamlit also reports a table that was not clicked, with the selection that it already had
    if row != before:
        url.put(feature=None if row is None else features[row])
