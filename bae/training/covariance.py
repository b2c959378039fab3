"""The covariance penalty of Eq. (4), `sum over i != j of |cov_ij|`, with an exact sign and a hand-written gradient.

On 0/1 codes H the counts `N = H^T H` are integers, so `S = sign(n N - s s^T)` is exact. With it, value and gradient come
from the one product `H S`: nothing of size d' x d' is kept, only a tile of some rows at a time.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bae.features.bits import Bits
from bae.system import world

TILE = 128
"""Rows of S that exist at a time on the CPU; they fit its cache."""
CUDA_TILE = 2048
EXACT_SQUARES = 4096
"""Batches from here on leave the integers that float32 holds exactly: n squared reaches 2**24."""


def covariance_penalty(code: Float[Tensor, "token feature"], bits: Bits | None = None, debiased: bool = False) -> Float[Tensor, ""]:
    """Sum of the absolute covariances of all ordered pairs of different bits, >= 0; 0 when no two bits vary together.

    `bits` are the code's index lists, where they were made already. It is mostly sampling noise on small batches (DESIGN,
    section 5): `debiased` counts of each pair only what exceeds its floor and leaves the others alone (floors
    are held constant in the gradient). Over several
    processes, the batch is that of all of them. Raises ValueError below two tokens.
    """
    if len(code) * world.size() < 2:
        raise ValueError("a covariance needs at least two codes in a batch")
    return _CovariancePenalty.apply(code, bits or Bits(code.detach()), debiased)


def covariance_floor(code: Float[Tensor, "token feature"]) -> Float[Tensor, ""]:
    """What the penalty is on average when every bit keeps its count but is shuffled over the batch: its noise."""
    fired = world.add_up(code.sum(0)).long()
    counts, how_many = fired.unique(return_counts=True)
    floors = _pair_floors(counts, len(code) * world.size())
    how_many = how_many.double()
    return how_many @ floors @ how_many - floors.diagonal() @ how_many


def _pair_floors(counts: Int[Tensor, " count"], n: int) -> Float[Tensor, "count count"]:
    """Mean |cov| of two independent bits with these counts in n tokens: the mean deviation of a hypergeometric count / (n - 1).

    By `E|X - mean| = 2 v (n - a - b + v) / n P(X = v)` with v the first integer above the mean (Diaconis and Zabell 1991).
    """
    a, b = counts.double()[:, None], counts.double()[None, :]
    above = (a * b / n).floor() + 1
    possible = (above <= torch.minimum(a, b)) & (n - a - b + above > 0)
    v = torch.where(possible, above, torch.minimum(a, b))
    log_probability = _log_choose(a, v) + _log_choose(n - a, b - v) - _log_choose(torch.full_like(a, n), b)
    deviation = 2 * above * (n - a - b + above) / n * log_probability.exp()
    return torch.where(possible, deviation, 0.0) / (n - 1)


def _log_choose(n: Tensor, k: Tensor) -> Tensor:
    return torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)


class _CovariancePenalty(torch.autograd.Function):
    """`sum |cov| = (n <H, H S> - s . S s) / (n (n - 1))` and `d/dH = 2 / (n - 1) (H S - mean over tokens of H S)`."""

    @staticmethod
    def forward(ctx, code: Tensor, bits: Bits, debiased: bool) -> Tensor:
        n = len(code) * world.size()
        everyone = bits if world.size() == 1 else Bits(world.gather(code))
        fired = everyone.ones.sum(0)
        signed, spared = _times_signs(bits, everyone, fired, n, debiased)
        of_feature = world.add_up(signed.sum(0))
        agreement = world.add_up((code * signed).sum(dtype=torch.float64))
        total = (n * agreement - fired.double() @ of_feature.double()) / (n * (n - 1)) - spared
        ctx.save_for_backward(signed.sub_(of_feature / n).mul_(2 / (n - 1)))
        return total.to(code.dtype)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return upstream * gradient, None, None


def _times_signs(
    bits: Bits, everyone: Bits, fired: Float[Tensor, " feature"], n: int, debiased: bool
) -> tuple[Float[Tensor, "token feature"], float | Tensor]:
    """`H S` for the rows of `bits`, S tile by tile from the counts of `everyone`; and the floors that a debiased penalty leaves out."""
    code = bits.ones
    n_features = code.shape[1]
    signed = torch.empty_like(code)
    floors = _Floors(fired, n) if debiased else None
    spared = 0.0
    tile = TILE if code.device.type == "cpu" else CUDA_TILE
    for begin in range(0, n_features, tile):
        end = min(begin + tile, n_features)
        excess = _counts(everyone, begin, end).to(code.dtype if n < EXACT_SQUARES else torch.float64)
        excess.addr_(fired[begin:end].to(excess.dtype), fired.to(excess.dtype), beta=n, alpha=-1)
        excess[:, begin:end].fill_diagonal_(0)
        if floors is not None:
            spared += floors.hold_back(excess, begin, end)
        signs = excess.sign_().to(code.dtype)
        signed[:, begin:end] = _exact(code, signs.T) if code.is_cuda else bits.times(signs.T.contiguous())
    return signed, spared


def _counts(everyone: Bits, begin: int, end: int) -> Tensor:
    """`H[:, begin:end]^T H`: how often bits fire together."""
    ones = everyone.ones
    return _exact(ones[:, begin:end].T, ones) if ones.is_cuda else everyone.transposed_times(ones, begin, end)


def _exact(left: Tensor, right: Tensor) -> Tensor:
    """A product of matrices of small integers on tensor cores: bfloat16 holds -1, 0 and 1, and float32 their sums."""
    return torch.mm(left.bfloat16(), right.bfloat16(), out_dtype=torch.float32)


class _Floors:
    """The noise floor of every pair of bits, kept by count: few counts occur, so the table is small."""

    def __init__(self, fired: Tensor, n: int):
        counts, self.number = fired.long().unique(return_inverse=True)
        # in the units of the excess, n N - s s^T
        self.table = (_pair_floors(counts, n) * (n * (n - 1))).to(fired.dtype)
        self.n = n

    def hold_back(self, excess: Tensor, begin: int, end: int) -> Tensor:
        """Set to 0 the excess of pairs that do not rise above their floor; the sum of the floors of those that do, as a covariance."""
        floor = self.table[self.number[begin:end]][:, self.number]
        above = excess.abs() > floor
        excess.mul_(above)
        return (floor * above).sum(dtype=torch.float64) / (self.n * (self.n - 1))
