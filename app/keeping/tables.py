"""Kept features as a table: what each is called, what it fires on, how often, and what was written about it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from app import navigation, services
from app.components import labels, tables, url
from app.components.explain import MEANINGS, hover
from app.services import keeping
from bae.index.query import Index
from bae.notebook.kept import FeatureKey

if TYPE_CHECKING:
    from bae.comsem.records import Subject

PAGE = 100
"""Rows that are shown at once."""


@dataclass(frozen=True)
class Row:
    """A kept feature and what is known of it."""

    key: FeatureKey
    here: bool
    """Whether the index has its dictionary, and of the same checkpoint. Nothing is known of the others but their note."""
    label: str = ""
    label_by: str = ""
    words: str = ""
    rate: float | None = None
    note: str = ""


def here(index: Index, kept: Sequence[FeatureKey]) -> list[FeatureKey]:
    """Those kept features whose dictionary the index has, and of the same checkpoint; in their order."""
    present = _subjects(index, kept)
    return [key for key in kept if present.get(key.dictionary) == key.subject]


def _subjects(index: Index, kept: Sequence[FeatureKey]) -> dict[str, "Subject"]:
    return {name: services.subject(name) for name in {key.dictionary for key in kept} & index.dictionaries().keys()}


def rows(index: Index, kept: Sequence[FeatureKey]) -> list[Row]:
    """What is known of kept features, in their order."""
    written = keeping.notes().bodies(kept)
    present = _subjects(index, kept)
    known = {
        name: (
            services.column(str(index.file), name, "summary"),
            services.column(str(index.file), name, "rate"),
            services.shown_labels(name),
        )
        for name in present
    }
    return [
        _row(key, written.get(key, ""), known[key.dictionary])
        if present.get(key.dictionary) == key.subject
        else Row(key, False, note=written.get(key, ""))
        for key in kept
    ]


def _row(key: FeatureKey, note: str, known: tuple[Sequence[str], Sequence[float], Mapping]) -> Row:
    summaries, rates, shown = known
    label = shown.get(key.feature)
    told = ("", "") if label is None else (label.text, labels.author(label))
    return Row(key, True, *told, summaries[key.feature], rates[key.feature], note)


def page(total: int) -> slice:
    """Which of so many rows are shown, by the address; with the means to turn the page where there are several."""
    pages = max(math.ceil(total / PAGE), 1)
    shown = url.whole("page", 1, pages, 1)
    if pages > 1:
        # st.pagination takes its value from `default` alone, so its key names the page that it shows
        key = f"page-{shown}"
        st.pagination(pages, default=shown, key=key, on_change=lambda: url.put(page=st.session_state[key]))
    return slice((shown - 1) * PAGE, shown * PAGE)


def draw(shown: Sequence[Row], key: str, extra: Mapping[str, Sequence], config: Mapping, choose: bool = False) -> list[FeatureKey]:
    """Draw kept features; a click on one leaves for its page. Returns those that are chosen by their boxes, where there are boxes.

    `extra` are further columns, drawn as `config` says; they come after the feature's number and its dictionary.
    """
    known = {
        "label": [row.label or None for row in shown],
        "summary": [row.words or None for row in shown],
        "rate": [None if row.rate is None else 100 * row.rate for row in shown],
        "note": [row.note or None for row in shown],
        "label_by": [row.label_by or None for row in shown],
    }
    columns = {
        "feature": [row.key.feature for row in shown],
        "kept_dictionary": [row.key.dictionary for row in shown],
        **extra,
        **{name: values for name, values in known.items() if name not in extra},
    }
    event = st.dataframe(
        pd.DataFrame(columns).dropna(axis="columns", how="all"),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=min(tables.ROW_PX * (len(shown) + 1) + 3, 640),
        key=key,
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"] if choose else "single-cell",
        column_config={
            "feature": tables.number("feature", width=70),
            "kept_dictionary": tables.words("kept_dictionary", 100),
            "label": tables.words("label", 260),
            "label_by": tables.words("label_by", 150),
            "summary": tables.words("summary", 240),
            "rate": st.column_config.NumberColumn(MEANINGS["rate"].label, help=hover("rate"), format="%.3g %%", width=80),
            "note": tables.words("note", 240),
            **config,
        },
    )
    if absent := sum(not row.here for row in shown):
        st.caption(f"{absent:,} of these belong to a dictionary that this index does not have, or that was trained anew since.")
    cells = event.selection.cells
    if cells and cells[0][0] < len(shown) and shown[cells[0][0]].here:
        clicked = shown[cells[0][0]].key
        navigation.go("feature", ae=clicked.dictionary, feature=clicked.feature, text=st.query_params.get("text"))
    return [shown[place].key for place in event.selection.get("rows", []) if place < len(shown)]


def unselect(key: str) -> None:
    """Let nothing be chosen in a table, from a callback that changes its rows."""
    st.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": []}}


def date(name: str):
    """A column of dates."""
    return st.column_config.DatetimeColumn(MEANINGS[name].label, help=hover(name), format="YYYY-MM-DD HH:mm", width=140)


def dates(seconds: Sequence[float]) -> list[pd.Timestamp]:
    """Times since 1970 as the clock of this machine shows them, as everywhere on the pages."""
    return [pd.Timestamp(labels.date(one)) for one in seconds]
