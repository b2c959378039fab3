"""The parts of the query page: the box with its examples, what is wrong with a query, and the sentences that answer it."""

import math
from collections.abc import Mapping

import streamlit as st

from app import services
from app.codes.access import unusable
from app.components import panels, url
from app.components.explain import hover
from app.components.url import code
from app.services import codes
from bae.index.logic import Answer, Query, QueryError, read_query
from bae.index.query import Dictionary, Index
from bae.numbers import percent
from bae.reading.painting import paint_example

PAGE = 25
UNITS = {"token": "On the same token", "sentence": "In the same sentence"}


def examples(index: Index, ae: str, known: Mapping[str, Dictionary]) -> list[str]:
    """Queries to begin with, of features that are often among the loudest; fewer where the dictionary has few."""
    often = [row.feature for row in index.features(ae, active_only=True, sort="top_count", limit=3).features]
    if len(often) < 3:
        return [f"f{feature}" for feature in often]
    first, second, third = often
    found = [f"f{first} & f{second}", f"f{first} & !f{second}", f"(f{first} | f{second}) & f{third}"]
    other = next((name for name in known if name != ae), None)
    top = index.features(other, active_only=True, sort="top_count", limit=1).features if other else []
    return [*found, f"f{first} & {other}:f{top[0].feature}"] if top else found


def box(index: Index, ae: str, known: Mapping[str, Dictionary]) -> str:
    """The box for a query, and examples that fill it."""
    text = st.query_params.get("query", "")
    st.session_state["typed-query"] = text
    st.text_input(
        "Query",
        key="typed-query",
        on_change=lambda: url.put(query=st.session_state["typed-query"] or None, page=None),
        placeholder="f12 & !f99 & (f7 | f8)",
        help=hover("query"),
    )
    with st.container(horizontal=True, gap="small"):
        for number, example in enumerate(examples(index, ae, known)):
            st.button(code(example), key=f"query-example:{number}", on_click=url.put, kwargs={"query": example, "page": None})
    return text


def read(text: str, ae: str, known: Mapping[str, Dictionary]) -> Query | None:
    """The query; None where it cannot be asked, and the page says why: it is wrong, or the index lacks codes that it needs."""
    try:
        query = read_query(text, ae, {name: entry.n_features for name, entry in known.items()})
    except QueryError as error:
        st.error(f"This query cannot be read: {code(error)}", icon=":material/arrow_upward:")
        st.code(error.pointed(), language=None)
        return None
    return None if unusable(*(feature.dictionary for feature in every(query))) else query


def features_of(query: Query, index: Index) -> None:
    """Which features a query names, with their labels or words: what one is looking at."""
    rows = []
    for feature in dict.fromkeys(every(query)):
        label = services.shown_labels(feature.dictionary).get(feature.number)
        summary = services.column(str(index.file), feature.dictionary, "summary")[feature.number]
        count = codes.columns(feature.dictionary).counts[feature.number]
        told = label.text if label else summary or "no distinctive words"
        rows.append((f"{feature.dictionary}:f{feature.number}", f"{told} · fires on {count:,} tokens"))
    panels.facts(rows)


def every(query: Query):
    """Every feature that a query names."""
    if query.feature is not None:
        yield query.feature
    for part in query.parts:
        yield from every(part)


def show(query: Query, found: Answer) -> None:
    """How much of the index a query holds for, and its sentences."""
    page = url.whole("page", 1, 1_000_000, 1)
    examples, sentences = codes.answering(query, found, (page - 1) * PAGE, page * PAGE)
    share = percent(len(found.members) / found.total) if found.total else "0 %"
    what = "tokens" if found.unit == "token" else "sentences"
    held = f"It holds for **{len(found.members):,}** of {found.total:,} {what} ({share})"
    st.markdown(held + (f", in {sentences:,} sentences." if found.unit == "token" else "."), help=hover("answer"))
    if not sentences:
        st.info("No token answers this query. Ask for the same sentence, or take a part of the query away.", icon=":material/search_off:")
        return
    pages = math.ceil(sentences / PAGE)
    if not examples:
        st.info(f"There are {pages:,} pages of sentences; this is page {page:,}.")
    panels.contexts([(example.document, "", paint_example(example, 1.0, usually_on=False)) for example in examples])
    if pages > 1:
        st.pagination(pages, default=min(page, pages), key=f"page-{page}", on_change=lambda: url.put(page=st.session_state[f"page-{page}"]))
