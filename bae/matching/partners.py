"""One feature's best partners in other dictionaries, counted at once. `bae.matching.relations` compares two dictionaries as a whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bae.features.coactivation import coactivation
from bae.index.columns import Columns
from bae.index.query import Dictionary


@dataclass(frozen=True)
class Partner:
    """The feature of another dictionary that fires most on the same tokens."""

    dictionary: str
    feature: int
    jaccard: float
    """Tokens with both over tokens with either, in [0, 1]."""
    together: int
    """Tokens on which both fire."""
    implies: float
    """Share of the one's tokens on which the partner fires too."""
    implied: float
    """Share of the partner's tokens on which the one fires too."""


def partners(columns: Callable[[str], Columns], known: Mapping[str, Dictionary], dictionary: str, feature: int) -> list[Partner]:
    """A feature's best partner in every other of the known dictionaries, by Jaccard, the best first; those that share a token with it.

    `columns` gives the codes of a dictionary; what it raises comes out.
    """
    found = [_best(columns, dictionary, other, feature, entry.tokens) for other, entry in known.items() if other != dictionary]
    return sorted(filter(None, found), key=lambda partner: -partner.jaccard)


def _best(columns: Callable[[str], Columns], dictionary: str, other: str, feature: int, tokens: int) -> Partner | None:
    counted = coactivation(columns(dictionary), feature, tokens, columns(other))
    if not counted.together.any():
        return None
    best = int(np.nanargmax(counted.jaccard))
    shares = (counted.jaccard[best], counted.together[best], counted.implies[best], counted.implied[best])
    return Partner(other, best, *(share.item() for share in shares))
