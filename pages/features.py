"""Which features does a dictionary have?"""

import math

import streamlit as st

from app import charts, live, navigation, services
from app.components import chooser, panels, tables, url
from app.components.explain import MEANINGS, hover
from bae.index.query import SORTS

PAGE = 50
ORDERS = {name: MEANINGS[name].label for name in SORTS}

st.title("Features")
index = panels.require_index()
known = index.dictionaries()
ae = chooser.dictionary({name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()})
entry = known[ae]

words = st.query_params.get("q", "")
density = url.choice("density", live.DENSITIES, "100")
active = url.flag("active", False)
sort = url.choice("sort", list(ORDERS), "top_count")
descending = url.flag("desc", True)

rates = services.column(str(index.file), ae, "rate")
with st.container(border=True):
    st.plotly_chart(charts.rate_histogram(rates), config=charts.CONFIG, key="rates", alt="Histogram of firing rates over all features")
    silent = sum(rate == 0 for rate in rates)
    st.caption(f"How often the {entry.n_features:,} features fire on {entry.tokens:,} tokens of the index. Never: {silent:,}.")

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    url.bound(
        st.text_input, "Words contain", "q", words, default="", also=("page",), placeholder="harbor", help=hover("summary"), width=200
    )
    live.density_slider("Hide denser than (% of tokens)", density, also=("page",))
    url.bound(
        st.selectbox, "Sort by", "sort", sort, list(ORDERS), default="top_count", also=("page",), format_func=ORDERS.__getitem__, width=190
    )
    url.bound(st.toggle, "Largest first", "desc", descending, default=True, written=live.bit, also=("page",))
    url.bound(st.toggle, "Active only", "active", active, default=False, written=live.bit, also=("page",), help=hover("active_only"))


def ask(offset: int, limit: int):
    """A stretch of the table as the address asks for it."""
    return index.features(
        ae, words=words, max_density=float(density) / 100, active_only=active, sort=sort, descending=descending, offset=offset, limit=limit
    )


total = ask(0, 1).total
pages = max(math.ceil(total / PAGE), 1)
page = url.whole("page", 1, pages, 1)
if not total:
    st.info("No feature fits. Try another word, let denser features through, or switch “Active only” off.", icon=":material/search_off:")
    st.stop()
rows = ask((page - 1) * PAGE, PAGE).features
st.caption(f"{total:,} features, {(page - 1) * PAGE + 1:,} to {(page - 1) * PAGE + len(rows):,} shown. Click a row to look at its feature.")
picked = tables.features(rows, key="features-table")
if picked is not None:
    navigation.go("feature", ae=ae, feature=picked, text=st.query_params.get("text"))
if pages > 1:
    # st.pagination takes its value from `default` alone, so its key names the page that it shows
    st.pagination(pages, default=page, key=f"page-{page}", on_change=lambda: url.put(page=st.session_state[f"page-{page}"]))
