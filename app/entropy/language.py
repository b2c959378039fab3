"""Fig. 3: hidden states of texts, by layer and by position."""

from app.entropy import frame, view
from app.entropy.charts import Axis
from bae.experiments.entropy import findings

EXPERIMENT = "language"
ASKS = (
    "Fig. 3 of the paper asks: how much do hidden states hold, by layer and by how many tokens came before? One BAE is trained for "
    "every layer and position, on the states of many texts."
)


def show() -> None:
    """Draw it, or say what it needs."""
    found, results = view.begin(EXPERIMENT, ASKS, _title)
    frame.say(findings.language(results.rows), results)
    picked, bands = frame.lines(view.ESTIMATES)
    frame.draw(
        view.curves(results.rows, "layer", "layer {}", "position", picked, bands),
        [view.limit(results.rows, "position")],
        Axis("position in the text (tokens)", "log", view.values_of(results.rows, "position")),
        Axis("entropy (bits)"),
        "entropy-language",
        "Entropy against the position in the text, a line a layer",
    )
    frame.table(results, ("layer", "position"))
    view.end(EXPERIMENT, found, results)


def _title(told: dict) -> str:
    layers, last = ", ".join(map(str, told["layers"])), max(told["positions"])
    return f"{told['windows']:,} windows · layers {layers} · positions to {last} · {told['training']['steps']:,} steps"
