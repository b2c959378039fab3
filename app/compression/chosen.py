"""Which row of the experiment a person looks at, and what is drawn beside it. Its state is the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.components import url
from app.components.explain import hover

if TYPE_CHECKING:
    from bae.experiments.compression.results import Row

LENGTHS = {"none": "As they come", "norm": "Norm mended", "gain": "Gain mended"}
METHODS = {"none": "codes", "norm": "codes, norm", "gain": "codes, gain"}
"""How the experiment calls what is written with a dictionary."""
WHOLE = "-1"
"""The threshold at which lengths were mended, and nothing of a code is lost."""


@dataclass(frozen=True)
class Shown:
    """All rows, and the one that a person has chosen."""

    rows: "Sequence[Row]"
    row: "Row"

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return round(self.row.size / (2 * self.row.ratio * self.row.vectors))

    @property
    def own(self) -> "list[Row]":
        """Those of the chosen dictionary, its peers among them."""
        return [row for row in self.rows if row.dictionary == self.row.dictionary]

    @property
    def peers(self) -> "list[Row]":
        """What its vectors were written with besides."""
        return [row for row in self.own if row.threshold is None]

    @property
    def everywhere(self) -> "list[Row]":
        """Every dictionary at the chosen threshold, lengths mended as chosen."""
        return [row for row in self.rows if (row.method, row.threshold) == (self.row.method, self.row.threshold)]


def choose(rows: "Sequence[Row]") -> Shown:
    """Draw the choosers."""
    first = {row.dictionary: row for row in reversed(rows)}
    names = sorted(first, key=lambda name: (first[name].layer, name))
    name = url.choice("ae", names, names[0])
    measured = {row.method for row in rows if row.dictionary == name}
    there = [key for key in LENGTHS if METHODS[key] in measured]
    lengths = url.choice("radial", there, there[0])
    own = {f"{row.threshold:g}": row for row in rows if (row.dictionary, row.method) == (name, METHODS[lengths])}
    steps = sorted(own, key=float)
    threshold = url.choice("threshold", steps, steps[0])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        title = lambda one: f"layer {first[one].layer} · {one}"  # noqa: E731
        url.bound(st.selectbox, "Dictionary", "ae", name, names, default=names[0], format_func=title, help=hover("kind"), width=260)
        told = hover("compression_threshold")
        if len(steps) > 1:
            url.bound(st.select_slider, "Threshold (bits)", "threshold", threshold, steps, default=WHOLE, help=told, width=300)
        options = {"format_func": LENGTHS.get, "required": True, "help": f"{hover('compression_radial')} Measured at threshold {WHOLE}."}
        url.bound(st.segmented_control, "Lengths", "radial", lengths, there, default=there[0], also=("threshold",), **options)
    return Shown(rows, own[threshold])
