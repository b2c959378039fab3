"""The codes of one dictionary by feature: on which tokens each fires, as a database of bits over the whole corpus.

A feature is kept in whichever form is shorter: the numbers of its tokens where it is rare, a bit a token where it is not.
Every answer is an exact count. Tokens are numbered through the corpus, BOS left out.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bae.index.mapped import create, damaged, open_mapped
from bae.index.query import Index

FILE = "columns.safetensors"
ARRAYS = {"counts", "row", "dense", "positions", "strengths", "tokens"}
WORD = 64
"""Bits of a word."""
AT_ONCE = 2**22
"""Entries that are looked at in one step, so that memory stays bounded."""


def words_of(n_tokens: int) -> int:
    """Words that hold a bit a token."""
    return -(-n_tokens // WORD)


def packed(tokens: np.ndarray, n_tokens: int) -> np.ndarray:
    """uint64 [words]: a set of tokens as bits, token t in bit `t % 64` of word `t // 64`."""
    flags = np.zeros(words_of(n_tokens) * WORD, bool)
    flags[tokens] = True
    return np.packbits(flags, bitorder="little").view(np.uint64)


def unpacked(bits: np.ndarray) -> np.ndarray:
    """bool [words * 64]: the same as a flag a token."""
    return np.unpackbits(np.ascontiguousarray(bits).view(np.uint8), bitorder="little").view(bool)


def members(bits: np.ndarray) -> np.ndarray:
    """int64: the tokens of a set, ascending."""
    return np.flatnonzero(unpacked(bits))


class ColumnsWriter:
    """Writes the columns of a dictionary while its tokens come in corpus order, a stretch at a time."""

    def __init__(self, file: Path, counts: np.ndarray, n_tokens: int):
        self.counts = counts.astype(np.int64)
        # positions take half a word each
        dense = self.counts > 2 * words_of(n_tokens)
        row = np.where(dense, np.cumsum(dense) - 1, -1).astype(np.int32)
        arrays = create(
            file,
            {
                "counts": (np.int64, counts.shape),
                "row": (np.int32, counts.shape),
                "dense": (np.uint64, (int(dense.sum()), words_of(n_tokens))),
                "positions": (np.uint32, (int(self.counts[~dense].sum()),)),
                "strengths": (np.float16, (int(self.counts.sum()),)),
                "tokens": (np.int64, (1,)),
            },
        )
        arrays["counts"][:], arrays["row"][:], arrays["tokens"][:] = self.counts, row, n_tokens
        self._row, self._dense, self._positions, self._strengths = row, arrays["dense"], arrays["positions"], arrays["strengths"]
        self._next = _begins(self.counts)[:-1].copy()
        self._next_position = _begins(np.where(dense, 0, self.counts))[:-1].copy()

    def add(self, token: np.ndarray, feature: np.ndarray, strength: np.ndarray) -> None:
        """Entries of later tokens than all before: `feature[e]` fires on `token[e]`, this strongly."""
        order = np.argsort(feature.astype(np.uint16) if len(self.counts) <= 2**16 else feature, kind="stable")
        token, feature, strength = token[order], feature[order], strength[order]
        here = np.bincount(feature, minlength=len(self.counts))
        rank = np.arange(len(feature)) - _begins(here)[feature]
        self._strengths[self._next[feature] + rank] = strength
        rare = self._row[feature] < 0
        self._positions[(self._next_position[feature] + rank)[rare]] = token[rare]
        token, row = token[~rare], self._row[feature[~rare]]
        np.bitwise_or.at(self._dense, (row, token // WORD), np.uint64(1) << (token % WORD).astype(np.uint64))
        self._next += here
        self._next_position += np.where(self._row < 0, here, 0)

    def tokens(self, feature: int) -> np.ndarray:
        """int64: the tokens of a feature that have come so far."""
        if self._row[feature] >= 0:
            return members(self._dense[self._row[feature]])
        end = self._next_position[feature]
        return self._positions[end - (self._next[feature] - _begins(self.counts)[feature]) : end].astype(np.int64)

    def close(self) -> None:
        """Write out what is left. Raises ValueError where fewer or more entries came than were counted."""
        if not np.array_equal(self._next, np.cumsum(self.counts)):
            raise ValueError("the columns were given other entries than were counted for them")
        for array in (self._dense, self._positions, self._strengths):
            if isinstance(array, np.memmap):
                array.flush()


class Columns:
    """Reads `codes/DICTIONARY/columns.safetensors` beside the index file, mapped into memory.

    Raises FileNotFoundError where an index was copied without its codes, ValueError where the file is damaged.
    """

    def __init__(self, index: Index, dictionary: str):
        file = Path(index.file).parent / "codes" / dictionary / FILE
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; delete the folder of this index and run `bae index`, which builds it again")
        arrays = open_mapped(file)
        if lacking := ARRAYS - arrays.keys():
            raise damaged(file, f"it has no array {', '.join(sorted(lacking))}")
        self.counts = np.array(arrays["counts"])
        """int64 [feature]: tokens on which each fires."""
        self.n_tokens = int(arrays["tokens"][0])
        self.n_features = len(self.counts)
        self._row, self._dense = np.array(arrays["row"]), arrays["dense"]
        self._positions, self._strengths = arrays["positions"], arrays["strengths"]
        self._begins = _begins(self.counts)
        self._position_begins = _begins(np.where(self._row < 0, self.counts, 0))

    def tokens(self, feature: int) -> np.ndarray:
        """int64: the tokens on which a feature fires, ascending."""
        if self._row[feature] >= 0:
            return members(self._dense[self._row[feature]])
        return self._positions[self._position_begins[feature] : self._position_begins[feature + 1]].astype(np.int64)

    def strengths(self, feature: int) -> np.ndarray:
        """float32, of the same tokens: the margin of a bit or the value of an SAE's feature, rounded to fp16."""
        return self._strengths[self._begins[feature] : self._begins[feature + 1]].astype(np.float32)

    def bits(self, feature: int) -> np.ndarray:
        """uint64 [words]: the same tokens as bits."""
        if self._row[feature] >= 0:
            return np.array(self._dense[self._row[feature]])
        return packed(self.tokens(feature), self.n_tokens)

    def together(self, bits: np.ndarray) -> np.ndarray:
        """int64 [feature]: on how many of a set's tokens each feature fires."""
        found = np.zeros(self.n_features, np.int64)
        inside = unpacked(bits)
        for first, last in self._runs():
            begins = self._position_begins[first : last + 1]
            hit = inside[self._positions[begins[0] : begins[-1]]]
            found[first:last] = np.diff(np.concatenate([[0], np.cumsum(hit, dtype=np.int64)])[begins - begins[0]])
        # what is kept as bits has no positions: its sums above are 0
        step = max(1, AT_ONCE // max(1, self._dense.shape[1]))
        features = np.flatnonzero(self._row >= 0)
        for start in range(0, len(features), step):
            rows = self._dense[start : start + step]
            found[features[start : start + step]] = np.bitwise_count(rows & bits).sum(axis=1, dtype=np.int64)
        return found

    def entries(self) -> Iterator[tuple[int, np.ndarray]]:
        """Every feature with its tokens."""
        return ((feature, self.tokens(feature)) for feature in range(self.n_features))

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Stretches of features, first and one behind the last, with no more than `AT_ONCE` positions where one does not have more."""
        first = 0
        while first < self.n_features:
            last = int(np.searchsorted(self._position_begins, self._position_begins[first] + AT_ONCE, side="right")) - 1
            last = min(max(last, first + 1), self.n_features)
            yield first, last
            first = last


def _begins(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
