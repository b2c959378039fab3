"""How much a text says again, by its tokens."""

import itertools
from collections import Counter
from collections.abc import Sequence


def repeated(ids: Sequence[int]) -> float | None:
    """Share of the runs of three tokens that occur more than once in the text, in [0, 1]; None for fewer than three tokens."""
    counts = Counter(zip(ids, ids[1:], ids[2:], strict=False))
    return sum(count for count in counts.values() if count > 1) / counts.total() if counts else None


def distinct(ids: Sequence[int]) -> float | None:
    """Different pairs of neighbouring tokens over all such pairs (distinct-2), in (0, 1]; None for fewer than two tokens."""
    pairs = list(itertools.pairwise(ids))
    return len(set(pairs)) / len(pairs) if pairs else None
