"""Entropy of bits taken one by one."""

import math

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from bae.entropy.sets import enough


def binary_entropy(rate: Float[Tensor, "*bit"]) -> Float[Tensor, "*bit"]:
    """Entropy of bits with these rates, in bits, in [0, 1]; 0 for a bit that never moves."""
    return _exact(rate).float()


def marginal_entropy(ones: Num[Tensor, "*set bit"], tokens: int | Num[Tensor, "*set"]) -> Float[Tensor, "*set"]:
    """Sum of the entropies of all bits, in bits, in [0, n_bits] (Eq. 4, both halves); 0 for a constant set. Float64.

    An upper bound of the code's entropy, reached where the bits are independent: a bit that repeats another counts in full. It is
    plug-in, on average too low by `marginal_bias`.
    """
    rate = ones.double() / torch.as_tensor(tokens, device=ones.device).double()[..., None]
    return _exact(rate).sum(-1)


def marginal_bias(ones: Int[Tensor, " bit"], tokens: int) -> float:
    """By how much the marginal entropy is too low on average, in bits: 1 / (2 n ln 2) for every bit that moves (Miller 1955).

    Holds where the rarer value of a bit was seen more than a few times and the tokens are independent draws; tokens of one text are
    alike, which makes the bias larger. Told beside the estimate, never added to it. Raises ValueError below two tokens.
    """
    moving = int(((ones > 0) & (ones < enough(tokens))).sum())
    return moving / (2 * tokens * math.log(2))


def _exact(rate: Tensor) -> Tensor:
    rate = rate.double()
    return -(torch.special.xlogy(rate, rate) + torch.special.xlogy(1 - rate, 1 - rate)) / math.log(2)
