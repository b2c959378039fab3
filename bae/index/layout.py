"""Where the tokens of an index stand: the context and the position of each, its id, and which of them were read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bae.index.columns import packed
from bae.index.query import Example, Index


@dataclass(frozen=True)
class Layout:
    """Tokens are numbered through the corpus, BOS left out: context c holds tokens `begins[c]` to `begins[c + 1] - 1`."""

    begins: np.ndarray
    """int64 [context + 1]."""
    token_ids: np.ndarray
    """uint32 [token]."""
    unread: np.ndarray
    """int64: tokens that some dictionary was not shown, because of their norm."""

    @classmethod
    def of(cls, index: Index) -> "Layout":
        """The layout of all contexts of an index."""
        lengths, ids, dropped = index.layout()
        begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        unread = [begins[context] + np.array(positions) - 1 for context, positions in dropped]
        return cls(begins, ids, np.concatenate([*unread, np.empty(0, np.int64)]).astype(np.int64))

    @property
    def n_tokens(self) -> int:
        """Tokens of all contexts."""
        return int(self.begins[-1])

    @property
    def n_contexts(self) -> int:
        """Contexts of the index."""
        return len(self.begins) - 1

    def context(self, tokens: np.ndarray | int) -> np.ndarray:
        """int64: the number of the context that each token stands in."""
        return np.searchsorted(self.begins, tokens, side="right") - 1

    def position(self, tokens: np.ndarray) -> np.ndarray:
        """int64: where each token stands in its context, from 1: position 0 is the BOS."""
        return tokens - self.begins[self.context(tokens)] + 1

    @cached_property
    def id_counts(self) -> np.ndarray:
        """int64 [id]: how often each token of the vocabulary stands in the index."""
        return np.bincount(self.token_ids)

    @cached_property
    def read(self) -> np.ndarray:
        """uint64 [words]: the tokens that every dictionary was shown, as bits."""
        shown = np.ones(self.n_tokens, bool)
        shown[self.unread] = False
        return packed(np.flatnonzero(shown), self.n_tokens)


def passages(index: Index, layout: Layout, tokens: np.ndarray, strengths: np.ndarray, contexts: Sequence[int]) -> list[Example]:
    """These contexts, ready to paint: `tokens` (ascending) are marked as strongly as `strengths` says; the strongest is the peak."""
    found = []
    texts = index.passages(contexts)
    for rank, number in enumerate(contexts):
        first, last = np.searchsorted(tokens, layout.begins[[number, number + 1]])
        positions, strong = tokens[first:last] - layout.begins[number] + 1, strengths[first:last]
        document, text, starts, ends, dropped = texts[number]
        peak = int(np.argmax(strong)) if len(strong) else 0
        found.append(
            Example(
                band="found",
                rank=rank,
                context_id=int(number),
                document=document,
                text=text,
                starts=starts,
                ends=ends,
                dropped=dropped,
                peak=int(positions[peak]) if len(strong) else 0,
                strength=float(strong[peak]) if len(strong) else 0.0,
                positions=positions.tolist(),
                strengths=strong.tolist(),
            )
        )
    return found
