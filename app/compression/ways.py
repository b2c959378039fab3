"""The tables of compression: every way to write the vectors of one dictionary, and every dictionary at one threshold; all as CSV."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from app.components import tables, url
from app.components.explain import MEANINGS
from app.compression.chosen import Shown

if TYPE_CHECKING:
    from bae.experiments.compression.results import Row

ERRORS = ("mse", "fvu", "cosine", "length", "delta_ce")


def draw(shown: Shown) -> None:
    """Both tables."""
    st.markdown(f"**Ways to write the vectors of** {url.code(shown.row.dictionary)}")
    _table([_row(row) for row in shown.own], "compression-ways")
    st.markdown(f"**All dictionaries** at threshold {shown.row.threshold:g}, as in the paper's Table 3")
    _table([_dictionary(row) for row in sorted(shown.everywhere, key=lambda row: (row.layer, row.size))], "compression-dictionaries")
    st.download_button(
        "All rows as CSV",
        lambda: as_csv(shown.rows),
        file_name="compression.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="Every dictionary, threshold and peer with all digits. Sizes are bytes of the whole set, bits those of a vector.",
    )


def as_csv(rows: "Sequence[Row]") -> str:
    """All rows with all their digits."""
    return pd.DataFrame([vars(row) for row in rows]).to_csv(index=False)


def _row(row: "Row") -> dict[str, object]:
    percent = lambda share: None if share is None else 100 * share  # noqa: E731
    return {
        "way": row.method,
        "threshold": row.threshold,
        "bytes": row.bits / 8,
        "ratio": percent(row.ratio),
        "with_model": percent(row.ratio_with_model),
        "over_bound": row.size / row.bound if row.bound and row.bound > 0 else None,
        "lost": percent(row.lost),
        **{name: getattr(row, name) for name in ERRORS},
    }


def _dictionary(row: "Row") -> dict[str, object]:
    before = row.size / row.ratio
    return {
        "way": row.dictionary,
        "layer": row.layer,
        "alpha": row.entropy_weight,
        "before": before / 1e6,
        "file": row.size / 1e6,
        "file_with_model": row.ratio_with_model * before / 1e6,
        **{name: value for name, value in _row(row).items() if name not in ("way", "threshold", "ratio", "with_model")},
    }


def _table(rows: Sequence[dict[str, object]], key: str) -> None:
    frame = pd.DataFrame(rows)
    numeric = frame.columns.difference(["way"])
    frame[numeric] = frame[numeric].apply(pd.to_numeric)
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="–",
        lazy=False,
        height=tables.ROW_PX * (len(frame) + 1) + 3,
        key=key,
        column_config={name: column for name, column in _columns().items() if name in frame},
    )


def _columns() -> dict[str, object]:
    megabytes = lambda label, told: st.column_config.NumberColumn(label, help=told, format="%.3g")  # noqa: E731
    per_cent = lambda name: st.column_config.NumberColumn(MEANINGS[name].label, help=MEANINGS[name].hover, format="%.3g %%")  # noqa: E731
    return {
        "way": st.column_config.TextColumn("Way", width=290),
        "layer": tables.number("layer"),
        "alpha": tables.number("compression_alpha", "%.2g"),
        "before": megabytes("fp16 (MB)", "The vectors with two bytes a number, in millions of bytes."),
        "file": megabytes("File (MB)", "All of the file, in millions of bytes."),
        "file_with_model": megabytes("With the model (MB)", "The file and the dictionary at two bytes a weight, in millions of bytes."),
        "threshold": tables.number("compression_threshold", "%.4g"),
        "bytes": st.column_config.NumberColumn("Bytes a vector", help=MEANINGS["compression_bytes"].hover, format="%.1f"),
        "ratio": per_cent("compression_ratio"),
        "with_model": per_cent("compression_with_model"),
        "over_bound": tables.number("compression_over_bound", "%.3f"),
        "lost": per_cent("compression_lost"),
        "mse": tables.number("compression_mse", "%.3g", 90),
        "fvu": tables.number("compression_fvu", "%.3f"),
        "cosine": tables.number("compression_cosine", "%.3f"),
        "length": tables.number("compression_length", "%.3f"),
        "delta_ce": tables.number("compression_delta_ce", "%.3f"),
    }
