"""Matrices that are mostly 0, and products with them as sums of rows over index lists instead of multiplications.

The lists are made once and serve every product of a training step: decode, the gradient of W_out, the covariance penalty.
"""

from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

SUM = 0
"""How `embedding_bag` calls adding up."""
DENSE_FROM = 0.15
"""Share of entries from which a matrix product is faster: measured on two CPU cores, they meet near 0.2. Elsewhere it always is."""


class Picks(NamedTuple):
    """For every row of a matrix, where it is not 0: one list after another. And its values there; None where all are 1."""

    where: Int[Tensor, " entry"]
    starts: Int[Tensor, " row+1"]
    values: Float[Tensor, " entry"] | None = None

    def sums(self, table: Float[Tensor, "pick column"], begin: int, end: int) -> Float[Tensor, "row column"]:
        """For the rows from `begin` to `end`, the sum of the rows of `table` that they pick."""
        first, last = self.starts[begin], self.starts[end]
        values = None if self.values is None else self.values[first:last]
        return F.embedding_bag(self.where[first:last], table, self.starts[begin:end] - first, mode="sum", per_sample_weights=values)


class Bits:
    """A matrix of exact zeros and ones, ready to be multiplied."""

    def __init__(self, ones: Float[Tensor, "row column"]):
        self.ones = ones

    @cached_property
    def sparse(self) -> bool:
        """Whether sums over index lists beat matrix products."""
        # counting is much cheaper than listing, which a dense matrix is spared
        return self.ones.device.type == "cpu" and torch.count_nonzero(self.ones).item() <= DENSE_FROM * self.ones.numel()

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

    @property
    def _values(self) -> Tensor | None:
        """What stands at the places, in their order; None where that is 1."""
        return None

    @cached_property
    def _by_row(self) -> Picks:
        row, column = self._places
        return Picks(column, _starts(row, self.ones.shape[0]), self._values)

    @cached_property
    def _by_column(self) -> Picks:
        row, column = self._places
        order = column.argsort(stable=True)
        values = None if self._values is None else self._values[order]
        return Picks(row[order], _starts(column, self.ones.shape[1]), values)


class Values(Bits):
    """A matrix of any numbers, most of them 0, ready to be multiplied."""

    def dots(self, left: Float[Tensor, "row out"], table: Float[Tensor, "column out"]) -> Float[Tensor, "row column"]:
        """`left @ table.T` where this matrix is not 0, and 0 elsewhere: the gradient of `times` by the values that count."""
        if not self.sparse:
            return left @ table.T
        row, column = self._places
        products = torch.ops.aten._embedding_bag_per_sample_weights_backward(left, table, column, self._by_row.starts[:-1], row, SUM)
        found = torch.zeros_like(self.ones)
        found[row, column] = products
        return found

    @cached_property
    def _values(self) -> Tensor:
        return self.ones[self._places]


def _starts(group: Tensor, n_groups: int) -> Tensor:
    starts = torch.zeros(n_groups + 1, dtype=torch.int64)
    torch.cumsum(torch.bincount(group, minlength=n_groups), 0, out=starts[1:])
    return starts
