"""How the logits of every feature spread over the vocabulary, from what `bae index` left of its directions. Memory is bounded."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bae.index.arrays import opened
from bae.index.directions import REMEDY, directions_file, tokens_file, unembedding_file

BINS = 50
LOGITS_AT_ONCE = 2**24
"""64 MiB of them."""
TOKENS_AT_ONCE = 8192


def known(folder: Path, dictionary: str) -> bool:
    """Whether the folder of an index holds what is needed."""
    return all(file.is_file() for file in (directions_file(folder, dictionary), unembedding_file(folder), tokens_file(folder)))


def histograms(folder: Path, dictionary: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of every feature in turn, tokens in each of 50 equal bins and the middles of the bins, in logits; exact to about 0.01.

    Rows of zeros have one bin, at 0. Raises ValueError, with what to do, where a file is damaged.
    """
    with opened(directions_file(folder, dictionary), REMEDY) as rows, opened(unembedding_file(folder), REMEDY) as words:
        directions, vocabulary = rows.get_slice("rows"), words.get_slice("unembedding")
        lengths, (n_features, _), (n_tokens, _) = rows.get_tensor("length"), directions.get_shape(), vocabulary.get_shape()
        step = max(LOGITS_AT_ONCE // n_tokens, 1)
        for first, last in _runs(n_features, step):
            block = directions[first:last].astype(np.float32) * lengths[first:last, None]
            logits = np.empty((len(block), n_tokens), np.float32)
            for begin, end in _runs(n_tokens, TOKENS_AT_ONCE):
                logits[:, begin:end] = block @ vocabulary[begin:end].astype(np.float32).T
            yield from (_histogram(row) for row in logits)


def _runs(size: int, step: int) -> Iterator[tuple[int, int]]:
    # safetensors refuses slices that end beyond the array
    return ((first, min(first + step, size)) for first in range(0, size, step))


def _histogram(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not logits.any():
        return np.array([len(logits)]), np.zeros(1)
    heights, edges = np.histogram(logits, BINS)
    return heights, (edges[1:] + edges[:-1]) / 2
