"""Activation magnitudes of a stretch of tokens and channels (Fig. 35-38), read from the packed codes without loading the others."""

from dataclasses import dataclass

import numpy as np

from bae.index.columns import Columns

FAINTEST = -10.0
"""Bits: what is farther from a burst than one in a thousand is drawn alike."""


@dataclass(frozen=True)
class Table:
    """What a dictionary's code means as a magnitude: two numbers a bit, or a value that is shifted and scaled."""

    unit: str
    on: np.ndarray | None = None
    """float64 [feature]: burstiness where a bit is on; None for values."""
    off: np.ndarray | None = None
    mean: np.ndarray | None = None
    """float64 [feature]: taken from a value that is rescaled; None for others."""
    deviation: np.ndarray | None = None
    """float64 [feature]: divides it then."""

    def of(self, feature: int, fired: np.ndarray, total: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Mean magnitudes of stretches of `sizes` tokens, on `fired` of which a feature fires with strengths of sum `total`."""
        if self.on is None:
            mean = total / sizes
            return mean if self.mean is None else (mean - self.mean[feature]) / max(self.deviation[feature], np.finfo(np.float32).tiny)
        on, off = max(self.on[feature], FAINTEST), max(self.off[feature], FAINTEST)
        return (fired * on + (sizes - fired) * off) / sizes


@dataclass(frozen=True)
class Block:
    """Magnitudes of tokens by channels: the mean over tokens, of the loudest channel.

    Row r covers tokens `tokens[r]` to `tokens[r + 1] - 1`, column c channels likewise.
    """

    magnitude: np.ndarray
    """float32 [row column]: burstiness in bits, not below `FAINTEST`, or mean value."""
    tokens: np.ndarray
    channels: np.ndarray


def block(
    columns: Columns, table: Table, unread: np.ndarray, tokens: tuple[int, int], channels: tuple[int, int], rows: int, cells: int
) -> Block:
    """At most `rows` by `cells` magnitudes over a range of tokens and of channels, both given as first and one behind the last.

    Tokens `unread` (ascending) count in no mean; where there are no others, it is NaN.
    Raises ValueError for a range that is empty or reaches beyond the index.
    """
    _check(tokens, columns.n_tokens, "tokens")
    _check(channels, columns.n_features, "channels")
    token_edges, channel_edges = _edges(*tokens, rows), _edges(*channels, cells)
    sizes = np.diff(token_edges - np.searchsorted(unread, token_edges)).astype(float)
    sizes[sizes == 0] = np.nan
    found = np.empty((len(sizes), channels[1] - channels[0]), np.float32)
    for place, feature in enumerate(range(*channels)):
        fired, total = _firings(columns, feature, token_edges)
        found[:, place] = table.of(feature, fired, total, sizes)
    # the loudest of several channels: in their mean, one that is always on would be lost
    loudest = np.maximum.reduceat(found, channel_edges[:-1] - channels[0], axis=1)
    return Block(loudest.astype(np.float32), token_edges, channel_edges)


def _firings(columns: Columns, feature: int, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often a feature fires between each two edges, and the sum of its strengths there."""
    at = np.searchsorted(columns.tokens(feature), edges)
    sums = np.concatenate([[0.0], np.cumsum(columns.strengths(feature)[at[0] : at[-1]], dtype=np.float64)])
    return np.diff(at), np.diff(sums[at - at[0]])


def _edges(first: int, last: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(first, last, min(most, last - first) + 1).round().astype(np.int64))


def _check(asked: tuple[int, int], there: int, what: str) -> None:
    if not 0 <= asked[0] < asked[1] <= there:
        raise ValueError(f"the index has {what} 0 to {there - 1}; asked for {asked[0]} to {asked[1] - 1}")
