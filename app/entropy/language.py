"""Fig. 3: hidden states of texts, by layer and by position."""

import streamlit as st

from app.entropy import findings, frame, job, kept
from app.entropy.charts import SYMBOLS, Axis, Reference, ordered_colours
from app.services import entropy

EXPERIMENT = "language"


def show() -> None:
    """Draw it, or say what it needs."""
    st.caption(
        "Fig. 3 of the paper asks: how much do hidden states hold, by layer and by how many tokens came before? One BAE is trained for "
        "every layer and position, on the states of many texts."
    )
    found = kept.require(EXPERIMENT, lambda: entropy.kept(EXPERIMENT))
    results = frame.choose(found, _title)
    frame.say(findings.language(results.rows), results)
    picked, bands = frame.lines(("entropy", "tree", *frame.PEERS))
    layers, positions = sorted({row["layer"] for row in results.rows}), sorted({row["position"] for row in results.rows})
    curves = []
    for place, (layer, colour) in enumerate(zip(layers, ordered_colours(len(layers)), strict=True)):
        rows = [row for row in results.rows if row["layer"] == layer]
        look = (colour, SYMBOLS[place % len(SYMBOLS)])
        curves += [frame.curve(rows, "position", one, f"layer {layer}", look, bands) for one in picked]
    limit = max(row["log2_vectors"] for row in results.rows)
    frame.draw(
        curves,
        [Reference("log2 n", [positions[0], positions[-1]], [limit, limit])],
        Axis("position in the text (tokens)", "log", positions),
        Axis("entropy (bits)"),
        "entropy-language",
        "Entropy against the position in the text, a line a layer",
    )
    frame.table(results, ("layer", "position"))
    frame.provenance(results)
    job.panel(EXPERIMENT, found)


def _title(told: dict) -> str:
    layers, last = ", ".join(map(str, told["layers"])), max(told["positions"])
    return f"{told['windows']:,} windows · layers {layers} · positions to {last} · {told['training']['steps']:,} steps"
