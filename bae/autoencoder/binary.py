"""The Binary Autoencoder: Eq. (1), (2) and (6), with its surrogate gradients."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bae.magnitude import Burstiness, Prior
from bae.scaling import Scaling
from bae.sparse_products import row_sums

Surrogate = Literal["clip", "sigmoid", "identity", "released"]


class _Step(torch.autograd.Function):
    """1 where x >= 0, else 0 (Eq. 2); its derivative, 0 almost everywhere, is replaced by a surrogate's."""

    @staticmethod
    def forward(ctx, x: Tensor, surrogate: str) -> Tensor:
        ctx.surrogate = surrogate
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        if ctx.surrogate == "clip":
            return gradient * (x.abs() <= 1), None
        if ctx.surrogate == "sigmoid":  # Eq. (6)
            return gradient * torch.sigmoid(x) * torch.sigmoid(-x), None
        if ctx.surrogate == "released":  # what the authors' code does: the formula, on the gradient instead of on x
            return gradient * (1 - gradient), None
        return gradient, None


class _DecodeBits(torch.autograd.Function):
    """`code @ W_out` for a code of few ones: forward and the gradient of W_out are sums of rows, not products."""

    @staticmethod
    def forward(ctx, code: Tensor, W_out: Tensor) -> Tensor:
        ctx.save_for_backward(code, W_out)
        return row_sums(code, W_out)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        code, W_out = ctx.saved_tensors
        return gradient @ W_out.T, row_sums(code.T, gradient)


class BinaryAutoencoder(nn.Module):
    """`F(h0) = step(h0 W_in + b_in) W_out + b_out` on scaled hidden states. The encoder bias can be left out (Eq. 1 as printed)."""

    kind = "binary"
    site = "residual"
    binary = True

    def __init__(
        self, d_model: int, n_features: int, scaling: Scaling, *, surrogate: Surrogate = "clip", encoder_bias: bool = True, seed: int = 0
    ):
        super().__init__()
        if surrogate not in get_args(Surrogate):
            raise ValueError(f"unknown surrogate gradient {surrogate!r}; there are {', '.join(get_args(Surrogate))}")
        generator = torch.Generator().manual_seed(seed)
        bound = d_model**-0.5
        self.W_in = nn.Parameter(torch.empty(d_model, n_features).uniform_(-bound, bound, generator=generator))
        self.W_out = nn.Parameter(self.W_in.detach().T.clone().contiguous())
        self.b_in = nn.Parameter(torch.zeros(n_features), requires_grad=encoder_bias)
        self.b_out = nn.Parameter(torch.zeros(d_model))
        self.scaling, self.surrogate, self.encoder_bias = scaling, surrogate, encoder_bias
        self.prior: Prior | None = None

    @property
    def n_features(self) -> int:
        """Bits of the code, d'."""
        return self.W_in.shape[1]

    @torch.no_grad()
    def start_at(self, firing_rate: float, scaled: Float[Tensor, "token d_model"]) -> None:
        """Set the encoder bias so that every bit fires on `firing_rate` of these scaled hidden states.

        A rate of 0.5 is a saddle of the entropy: bits started there stay there (DESIGN, section 5).
        """
        if not 0 < firing_rate < 1:
            raise ValueError(f"an initial firing rate lies between 0 and 1; got {firing_rate}")
        if not self.encoder_bias:
            raise ValueError("an initial firing rate is set through the encoder bias; leave it out or keep encoder_bias=True")
        below = max(1, round((1 - firing_rate) * len(scaled)))
        self.b_in.copy_(-(scaled @ self.W_in).kthvalue(below, dim=0).values)

    def pre_activation(self, scaled: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """`x W_in + b_in`; a bit is on from 0 up."""
        return torch.addmm(self.b_in, scaled, self.W_in)

    def forward(self, scaled: Float[Tensor, "token d_model"]) -> tuple[Tensor, Tensor]:
        """Reconstruction and code of scaled hidden states, differentiable by the surrogate: what training calls."""
        code = _Step.apply(self.pre_activation(scaled), self.surrogate)
        return _DecodeBits.apply(code, self.W_out) + self.b_out, code

    @torch.inference_mode()
    def encode(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """The bits of raw hidden states, as 0.0 and 1.0. Eq. (2)."""
        return self.activation(self.margin(states))

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """1 where the margin is not negative, else 0. Eq. (2)."""
        return (margin >= 0).float()

    @torch.inference_mode()
    def margin(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """Distance of every bit's pre-activation from its threshold; ranks contexts that tie in burstiness."""
        return self.pre_activation(self.scaling.apply(states))

    @torch.inference_mode()
    def decode(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token d_model"]:
        """`code W_out + b_out`, in raw units. Eq. (1)."""
        return self.scaling.undo(row_sums(code, self.W_out) + self.b_out)

    def magnitude(self, prior: Prior | None = None) -> Burstiness:
        """Burstiness against `prior`, by default the one that was measured after training."""
        return Burstiness(prior or self.prior)
