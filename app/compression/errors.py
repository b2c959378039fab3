"""How far restored hidden states are off, drawn against size, threshold, layer, and the weight of the entropy."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app import charts
from app.components import url
from app.components.explain import MEANINGS, hover
from app.compression import charts as figures
from app.compression.charts import PEER_SYMBOLS, SYMBOLS, Curve
from app.compression.chosen import LENGTHS, METHODS, Shown

if TYPE_CHECKING:
    from bae.experiments.compression.results import Row

ERRORS = {"mse": "MSE", "fvu": "FVU", "cosine": "Cosine", "length": "Length", "delta_ce": "Delta-CE", "bits": "Bits a vector"}
AGAINST = {"size": "Size", "threshold": "Threshold", "layer": "Layer", "alpha": "Alpha"}
AXES = {"size": "bytes a vector", "threshold": "threshold (bits)", "layer": "layer", "alpha": "weight of the entropy (alpha)"}
PLACES: "dict[str, Callable[[Row], float | str | None]]" = {
    "size": lambda row: None if row.lost == 1 else row.bits / 8,
    "threshold": lambda row: f"{row.threshold:g}",
    "layer": lambda row: row.layer,
    "alpha": lambda row: row.entropy_weight or None,
}
"""Where a row stands; None where it does not. What stores nothing would only stretch an axis of sizes; a logarithmic axis has no 0."""
MENDED = {"norm": "triangle-right", "gain": "triangle-left"}
"""Symbols of a dictionary with its lengths mended."""


def draw(shown: Shown) -> None:
    """The chart with its two choosers."""
    error, against = url.choice("error", ERRORS, "mse"), url.choice("against", AGAINST, "size")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        _chooser("Figure", "error", error, ERRORS, " ".join(f"**{ERRORS[one]}**: {hover(f'compression_{one}')}" for one in ERRORS))
        _chooser("Against", "against", against, AGAINST, hover("compression_against"))
    curves = _curves(shown, error, against)
    if not curves:
        missing = "weight of the entropy to draw: their checkpoints do not say it, or it is 0" if against == "alpha" else f"{ERRORS[error]}"
        st.info(f"None of the rows has a {missing}.", icon=":material/help:")
        return
    meaning = MEANINGS[f"compression_{error}"]
    axis = f"{meaning.label} ({meaning.unit})" if meaning.unit else meaning.label
    steps = sorted({row.threshold for row in shown.rows if row.threshold is not None})
    st.plotly_chart(
        figures.errors(
            curves,
            AXES[against],
            axis,
            log=against in ("size", "alpha"),
            categories=[f"{step:g}" for step in steps] if against == "threshold" else None,
        ),
        config=charts.config(f"compression {error} against {against}"),
        key="compression-errors",
        alt=f"{axis} against {AXES[against]}, a line or a mark a dictionary",
    )
    st.caption(_what_is_drawn(against, shown))


def _chooser(label: str, name: str, value: str, options: dict[str, str], told: str) -> None:
    default = next(iter(options))
    shown = {"format_func": options.get, "required": True, "help": told}
    url.bound(st.segmented_control, label, name, value, list(options), default=default, **shown)


def _what_is_drawn(against: str, shown: Shown) -> str:
    ring = "The ring is what is chosen above."
    if against == "size":
        return (
            "A point of a line is a threshold; at 0 nothing is stored, so it is left out. Grey: other ways to write the same vectors of "
            f"{url.code(shown.row.dictionary)}. {ring}"
        )
    if against == "threshold":
        return f"From -1, where nothing of a code is lost, to 0, where nothing is stored. {ring}"
    without = sorted({url.code(row.dictionary) for row in shown.everywhere if row.entropy_weight == 0}) if against == "alpha" else []
    left_out = f" Left out, for their weight is 0, which a logarithmic axis has no place for: {', '.join(without)}." if without else ""
    return f"Every dictionary at threshold {shown.row.threshold:g}. {ring}{left_out}"


def _curves(shown: Shown, error: str, against: str) -> list[Curve]:
    """What is drawn: lines over thresholds, or a mark a dictionary; grey marks where sizes are compared."""
    has = lambda row: getattr(row, error) is not None and PLACES[against](row) is not None  # noqa: E731
    if against in ("layer", "alpha"):
        return [_curve(shown, row.dictionary, [row], error, against) for row in shown.everywhere if has(row)]
    lines = {name: [row for row in rows if has(row)] for name, rows in _by_threshold(shown).items()}
    curves = [_curve(shown, name, rows, error, against) for name, rows in lines.items() if rows]
    for key, symbol in MENDED.items():
        rows = [row for row in shown.own if row.method == METHODS[key] and has(row)]
        curves += [_curve(shown, f"{row.dictionary}, {LENGTHS[key].lower()}", [row], error, against, symbol) for row in rows]
    if against == "size":
        curves += [_peer(row, error, place) for place, row in enumerate(shown.peers) if has(row)]
    return curves


def _by_threshold(shown: Shown) -> "dict[str, list[Row]]":
    """Every dictionary, lengths as they come, by rising threshold."""
    rows = sorted((row for row in shown.rows if row.method == METHODS["none"]), key=lambda row: row.threshold)
    return {name: [row for row in rows if row.dictionary == name] for name in sorted({row.dictionary for row in rows})}


def _curve(shown: Shown, name: str, rows: "Sequence[Row]", error: str, against: str, symbol: str | None = None) -> Curve:
    names = sorted({row.dictionary for row in shown.rows})
    return Curve(
        name,
        [PLACES[against](row) for row in rows],
        [getattr(row, error) for row in rows],
        symbol or SYMBOLS[names.index(rows[0].dictionary) % len(SYMBOLS)],
        [_note(row) for row in rows],
        chosen=rows[0].dictionary == shown.row.dictionary,
        ringed=next((place for place, row in enumerate(rows) if row is shown.row), None),
    )


def _peer(row: "Row", error: str, place: int) -> Curve:
    return Curve(row.method, [row.bits / 8], [getattr(row, error)], PEER_SYMBOLS[place % len(PEER_SYMBOLS)], [_note(row)], own=False)


def _note(row: "Row") -> str:
    """What the hover says of a point."""
    if row.threshold is None:
        return f"layer {row.layer}, {row.bits / 8:,.1f} bytes a vector"
    alpha = "" if row.entropy_weight is None else f", alpha {row.entropy_weight:.2g}"
    return f"layer {row.layer}{alpha}, threshold {row.threshold:g}, {row.bits / 8:,.1f} bytes a vector"
