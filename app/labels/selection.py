"""The first step of asking a judge: which features. All that are activated, those that a filter lets through, or a list."""

import numpy as np
import streamlit as st

from app import services
from app.components import url
from app.components.explain import hover
from app.live import parts as live
from app.search import finding
from bae.comsem.configuration import JudgeConfig
from bae.comsem.plan import Settings
from bae.comsem.selection import chosen
from bae.index.query import Index

PICKS = {"active": "All active", "filter": "By filter", "list": "By list"}
MOST = ("all", "10", "20", "50", "100", "200", "500", "1000", "2000")


def features(index: Index, ae: str, judge: JudgeConfig, settings: Settings) -> list[int]:
    """The features that a person means; none where the list is wrong, which the page says."""
    pick = url.switch("Take", "pick", PICKS, "active")
    try:
        counts = services.occurrence_counts(ae, settings)
    except (OSError, ValueError) as error:
        st.error(f"Where the features fire is not known: {url.code(error)}")
        return []
    features = _listed(counts, settings) if pick == "list" else _active(index, ae, judge, counts, settings, pick == "filter")
    if features:
        shown = ", ".join(map(str, features[:12])) + (" …" if len(features) > 12 else "")
        st.caption(f"**{len(features):,} of {len(counts):,} features**: {shown}")
    return features


def _listed(counts: list[int], settings: Settings) -> list[int]:
    text = st.query_params.get("list", "")
    url.bound(
        st.text_input,
        "Features",
        "list",
        text,
        default="",
        placeholder="12, 40-60",
        help=f"Numbers and ranges with commas between them, 0 to {len(counts) - 1}; or active:200 for the 200 that fire most often.",
    )
    if not text:
        st.info("Write which features, as in `12, 40-60`.", icon=":material/edit:")
        return []
    try:
        return chosen(text, np.array(counts), settings.n_interpret)
    except ValueError as error:
        st.error(f"The list cannot be read: {url.code(error)}")
        return []


def _active(index: Index, ae: str, judge: JudgeConfig, counts: list[int], settings: Settings, filtered: bool) -> list[int]:
    """Of all activated features those that the filter lets through, or a number of them drawn at random."""
    features = {feature for feature, count in enumerate(counts) if count > settings.n_interpret}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if filtered:
            features &= _let_through(index, ae)
        bare = url.flag("bare", False)
        url.bound(st.toggle, "Without a label of this judge", "bare", bare, default=False, written=live.bit)
        most = url.choice("most", MOST, "all")
        url.bound(st.selectbox, "At most", "most", most, MOST, default="all", help=hover("most"), width=110)
    if bare:
        features -= _labelled(ae, judge)
    if not features:
        st.info(
            "No feature is left. Let denser features through, try another word, or take those that have a label, too."
            if filtered or bare
            else f"No feature of this dictionary is activated on more than {settings.n_interpret} tokens of the index.",
            icon=":material/search_off:",
        )
    return finding.drawn(features, None if most == "all" else int(most))


def _labelled(ae: str, judge: JudgeConfig) -> set[int]:
    """The features that have a label of a run that asked this judge."""
    runs = {run.id for run in services.records().runs() if run.judge == judge.name}
    return {label.feature for label in services.records().labels(services.subject(ae)) if label.run in runs}


def _let_through(index: Index, ae: str) -> set[int]:
    """The features that the filter of the Features page lets through."""
    words, density = st.query_params.get("q", ""), url.choice("density", live.DENSITIES, "100")
    url.bound(st.text_input, "Label or words contain", "q", words, default="", placeholder="harbor", help=hover("summary"), width=200)
    live.density_slider("Hide denser than (% of tokens)", density)
    found = index.features(ae, max_density=float(density) / 100, sort="feature", descending=False, limit=live.ALL).features
    return {feature.feature for feature in finding.mentioning(found, words, services.shown_labels(ae))}
