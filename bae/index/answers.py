"""The sentences that answer a query, painted where it holds: what a person sees of an answer."""

from collections.abc import Callable

import numpy as np

from bae.index.columns import Columns
from bae.index.layout import Layout, passages
from bae.index.logic import Answer, Query, marked
from bae.index.query import Example, Index


def sentences(
    index: Index, layout: Layout, columns: Callable[[str], Columns], query: Query, found: Answer, first: int, last: int
) -> tuple[list[Example], int]:
    """The sentences `first` to `last - 1` of an answer, in corpus order, and how many there are. Their tokens are marked by loudness."""
    tokens = marked(found, query, columns, layout)
    contexts = np.unique(layout.context(tokens)) if found.unit == "token" else found.members
    shown = contexts[first:last]
    inside = tokens[np.isin(layout.context(tokens), shown)]
    return passages(index, layout, inside, _loudness(columns, query, inside), shown.tolist()), len(contexts)


def _loudness(columns: Callable[[str], Columns], query: Query, tokens: np.ndarray) -> np.ndarray:
    """How strong the strongest of the asked features is on each token, as a share of its own greatest strength."""
    loud = np.zeros(len(tokens), np.float32)
    for feature in dict.fromkeys(query.features()):
        own = columns(feature.dictionary)
        fired, strengths = own.tokens(feature.number), own.strengths(feature.number)
        if not len(fired):
            continue
        at = np.searchsorted(fired, tokens).clip(max=len(fired) - 1)
        inside = fired[at] == tokens
        loud[inside] = np.maximum(loud[inside], strengths[at[inside]] / max(float(strengths.max()), 1e-9))
    # where only silence was asked for, there is no strength to show
    return np.where(loud > 0, loud, 1.0)
