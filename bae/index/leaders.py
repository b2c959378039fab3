"""The contexts that lead a feature's list: a running best-of over shards, each context counted once, by its peak."""

from typing import NamedTuple

import numpy as np


class Peaks(NamedTuple):
    """For pairs of a feature and a context, the token where the feature is strongest."""

    feature: np.ndarray
    context: np.ndarray
    position: np.ndarray
    strength: np.ndarray

    def take(self, rows: np.ndarray) -> "Peaks":
        """These rows, in this order."""
        return Peaks(*(column[rows] for column in self))


def peaks(feature: np.ndarray, context: np.ndarray, position: np.ndarray, strength: np.ndarray) -> Peaks:
    """One row a pair (feature, context): its strongest token, the earliest of equals. Entries come in corpus order."""
    # sorting by feature alone keeps corpus order within a feature; 16-bit keys are sorted by radix
    order = np.argsort(feature.astype(np.uint16) if feature.max(initial=0) < 2**16 else feature, kind="stable")
    found = Peaks(feature, context, position, strength).take(order)
    if not len(order):
        return found
    begins = np.flatnonzero(np.r_[True, (np.diff(found.feature) != 0) | (np.diff(found.context) != 0)])
    pair = np.repeat(np.arange(len(begins)), np.diff(np.r_[begins, len(order)]))
    at_peak = np.flatnonzero(found.strength == np.maximum.reduceat(found.strength, begins)[pair])
    return found.take(at_peak[np.r_[True, np.diff(pair[at_peak]) != 0]])


class Leaders:
    """The `size` contexts with the greatest `sign * strength` of every feature, over all shards seen; ties to the earlier context."""

    def __init__(self, size: int, sign: int = 1):
        self.size, self.sign = size, sign
        self.best = Peaks(*(np.empty(0, kind) for kind in (np.int32, np.int64, np.int32, np.float32)))

    def update(self, shard: Peaks) -> None:
        """Let the pairs of another shard compete."""
        both = Peaks(*(np.concatenate(columns) for columns in zip(self.best, self._candidates(shard), strict=True)))
        # at most `size` of each feature, and those equal to the last of them, are left to be put in order
        both = both.take(np.flatnonzero(_reach_last_place(both.feature, self.sign * both.strength, self.size)))
        order = np.lexsort((both.context, -self.sign * both.strength, both.feature))
        self.best = both.take(order[rank_within(both.feature[order]) < self.size])

    def _candidates(self, shard: Peaks) -> Peaks:
        """Those stronger than the last of a full list; an equal one of a later context loses."""
        full = np.flatnonzero(rank_within(self.best.feature) == self.size - 1)
        floor = np.full(max(shard.feature.max(initial=0), self.best.feature.max(initial=0)) + 1, -np.inf)
        floor[self.best.feature[full]] = self.sign * self.best.strength[full]
        return shard.take(np.flatnonzero(self.sign * shard.strength > floor[shard.feature]))


def _reach_last_place(feature: np.ndarray, strength: np.ndarray, size: int) -> np.ndarray:
    """Which rows are at least as strong as the `size`-th strongest of their feature; all rows of a feature that has fewer."""
    if not len(feature):
        return np.zeros(0, bool)
    # one sort of plain integers: the feature above, below it the strength's bits, turned so that the strongest comes first
    # (adding 0 makes -0 and 0 the same)
    bits = (strength + np.float32(0)).astype(np.float32).view(np.int32)
    ascending = np.where(bits < 0, ~bits, bits | np.int32(-(2**31))).view(np.uint32)
    key = (feature.astype(np.uint64) << np.uint64(32)) | ~ascending
    in_order = np.sort(key)
    begins = np.searchsorted(in_order, np.arange(feature.max(initial=0) + 2, dtype=np.uint64) << np.uint64(32))
    last_place = in_order[np.minimum(begins[:-1] + size, begins[1:]).clip(1) - 1]
    return key <= last_place[feature]


def rank_within(groups: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... within every run of equal values of a sorted array."""
    if not len(groups):
        return np.empty(0, np.int64)
    begins = np.flatnonzero(np.r_[True, np.diff(groups) != 0])
    return np.arange(len(groups)) - np.repeat(begins, np.diff(np.r_[begins, len(groups)]))
