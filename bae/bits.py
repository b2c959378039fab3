"""A 0/1 matrix that is mostly 0, and products with it as sums of rows over index lists instead of multiplications.

The lists are made once and serve every product of a training step: decode, the gradient of W_out, the covariance penalty.
"""

from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

DENSE_FROM = 0.15
"""Share of ones from which a matrix product is faster (`bae bench covariance`); on other devices than the CPU it always is."""


class Picks(NamedTuple):
    """For every row of a 0/1 matrix, where its ones are: one list after another."""

    where: Int[Tensor, " one"]
    starts: Int[Tensor, " row+1"]

    def sums(self, table: Float[Tensor, "pick column"], begin: int, end: int) -> Float[Tensor, "row column"]:
        """For the rows from `begin` to `end`, the sum of the rows of `table` that they pick."""
        first, last = self.starts[begin], self.starts[end]
        return F.embedding_bag(self.where[first:last], table, self.starts[begin:end] - first, mode="sum")


class Bits:
    """A matrix of exact zeros and ones, ready to be multiplied."""

    def __init__(self, ones: Float[Tensor, "row column"]):
        self.ones = ones

    @cached_property
    def sparse(self) -> bool:
        """Whether sums over index lists beat matrix products."""
        return self.ones.device.type == "cpu" and len(self._places[0]) <= DENSE_FROM * self.ones.numel()

    def times(self, table: Float[Tensor, "column out"]) -> Float[Tensor, "row out"]:
        """`ones @ table`."""
        return self._by_row.sums(table, 0, len(self.ones)) if self.sparse else self.ones @ table

    def transposed_times(self, table: Float[Tensor, "row out"], begin: int = 0, end: int | None = None) -> Float[Tensor, "picked out"]:
        """`ones[:, begin:end].T @ table`."""
        end = self.ones.shape[1] if end is None else end
        return self._by_column.sums(table, begin, end) if self.sparse else self.ones[:, begin:end].T @ table

    @cached_property
    def _places(self) -> tuple[Tensor, Tensor]:
        return self.ones.nonzero(as_tuple=True)

    @cached_property
    def _by_row(self) -> Picks:
        row, column = self._places
        return Picks(column, _starts(row, self.ones.shape[0]))

    @cached_property
    def _by_column(self) -> Picks:
        row, column = self._places
        return Picks(row[column.argsort(stable=True)], _starts(column, self.ones.shape[1]))


def _starts(group: Tensor, n_groups: int) -> Tensor:
    starts = torch.zeros(n_groups + 1, dtype=torch.int64)
    torch.cumsum(torch.bincount(group, minlength=n_groups), 0, out=starts[1:])
    return starts
