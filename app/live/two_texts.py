"""Two texts under one dictionary: both painted, and how much more often each feature stands out in one than in the other."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from app import services
from app.components import chooser, url
from app.components.explain import MEANINGS, hover
from app.live import box as live_box
from app.live import parts as live
from app.live import table as live_table
from bae.index.query import Index
from bae.reading.painting import View, density, shown


def show(lenses, index: Index | None) -> None:
    """Draw it."""
    texts = dict(zip("AB", live_box.two_boxes(), strict=True))
    ae = chooser.dictionary(live.offered(lenses))
    live.say_replaced([ae])
    feature = url.whole("feature", 0, lenses.usable[ae].autoencoder.n_features - 1, None)
    readings = {name: _read_or_say(ae, name, text) for name, text in texts.items()}
    if None in readings.values():
        return
    view = live.controls(list(readings.values()), feature)
    names = live.own_summaries(index, ae)
    live.show_painted(view, ae, names)
    for (name, reading), lock, column in zip(readings.items(), live_box.LOCKS.values(), st.columns(2), strict=True):
        with column:
            st.markdown(f"**Text {name}** · {reading.shares.tokens:,} tokens read")
            live.show_text(reading, view, names, index, lock=lock)
            if view.bits:
                live.show_cost(reading)
    for reading, lock in zip(readings.values(), live_box.LOCKS.values(), strict=True):
        live_table.locked_features(reading, view, names, lock)
    _difference(readings, view, names)


def _read_or_say(ae: str, name: str, text: str) -> services.Reading | None:
    """A text that was read; where it cannot be, the page says why."""
    try:
        return services.read(ae, text)
    except ValueError as error:
        reason = str(error)
        st.info(f"Text {name}: {reason}.", icon=":material/edit_note:")
        return None


def _difference(readings: Mapping[str, services.Reading], view: View, names: Mapping[int, str]) -> None:
    """The table of features, the greatest difference first."""
    first, second = readings.values()
    lens = first.inspection.lens
    st.subheader("What tells them apart", help=hover("share_difference"))
    if not first.shares.tokens or not second.shares.tokens:
        st.info("One of the texts has no token that is read for features, so there is nothing to compare.")
        return
    frame = differences(first, second, shown(first.rate, lens.autoencoder.binary, view))
    if frame.empty:
        st.info("No feature stands out in either, or the switches above hide those that do.")
        return
    st.caption(
        f"{len(frame):,} features stand out in at least one of the texts, the greatest difference first. A difference between two short "
        "texts may well be chance: the columns say how many tokens it rests on."
    )
    columns = {
        name: st.column_config.NumberColumn(MEANINGS[name].label, help=hover(name), format=form, width=width)
        for name, form, width in (
            ("share_a", "%.3g %%", 80),
            ("share_b", "%.3g %%", 80),
            ("share_difference", "%+.3g %%", 100),
            ("count_a", "localized", 90),
            ("count_b", "localized", 90),
            ("density", "%.3g %%", 80),
        )
    }
    live_table.paints_on_click(frame, lens.name, names, "differences", columns)


def differences(first: services.Reading, second: services.Reading, allowed: list[bool]) -> pd.DataFrame:
    """Shares of tokens in % on which each feature stands out, of those that do in either text and are allowed."""
    binary = first.inspection.lens.autoencoder.binary
    a, b = first.shares, second.shares
    rows = [
        (feature, 100 * in_a, 100 * in_b, 100 * (in_a - in_b), count_a, count_b, 100 * density(rate, binary))
        for feature, (in_a, in_b, count_a, count_b, rate) in enumerate(
            zip(a.share.tolist(), b.share.tolist(), a.count.tolist(), b.count.tolist(), first.rate, strict=True)
        )
        if allowed[feature] and (count_a or count_b)
    ]
    rows.sort(key=lambda row: (-abs(row[3]), row[0]))
    return pd.DataFrame(rows, columns=["feature", "share_a", "share_b", "share_difference", "count_a", "count_b", "density"])
