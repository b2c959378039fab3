"""How each feature of one dictionary stands to those of another: the same, split, merged, absorbed, or without a match.

Everything is decided by the tokens on which features fire. Knows nothing of files, directions or names.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csc_array

from bae.matching.counts import together, tokens_of

ONE_TO_ONE, SPLIT, MERGED, ABSORBED, UNMATCHED, RARE, SILENT = RELATIONS = (
    "one to one",
    "split",
    "merged",
    "absorbed",
    "unmatched",
    "rare",
    "silent",
)
"""In the order in which they are looked for, but that silent and rare features are set apart first."""
FOUND = RELATIONS[:4]
"""Relations of features that the other dictionary has in some form."""


@dataclass(frozen=True)
class Thresholds:
    """What counts as a match. All are shares in [0, 1] but `wider`, `sure` and `fewest`."""

    jaccard: float = 0.5
    """Of two features that are one to one: tokens on which both fire, by those on which either does."""
    contained: float = 0.5
    """Share of its tokens on which the other fires too, beyond chance, from which a feature is mostly contained in another."""
    covered: float = 0.5
    """Share of a feature's tokens that its parts cover together, from which it is split into them."""
    wider: float = 2.0
    """How many times as many tokens a feature has that absorbs another."""
    sure: float = 5.0
    """Standard errors by which that share exceeds chance at least: there are millions of pairs, and rare features meet dense ones."""
    fewest: int = 10
    """Tokens from which a feature is compared at all: on fewer, anything may happen by chance."""

    def __post_init__(self):
        shares = (self.jaccard, self.contained, self.covered)
        if not all(0 < share <= 1 for share in shares) or self.wider < 1 or self.fewest < 1 or self.sure < 0:
            raise ValueError(f"shares lie above 0 and up to 1, wider and fewest are 1 or more, sure is 0 or more; got {self}")


@dataclass(frozen=True)
class Side:
    """The features of one dictionary as they stand to the other's. Arrays are by feature; a partner of -1 is none."""

    count: Int[np.ndarray, " feature"]
    """Tokens on which it fires."""
    relation: list[str]
    """One of `RELATIONS`."""
    partners: list[list[int]]
    """Whom the relation is with: of a split feature its parts, of others the one; empty where there is none."""
    best: Int[np.ndarray, " feature"]
    """The feature of the other dictionary with the greatest Jaccard index, the first of equals."""
    jaccard: Float[np.ndarray, " feature"]
    """Of the two: tokens on which both fire, by those on which either does; in [0, 1]."""
    both: Int[np.ndarray, " feature"]
    """Tokens on which both fire."""

    def tally(self) -> dict[str, int]:
        """How many features stand in each relation, in the order of `RELATIONS`."""
        return {relation: self.relation.count(relation) for relation in RELATIONS}


def compared(tally: Mapping[str, int]) -> int:
    """Features that fire often enough to be compared."""
    return sum(count for relation, count in tally.items() if relation not in (RARE, SILENT))


def found(tally: Mapping[str, int]) -> int:
    """Features that the other dictionary has in some form."""
    return sum(tally[relation] for relation in FOUND)


def beyond_chance(share, chance):
    """How far a share lies from what chance gives to 1: 0 is chance, 1 is all. Arrays or numbers."""
    return (share - chance) / np.maximum(1 - chance, np.finfo(float).tiny)


class Contained(NamedTuple):
    """Pairs of features, the first mostly contained in the second."""

    part: Int[np.ndarray, " pair"]
    whole: Int[np.ndarray, " pair"]
    both: Int[np.ndarray, " pair"]
    """Tokens on which both fire."""


class _Best:
    """A running best of Jaccard over blocks, for every feature of a dictionary; the first of equals stays."""

    def __init__(self, n_features: int):
        self.partner = np.full(n_features, -1)
        self.jaccard, self.both = np.zeros(n_features), np.zeros(n_features, np.int64)

    def update(self, features: np.ndarray, jaccard: np.ndarray, both: np.ndarray, first: int) -> None:
        """Let the columns of a block compete for these features; they are partners from number `first` on."""
        column = jaccard.argmax(axis=1)
        rows = np.arange(len(features))
        better = jaccard[rows, column] > self.jaccard[features]
        rows, column, features = rows[better], column[better], features[better]
        self.partner[features], self.jaccard[features], self.both[features] = column + first, jaccard[rows, column], both[rows, column]


def match(
    a: csc_array, b: csc_array, thresholds: Thresholds | None = None, advance: Callable[[int], None] = lambda features: None
) -> tuple[Side, Side]:
    """Compare two dictionaries' codes [token feature] on the same tokens, both ways. `advance` is told of a's features as they are done.

    One to one: each is the other's best, with a Jaccard index over the threshold, each mostly contained in the other.
    Split: two or more of the other's features are mostly contained in it, and cover at least half of it together.
    Merged: it is one of the parts into which a feature of the other is split. Absorbed: mostly contained in a much wider one.
    """
    thresholds = thresholds or Thresholds()
    counts = [np.diff(codes.indptr).astype(np.int64) for codes in (a, b)]
    best = [_Best(codes.shape[1]) for codes in (a, b)]
    inside: tuple[list[Contained], list[Contained]] = ([], [])
    for first, both in together(a, b):
        here = np.arange(first, first + len(both))
        jaccard = both / np.maximum(counts[0][here, None] + counts[1] - both, 1)
        best[0].update(here, jaccard, both, 0)
        best[1].update(np.arange(b.shape[1]), jaccard.T, both.T, first)
        inside[0].append(_contained(both, counts[0][here], counts[1], a.shape[0], thresholds, first, 0))
        inside[1].append(_contained(both.T, counts[1], counts[0][here], a.shape[0], thresholds, 0, first))
        advance(len(both))
    within = [_joined(pairs) for pairs in inside]
    parts = [_split(codes, within[1 - side], other, thresholds) for side, (codes, other) in enumerate(((a, b), (b, a)))]
    return tuple(_side(side, counts, best, within, parts, thresholds) for side in (0, 1))


def _contained(
    both: np.ndarray, part: np.ndarray, whole: np.ndarray, tokens: int, thresholds: Thresholds, first_part: int, first_whole: int
) -> Contained:
    """Which of some features are mostly contained in which of some others. `both` is [part whole]."""
    n, chance = np.maximum(part, 1)[:, None], whole / tokens
    enough = (part[:, None] >= thresholds.fewest) & (whole >= thresholds.fewest)
    likely = beyond_chance(both / n, chance) < thresholds.contained
    unsure = both - n * chance < thresholds.sure * np.sqrt(n * chance * (1 - chance))
    rows, columns = np.nonzero(enough & ~likely & ~unsure)
    return Contained(rows + first_part, columns + first_whole, both[rows, columns])


def _joined(pairs: list[Contained]) -> Contained:
    joined = Contained(*(np.concatenate(columns) for columns in zip(*pairs, strict=True)))
    order = np.lexsort((joined.part, joined.whole))
    return Contained(*(column[order] for column in joined))


def _by_whole(pairs: Contained) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Each whole with its parts and the tokens that it shares with each."""
    ends = np.flatnonzero(np.diff(pairs.whole, append=-1)) + 1
    for begin, end in pairwise([0, *ends]):
        yield int(pairs.whole[begin]), pairs.part[begin:end], pairs.both[begin:end]


def _split(codes: csc_array, pairs: Contained, others: csc_array, thresholds: Thresholds) -> dict[int, list[int]]:
    """The features of `codes` that two or more of `others` are contained in and cover together, with these parts, the largest first."""
    covered = np.zeros(codes.shape[0], bool)
    parts: dict[int, list[int]] = {}
    for whole, part, both in _by_whole(pairs):
        own = tokens_of(codes, whole)
        # counted with repeats they are at least as many as without
        if len(part) < 2 or both.sum() < thresholds.covered * len(own):
            continue
        touched = np.concatenate([tokens_of(others, one) for one in part])
        covered[touched] = True
        if covered[own].sum() >= thresholds.covered * len(own):
            parts[whole] = part[np.argsort(-both, kind="stable")].tolist()
        covered[touched] = False
    return parts


def _side(
    side: int, counts: list[np.ndarray], best: list[_Best], within: list[Contained], parts: list[dict], thresholds: Thresholds
) -> Side:
    own, other = best[side], best[1 - side]
    count, wide = counts[side], counts[1 - side]
    relation = [SILENT if n == 0 else RARE if n < thresholds.fewest else UNMATCHED for n in count]
    partners: list[list[int]] = [[] for _ in count]

    def settle(feature: int, name: str, whom: list[int]) -> None:
        if relation[feature] == UNMATCHED:
            relation[feature], partners[feature] = name, whom

    held = set(zip(within[side].part.tolist(), within[side].whole.tolist(), strict=True))
    holds = set(zip(within[1 - side].whole.tolist(), within[1 - side].part.tolist(), strict=True))
    for feature, partner in enumerate(own.partner.tolist()):
        mutual = partner >= 0 and other.partner[partner] == feature and own.jaccard[feature] >= thresholds.jaccard
        if mutual and (feature, partner) in held and (feature, partner) in holds:
            settle(feature, ONE_TO_ONE, [partner])
    for feature, found_parts in parts[side].items():
        settle(feature, SPLIT, found_parts)
    _merged_and_absorbed(within[side], parts[1 - side], count, wide, thresholds.wider, settle)
    return Side(count, relation, partners, own.partner, own.jaccard, own.both)


def _merged_and_absorbed(
    pairs: Contained, split: Mapping[int, list[int]], count: np.ndarray, wide: np.ndarray, wider: float, settle: Callable
) -> None:
    """Settle the features that are part of a split one, then those in a much wider one; of several the tightest, that is the narrowest."""
    order = np.lexsort((pairs.whole, wide[pairs.whole], pairs.part))
    by_part = zip(pairs.part[order].tolist(), pairs.whole[order].tolist(), strict=True)
    for part, group in groupby(by_part, key=lambda pair: pair[0]):
        wholes = [whole for _, whole in group]
        merged = [whole for whole in wholes if whole in split]
        absorbed = [whole for whole in wholes if wide[whole] >= wider * count[part]]
        if merged:
            settle(part, MERGED, merged[:1])
        elif absorbed:
            settle(part, ABSORBED, absorbed[:1])
