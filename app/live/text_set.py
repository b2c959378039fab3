"""A file of many texts under one dictionary: taken in, read with a bar, the features of the whole set, and the texts to open."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from app import navigation, services
from app.components import chooser, tables, url
from app.components.explain import MEANINGS, hover
from app.live import parts as live
from app.live import table as live_table
from app.services import texts
from bae.index.query import Index
from bae.notebook.text_sets import KINDS, MOST_CHARACTERS, MOST_TEXTS, TextSet, parse
from bae.numbers import duration
from bae.reading.painting import View, bursts_off, density, shown

if TYPE_CHECKING:
    from bae.features.magnitude import Prior
    from bae.reading.text_set import SetReading

SET, UPLOAD = "set", "upload"
MOST_UPLOAD_MB = 5
SHOWN_CHARACTERS = 300
"""Of a text in the list."""


def show(lenses, index: Index | None) -> None:
    """Draw it."""
    _upload()
    name = st.query_params.get(SET)
    try:
        found = texts.text_set(name) if name else None
    except KeyError:
        url.wrong(SET, name, "the id of a file that was read in this workspace", None)
        found = None
    if found is None:
        st.info(
            "Choose a file above: its features are counted over all of its texts, and each text can be opened.",
            icon=":material/upload_file:",
        )
        return
    ae = chooser.dictionary(live.offered(lenses))
    live.say_replaced([ae])
    feature = url.whole("feature", 0, lenses.usable[ae].autoencoder.n_features - 1, None)
    reading, prior = texts.set_reading(ae, name)
    _say_what_it_is(found)
    _read_to_the_end(reading)
    names = live.own_summaries(index, ae)
    _features(reading, prior, ae, names)
    _texts(found, reading, ae, feature, names)


def _upload() -> None:
    kinds = "; ".join(f"{kind}: {told}" for kind, told in KINDS.items())
    file = st.file_uploader(
        "A file of texts",
        list(KINDS),
        key=UPLOAD,
        on_change=_take,
        max_upload_size=MOST_UPLOAD_MB,
        help=f"{kinds}. UTF-8. At most {MOST_TEXTS:,} texts and {MOST_CHARACTERS:,} characters in all.",
    )
    most = f"{MOST_TEXTS:,} texts and {MOST_CHARACTERS:,} characters, {MOST_UPLOAD_MB} MB"
    st.caption(f"{kinds}. At most {most}. It stays in the workspace's notebook.")
    if file is None:
        return
    try:
        parse(file.name, file.getvalue())
    except ValueError as error:
        reason = str(error)
        st.error(f"The file cannot be read: {url.code(reason)}", icon=":material/error:")


def _take() -> None:
    """Keep a file that can be read, and show it."""
    file = st.session_state[UPLOAD]
    if file is None:
        return
    try:
        found = parse(file.name, file.getvalue())
    except ValueError:
        # named where the file is shown, as long as it is there; without a set the address would imply another mode
        url.put(**{SET: None, "mode": "file"})
        return
    url.put(**{SET: texts.text_sets().keep(found), "feature": None})


def _say_what_it_is(found: TextSet) -> None:
    characters = sum(map(len, found.texts))
    skipped = f"; {found.skipped:,} empty ones were left out" if found.skipped else ""
    st.markdown(f"{url.code(found.name)}: **{len(found.texts):,} texts**, {characters:,} characters{skipped}.")


def _read_to_the_end(reading: "SetReading") -> None:
    """Read what has not been read yet. Whoever leaves finds what was read when they come back."""
    if reading.finished:
        return
    bar = st.progress(0.0, text="Waiting for the language model.")
    while not reading.finished:
        texts.advance(reading)
        rate = reading.done / max(reading.seconds, 1e-9)
        left = duration((reading.total - reading.done) / rate)
        told = f"Reading: {reading.done:,} of {reading.total:,} tokens at {rate:,.0f} a second, about {left} left"
        bar.progress(min(reading.done / reading.total, 1.0), text=told)
    bar.empty()


def _features(reading: "SetReading", prior: "Prior", ae: str, names: Mapping[int, str]) -> None:
    """The features of the whole set."""
    binary, shares = reading.lens.autoencoder.binary, reading.shares
    rates = prior.rate.tolist()
    view = _view(any(bursts_off(rate, binary) for rate in rates))
    st.subheader("Features of the whole set")
    frame = set_features(reading, rates, shown(rates, binary, view))
    if frame.empty:
        st.info("No feature stands out in any of these texts, or the switches above hide those that do.")
        return
    cut = sum(one.dropped > 0 for one in reading.figures)
    said = f"; {cut:,} texts are longer than what is read of one, and were cut" if cut else ""
    st.caption(
        f"{len(frame):,} features stand out, over {shares.tokens:,} tokens{said}. Click one to list the texts that it stands out in."
    )
    unit = f" ({reading.lens.magnitude.unit})" if reading.lens.magnitude.unit else ""
    columns = {
        "in_texts": tables.number("in_texts", "localized", 80),
        "share": st.column_config.NumberColumn(MEANINGS["share"].label, help=hover("share"), format="%.3g %%", width=90),
        "density": st.column_config.NumberColumn(MEANINGS["density"].label, help=hover("density"), format="%.3g %%", width=80),
        "times": st.column_config.NumberColumn(MEANINGS["times"].label, help=hover("times"), format="%.3g ×", width=90),
        "set_peak": st.column_config.NumberColumn(MEANINGS["set_peak"].label + unit, help=hover("set_peak"), format="%.4f", width=120),
    }
    live_table.paints_on_click(frame, ae, names, "set-features", columns)


def _view(has_off: bool) -> View:
    threshold = url.choice("density", live.DENSITIES, "100")
    on, off = url.flag("on", True), url.flag("off", True)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        live.density_slider("Hide features denser than (% of tokens)", threshold)
        if has_off:
            url.bound(st.toggle, "On-bursts", "on", on, default=True, written=live.bit, help=hover("on_bursts"))
            url.bound(st.toggle, "Off-bursts", "off", off, default=True, written=live.bit, help=hover("off_bursts"))
    return View(None, float(threshold) / 100, on or not has_off, off)


def set_features(reading: "SetReading", rates: list[float], allowed: list[bool]) -> pd.DataFrame:
    """Every allowed feature that stands out somewhere, that in most texts first."""
    binary, shares = reading.lens.autoencoder.binary, reading.shares
    rows = []
    columns = zip(shares.texts.tolist(), shares.share.tolist(), rates, shares.peak.tolist(), strict=True)
    for feature, (in_texts, share, rate, peak) in enumerate(columns):
        if in_texts and allowed[feature]:
            usual = density(rate, binary)
            rows.append((feature, in_texts, 100 * share, 100 * usual, share / usual if usual else None, peak))
    rows.sort(key=lambda row: (-row[1], -row[2], row[0]))
    return pd.DataFrame(rows, columns=["feature", "in_texts", "share", "density", "times", "set_peak"])


def _texts(found: TextSet, reading: "SetReading", ae: str, feature: int | None, names: Mapping[int, str]) -> None:
    """The texts, of a chosen feature those that it stands out in; a click opens one."""
    st.subheader("Texts")
    frame = text_rows(found, reading, feature)
    if feature is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Those in which **feature {feature}** stands out: {len(frame):,} of {len(found.texts):,}.", width="content")
            live.link_to_feature("Open its page", ae, feature)
            st.button("Show all texts", icon=":material/close:", on_click=url.put, kwargs={"feature": None})
    if frame.empty:
        return
    st.caption("Click a text to open it.")
    key = f"set-texts:{feature}"
    # a click is read in the next run, as it is everywhere that a table leads on
    chosen = st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        lazy=False,
        height=min(tables.ROW_PX * (len(frame) + 1) + 3, live_table.MOST_PX),
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "number": tables.number("text_number", width=60),
            "text": tables.words("set_text", 620),
            "tokens": tables.number("set_tokens", "localized", 80),
            "stands_out": tables.number("stands_out", "localized", 100),
            "bits": tables.number("bits_mean", "%.1f", 130),
        },
    )
    cells = chosen.selection.cells
    if cells and cells[0][0] < len(frame):
        _open(found.texts[int(frame["number"].iloc[cells[0][0]]) - 1], ae, feature)


def _open(text: str, ae: str, feature: int | None) -> None:
    """One text as if it had been typed; the address keeps the set to come back to."""
    name = services.notebook().keep_text(text)
    navigation.go("text", mode="one", text=name, ae=ae, feature=feature, set=st.query_params.get(SET))


def text_rows(found: TextSet, reading: "SetReading", feature: int | None) -> pd.DataFrame:
    """A row a text in the order of the file; of a feature those that it stands out in, most often first."""
    rows = []
    for number, (text, figures) in enumerate(zip(found.texts, reading.figures, strict=True), start=1):
        counts = dict(zip(figures.features.tolist(), figures.counts.tolist(), strict=True)) if feature is not None else {}
        if feature is None or feature in counts:
            shown_text = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
            rows.append((number, shown_text, figures.tokens, counts.get(feature), figures.bits))
    frame = pd.DataFrame(rows, columns=["number", "text", "tokens", "stands_out", "bits"])
    if feature is not None:
        frame = frame.sort_values(["stands_out", "number"], ascending=[False, True], ignore_index=True)
    unsaid = {"stands_out": feature is None, "bits": reading.code is None}
    return frame.drop(columns=[name for name, drop in unsaid.items() if drop])
