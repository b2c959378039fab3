"""The parts of live text, shared with the box on a feature's page: type, paint, lock a token, list the features."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app import navigation, services
from app.components import labels, tables, url
from app.components.chooser import Offered
from app.components.explain import MEANINGS, hover
from app.components.panels import cannot_read, require_lenses, words
from app.components.tokens import legend, painted_text
from app.reading import NOT_READ, Stretch, View, bursts_off, paint, shown
from bae.index.query import Dictionary, Index
from bae.names import TITLES

EXAMPLES = {
    "Address": "Fellow citizens, the treaty with Great Britain has opened our harbors to trade, and the naval force now guards the coast.",
    "Film review": "A beautifully acted, quietly funny film whose last half hour, alas, collapses under a dreadful script.",
    "Science": "When light of one frequency falls on a metal, the electrons take their energy from its colour and not from its brightness.",
    "Code": "def total(prices):\n    return sum(price for price in prices if price > 0)  # in euros",
    "Many scripts": "Ελλάδα, 日本語 and العربية meet in one line 🙂, with naïve café spelling and the year 1848.",
}
DENSITIES = ("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100")
ALL = 1_000_000
"""As a limit: more features than any dictionary has."""
SORTS = {"peak": "Peak", "tokens": "Tokens", "rarity": "Rarity"}


def bit(value: bool) -> str:
    """A switch in the address."""
    return str(int(value))


def text_box(height: int = 120) -> str:
    """The box with its examples, and the text that the address names: private, so the address carries its id in the notebook."""
    text = _text_of_address()
    st.session_state["typed"] = text
    st.text_area("Text", key="typed", height=height, on_change=_typed, placeholder="Type or paste a text; Ctrl+Enter reads it.")
    with st.container(horizontal=True, gap="small"):
        st.button("Read", type="primary", icon=":material/visibility:", help="Reads the text and paints it. Ctrl+Enter does the same.")
        for name, example in EXAMPLES.items():
            st.button(name, on_click=_keep, args=(example,), key=f"example:{name}")
    return text


def _text_of_address() -> str:
    name = st.query_params.get("text")
    if name is None:
        return next(iter(EXAMPLES.values()))
    if not name:
        return ""
    try:
        return services.notebook().text(name)
    except KeyError:
        url.wrong("text", name, "the id of a text that was kept in this workspace", "an example")
        return next(iter(EXAMPLES.values()))


def _typed() -> None:
    _keep(st.session_state["typed"])


def _keep(text: str) -> None:
    url.put(text=services.notebook().keep_text(text) if text.strip() else "", token=None)


def offered(lenses) -> dict[str, Offered]:
    """The dictionaries that live text can look through."""
    return {name: Offered(TITLES[lens.autoencoder.kind], lens.layer) for name, lens in lenses.usable.items()}


def summaries(index: Index | None, ae: str) -> Mapping[int, str]:
    """The words of every feature, where the index has the dictionary."""
    if index is None or ae not in index.dictionaries():
        return {}
    return dict(enumerate(services.column(str(index.file), ae, "summary")))


def show_text(reading: services.Reading, view: View, names: Mapping[int, str], index: Index | None, ask_token: bool = True) -> None:
    """The painted text with what has to be said about it."""
    tokens, lens = reading.inspection.tokens, reading.inspection.lens
    if tokens.dropped_tokens:
        said = f"Only the first {len(tokens.ids) - 1:,} tokens were read; the last {tokens.dropped_tokens:,} are left out."
        st.warning(said, icon=":material/content_cut:")
    if len(tokens.ids) > lens.context_length:
        st.caption(f"Tokens past {lens.context_length:,}, the length that this dictionary was trained on, are greyed.")
    largest = None
    if view.feature is not None and names:
        largest = index.feature(lens.name, view.feature).largest
    stretches = paint(reading.inspection, reading.rate, view, largest)
    locked = _locked(stretches) if ask_token else None
    has_off = any(bursts_off(rate, lens.autoencoder.binary) for rate in reading.rate)
    if view.feature is None:
        st.caption(
            "Each token is painted by its loudest feature: the deeper, the louder. Hover a token for its features, click it to lock it."
        )
    with st.container(border=True):
        painted_text(
            stretches, labels.lines(services.shown_labels(lens.name), names), lens.magnitude.unit, locked, pick_token, key="painted"
        )
    st.html(legend(has_off))


def _locked(stretches: Sequence[Stretch]) -> int | None:
    positions = [stretch.token for stretch in stretches]
    token = url.whole("token", 0, max(positions, default=0), None)
    return None if token is None else max((p for p in positions if p <= token), default=None)


def pick_token(token: int) -> None:
    """Lock a token, or let go of the one that is locked."""
    url.put(token=None if st.query_params.get("token") == str(token) else token)


def show_painted(view: View, ae: str, names: Mapping[int, str]) -> None:
    """Which feature is painted, with the ways out."""
    if view.feature is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f"Painting **feature {view.feature}**", width="content")
        if names:
            words(labels.in_a_line(services.shown_labels(ae).get(view.feature), names.get(view.feature, "")), "1rem")
        navigation.link("feature", "Open its page", ae=ae, feature=view.feature, text=st.query_params.get("text"))
        st.button("Paint the loudest instead", icon=":material/close:", on_click=url.put, kwargs={"feature": None})


def show_locked(reading: services.Reading, view: View, names: Mapping[int, str]) -> None:
    """The features of the token that is locked."""
    stretches = paint(reading.inspection, reading.rate, view)
    token = st.query_params.get("token")
    stretch = next((one for one in stretches if str(one.token) == token), None)
    if stretch is None:
        return
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Token {url.code(stretch.text)} at position {stretch.token}")
            st.button("Unlock", icon=":material/lock_open:", on_click=url.put, kwargs={"token": None}, type="tertiary")
        if stretch.kind == "grey":
            st.caption(stretch.note)
        if stretch.note == NOT_READ or not stretch.top:
            st.caption("No feature is activated on it, or the switches above hide those that are.")
            return
        rows = [(feature, loud, None, reading.rate[feature]) for feature, loud in stretch.top]
        _table(rows, reading, names, key="locked-features", peak="burstiness" if reading.inspection.lens.autoencoder.binary else "value")


def show_table(reading: services.Reading, view: View, names: Mapping[int, str]) -> None:
    """The features of the whole text."""
    allowed = shown(reading.rate, reading.inspection.lens.autoencoder.binary, view)
    rows = [row for row in reading.features if allowed[row.feature]]
    st.subheader("Features of this text")
    sort = url.choice("sort", list(SORTS), "peak")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        url.bound(st.radio, "Sort by", "sort", sort, list(SORTS), default="peak", horizontal=True, format_func=SORTS.get)
        hidden = len(reading.features) - len(rows)
        st.caption(f"{len(rows):,} features" + (f", {hidden:,} hidden by the switches" if hidden else ""))
    order = {
        "peak": lambda row: (-row.peak, row.feature),
        "tokens": lambda row: (-row.count, -row.peak),
        "rarity": lambda row: (row.rate, -row.peak),
    }
    rows = sorted(rows, key=order[sort])
    if not rows:
        st.info("No feature is left. Let denser features through with the slider above, or switch the bursts on again.")
        return
    _table([(row.feature, row.peak, row.count, row.rate) for row in rows], reading, names, key="text-features", peak="peak")


def _table(rows: Sequence[tuple], reading: services.Reading, names: Mapping[int, str], key: str, peak: str) -> None:
    """Features with their numbers; a click on a row paints its feature."""
    lens = reading.inspection.lens
    frame = pd.DataFrame(rows, columns=["feature", "peak", "tokens", "rate"])
    frame["rate"] *= 100
    labelled = services.shown_labels(lens.name)
    shown = [labelled.get(row[0]) for row in rows]
    frame.insert(1, "label", [label and label.text for label in shown])
    frame.insert(2, "summary", [names.get(row[0], "") for row in rows])
    frame["label_by"] = [label and labels.author(label) for label in shown]
    unsaid = {"label": not any(shown), "label_by": not any(shown), "summary": not names, "tokens": key == "locked-features"}
    left_out = [name for name, drop in unsaid.items() if drop]
    unit = f" ({lens.magnitude.unit})" if lens.magnitude.unit else ""
    features = [row[0] for row in rows]
    chosen = st.query_params.get("feature", "")
    at = [features.index(int(chosen))] if chosen.isdecimal() and int(chosen) in features else []
    _select(key, at)
    st.dataframe(
        frame.drop(columns=left_out),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=min(tables.ROW_PX * (len(rows) + 1) + 3, 560),
        key=key,
        on_select=lambda: _choose(key, features, at[0] if at else None),
        selection_mode=["single-row", "single-cell"],
        column_config={
            "feature": tables.number("feature", width=70),
            "label": tables.words("label", 215),
            "label_by": tables.words("label_by", 170),
            "summary": tables.words("summary", 215),
            "peak": st.column_config.NumberColumn(MEANINGS[peak].label + unit, help=hover(peak), format="%.4f", width=120),
            "tokens": tables.number("tokens", width=80),
            "rate": st.column_config.NumberColumn("Rate", help=hover("rate"), format="%.3g %%", width=80),
        },
    )


def _select(key: str, rows: list[int]) -> None:
    """Have a table show these rows as selected."""
    wanted = {"rows": rows, "columns": [], "cells": []}
    known = st.session_state[key]["selection"] if key in st.session_state else None
    # written only where it differs, so that a click under way is not overwritten
    if rows if known is None else dict(known) != wanted:
        st.session_state[key] = {"selection": wanted}


def _choose(key: str, features: Sequence[int], before: int | None) -> None:
    row = tables.clicked_row(key, len(features))
    # Streamlit also reports a table that was not clicked, with the selection that it already had
    if row != before:
        url.put(feature=None if row is None else features[row])


def density_slider(label: str, value: str, also: Sequence[str] = ()) -> str:
    """How dense a feature may be, in % of tokens."""
    return url.bound(st.select_slider, label, "density", value, DENSITIES, default="100", also=also, help=hover("max_density"), width=320)


def first_active(index: Index, ae: str) -> int:
    """The feature that is shown where the address names none."""
    return random_active(index, ae, 0.0)


def random_active(index: Index, ae: str, draw: float) -> int:
    """An active feature; feature 0 where none is active."""
    try:
        return index.random_feature(ae, draw)
    except KeyError:
        return 0


def try_feature(ae: str, feature: int, index: Index) -> None:
    """One feature painted on a text that a person types."""
    lenses = require_lenses()
    if ae not in lenses.usable:
        st.info(f"The dictionary {url.code(ae)} is in the index, but its checkpoint cannot be used; the Overview says why.")
        return
    try:
        reading = services.read(ae, text_box())
    except ValueError as error:
        cannot_read(error)
        return
    show_text(reading, View(feature), summaries(index, ae), index, ask_token=False)


def provenance(entry: Dictionary, index: Index) -> list[tuple[str, str]]:
    """Where a dictionary comes from, as pairs of a name and a value."""
    told = entry.provenance
    told = told.get("provenance", told)
    rows = [
        ("Dictionary", f"{entry.name}: {entry.title}, {entry.n_features:,} features"),
        ("Language model", str(told.get("model", ""))),
        ("Layer", tables.layer_text(entry.layer)),
        ("Corpus", ", ".join(told.get("corpus", ()))),
        ("Trained on", f"{told.get('tokens_seen', 0):,} hidden states, contexts of {told.get('context_length', 0):,} tokens"),
        ("Seed", str(told.get("seed", ""))),
        ("Rates measured on", f"{entry.tokens:,} tokens of the index {index.file.name}"),
    ]
    return rows + [(name, str(value)) for name, value in told.get("options", {}).items()]
