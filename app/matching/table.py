"""The table of the match page: every feature of the one dictionary with its partner in the other."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app import services
from app.components import tables, url
from app.components.explain import hover
from app.keeping.as_list import offer_list
from app.live import parts as live
from app.live.table import paints_on_click
from app.matching import partners as matching
from app.search.finding import holds
from bae.matching.relations import ABSORBED, MERGED, RELATIONS, SPLIT
from bae.matching.stored import Matches

PAGE = 15
ALL = "all"
SORTS = {"jaccard": "Best Jaccard", "cosine": "Cosine", "count": "Fires", "feature": "Feature"}


def draw(matches: Matches, words: Mapping[str, Mapping[int, str]], chosen: int | None) -> None:
    """The filters, and a page of the features that they let through; a click opens the pair."""
    one, other = matches.first, matches.second
    st.subheader("All features with their partners")
    relation = url.choice("relation", (ALL, *RELATIONS), ALL)
    wanted, sort = st.query_params.get("q", ""), url.choice("sort", list(SORTS), "jaccard")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        told = {"default": ALL, "also": ("page",), "format_func": lambda name: _option(matches, name), "width": 200}
        url.bound(st.selectbox, "Relation", "relation", relation, (ALL, *RELATIONS), help=hover("relation"), **told)
        url.bound(
            st.text_input,
            "Label or words of either contain",
            "q",
            wanted,
            default="",
            also=("page",),
            placeholder="the sea",
            width=240,
        )
        url.bound(st.selectbox, "Sort by", "sort", sort, list(SORTS), default="jaccard", also=("page",), format_func=SORTS.get, width=160)
    found = chosen_features(matches, words, relation, wanted, sort)
    if not found:
        st.info("No feature fits. Choose another relation, or another word.", icon=":material/search_off:")
        return
    pages = math.ceil(len(found) / PAGE)
    here = found.index(chosen) // PAGE + 1 if chosen in found else 1
    page = url.whole("page", 1, pages, here)
    shown = found[(page - 1) * PAGE : page * PAGE]
    paints_on_click(_frame(matches, shown), one.name, live.summaries(services.index(), one.name), "matches", _columns())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{len(found):,} features, {(page - 1) * PAGE + 1:,} to {(page - 1) * PAGE + len(shown):,} shown.", width="stretch")
        which = "all relations" if relation == ALL else relation
        offer_list(one.name, found, f"Matched with {other.name}: {which}" + (f", with “{wanted}” in label or words" if wanted else ""))
    if pages > 1:
        st.pagination(pages, default=page, key=f"page-{page}", on_change=lambda: url.put(page=st.session_state[f"page-{page}"]))


def _option(matches: Matches, relation: str) -> str:
    return "All" if relation == ALL else f"{relation} ({matches.first.side.relation.count(relation):,})"


def chosen_features(matches: Matches, words: Mapping[str, Mapping[int, str]], relation: str, wanted: str, sort: str) -> list[int]:
    """The features of the first dictionary that stand in a relation and have a word, in order."""
    one = matches.first
    own, others = words[one.name], words[matches.second.name]
    features = [
        feature
        for feature, (name, best) in enumerate(zip(one.side.relation, one.side.best.tolist(), strict=True))
        if relation in (ALL, name) and holds(wanted, own.get(feature, ""), others.get(best, ""))
    ]
    worth = {"jaccard": one.side.jaccard, "cosine": one.cosine, "count": one.side.count, "feature": None}[sort]
    return features if worth is None else sorted(features, key=lambda feature: -_known(worth[feature]))


def _known(value: float) -> float:
    return -math.inf if math.isnan(value) else float(value)


def _frame(matches: Matches, features: Sequence[int]) -> pd.DataFrame:
    one, other = matches.first, matches.second
    side, shown = one.side, services.shown_labels(other.name)
    summaries = services.column(str(services.index().file), other.name, "summary")
    partners = [int(side.best[feature]) for feature in features]
    labels = [label.text if (label := shown.get(partner)) else None for partner in partners]
    frame = pd.DataFrame(
        {
            "feature": list(features),
            "relation": [relation_text(side.relation[feature], side.partners[feature]) for feature in features],
            "partner": pd.array([None if partner < 0 else partner for partner in partners], "Int64"),
            "partner_label": labels,
            "partner_summary": [summaries[partner] if partner >= 0 else "" for partner in partners],
            "best_jaccard": [side.jaccard[feature] for feature in features],
            "decoder_cosine": [one.cosine[feature] for feature in features],
            "implies": [100 * side.both[feature] / max(side.count[feature], 1) for feature in features],
            "count": [side.count[feature] for feature in features],
        }
    )
    return frame if any(labels) else frame.drop(columns="partner_label")


def relation_text(name: str, partners: Sequence[int]) -> str:
    """A relation with whom it is with, as in “merged into 12”; the partner of one to one stands in its own column."""
    if name == SPLIT:
        return f"{name} into {len(partners)}"
    word = {MERGED: "into", ABSORBED: "by"}.get(name)
    return f"{name} {word} {partners[0]}" if word else name


def _columns() -> dict:
    return {
        "relation": tables.words("relation", 130),
        "partner": tables.number("partner", width=75),
        "partner_label": tables.words("partner_label", 180),
        "partner_summary": tables.words("partner_summary", 180),
        "best_jaccard": tables.number("best_jaccard", "%.3f", 90),
        "decoder_cosine": tables.number("decoder_cosine", "%.3f", 80),
        "count": tables.number("count", "localized"),
        "implies": matching.shares()["implies"],
    }
