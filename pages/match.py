"""Which features of one dictionary does another have too?"""

import streamlit as st

from app import services
from app.components import fit, panels, url
from app.matching import job as match_job
from app.matching import pair as match_pair
from app.matching import partners as matching
from app.matching import summary as match_summary
from app.matching import table as match_table
from app.matching import text as match_text

st.title("Dictionary against dictionary")
study = services.workspace()
index = panels.require_index()
st.caption("Which features of one dictionary does another have too? Features are matched by the tokens of the index on which they fire.")
known = index.dictionaries()
if len(known) < 2:
    st.info("The index has one dictionary. Train or import another, and build the index again with `bae index`.", icon=":material/join:")
    st.stop()
ae, other = matching.choose(known)
fit.banner(other)
chosen = url.whole("feature", 0, known[ae].n_features - 1, None)
matches = match_job.require_matches(study, ae, other)
words = {name: matching.names_of(index, name) for name in (ae, other)}

match_summary.summary(matches)
match_summary.overview(matches, words, chosen)
if chosen is not None:
    match_pair.draw(index, matches, chosen)
match_table.draw(matches, words, chosen)
match_text.section(index, ae, other)
match_summary.rates(index, study, (ae, other))
