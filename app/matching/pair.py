"""Two features of two dictionaries beside each other: what each fires on, and how much of it is the same."""

from collections.abc import Sequence

import streamlit as st

from app import navigation, services
from app.codes.access import unusable
from app.components import url
from app.components.labels import figures_html
from app.feature import labels as feature_labels
from app.feature import parts as feature_parts
from app.matching.partners import names_of
from app.services import codes
from bae.index.query import Index
from bae.matching.stored import Matches
from bae.numbers import percent

CONTEXTS = 6
"""Of each feature."""


def draw(index: Index, matches: Matches, feature: int) -> None:
    """The feature that the address names, beside one of its partners."""
    partners = partners_of(matches, feature)
    one, other = matches.first, matches.second
    st.subheader(f"Feature {feature} and its partner")
    if not partners:
        st.info(f"Feature {feature} fires on no token that a feature of {url.code(other.name)} fires on.", icon=":material/search_off:")
        return
    pairs = {f"{feature}-{partner}": partner for partner in partners}
    first = next(iter(pairs))
    # a pair of another feature was left in the address by a click on this one
    left_over = not st.query_params.get("pair", "").startswith(f"{feature}-")
    pair = first if left_over else url.choice("pair", list(pairs), first)
    partner = pairs[pair]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(partners) > 1:
            names = names_of(index, other.name)
            called = {name: f"{number}: {names.get(number, 'no distinctive words')}" for name, number in pairs.items()}
            url.bound(st.selectbox, "Partner", "pair", pair, list(pairs), default=first, format_func=called.get, width=420)
        st.button("Close", icon=":material/close:", on_click=url.put, kwargs={"feature": None, "pair": None}, key="close-pair")
    if not unusable(one.name, other.name):
        st.html(figures_html(figures(matches, feature, partner)))
    for column, name, number in zip(st.columns(2), (one.name, other.name), (feature, partner), strict=True):
        with column, st.container(border=True):
            _feature(index, name, number)
    navigation.link("query", "Sentences where both fire", ae=one.name, query=f"f{feature} & {other.name}:f{partner}")


def partners_of(matches: Matches, feature: int) -> list[int]:
    """The best by Jaccard, then the features that its relation is with, then the one whose direction is nearest."""
    side, nearest = matches.first.side, matches.first.nearest.partner
    return [partner for partner in dict.fromkeys([int(side.best[feature]), *side.partners[feature], int(nearest[feature])]) if partner >= 0]


def figures(matches: Matches, feature: int, partner: int) -> Sequence[tuple[str, str]]:
    """How the two stand to each other, as names among the meanings and values."""
    a, b = codes.columns(matches.first.name), codes.columns(matches.second.name)
    counts = int(a.counts[feature]), int(b.counts[partner])
    both = int(b.together(a.bits(feature))[partner])
    side, best = matches.first.side, matches.first.side.best[feature]
    told = [
        ("relation", side.relation[feature]),
        ("together", f"{both:,}"),
        ("implies", percent(both / max(counts[0], 1))),
        ("implied", percent(both / max(counts[1], 1))),
        ("jaccard", f"{both / max(sum(counts) - both, 1):.3f}"),
    ]
    # the cosine is kept of the best by Jaccard and of the nearest direction
    near = matches.first.nearest
    cosines = {int(near.partner[feature]): near.cosine[feature], int(best): matches.first.cosine[feature]}
    return told if matches.no_cosine or partner not in cosines else [*told, ("decoder_cosine", f"{cosines[partner]:.3f}")]


def _feature(index: Index, ae: str, number: int) -> None:
    feature = index.feature(ae, number)
    navigation.link("feature", f"Feature {number} of {index.dictionaries()[ae].title}", ae=ae, feature=number)
    st.caption(f"{url.code(ae)} · fires on {feature.count:,} tokens ({percent(feature.rate)})")
    feature_labels.title(services.shown_labels(ae).get(number), feature.summary)
    strongest = index.examples(ae, number).get("strongest", [])[:CONTEXTS]
    feature_parts.draw(feature, strongest)
    if not strongest:
        st.caption("It never fires on the index's text.")
