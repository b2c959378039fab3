"""Which features does a dictionary have?"""

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from app import navigation, services
from app.codes import frequencies
from app.components import chooser, keys, panels, tables, url
from app.components.explain import MEANINGS, hover
from app.keeping import as_list as keeping
from app.live import parts as live
from app.search import finding
from bae.index.query import SORTS, Feature

PAGE = 50
WAYS = {"words": "contain the words", "meaning": "are near in meaning"}
ORDERS = {name: MEANINGS[name].label for name in SORTS}

st.title("Features")
index = panels.require_index()
known = index.dictionaries()
ae = chooser.dictionary({name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()}, forget=("feature", "bin"))
entry = known[ae]

words = st.query_params.get("q", "")
way = url.choice("by", list(WAYS), "words")
by_meaning = way == "meaning" and bool(words.strip())
density = url.choice("density", live.DENSITIES, "100")
active = url.flag("active", False)
sort = url.choice("sort", list(ORDERS), "top_count")
descending = url.flag("desc", True)

picked_bin = frequencies.draw(index, entry, known)
if picked_bin is not None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Only features {picked_bin.told()}", width="content")
        st.button("All rates", icon=":material/close:", type="tertiary", on_click=url.put, kwargs={"bin": None, "page": None})

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    url.bound(
        st.text_input, "Find features", "q", words, default="", also=("page",), placeholder="the sea", help=hover("search"), width=200
    )
    url.bound(st.selectbox, "whose label or words", "by", way, list(WAYS), default="words", also=("page",), format_func=WAYS.get, width=180)
    live.density_slider("Hide denser than (% of tokens)", density, also=("page",))
    if not by_meaning:
        url.bound(
            st.selectbox, "Sort by", "sort", sort, list(ORDERS), default="top_count", also=("page",), format_func=ORDERS.get, width=190
        )
        url.bound(st.toggle, "Largest first", "desc", descending, default=True, written=live.bit, also=("page",))
    url.bound(st.toggle, "Active only", "active", active, default=False, written=live.bit, also=("page",), help=hover("active_only"))
    keys.shortcuts({"/": keys.Shortcut("find features by a word", focus="url:q")})


chosen = {"max_density": float(density) / 100, "active_only": active, "sort": sort, "descending": descending}
narrowed = bool(words.strip()) or picked_bin is not None
found: Sequence[Feature] = index.features(ae, **chosen, limit=live.ALL).features if narrowed else ()
if picked_bin is not None:
    found = [row for row in found if picked_bin.holds(row)]
near: Mapping[int, float] = {}
if by_meaning:
    try:
        near = services.nearness(ae, words)
    except OSError as error:
        st.error(f"Features cannot be searched by meaning: {url.code(error)}")
        st.stop()
    found = sorted((row for row in found if row.feature in near), key=lambda row: -near[row.feature])[:PAGE]
elif narrowed:
    found = finding.mentioning(found, words, services.shown_labels(ae))
total = len(found) if narrowed else index.features(ae, **chosen, limit=0).total
pages = max(math.ceil(total / PAGE), 1)
page = url.whole("page", 1, pages, 1)
if not total:
    st.info("No feature fits. Try another word, let denser features through, or switch “Active only” off.", icon=":material/search_off:")
    st.stop()
# a wide dictionary is not read whole for a page of it
here = slice((page - 1) * PAGE, page * PAGE)
rows = found[here] if narrowed else index.features(ae, **chosen, offset=here.start, limit=PAGE).features
shown = "those nearest in meaning, the nearest first" if near else f"{(page - 1) * PAGE + 1:,} to {(page - 1) * PAGE + len(rows):,} shown"
with st.container(horizontal=True, vertical_alignment="center"):
    st.caption(f"{total:,} features, {shown}. Click a row to look at its feature.", width="stretch")
    if not by_meaning:
        if narrowed:
            keeping.offer_list(ae, [row.feature for row in found], f"Filtered: {words or (picked_bin and picked_bin.told())}")
        navigation.link("labels", "Label these", ae=ae, new=1, pick="filter", q=words or None, density=st.query_params.get("density"))
picked = tables.features(rows, "features-table", services.shown_labels(ae), [near[row.feature] for row in rows] if near else ())
if picked is not None:
    navigation.go("feature", ae=ae, feature=picked, text=st.query_params.get("text"))
if pages > 1:
    # st.pagination takes its value from `default` alone, so its key names the page that it shows
    st.pagination(pages, default=page, key=f"page-{page}", on_change=lambda: url.put(page=st.session_state[f"page-{page}"]))
