"""Fig. 11: states of a language model whose entropy is known, since the texts were drawn at random."""

from app.entropy import frame, view
from app.entropy.charts import Axis, Reference
from bae.experiments.entropy import findings

EXPERIMENT = "tokens"
ASKS = (
    "Fig. 11 of the paper asks: does the estimate hold on states of a language model? A text is r tokens, each one of two words by a "
    "fair coin, so texts hold r bits, and the states of the last token at most that: what the model forgot on the way is missing."
)


def show() -> None:
    """Draw it, or say what it needs."""
    found, results = view.begin(EXPERIMENT, ASKS, _title)
    frame.say(findings.tokens(results.rows), results)
    picked, bands = frame.lines(view.ESTIMATES)
    ranks, counted = view.values_of(results.rows, "rank"), {row["rank"]: row["texts_bits"] for row in results.rows}
    frame.draw(
        view.curves(results.rows, "expansion", "expansion {}", "rank", picked, bands),
        [
            Reference("H = r", [ranks[0], ranks[-1]], [ranks[0], ranks[-1]], "solid"),
            view.limit(results.rows, "rank"),
            Reference("texts, counted", ranks, [counted[rank] for rank in ranks], "dash"),
        ],
        Axis("tokens of a text, so bits r", "from0", ranks),
        Axis("estimate (bits)", "from0"),
        "entropy-known-sets",
        "Estimated against known entropy, a line an expansion",
    )
    frame.table(results, ("expansion", "rank", "texts_bits"))
    view.end(EXPERIMENT, found, results)


def _title(told: dict) -> str:
    words = " and ".join(repr(word.strip()) for word in told["words"])
    return (
        f"{told['texts']:,} texts of {words} · layer {told['layer']} · r up to {max(told['ranks'])} · {told['training']['steps']:,} steps"
    )
