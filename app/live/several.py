"""One text under several dictionaries at once, from one pass of the language model; a token of one line is the same in all."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app import services
from app.components import chooser, tables, url
from app.components.explain import MEANINGS, hover
from app.components.tokens import Line, painted_lines
from app.live import box as live_box
from app.live import continuing as live_continue
from app.live import parts as live
from app.live import table as live_table
from app.services.reading import MOST_TOGETHER, read_together
from bae.index.query import Index
from bae.names import TITLES
from bae.reading.painting import View, paint

SHOWN_WITHOUT = 2
"""Further dictionaries that are shown where the address names none."""
MOST_FEATURES = 5
"""Features of the locked token that are listed of each dictionary."""


def show(lenses, index: Index | None) -> None:
    """Draw it. Raises ValueError where the text cannot be read."""
    live_continue.take_up()
    text = live_box.text_box()
    ae = chooser.dictionary(live.offered(lenses))
    further = _further(lenses, ae)
    readings = read_together([ae, *further], text)
    view = live.controls(list(readings.values()))
    _draw(readings, view, index, {}, live_box.typed_characters(), "painted:several")
    live_continue.show(text)
    _locked(readings, view, index)
    if not further:
        st.info("Choose further dictionaries above to see the same text under each.", icon=":material/layers:")


def painted_side_by_side(
    dictionaries: Sequence[str],
    text: str,
    index: Index | None,
    view: View | None = None,
    features: Mapping[str, int] | None = None,
    key: str = "side-by-side",
) -> dict[str, services.Reading]:
    """Draw a text under each of these dictionaries, one line below the other, and return what was read.

    One pass of the language model; hovering or locking a token in one line does so in all (`token` in the address). `features`
    names the feature that a dictionary paints; the others paint the loudest of each token, as `view` says.
    Raises ValueError where the text cannot be read, or for more than `MOST_TOGETHER` dictionaries.
    """
    readings = read_together(dictionaries, text)
    _draw(readings, view or View(), index, features or {}, None, key)
    return readings


def _further(lenses, ae: str) -> list[str]:
    """The chooser of the further dictionaries."""
    offered = live.offered(lenses)
    others = [name for name in offered if name != ae]
    # rather of other kinds than the same again
    unlike = sorted(others, key=lambda name: (offered[name].title == offered[ae].title, offered[name].layer != offered[ae].layer))
    asked = [name for name in url.several("also", list(offered), unlike[:SHOWN_WITHOUT]) if name != ae]
    room = MOST_TOGETHER - 1
    if len(asked) > room:
        url.wrong("also", ",".join(asked), f"at most {room} further dictionaries", ", ".join(asked[:room]))
    return url.bound(
        st.multiselect,
        "Further dictionaries",
        "also",
        asked[:room],
        others,
        written=",".join,
        max_selections=room,
        format_func=lambda name: _title(offered[name].title, name, offered[name].layer),
        help=hover("also"),
    )


def _title(title: str, name: str, layer: int) -> str:
    return f"{title} · {name} · layer {layer}"


def _draw(
    readings: Mapping[str, services.Reading], view: View, index: Index | None, features: Mapping[str, int], typed: int | None, key: str
) -> None:
    live.say_replaced(list(readings))
    live.say_limits(list(readings.values()))
    lines = [_line(reading, view, index, features.get(name), typed) for name, reading in readings.items()]
    stretches = lines[0].stretches
    st.caption("Hover a token to see what each dictionary makes of it, click it to lock it in all.")
    with st.container(border=True):
        painted_lines(lines, live.locked_token(stretches), live.pick_token, key=key)
    live.show_legend(list(readings.values()), view, output=any(stretch.output for stretch in stretches))


def _line(reading: services.Reading, view: View, index: Index | None, feature: int | None, typed: int | None) -> Line:
    lens = reading.inspection.lens
    own = View(feature, view.max_density, view.on, view.off, view.start, view.bits and feature is None)
    names = live.own_summaries(index, lens.name)
    largest = index.feature(lens.name, feature).largest if feature is not None and names else None
    title = _title(TITLES[lens.autoencoder.kind], lens.name, lens.layer)
    if feature is not None:
        title += f" · feature {feature}"
    stretches = paint(reading.inspection, reading.rate, own, largest, reading.cost, typed)
    return Line(title, stretches, live.called(lens.name, names), lens.magnitude.unit)


def _locked(readings: Mapping[str, services.Reading], view: View, index: Index | None) -> None:
    """The features of the locked token under each dictionary, in one table."""
    token = st.query_params.get("token")
    rows, text = [], ""
    for name, reading in readings.items():
        stretch = next((one for one in paint(reading.inspection, reading.rate, view, cost=reading.cost) if str(one.token) == token), None)
        if stretch is None:
            return
        text = stretch.text
        called, unit = live.called(name, live.own_summaries(index, name)), reading.inspection.lens.magnitude.unit
        rows += [
            (name, feature, called.get(feature, ""), f"{loud:.4f} {unit}".rstrip(), 100 * reading.rate[feature])
            for feature, loud in stretch.top[:MOST_FEATURES]
        ]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Token {url.code(text)} at position {url.code(token)}")
            st.button("Unlock", icon=":material/lock_open:", on_click=url.put, kwargs={"token": None}, type="tertiary")
        if not rows:
            st.caption("No feature of these dictionaries is activated on it, or the switches above hide those that are.")
            return
        _table(rows)


def _table(rows: Sequence[tuple]) -> None:
    frame = pd.DataFrame(rows, columns=["dictionary", "feature", "called", "loud", "rate"])
    chosen = st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        lazy=False,
        height=min(tables.ROW_PX * (len(rows) + 1) + 3, live_table.MOST_PX),
        key="locked-in-all",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "dictionary": st.column_config.TextColumn("Dictionary", help="The name of its folder in autoencoders/.", width=110),
            "feature": tables.number("feature", width=70),
            "called": st.column_config.TextColumn("Label and words", help=f"{hover('label')} {hover('summary')}", width=420),
            "loud": tables.words("loudness", 150),
            "rate": st.column_config.NumberColumn(MEANINGS["rate"].label, help=hover("rate"), format="%.3g %%", width=80),
        },
    )
    cells = chosen.selection.cells
    if cells and cells[0][0] < len(rows):
        name, feature = rows[cells[0][0]][:2]
        live.link_to_feature(f"Open the page of feature {feature}", name, feature)
