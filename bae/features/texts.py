"""The texts by which features are found when searched by meaning: their labels, and those of their words that mean something."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bae.comsem.records import Label
    from bae.features.meaning import Meanings

SEPARATOR = " · "
"""Between the words of a summary."""


def texts_of(summaries: Sequence[str], labels: "Mapping[int, Label]") -> dict[tuple[int, str], str]:
    """What features are found by when they are searched by meaning: their labels, and of their words those that mean something."""
    words = {(feature, "words"): _meaningful(summary) for feature, summary in enumerate(summaries)}
    told = {(feature, "label"): label.text for feature, label in labels.items()}
    return {key: text for key, text in (words | told).items() if text}


def _meaningful(summary: str) -> str:
    # imported here: only those who search by meaning wait for it
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    # a feature of "the" alone would be near to every query that has an article
    words = (word for word in summary.split(SEPARATOR) if len(word) > 1 and word.isalpha() and word.lower() not in ENGLISH_STOP_WORDS)
    return ", ".join(words)


def nearness(meanings: "Meanings", query: str) -> dict[int, float]:
    """How near each feature is to a query by the nearest of its texts, in [-1, 1], the nearest first; `meanings` is of `texts_of`."""
    nearest: dict[int, float] = {}
    for (feature, _), cosine in meanings.search(query, len(meanings.keys)):
        nearest.setdefault(feature, cosine)
    return nearest
