"""Distinctive words: which words a feature's tokens belong to more often than the corpus' tokens do.

Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words"), as z-scores.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bae.text.contexts import Context

PRIOR_STRENGTH = 500.0
"""Imagined tokens with the corpus' word frequencies."""
SHOWN = 12
IN_SUMMARY = 4

_WORD = re.compile(r"\w+(?:['’]\w+)*")


def words_of(context: Context) -> list[str]:
    """The word that each token of a context is part of, in lower case, BOS left out; a sign that is in no word stands for itself."""
    spans = [match.span() for match in _WORD.finditer(context.text)]
    found, at = [], 0
    for start, end in context.spans[1:]:
        while at < len(spans) and spans[at][1] < end:
            at += 1
        inside = at < len(spans) and spans[at][0] < end
        found.append(context.text[slice(*spans[at])].lower() if inside else context.text[start:end].strip())
    return found


@dataclass(frozen=True)
class Words:
    """The words of a corpus, numbered, and which one each token is part of."""

    names: np.ndarray
    of_token: np.ndarray
    """The number of every token's word, tokens in corpus order."""

    @classmethod
    def of(cls, words: Iterable[str]) -> "Words":
        """Number the words of tokens in the order of their first use."""
        number: dict[str, int] = {}
        of_token = np.fromiter((number.setdefault(word, len(number)) for word in words), np.int64)
        return cls(np.array(list(number), dtype=object), of_token)

    def counts(self) -> np.ndarray:
        """How many tokens are part of each word."""
        return np.bincount(self.of_token, minlength=len(self.names))


class WordCounts:
    """How often each feature goes with each word, counted over shards."""

    def __init__(self, n_features: int, words: Words):
        self.n_features, self.words = n_features, words
        self._keys, self._counts = np.empty(0, np.int64), np.empty(0, np.int64)

    def count(self, feature: np.ndarray, token: np.ndarray) -> None:
        """Count that these features are activated on these tokens of the corpus."""
        keys, counts = np.unique(self.words.of_token[token] * self.n_features + feature, return_counts=True)
        merged, where = np.unique(np.concatenate([self._keys, keys]), return_inverse=True)
        self._counts = np.bincount(where, np.concatenate([self._counts, counts])).astype(np.int64)
        self._keys = merged

    def distinctive(self) -> dict[int, list[tuple[str, float]]]:
        """For every feature that was counted, its most distinctive words with their z-scores, best first."""
        word, feature = np.divmod(self._keys, self.n_features)
        score = self._z_scores(word, feature)
        # a word seen once says little: it counts only for a feature that has no better
        order = np.lexsort((-score, self._counts < 2, feature))
        names = self.words.names
        found: dict[int, list[tuple[str, float]]] = {}
        for row in order:
            best = found.setdefault(int(feature[row]), [])
            if len(best) < SHOWN and score[row] > 0 and names[word[row]]:
                best.append((str(names[word[row]]), float(score[row])))
        return found

    def _z_scores(self, word: np.ndarray, feature: np.ndarray) -> np.ndarray:
        corpus = self.words.counts().astype(float)
        size = corpus.sum()
        here, of_feature = self._counts.astype(float), np.bincount(feature, self._counts, self.n_features)[feature]
        prior = corpus[word] * (PRIOR_STRENGTH / size)
        there, elsewhere = np.maximum(corpus[word] - here, 0), np.maximum(size - of_feature, 0)
        odds_here = np.log((here + prior) / (of_feature + PRIOR_STRENGTH - here - prior))
        odds_there = np.log((there + prior) / (elsewhere + PRIOR_STRENGTH - there - prior))
        return (odds_here - odds_there) / np.sqrt(1 / (here + prior) + 1 / (there + prior))


def summary(words: list[tuple[str, float]]) -> str:
    """A line that a person can read: the best words, those far behind the first left out."""
    return " · ".join(word for word, score in words[:IN_SUMMARY] if score >= 0.3 * words[0][1])
