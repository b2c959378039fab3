"""The two products of an SAE, differentiable, with gradients that use that codes are mostly 0.

Where a code is sparse, four of the five products of a training step are sums of a few rows; dense codes take matrix products.
The gradient of a value that the activation holds at 0 is not computed: every activation here lets none through.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from bae.features.bits import Values
from bae.system.products import linear


def encode(
    scaled: Float[Tensor, "token d_model"],
    W_in: Float[Tensor, "d_model feature"],
    b_in: Float[Tensor, " feature"],
    b_out: Float[Tensor, " d_model"] | None,
) -> Float[Tensor, "token feature"]:
    """`(x - b_out) W_in + b_in`; x has no gradient."""
    return _Encode.apply(scaled, W_in, b_in, b_out)


def decode(code: Float[Tensor, "token feature"], W_out: Float[Tensor, "feature d_model"]) -> Float[Tensor, "token d_model"]:
    """`code W_out`."""
    return _Decode.apply(code, W_out)


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scaled: Tensor, W_in: Tensor, b_in: Tensor, b_out: Tensor | None) -> Tensor:
        centred = scaled if b_out is None else scaled - b_out
        ctx.moves_input = b_out is not None
        ctx.save_for_backward(centred, W_in)
        return linear(centred, W_in.T, b_in)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[None, Tensor, Tensor, Tensor | None]:
        centred, W_in = ctx.saved_tensors
        of_bias = gradient.sum(0)
        # b_out is taken off every token, so all that it gets is the sum over tokens
        of_input = -(W_in @ of_bias) if ctx.moves_input else None
        return None, Values(gradient).transposed_times(centred).T.contiguous(), of_bias, of_input


class _Decode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, code: Tensor, W_out: Tensor) -> Tensor:
        ctx.values = Values(code.detach())
        ctx.save_for_backward(W_out)
        return ctx.values.times(W_out)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (W_out,) = ctx.saved_tensors
        of_code = ctx.values.dots(gradient, W_out) if ctx.needs_input_grad[0] else None
        return of_code, ctx.values.transposed_times(gradient) if ctx.needs_input_grad[1] else None
