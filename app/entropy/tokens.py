"""Fig. 11: states of a language model whose entropy is known, since the texts were drawn at random."""

import streamlit as st

from app.entropy import findings, frame, job, kept
from app.entropy.charts import SYMBOLS, Axis, Reference, ordered_colours
from app.services import entropy

EXPERIMENT = "tokens"


def show() -> None:
    """Draw it, or say what it needs."""
    st.caption(
        "Fig. 11 of the paper asks: does the estimate hold on states of a language model? A text is r tokens, each one of two words by a "
        "fair coin, so texts hold r bits, and the states of the last token at most that: what the model forgot on the way is missing."
    )
    found = kept.require(EXPERIMENT, lambda: entropy.kept(EXPERIMENT))
    results = frame.choose(found, _title)
    frame.say(findings.tokens(results.rows), results)
    picked, bands = frame.lines(("entropy", "tree", *frame.PEERS))
    expansions, ranks = sorted({row["expansion"] for row in results.rows}), sorted({row["rank"] for row in results.rows})
    curves = []
    for place, (expansion, colour) in enumerate(zip(expansions, ordered_colours(len(expansions)), strict=True)):
        rows = [row for row in results.rows if row["expansion"] == expansion]
        look = (colour, SYMBOLS[place % len(SYMBOLS)])
        curves += [frame.curve(rows, "rank", one, f"expansion {expansion}", look, bands) for one in picked]
    counted = {row["rank"]: row["texts_bits"] for row in results.rows}
    limit, ends = max(row["log2_vectors"] for row in results.rows), [ranks[0], ranks[-1]]
    frame.draw(
        curves,
        [
            Reference("H = r", ends, ends, "solid"),
            Reference("log2 n", ends, [limit, limit]),
            Reference("texts, counted", ranks, [counted[rank] for rank in ranks], "dash"),
        ],
        Axis("tokens of a text, so bits r", "from0", ranks),
        Axis("estimate (bits)", "from0"),
        "entropy-known-sets",
        "Estimated against known entropy, a line an expansion",
    )
    frame.table(results, ("expansion", "rank", "texts_bits"))
    frame.provenance(results)
    job.panel(EXPERIMENT, found)


def _title(told: dict) -> str:
    words = " and ".join(repr(word.strip()) for word in told["words"])
    return (
        f"{told['texts']:,} texts of {words} · layer {told['layer']} · r up to {max(told['ranks'])} · {told['training']['steps']:,} steps"
    )
