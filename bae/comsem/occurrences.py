"""Where every feature is activated, in corpus order, and the samples that are drawn from there to label and to test it.

Reads the codes and contexts of an index; asks no judge and keeps nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Literal

import numpy as np

from bae.comsem.samples import Sample
from bae.index.codes import Codes
from bae.index.query import Index

Order = Literal["corpus", "strongest", "quantile"]
NEAR = 0.8
"""Sentences that share this part of their words (Jaccard) are near-duplicates."""


@dataclass(frozen=True)
class Corpus:
    """The contexts of an index as samples are cut from them. Token n stands in context `context[n]` at position `position[n]`."""

    texts: Sequence[str]
    starts: Sequence[Sequence[int]]
    ends: Sequence[Sequence[int]]
    token_ids: np.ndarray
    context: np.ndarray
    position: np.ndarray
    """From 1: position 0 is the BOS."""

    @classmethod
    def of(cls, index: Index) -> "Corpus":
        """All contexts of an index."""
        ids, starts, ends, texts = index.contexts()
        lengths = np.array([len(each) - 1 for each in ids])
        context = np.repeat(np.arange(len(ids)), lengths)
        position = np.arange(len(context)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
        return cls(texts, starts, ends, np.concatenate([each[1:] for each in ids]), context, position)

    def sample(self, token: int) -> Sample:
        """A token as judges see it: with its word, its position and its sentence."""
        context, position = int(self.context[token]), int(self.position[token])
        text, start, end = self.texts[context], self.starts[context][position], self.ends[context][position]
        return Sample(token=text[start:end].strip(), word=word_around(text, start, end), position=position, sentence=text)

    @cached_property
    def word(self) -> np.ndarray:
        """int64 [token]: the number of the word that each token is a piece of, counted through the corpus."""
        glued = [
            _is_letter(text[start : start + 1]) and _is_letter(text[start - 1 : start])
            for text, starts in zip(self.texts, self.starts, strict=True)
            for start in starts[1:]
        ]
        return np.cumsum(~np.array(glued, bool))

    @cached_property
    def _by_id(self) -> np.ndarray:
        return np.argsort(self.token_ids, kind="stable")

    def same_tokens(self, tokens: Sequence[int], draw: np.random.Generator) -> Iterator[int]:
        """Where else the tokens of these places stand, in a random order, each of them in turn."""
        ids = np.unique(self.token_ids[list(tokens)])
        begins, ends = (np.searchsorted(self.token_ids, ids, side, sorter=self._by_id) for side in ("left", "right"))
        places = [draw.permutation(self._by_id[begin:end]) for begin, end in zip(begins, ends, strict=True)]
        return (int(place) for row in zip_longest(*places) for place in row if place is not None)

    def words(self, token: int) -> frozenset[str]:
        """The different words of a token's sentence."""
        return frozenset(re.findall(r"\w+", self.texts[int(self.context[token])].lower()))


def word_around(text: str, start: int, end: int) -> str:
    """The word that characters `start:end` belong to; they themselves where they are no letters."""
    start += len(text[start:end]) - len(text[start:end].lstrip())
    if not re.search(r"\w", text[start:end]):
        return text[start:end].strip()
    while _is_letter(text[start - 1 : start]):
        start -= 1
    while _is_letter(text[end : end + 1]):
        end += 1
    return text[start:end].strip()


def _is_letter(character: str) -> bool:
    return bool(re.fullmatch(r"[\w'’]", character))


class Occurrences:
    """For every feature of a dictionary, the tokens that have it among their top 10, in corpus order (Algorithm 1, step 1).

    `literal` takes the top 10 of all features as the paper does, those that do not burst and values of 0 among them.
    """

    def __init__(self, codes: Codes, corpus: Corpus, literal: bool = False):
        self.codes, self.corpus = codes, corpus
        top = _literal_top(codes) if literal else codes.top_feature
        token, slot = (top >= 0).nonzero()
        feature = top[token, slot]
        order = np.argsort(feature, kind="stable")
        self._token, self._slot = token[order], slot[order]
        self._begins = np.searchsorted(feature[order], np.arange(codes.n_features + 1))

    def count(self, feature: int) -> int:
        """Tokens on which a feature is activated."""
        return int(self._begins[feature + 1] - self._begins[feature])

    @cached_property
    def counts(self) -> np.ndarray:
        """int64 [feature]: the same for all."""
        return np.diff(self._begins)

    def tokens(self, feature: int, order: Order = "corpus") -> np.ndarray:
        """The tokens on which a feature is activated: as they come, loudest first, or spread evenly over its magnitudes."""
        own = slice(self._begins[feature], self._begins[feature + 1])
        tokens = self._token[own]
        if order == "corpus":
            return tokens
        loudest_first = np.argsort(-self.codes.top_magnitude[tokens, self._slot[own]], kind="stable")
        return tokens[loudest_first] if order == "strongest" else tokens[_spread(loudest_first)]

    def distinct(self, tokens: Iterable[int]) -> Iterator[int]:
        """Leave out tokens whose sentence is nearly one that was there before."""
        seen: list[frozenset[str]] = []
        for token in tokens:
            words = self.corpus.words(token)
            if all(_overlap(words, other) < NEAR for other in seen):
                seen.append(words)
                yield token


def _overlap(one: frozenset, other: frozenset) -> float:
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def _spread(ranked: np.ndarray) -> np.ndarray:
    """A ranking so rearranged that every beginning of it is spread over the whole: the places of a van der Corput sequence."""
    bits = max(len(ranked) - 1, 1).bit_length()
    places = [int(f"{number:0{bits}b}"[::-1], 2) for number in range(2**bits)]
    return ranked[[place for place in places if place < len(ranked)]]


def _literal_top(codes: Codes) -> np.ndarray:
    """The top 10 of all features of every token, also of those that are at their habit; ties go to the lower index."""
    quiet, habit = codes.quiet_magnitude, codes.habit
    candidates = np.lexsort((np.arange(len(quiet)), -quiet))
    top = codes.top_feature.copy()
    weakest = np.where(top[:, -1] >= 0, codes.top_magnitude[:, -1], -np.inf)
    for token in (weakest <= quiet[candidates[0]]).nonzero()[0]:
        resting = codes.support(token) == habit
        listed = top[token][top[token] >= 0]
        found = [(-magnitude, feature) for feature, magnitude in zip(listed, codes.top_magnitude[token], strict=False)]
        found += [(-quiet[feature], feature) for feature in candidates[resting[candidates]][: top.shape[1]]]
        top[token] = [feature for _, feature in sorted(found)[: top.shape[1]]]
    return top
