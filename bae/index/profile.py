"""Where a feature fires: at which positions, in which documents, on which tokens, and in passages spread over its strengths."""

from dataclasses import dataclass

import numpy as np

from bae.index.columns import Columns
from bae.index.layout import Layout
from bae.index.query import Index

FEWEST_TOKENS = 100
"""A document with fewer says little of its rate."""
GROUPS = 5
"""Of equally many tokens, by strength."""


@dataclass(frozen=True)
class Positions:
    """How often a feature fires at each position of a context."""

    fired: np.ndarray
    """int64 [position]: tokens on which it fires; position 1 comes first."""
    tokens: np.ndarray
    """int64 [position]: tokens that stand there."""


def positions(columns: Columns, layout: Layout, feature: int) -> Positions:
    """Count a feature's tokens by their position."""
    lengths = np.diff(layout.begins)
    longest = int(lengths.max(initial=0))
    at_least = np.cumsum(np.bincount(lengths, minlength=longest + 1)[::-1])[::-1]
    fired = np.bincount(layout.position(columns.tokens(feature)), minlength=longest + 1)
    return Positions(fired[1:], at_least[1:])


@dataclass(frozen=True)
class Shares:
    """On which documents or tokens a feature fires, those with most of its firings first."""

    which: np.ndarray
    """int64: numbers of documents, or ids of tokens."""
    fired: np.ndarray
    """int64: tokens of each on which it fires."""
    tokens: np.ndarray
    """int64: tokens that each has in the index."""

    @property
    def rate(self) -> np.ndarray:
        """Share of its tokens on which the feature fires, in [0, 1]."""
        return self.fired / self.tokens


def documents(columns: Columns, layout: Layout, document: np.ndarray, feature: int) -> Shares:
    """By documents, the highest rate first; those with few tokens come last. `document` is the number of every context's document."""
    sizes = np.bincount(document, np.diff(layout.begins)).astype(np.int64)
    fired = np.bincount(document[layout.context(columns.tokens(feature))], minlength=len(sizes))
    which = np.flatnonzero(fired)
    order = np.lexsort((which, -fired[which] / sizes[which], sizes[which] < FEWEST_TOKENS))
    which = which[order]
    return Shares(which, fired[which], sizes[which])


def token_shares(columns: Columns, layout: Layout, feature: int) -> Shares:
    """By token of the vocabulary, the most often fired on first."""
    which, fired = np.unique(layout.token_ids[columns.tokens(feature)], return_counts=True)
    sizes = layout.id_counts[which]
    order = np.lexsort((which, -fired))
    return Shares(which[order].astype(np.int64), fired[order], sizes[order])


def tokens_fired_on(index: Index, columns: Columns, layout: Layout, feature: int, most: int) -> list[tuple[str, int, int]]:
    """The tokens of the vocabulary that a feature fires on most often: text, how often it fires on it, how often it stands there."""
    shares = token_shares(columns, layout, feature)
    return [
        (_text_of(index, layout, int(token)), int(fired), int(there))
        for token, fired, there in zip(shares.which[:most], shares.fired[:most], shares.tokens[:most], strict=True)
    ]


def _text_of(index: Index, layout: Layout, token_id: int) -> str:
    """A token of the vocabulary as it stands at its first place in the index."""
    token = int(np.argmax(layout.token_ids == token_id))
    context, position = int(layout.context(token)), int(layout.position(np.array([token]))[0])
    _, text, starts, ends, _ = index.passages([context])[context]
    return text[starts[position] : ends[position]]


@dataclass(frozen=True)
class Group:
    """Tokens of about equal strength."""

    low: float
    high: float
    tokens: np.ndarray
    """int64: drawn from the group, each of another context, in corpus order."""


def groups(columns: Columns, layout: Layout, feature: int, each: int = 4, seed: int = 0) -> list[Group]:
    """A feature's tokens in groups of equally many, from the strongest to the weakest, with some tokens drawn from each.

    The same draw for the same seed. Fewer groups where it fires on fewer tokens.
    """
    tokens, strengths = columns.tokens(feature), columns.strengths(feature)
    order = np.argsort(-strengths, kind="stable")
    draw = np.random.default_rng((seed, feature))
    found = []
    for part in np.array_split(order, min(GROUPS, len(order))) if len(order) else []:
        contexts, first = np.unique(layout.context(tokens[part]), return_index=True)
        chosen = draw.permutation(len(contexts))[:each]
        found.append(Group(float(strengths[part].min()), float(strengths[part].max()), np.sort(tokens[part][first[chosen]])))
    return found
