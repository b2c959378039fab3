"""Search results in a table: what the feature is, why it was found, how often it fires. A click opens the feature."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import navigation, services
from app.components import tables, url
from app.components.explain import MEANINGS
from app.keeping.as_list import list_box, offer_list
from app.search.ways import Result
from bae.index.query import Index
from bae.notebook.kept import keys

PAGE = 20
FORMATS = {
    "nearness": "%.2f",
    "specific": "%.2f",
    "promotes": "%.1f",
    "cohens_h": "%.2f",
    "family_p": "%.3f",
    "rate": "%.3g %%",
    **dict.fromkeys(("matched_share", "own_share", "lines_a", "lines_b", "tokens_a", "tokens_b"), "%.3g %%"),
}


def draw(index: Index, results: Sequence[Result], source: str, several: bool) -> None:
    """A page of results. `source` says in a sentence how they were found, for a list that is kept of them."""
    pages = math.ceil(len(results) / PAGE)
    page = url.whole("page", 1, pages, 1)
    shown = results[(page - 1) * PAGE : page * PAGE]
    frame = _frame(index, shown)
    event = st.dataframe(
        frame if several else frame.drop(columns="found_in"),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=tables.ROW_PX * (len(shown) + 1) + 3,
        key="search-results",
        on_select="rerun",
        selection_mode="single-cell",
        column_config=_columns(),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        first = (page - 1) * PAGE + 1
        told = f"{first:,} to {first + len(shown) - 1:,} of {len(results):,} features. Click a row to open its feature."
        st.caption(told, width="stretch")
        _offer(results, source)
    if pages > 1:
        st.pagination(pages, default=page, key=f"page-{page}", on_change=lambda: url.put(page=st.session_state[f"page-{page}"]))
    cells = event.selection.cells
    if cells and cells[0][0] < len(shown):
        picked = shown[cells[0][0]]
        navigation.go("feature", ae=picked.dictionary, feature=picked.feature)


def _frame(index: Index, shown: Sequence[Result]) -> pd.DataFrame:
    known = {result.dictionary for result in shown}
    labelled = {one: services.shown_labels(one) for one in known}
    labels = [labelled[result.dictionary].get(result.feature) for result in shown]
    columns = {name: {one: services.column(str(index.file), one, name) for one in known} for name in ("summary", "rate")}
    found = {
        "found_in": [result.dictionary for result in shown],
        "feature": [result.feature for result in shown],
        "label": [label and label.text for label in labels],
        "summary": [columns["summary"][result.dictionary][result.feature] for result in shown],
        "why_found": [result.why for result in shown],
        **{name: [result.figures[name] for result in shown] for name in shown[0].figures},
        "rate": [100 * columns["rate"][result.dictionary][result.feature] for result in shown],
    }
    # a column that says nothing takes no room
    unsaid = {"label": not any(labels), "why_found": not any(found["why_found"])}
    return pd.DataFrame({name: values for name, values in found.items() if not unsaid.get(name)})


def _columns() -> dict:
    numbers = {
        name: st.column_config.NumberColumn(MEANINGS[name].label, help=MEANINGS[name].hover, format=form) for name, form in FORMATS.items()
    }
    return {
        "found_in": tables.words("found_in", 110),
        "feature": tables.number("feature", width=70),
        "label": tables.words("label", 260),
        "summary": tables.words("summary", 230),
        "why_found": tables.words("why_found", 160),
        **numbers,
    }


def _offer(results: Sequence[Result], source: str) -> None:
    """Keep all that was found as a list: of one dictionary, or of several."""
    by_dictionary: dict[str, list[int]] = {}
    for result in results:
        by_dictionary.setdefault(result.dictionary, []).append(result.feature)
    if len(by_dictionary) == 1:
        offer_list(*by_dictionary.popitem(), source)
        return
    with st.popover(f"Keep these {len(results):,} as a list", icon=":material/playlist_add:", key="keep-list:popover"):
        members = [key for name, features in by_dictionary.items() for key in keys(services.subject(name), features)]
        list_box(members, source, "keep-list")
