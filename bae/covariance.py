"""The covariance penalty of Eq. (4), `sum over i != j of |cov_ij|`, with an exact sign and a hand-written gradient.

On 0/1 codes the counts are integers, so the sign of each covariance is exact; `d/dH = 2/(n-1) (H - 1 p^T) sign(C)` with
a zero diagonal. Codes are sparse, so both products are sums of rows.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from bae.sparse_products import row_sums


class _CovariancePenalty(torch.autograd.Function):
    @staticmethod
    def forward(ctx, code: Tensor) -> Tensor:
        n = len(code)
        fired = code.sum(0)
        # n^2 cov_ij in integers; float32 holds them exactly while n^2 < 2**24
        wide = code.dtype if n < 4096 else torch.float64
        excess = row_sums(code.T, code).to(wide).mul_(n).sub_(torch.outer(fired.to(wide), fired.to(wide)))
        excess.fill_diagonal_(0)
        total = excess.abs().sum(dtype=torch.float64) / (n * (n - 1))
        signs = excess.sign_().to(code.dtype)
        gradient = row_sums(code, signs).sub_((fired / n) @ signs).mul_(2 / (n - 1))
        ctx.save_for_backward(gradient)
        return total.to(code.dtype)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> Tensor:
        (gradient,) = ctx.saved_tensors
        return upstream * gradient


def covariance_penalty(code: Float[Tensor, "token feature"]) -> Float[Tensor, ""]:
    """Sum of the absolute covariances of all ordered pairs of different bits, >= 0; 0 when no two bits vary together.

    Mostly sampling noise on small batches (DESIGN, section 5). Raises ValueError below two tokens.
    """
    if len(code) < 2:
        raise ValueError("a covariance needs at least two codes in a batch")
    return _CovariancePenalty.apply(code)
