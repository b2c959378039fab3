"""The figures of a feature that the index knows: what each means, and its value as a person reads it."""

import math

from bae.index.query import Example, Feature
from bae.meaning import Meaning
from bae.numbers import percent

FIGURES = {
    "rate": Meaning("Rate", "% of tokens", "Share of the index's tokens on which the feature fires (its code is not 0)."),
    "density": Meaning(
        "Density",
        "% of tokens",
        "Share of tokens on which the feature leaves its habit: min(rate, 1 - rate) for a bit, the rate for a value.",
    ),
    "top_rate": Meaning(
        "Top-10 rate",
        "% of tokens",
        "Share of tokens that have the feature among their loudest 10. It is another thing than density: burstiness favours rare bits.",
    ),
    "count": Meaning("Fires", "tokens", "Tokens of the index on which the feature fires."),
    "entropy": Meaning(
        "Entropy", "bits", "Of the bit fired or silent, in 0..1: 1 when it fires on half of the tokens, 0 when it never changes."
    ),
    "surprise": Meaning(
        "Surprise", "bits", "What it costs to say that it fires: -log2 of its rate. A feature that fires on 1 % of tokens has 6.6 bits."
    ),
    "on_magnitude": Meaning("Burstiness on", "bits", "Burstiness of this bit wherever it fires: log2(1 - rate). All such tokens tie."),
    "off_magnitude": Meaning(
        "Burstiness off", "bits", "Burstiness of this bit wherever it is silent: log2(rate). Above -1 it bursts by silence."
    ),
    "largest": Meaning(
        "Strongest",
        "",
        "Greatest distance over the threshold, as a share of the hidden state's length (bits), or greatest value (scaled units).",
    ),
    "mean": Meaning("Mean value", "", "Mean of the value over all tokens of the index, silent ones included."),
}


def binary(feature: Feature) -> bool:
    """Whether it is a bit; other features have values."""
    return feature.on_magnitude is not None


def figures(feature: Feature) -> list[tuple[str, str]]:
    """What was measured of a feature, as names among `FIGURES` and values."""
    told = [
        ("rate", percent(feature.rate)),
        ("density", percent(feature.density)),
        ("top_rate", percent(feature.top_rate)),
        ("count", f"{feature.count:,}"),
        ("entropy", f"{feature.entropy:.3f}"),
        ("surprise", f"{-math.log2(feature.rate):.1f}" if feature.rate else "-"),
    ]
    if binary(feature):
        return [*told, ("on_magnitude", f"{feature.on_magnitude:.3f}"), ("off_magnitude", f"{feature.off_magnitude:.2f}")]
    return [*told, ("mean", f"{feature.mean:.3f}"), ("largest", f"{feature.largest:.2f}")]


ABOUT = {
    "strongest": "Where it fires, strongest first.",
    "threshold": "Where it only just fires: what is left of its meaning there?",
    "off": "Where it is silent although it usually fires.",
    "random": "Drawn at random from the corpus, whether it fires there or not: what the strongest should be compared with.",
}
"""What the groups of its contexts are (`bae.index.schema.GROUPS`)."""


def strength(example: Example, two_valued: bool) -> str:
    """How strong a context's peak is, in words; nothing for a random context, which has no peak."""
    if example.band == "random":
        return ""
    if not two_valued:
        return f" · value {example.strength:.2f}"
    return f" · {abs(example.strength):.2f} {'over' if example.strength >= 0 else 'under'} the threshold"


def strength_axis(two_valued: bool) -> tuple[str, str]:
    """What the strengths of a feature are, and their unit."""
    if two_valued:
        return "distance over the threshold", "share of the state's length, times √d"
    return "value", "units of the scaled state"
