"""One text under one dictionary: typed, painted, continued by the language model if asked, its features in a table."""

import streamlit as st

from app import services
from app.components import chooser, fit, url
from app.live import box as live_box
from app.live import continuing as live_continue
from app.live import parts as live
from app.live import table as live_table
from bae.index.query import Index


def show(lenses, index: Index | None) -> None:
    """Draw it. Raises ValueError where the text cannot be read."""
    live_continue.take_up()
    text = live_box.text_box()
    ae = chooser.dictionary(live.offered(lenses))
    beware = st.container()
    live.say_replaced([ae])
    feature = url.whole("feature", 0, lenses.usable[ae].autoencoder.n_features - 1, None)
    reading = services.read(ae, text)
    view = live.controls([reading], feature)
    names = live.own_summaries(index, ae)
    live.show_painted(view, ae, names)
    live.show_text(reading, view, names, index, typed=live_box.typed_characters())
    if view.bits:
        live.show_cost(reading)
    live_continue.show(text)
    live_table.locked_features(reading, view, names)
    live_table.text_features(reading, view, names)
    # last, so that nobody waits for it
    with beware:
        fit.measured(ae)
