"""Which features burst on the tokens of a text that a person types?"""

import streamlit as st

from app import live, services
from app.components import chooser, panels, url
from app.components.explain import hover
from app.reading import View, bursts_off

st.title("Live text")
index = panels.index_or_none()
if index is None:
    panels.index_progress()
lenses = panels.require_lenses()

text = live.text_box()
ae = chooser.dictionary(live.offered(lenses))
autoencoder = lenses.usable[ae].autoencoder
feature = url.whole("feature", 0, autoencoder.n_features - 1, None)
density = url.choice("density", live.DENSITIES, "100")
start, on, off = (url.flag(name, default) for name, default in (("start", False), ("on", True), ("off", True)))

try:
    reading = services.read(ae, text)
except ValueError as error:
    panels.cannot_read(error)
    st.stop()

has_off = any(bursts_off(rate, autoencoder.binary) for rate in reading.rate)
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    live.density_slider("Hide features denser than (% of tokens)", density)
    url.bound(st.toggle, "Start token", "start", start, default=False, written=live.bit, help=hover("start"))
    if has_off:
        url.bound(st.toggle, "On-bursts", "on", on, default=True, written=live.bit, help=hover("on_bursts"))
        url.bound(st.toggle, "Off-bursts", "off", off, default=True, written=live.bit, help=hover("off_bursts"))

view = View(feature, float(density) / 100, on or not has_off, off, start)
names = live.summaries(index, ae)
live.show_painted(view, ae, names)
live.show_text(reading, view, names, index)
live.show_locked(reading, view, names)
live.show_table(reading, view, names)
st.caption(
    "The address of this page holds all of its state and can be kept or shared with whoever uses this workspace; "
    "the text itself stays in the workspace's notebook, under an id that cannot be guessed."
)
