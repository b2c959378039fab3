"""The paper's compression (Appendix A.5, Fig. 9): of every vector, the bits whose burstiness exceeds a threshold; the rest is habit.

A bit's habit is its rounded prior. What is stored are bursts: where a bit leaves its habit. To restore, habits are flipped there.
Works on codes; knows neither vectors nor files.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

ALL = -1.0
"""The threshold `log2 0.5`: every bit that differs from its rounded prior is stored, so that nothing of the code is lost."""


def check_threshold(threshold: float) -> None:
    """Raise ValueError for a threshold that is not from -1, where nothing is lost, to 0, where nothing is stored."""
    if not ALL <= threshold <= 0:
        raise ValueError(f"a threshold of burstiness lies between {ALL:g} (all bursts stored) and 0 (none), in bits; got {threshold}")


@dataclass(frozen=True, eq=False)
class Habits:
    """What a set of codes has in common, and what is to be stored of each: all that follows from the counts of its bits."""

    counts: Int[np.ndarray, " bit"]
    """On how many codes of the set each bit is on."""
    vectors: int
    """Codes in the set."""
    threshold: float = ALL
    """Burstiness above which a bit is stored, `B` in the paper; in bits, from -1 to 0."""

    def __post_init__(self):
        check_threshold(self.threshold)
        if self.vectors < 1:
            raise ValueError("a prior needs at least one vector; the set is empty")
        if self.counts.size and not 0 <= self.counts.min() <= self.counts.max() <= self.vectors:
            raise ValueError(f"a bit is on between 0 and {self.vectors:,} times in {self.vectors:,} codes; got {self.counts.max():,}")

    @cached_property
    def habit(self) -> Bool[np.ndarray, " bit"]:
        """The rounded prior: on where a bit is on in more than half of the codes."""
        return 2 * self.counts > self.vectors

    @cached_property
    def bursts(self) -> Int[np.ndarray, " bit"]:
        """On how many codes each bit leaves its habit."""
        return np.where(self.habit, self.vectors - self.counts, self.counts)

    @cached_property
    def stored(self) -> Bool[np.ndarray, " bit"]:
        """Bits whose bursts are louder than the threshold: at a burst rate m they are `log2(1 - m)`, so this hangs on the bit alone.

        At the default threshold all: a bit of p = 0.5 exactly has the burstiness -1 and would be lost under a strict rule.
        """
        if self.threshold == ALL:
            return np.ones(len(self.counts), dtype=bool)
        # in counts and not in logarithms, which are rounded differently from machine to machine: a file is read where it was not written
        return self.bursts < (1 - 2.0**self.threshold) * self.vectors

    @cached_property
    def moving(self) -> Int[np.ndarray, " moving"]:
        """The bits that are stored and burst at all: of the others a file needs no trace."""
        return np.flatnonzero(self.stored & (self.bursts > 0))

    @cached_property
    def rate(self) -> Float[np.ndarray, " bit"]:
        """`(bursts + 1/2) / (n + 1)`, never 0 or 1: the stored prior `q = (count + 1/2) / (n + 1)`, or 1 - q where the habit is on."""
        return (self.bursts + 0.5) / (self.vectors + 1)

    def deviations(self, bits: Bool[np.ndarray, "token bit"]) -> Bool[np.ndarray, "token bit"]:
        """Where codes leave their habit and it is stored."""
        return (bits ^ self.habit) & self.stored

    def restored(self, deviations: Bool[np.ndarray, "token bit"]) -> Bool[np.ndarray, "token bit"]:
        """Codes from deviations: habits, flipped there. Those that went in, at the default threshold."""
        return deviations ^ self.habit

    @property
    def stored_bursts(self) -> int:
        """Deviations in the whole set: the indices that the paper stores."""
        return int(self.bursts[self.stored].sum())

    @property
    def lost_bursts(self) -> int:
        """Deviations that the threshold leaves out: bits of restored codes that are wrong."""
        return int(self.bursts.sum()) - self.stored_bursts

    @property
    def code_length_bits(self) -> float:
        """The bound: `-sum log2 q` over the stored bits of all codes, q the probability that the stored prior gives to what they are."""
        m, q = self.bursts[self.stored], self.rate[self.stored]
        return float(-(m * np.log2(q) + (self.vectors - m) * np.log2(1 - q)).sum())

    @property
    def entropy_bits(self) -> float:
        """`n sum H(p)` over the stored bits: the set's own marginal entropy, a little below `code_length_bits`."""
        p = self.bursts[self.stored & (self.bursts > 0)] / self.vectors
        return float(-self.vectors * (p * np.log2(p) + (1 - p) * np.log2(1 - p)).sum())


class PositionCoder:
    """The paper's code: of every vector the indices of its bursts, behind how many there are; 16 bits each, 32 for wider codes."""

    name = "positions"

    def __init__(self, habits: Habits):
        self._bits = len(habits.counts)
        self._type = np.dtype("<u2" if self._bits <= 0xFFFF else "<u4")

    @property
    def index_bytes(self) -> int:
        """Of one index, and of one count."""
        return self._type.itemsize

    def encode(self, deviations: Bool[np.ndarray, "token bit"]) -> bytes:
        """Counts of all tokens, then their indices, token by token in rising order."""
        return deviations.sum(1).astype(self._type).tobytes() + deviations.nonzero()[1].astype(self._type).tobytes()

    def decode(self, data: bytes, tokens: int) -> Bool[np.ndarray, "token bit"]:
        """What was encoded. Raises ValueError for what cannot have been."""
        if len(data) % self.index_bytes or len(data) < tokens * self.index_bytes:
            raise ValueError(f"{len(data)} bytes are no list of positions of {tokens} vectors")
        counts, indices = np.split(np.frombuffer(data, self._type), [tokens])
        if counts.sum() != len(indices) or (len(indices) and indices.max() >= self._bits):
            raise ValueError(f"the positions are not those of {tokens} codes of {self._bits} bits")
        found = np.zeros((tokens, self._bits), dtype=bool)
        found[np.repeat(np.arange(tokens), counts), indices] = True
        return found


def positions_bytes(habits: Habits) -> int:
    """What the paper's code takes in bytes, the prior left out."""
    return PositionCoder(habits).index_bytes * (habits.stored_bursts + habits.vectors)
