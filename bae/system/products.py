"""Products of fp32 matrices on processors whose AVX-512 torch leaves idle.

torch gives them to MKL, which takes AVX-512 on Intel's processors alone: on an AMD Zen 5 core 110 GFLOP/s where oneDNN, which comes with
torch as well, reaches 245 (`bae bench products`). Both round each product to fp32; sums differ in their last bits. Where torch is not
slower, as on a GPU, with Intel or in another precision, these functions are torch's own.
"""

import platform
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

CPU_INFO = Path("/proc/cpuinfo")
WORTH_IT = 2**21
"""Multiplications below which the way to oneDNN takes longer than the product."""
LEAST_ROWS = 16


@cache
def onednn_is_faster() -> bool:
    """Whether this processor has AVX-512 and MKL does not use it."""
    told = CPU_INFO.read_text(encoding="utf-8", errors="replace") if CPU_INFO.is_file() else platform.processor()
    wide = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return wide and torch.backends.mkldnn.is_available() and "AuthenticAMD" in told


def linear(x: Float[Tensor, "*vector d_in"], weight: Float[Tensor, "d_out d_in"], bias: Float[Tensor, " d_out"] | None = None) -> Tensor:
    """`x @ weight.T + bias` [*vector d_out], differentiable."""
    if not _onednn_takes(x) or x.numel() * len(weight) < WORTH_IT:
        return nn.functional.linear(x, weight, bias)
    return _Linear.apply(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _multiplied(x, weight, bias)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        rows = gradient.flatten(0, -2)
        return (
            linear(gradient, weight.t()) if of_x else None,
            linear(rows.t(), x.flatten(0, -2).t()) if of_weight else None,
            rows.sum(0) if of_bias else None,
        )


def _multiplied(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    rows = x.reshape(-1, x.shape[-1])
    padded = rows_taken(len(rows))
    if padded > len(rows):
        rows = nn.functional.pad(rows, (0, 0, 0, padded - len(rows)))
    found = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return found[: x.shape[:-1].numel()].reshape(*x.shape[:-1], len(weight))


def rows_taken(rows: int) -> int:
    """So many rows and at most an eighth more (sixteen, where they are few), eight sizes an octave.

    oneDNN makes code for every shape and keeps it, 0.7 MB each: texts of any length would fill the memory.
    """
    step = max(LEAST_ROWS, 2 ** ((rows - 1).bit_length() - 4))
    return -(-rows // step) * step


def bmm(a: Float[Tensor, "set row inner"], b: Float[Tensor, "set inner column"]) -> Float[Tensor, "set row column"]:
    """`torch.bmm`."""
    if not _onednn_takes(a) or a.shape[1] * b.shape[1] * b.shape[2] < WORTH_IT:
        return torch.bmm(a, b)
    return torch.stack([linear(one, other.t()) for one, other in zip(a, b, strict=True)])


def _onednn_takes(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu" and onednn_is_faster()


class Linear(nn.Linear):
    """A linear layer that multiplies by `linear`."""

    def forward(self, x: Float[Tensor, "*vector d_in"]) -> Float[Tensor, "*vector d_out"]:
        """As `nn.Linear`."""
        return linear(x, self.weight, self.bias)


def hasten(model: nn.Module) -> None:
    """Have the linear layers of a model multiply by `linear`. Weights and names stay as they are."""
    for layer in model.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = Linear
