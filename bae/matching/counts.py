"""On how many tokens each feature of one dictionary fires together with each of another: exact, a block of features at a time."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int
from scipy.sparse import csc_array

from bae.index.columns import Columns

BLOCK = 256
"""Features whose counts are made at once: these times the other dictionary's features are in memory, 8 bytes each."""


def fired(columns: Columns) -> csc_array:
    """int32 [token feature]: 1 where a feature fires. Takes 8 bytes an entry."""
    ends = np.cumsum(columns.counts)
    indices = np.empty(ends[-1] if len(ends) else 0, np.int32)
    for feature, tokens in columns.entries():
        indices[ends[feature] - len(tokens) : ends[feature]] = tokens
    return _ones(indices, np.concatenate([[0], ends]), (columns.n_tokens, columns.n_features))


def _ones(indices: np.ndarray, begins: np.ndarray, shape: tuple[int, int]) -> csc_array:
    # int32 counts to 2**31 tokens; products keep the type of what is multiplied
    return csc_array((np.ones(len(indices), np.int32), indices, begins), shape=shape)


def shifted(codes: csc_array, by: int) -> csc_array:
    """The same codes on other tokens: those of token t come to t + `by`, and what leaves at the end enters at the beginning."""
    return _ones((codes.indices + by) % codes.shape[0], codes.indptr, codes.shape)


def tokens_of(codes: csc_array, feature: int) -> Int[np.ndarray, " token"]:
    """The tokens on which a feature fires."""
    return codes.indices[codes.indptr[feature] : codes.indptr[feature + 1]]


def together(a: csc_array, b: csc_array, block: int = BLOCK) -> Iterator[tuple[int, Int[np.ndarray, "feature_of_a feature_of_b"]]]:
    """For blocks of a's features, the first of them and the number of tokens on which each fires together with each of b's.

    Raises ValueError where the two are not on the same tokens.
    """
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"two dictionaries are compared on the same tokens; got {a.shape[0]:,} and {b.shape[0]:,}")
    by_token = b.tocsr()
    for first in range(0, a.shape[1], block):
        yield first, (a[:, first : first + block].T.tocsr() @ by_token).toarray().astype(np.int64)
