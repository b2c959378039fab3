"""Products with a 0/1 matrix that is mostly 0: sums of rows over index lists instead of multiplications."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

DENSE_FROM = 0.15
"""Share of ones from which a matrix product is faster (measured on two CPU cores); on other devices it always is."""


def row_sums(ones: Float[Tensor, "row pick"], table: Float[Tensor, "pick column"]) -> Float[Tensor, "row column"]:
    """`ones @ table` for a matrix of exact zeros and ones."""
    if ones.device.type != "cpu":
        return ones @ table
    rows, picks = ones.nonzero(as_tuple=True)
    if len(picks) > DENSE_FROM * ones.numel():
        return ones @ table
    starts = torch.bincount(rows, minlength=len(ones)).cumsum(0).roll(1)
    starts[0] = 0
    return F.embedding_bag(picks, table, starts, mode="sum")
