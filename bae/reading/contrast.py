"""Which features fire in these lines but not in those: effect sizes, and what random sides would give.

The core takes a boolean [line, feature]; `read_lines` makes it of text. The p-values hold for all features at once (family-wise,
Westfall and Young 1993: the largest effect of any feature, over permutations of the lines between the sides).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

if TYPE_CHECKING:
    from bae.model.language_model import LanguageModel, Tokens
    from bae.reading.inspection import Lens

FEWEST = 3
"""Lines that each side needs."""
MOST = 300
"""Lines that each side may have."""
LONGEST = 128
"""Tokens that a line may have, start token included."""
PERMUTATIONS = 1000
AT_ONCE = 64
"""Permutations that are counted together: these times the features are in memory, 8 bytes each."""
TIE = 1e-9
"""Effects that differ by less are equal: sums come in another order."""


@dataclass(frozen=True)
class Contrast:
    """Two sides compared. Arrays are by feature."""

    share_a: Float[np.ndarray, " feature"]
    """Share of the first side's lines in which the feature fires, in [0, 1]."""
    share_b: Float[np.ndarray, " feature"]
    effect: Float[np.ndarray, " feature"]
    """Cohen's h: `2 asin sqrt(share_a) - 2 asin sqrt(share_b)`, in [-pi, pi]; above 0 it fires in more of the first side's lines."""
    p: Float[np.ndarray, " feature"]
    """Share of the permutations of which any feature has so large an effect, either way."""
    permutations: int
    """That were looked at, the one that was observed among them."""
    exact: bool
    """Whether these are all there are."""
    lines: tuple[int, int]
    """Of each side."""

    @property
    def smallest_p(self) -> float:
        """What p can be at the least. Where all permutations of equal sides are looked at, the reversal is always as extreme."""
        return (2 if self.exact and self.lines[0] == self.lines[1] else 1) / self.permutations


def contrast(
    fires: Bool[np.ndarray, "line feature"], first: Bool[np.ndarray, " line"], permutations: int = PERMUTATIONS, seed: int = 0
) -> Contrast:
    """Compare the lines of which `first` is true with the others.

    Raises ValueError where a side has fewer than three lines.
    """
    sizes = int(first.sum()), int((~first).sum())
    if min(sizes) < FEWEST:
        raise ValueError(f"each side needs at least {FEWEST} lines; there are {sizes[0]} and {sizes[1]}")
    total = fires.sum(axis=0, dtype=np.int64)
    effects = _effects(*sizes)
    in_first = fires[first].sum(axis=0, dtype=np.int64)
    effect = effects(in_first, total)
    exact = comb(sum(sizes), sizes[0]) <= permutations
    sides = _all_sides(*sizes) if exact else _random_sides(first, permutations - 1, seed)
    # a feature that fires in all lines or in none has no effect in any permutation
    moves = np.flatnonzero((total > 0) & (total < sum(sizes)))
    largest = _largest(fires[:, moves], total[moves], sides, effects)
    if not exact:
        largest = np.append(largest, np.abs(effect).max(initial=0.0))
    largest.sort()
    as_large = len(largest) - np.searchsorted(largest, np.abs(effect) - TIE)
    return Contrast(in_first / sizes[0], (total - in_first) / sizes[1], effect, as_large / len(largest), len(largest), exact, sizes)


def _effects(n_a: int, n_b: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Cohen's h of counts: of lines of the first side, and of all lines."""
    angle_a, angle_b = (2 * np.arcsin(np.sqrt(np.arange(n + 1) / n)) for n in (n_a, n_b))
    return lambda in_first, total: angle_a[in_first] - angle_b[total - in_first]


def _all_sides(n_a: int, n_b: int) -> Iterator[Bool[np.ndarray, "permutation line"]]:
    chosen = np.array(list(combinations(range(n_a + n_b), n_a)))
    sides = np.zeros((len(chosen), n_a + n_b), bool)
    np.put_along_axis(sides, chosen, True, axis=1)
    for begin in range(0, len(sides), AT_ONCE):
        yield sides[begin : begin + AT_ONCE]


def _random_sides(first: np.ndarray, permutations: int, seed: int) -> Iterator[Bool[np.ndarray, "permutation line"]]:
    draw = np.random.default_rng(seed)
    for begin in range(0, permutations, AT_ONCE):
        yield draw.permuted(np.tile(first, (min(AT_ONCE, permutations - begin), 1)), axis=1)


def _largest(fires: np.ndarray, total: np.ndarray, sides: Iterator[np.ndarray], effects: Callable) -> np.ndarray:
    """The largest effect of any feature, either way, in each permutation."""
    # float32 holds counts of lines exactly, and multiplies fast
    told = fires.astype(np.float32)
    found = [np.abs(effects((side.astype(np.float32) @ told).astype(np.int64), total)).max(axis=1, initial=0.0) for side in sides]
    return np.concatenate(found)


# text


@dataclass(frozen=True)
class Lines:
    """Lines as one dictionary sees them."""

    tokens: Int[np.ndarray, " line"]
    """Tokens of each line that were read: start tokens and massive activations are left out."""
    firing: UInt8[np.ndarray, "line feature"]
    """Of them, those on which each feature fires; a line has fewer than 256."""

    @property
    def fires(self) -> Bool[np.ndarray, "line feature"]:
        """Whether each feature fires in each line."""
        return self.firing > 0

    def token_share(self, lines: Bool[np.ndarray, " line"]) -> Float[np.ndarray, " feature"]:
        """Mean over some lines of the share of their tokens on which each feature fires."""
        # a product of vectors, because shares of every line and feature would take eight times the memory of their counts
        return np.einsum("l,lf->f", 1 / np.maximum(self.tokens[lines], 1), self.firing[lines]) / max(int(lines.sum()), 1)


def checked(a: Sequence[str], b: Sequence[str]) -> None:
    """Raise ValueError, with what is needed, unless two sides can be compared: enough lines, not too many, not the same."""
    few = [f"{side} has {len(lines):,}" for side, lines in (("the first side", a), ("the second side", b)) if len(lines) < FEWEST]
    if few:
        raise ValueError(f"each side needs at least {FEWEST} lines or sentences; {' and '.join(few)}")
    many = [f"{side} has {len(lines):,}" for side, lines in (("the first side", a), ("the second side", b)) if len(lines) > MOST]
    if many:
        raise ValueError(f"each side may have {MOST:,} lines or sentences; {' and '.join(many)}")
    if sorted(a) == sorted(b):
        raise ValueError("both sides have the same lines, so that nothing can tell them apart; change one of them")


def tokens_of(model: "LanguageModel", a: Sequence[str], b: Sequence[str]) -> "list[Tokens]":
    """The tokens of every line, those of the first side first. Raises ValueError for a line that is too long, and names it."""
    tokens = model.tokenize_each([*a, *b])
    for at, one in enumerate(tokens):
        if len(one.ids) > LONGEST:
            side, number = ("first", at + 1) if at < len(a) else ("second", at - len(a) + 1)
            raise ValueError(
                f"line {number} of the {side} side has {len(one.ids):,} tokens; a line may have {LONGEST}. It begins {one.text[:60]!r}"
            )
    return tokens


def read_lines(
    model: "LanguageModel",
    lenses: "Mapping[str, Lens]",
    tokens: "Sequence[Tokens]",
    advance: Callable[[int], None] = lambda tokens: None,
    turn: AbstractContextManager | None = None,
) -> dict[str, Lines]:
    """Read every line alone, as the sentences of the index, once for all dictionaries. `advance` is told of tokens as they are read.

    `turn` is entered for every batch anew, so that others who want the model come in between.
    """
    # torch comes with these: the core above needs none
    from bae.reading.text_set import BATCH_TOKENS
    from bae.text.contexts import Context, batches, read

    group = [Context("", at, one.ids, one.spans, one.text) for at, one in enumerate(tokens)]
    places = list(dict.fromkeys(lens.place for lens in lenses.values()))
    found = {
        name: Lines(np.zeros(len(group), np.int64), np.zeros((len(group), lens.autoencoder.n_features), np.uint8))
        for name, lens in lenses.items()
    }
    for batch in batches(group, BATCH_TOKENS):
        part = [group[row] for row in batch.rows]
        with turn or nullcontext():
            states = read(model, part, places)
        for name, lens in lenses.items():
            _note(found[name], batch.rows, lens, states[lens.place], np.cumsum([len(one.ids) - 1 for one in part]))
        advance(sum(len(one.ids) - 1 for one in part))
    return found


def _note(found: Lines, rows: Sequence[int], lens: "Lens", states, ends: np.ndarray) -> None:
    """Count what fires in some lines, whose states come one after the other and end at `ends`."""
    import torch

    states = states.to(lens.autoencoder.W_out.device).float()
    kept = lens.autoencoder.scaling.keeps(states).cpu().numpy()
    with torch.inference_mode():
        fires = (lens.autoencoder.encode(states) != 0).cpu().numpy()
    for row, begin, end in zip(rows, [0, *ends[:-1]], ends, strict=True):
        found.firing[row] = fires[begin:end][kept[begin:end]].sum(axis=0)
        found.tokens[row] = kept[begin:end].sum()


@dataclass(frozen=True)
class Contrasted:
    """Two sets of lines, seen by several dictionaries. The figures are by feature, one dictionary's after the other's."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    """Features of each."""
    figures: Contrast
    token_share_a: Float[np.ndarray, " feature"]
    """Mean over the first side's lines of the share of their tokens on which each feature fires."""
    token_share_b: Float[np.ndarray, " feature"]

    def of(self, place: int) -> tuple[str, int]:
        """The dictionary and the number of the feature whose figures stand at a place."""
        ends = np.cumsum(self.sizes)
        at = int(np.searchsorted(ends, place, side="right"))
        return self.names[at], int(place - (ends[at - 1] if at else 0))


def contrast_lines(
    model: "LanguageModel",
    lenses: "Mapping[str, Lens]",
    a: Sequence[str],
    b: Sequence[str],
    advance: Callable[[int, int], None] = lambda tokens, total: None,
    turn: AbstractContextManager | None = None,
) -> Contrasted:
    """Read two sets of lines, once for all dictionaries, and compare them. `advance` is told of tokens read, and of all there are.

    `turn` is as in `read_lines`. Raises ValueError for sides that cannot be compared.
    """
    checked(a, b)
    tokens = tokens_of(model, a, b)
    total = sum(len(one.ids) - 1 for one in tokens)
    lines = list(read_lines(model, lenses, tokens, lambda done: advance(done, total), turn).values())
    first = np.arange(len(a) + len(b)) < len(a)
    figures = contrast(np.concatenate([one.fires for one in lines], axis=1), first)
    shares = [np.concatenate([one.token_share(side) for one in lines]) for side in (first, ~first)]
    return Contrasted(tuple(lenses), tuple(one.firing.shape[1] for one in lines), figures, *shares)
