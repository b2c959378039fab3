"""Which features a person means: by a word in their label or among their words, by what those mean, or drawn at random."""

import random
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from bae.index.query import Feature

if TYPE_CHECKING:
    from bae.comsem.records import Label


def mentioning(features: Sequence[Feature], text: str, labels: "Mapping[int, Label]") -> list[Feature]:
    """The features whose label or distinctive words contain a text, in their order; all for no text."""
    found = []
    for feature in features:
        label = labels.get(feature.feature)
        if holds(text, " ".join(feature.words), "" if label is None else label.text):
            found.append(feature)
    return found


def holds(wanted: str, *texts: str) -> bool:
    """Whether one of the texts contains what is wanted, whatever the case; every text contains nothing at all."""
    # a line between them, so that nothing is found across it
    return wanted.strip().lower() in "\n".join(texts).lower()


def drawn(features: Collection[int], most: int | None) -> list[int]:
    """At most so many of the features, drawn at random so that they stand for all; the same ones every time."""
    if most is None or len(features) <= most:
        return sorted(features)
    return sorted(random.Random(0).sample(sorted(features), most))
