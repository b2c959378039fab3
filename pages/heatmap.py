"""How loud is every channel on every token, and which channels are always on?"""

import streamlit as st

from app.codes import heat_map as heat
from app.components import chooser, fit, panels, url
from app.components.explain import hover
from app.components.url import code
from app.services import codes

st.title("Heat map")
st.caption("The codes of the whole index as a picture: tokens downwards, features across.", help=hover("heat"))
index = panels.require_index()
known = index.dictionaries()
ae = chooser.dictionary({name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()}, forget=("c", "cell"))
others = [name for name in known if name != ae]
beside = url.choice("with", ["none", *others], next((name for name in others if known[name].layer == known[ae].layer), "none"))
url.bound(
    st.selectbox,
    "Beside it",
    "with",
    beside,
    ["none", *others],
    width=300,
    format_func=lambda name: "nothing" if name == "none" else f"{known[name].title} · {name}, layer {known[name].layer}",
)
shown = [known[name] for name in dict.fromkeys((ae, beside)) if name in known]
try:
    n_tokens = codes.layout().n_tokens
    for entry in shown:
        codes.columns(entry.name)
except (OSError, ValueError) as error:
    st.error(f"The codes cannot be drawn: {code(error)}")
    st.stop()

for entry in shown[1:]:
    fit.banner(entry.name)
whole = heat.Stretch((0, n_tokens), (0, min(entry.n_features for entry in shown)))
seen = heat.stretch(n_tokens, whole.channels[1])
heat.controls(seen, whole)
heat.cell(index, known, whole)
for entry, place in zip(shown, st.columns(len(shown)), strict=True):
    with place:
        heat.draw(index, entry, seen, whole)
        heat.stripes(index, entry, seen, whole)
