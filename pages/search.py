"""Which features have to do with something that one can name, or show?"""

import streamlit as st

from app.components import panels, url
from app.components.explain import hover
from app.search import box as searching
from app.search import table as search_table
from app.search.ways import PAGES

st.title("Search", help=hover("search_how"))
index = panels.require_index()
known = index.dictionaries()
way = url.switch("How to search", "how", searching.WAYS, "meaning", PAGES)
st.caption(searching.ABOUT[way])

if way == "example":
    names = searching.dictionaries(known)
    results = searching.by_example(names)
    wanted = ""
else:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        wanted = searching.box(way)
        names = searching.dictionaries(known)
        if way == "text":
            searching.pattern_switches()
    if not wanted.strip():
        st.stop()
    results = searching.found(index, way, names, wanted)
if results:
    search_table.draw(index, results, searching.source(way, wanted), several=len(names) > 1)
if way == "text":
    searching.sentences(wanted)
