"""Numbers divided by a step and rounded to levels, and what levels take in bits under frequencies that were counted on other text."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

LEVELS = 512
"""Levels of a rounded number that have a frequency of their own, from -LEVELS / 2 up; those beyond are clipped."""


def levels_of(values: Float[Tensor, "*place"], step: float) -> Int[Tensor, "*place"]:
    """The level that each value falls on, in [0, LEVELS)."""
    return ((values / step).round().clamp(-LEVELS // 2, LEVELS // 2 - 1) + LEVELS // 2).long()


def middles(step: float) -> Float[Tensor, " level"]:
    """The value in the middle of each level."""
    return (torch.arange(LEVELS) - LEVELS // 2) * step


def level_means(tables: Iterable[Float[Tensor, "_ column"]], step: float) -> Float[Tensor, "column level"]:
    """The mean of the values of each column that fall on each level; of one that none falls on, its middle."""
    count = total = None
    for table in tables:
        place = _places(levels_of(table, step), LEVELS)
        size = table.shape[1] * LEVELS
        counted, added = torch.bincount(place, minlength=size), torch.bincount(place, table.flatten().double(), size)
        count, total = (counted, added) if count is None else (count + counted, total + added)
    columns = len(count) // LEVELS
    return torch.where(count > 0, total / count.clamp(min=1), middles(step).repeat(columns)).view(columns, LEVELS).float()


@dataclass(frozen=True, eq=False)
class Frequencies:
    """How often each column of a table of levels takes each level; half a count more, so that no length is infinite."""

    bits: Float[Tensor, "column level"]
    """Length of every level, in bits."""

    @classmethod
    def of(cls, tables: Iterable[Float[Tensor, "_ column"] | Int[Tensor, "_ column"]], levels: int) -> "Frequencies":
        """Count a stream of tables."""
        counts = 0
        for table in tables:
            columns = table.shape[1]
            counts = counts + torch.bincount(_places(table.long(), levels), minlength=columns * levels).view(columns, levels)
        smoothed = counts.double() + 0.5
        return cls(-(smoothed / smoothed.sum(-1, keepdim=True)).log2())

    def length(self, table: Float[Tensor, "_ column"] | Int[Tensor, "_ column"]) -> float:
        """Bits that a table takes, all its rows and columns."""
        return self.bits.gather(1, table.long().T).sum().item()


def _places(table: Int[Tensor, "_ column"], levels: int) -> Int[Tensor, " place"]:
    """Where each level is counted: columns one after the other."""
    return (table + torch.arange(table.shape[1]) * levels).flatten()
