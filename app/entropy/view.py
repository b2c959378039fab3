"""How a view of an experiment begins and ends, and the curves of sets that differ in two things."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.entropy import frame, job, kept
from app.entropy.charts import SYMBOLS, Curve, Reference, ordered_colours
from app.services import entropy
from bae.experiments.entropy.findings import Row
from bae.experiments.entropy.results import Results, Runs

ESTIMATES = ("entropy", "tree", *frame.PEERS)


def begin(
    experiment: str, asks: str, title: Callable[[dict], str], read: Callable[[], Runs[Results]] | None = None
) -> tuple[list[Results], Results]:
    """What the paper asks, all runs, and the one that is shown; without a run the page says how to get one, and stops."""
    st.caption(asks)
    found = kept.require(experiment, read or (lambda: entropy.kept(experiment)))
    return found, frame.choose(found, title)


def end(experiment: str, found: Sequence[Results], results: Results) -> None:
    """Where the run comes from, and how another one is started."""
    frame.provenance(results)
    job.panel(experiment, found)


def curves(rows: Sequence[Row], group: str, named: str, x: str, picked: Sequence[str], bands: bool) -> list[Curve]:
    """The picked estimates against `x`, a colour and a symbol each value of `group`, early to late; `named` is its name with a {}."""
    values = values_of(rows, group)
    found = []
    for place, (value, colour) in enumerate(zip(values, ordered_colours(len(values)), strict=True)):
        own = [row for row in rows if row[group] == value]
        look = (colour, SYMBOLS[place % len(SYMBOLS)])
        found += [frame.curve(own, x, one, named.format(value), look, bands) for one in picked]
    return found


def values_of(rows: Sequence[Row], name: str) -> list[int]:
    """What a column holds, rising."""
    return sorted({row[name] for row in rows})


def limit(rows: Sequence[Row], x: str) -> Reference:
    """Where estimates stop that count whole patterns."""
    values, most = values_of(rows, x), max(row["log2_vectors"] for row in rows)
    return Reference("log2 n", [values[0], values[-1]], [most, most])
