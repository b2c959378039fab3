"""The Binary Autoencoder: Eq. (1), (2) and (6), with its surrogate gradients, and more-bit decoding, Eq. (7)."""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bae.autoencoder.protocol import Pass
from bae.features.bits import Bits, Values
from bae.features.magnitude import Burstiness, GradedBurstiness, Prior
from bae.states.scaling import Scaling
from bae.system.products import linear

Surrogate = Literal["clip", "sigmoid", "identity", "released"]
MOST_BITS = range(1, 5)
"""Bits that more-bit decoding makes one feature of, C in the paper."""


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
    """`code @ table` for a code of few ones: forward and the gradient of the table are sums of rows, not products."""

    @staticmethod
    def forward(ctx, code: Tensor, table: Tensor, bits: Bits) -> Tensor:
        ctx.bits = bits
        ctx.save_for_backward(table)
        return bits.times(table)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        (table,) = ctx.saved_tensors
        return gradient @ table.T, ctx.bits.transposed_times(gradient), None


class BinaryAutoencoder(nn.Module):
    """`F(h0) = step(h0 W_in + b_in) W_out + b_out` on scaled hidden states. The encoder bias can be left out (Eq. 1 as printed).

    With `bits_per_feature` C > 1 (more-bit decoding), C bits make one value in [0, 1] that is decoded: `n_features` values
    from `n_bits = C n_features` bits.
    """

    kind = "binary"
    site = "residual"
    discrete = True

    def __init__(
        self,
        d_model: int,
        n_features: int,
        scaling: Scaling,
        *,
        surrogate: Surrogate = "clip",
        encoder_bias: bool = True,
        bits_per_feature: int = 1,
        seed: int = 0,
    ):
        super().__init__()
        if surrogate not in get_args(Surrogate):
            raise ValueError(f"unknown surrogate gradient {surrogate!r}; there are {', '.join(get_args(Surrogate))}")
        if bits_per_feature not in MOST_BITS:
            raise ValueError(f"a feature has {MOST_BITS.start} to {MOST_BITS.stop - 1} bits; got {bits_per_feature}")
        generator = torch.Generator().manual_seed(seed)
        bound = d_model**-0.5
        self.W_in = nn.Parameter(torch.empty(d_model, n_features * bits_per_feature).uniform_(-bound, bound, generator=generator))
        self.W_out = nn.Parameter(self.W_in.detach()[:, ::bits_per_feature].T.clone().contiguous())
        self.b_in = nn.Parameter(torch.zeros(n_features * bits_per_feature), requires_grad=encoder_bias)
        self.b_out = nn.Parameter(torch.zeros(d_model))
        self.scaling, self.surrogate, self.encoder_bias, self.bits_per_feature = scaling, surrogate, encoder_bias, bits_per_feature
        self.prior: Prior | None = None

    @property
    def n_features(self) -> int:
        """Features, each with a row of W_out: d' / C."""
        return self.W_out.shape[0]

    @property
    def n_bits(self) -> int:
        """Bits of the code, d'."""
        return self.W_in.shape[1]

    @property
    def binary(self) -> bool:
        """Whether a feature is one bit."""
        return self.bits_per_feature == 1

    @property
    def written_scaling(self) -> Scaling:
        """It writes what it reads."""
        return self.scaling

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

    def pre_activation(self, scaled: Float[Tensor, "token d_model"]) -> Float[Tensor, "token bit"]:
        """`x W_in + b_in`; a bit is on from 0 up."""
        return linear(scaled, self.W_in.T, self.b_in)

    def table(self) -> Float[Tensor, "bit d_model"]:
        """What each bit adds to the reconstruction: its feature's row of W_out, times its place value."""
        if self.binary:
            return self.W_out
        return (self._place_values()[:, None] * self.W_out[:, None, :]).flatten(0, 1)

    def forward(self, scaled: Float[Tensor, "token d_model"]) -> Pass:
        """A pass over scaled hidden states, differentiable by the surrogate: what training calls."""
        pre_activation = self.pre_activation(scaled)
        code = _Step.apply(pre_activation, self.surrogate)
        bits = Bits(code.detach())
        return Pass(_DecodeBits.apply(code, self.table(), bits) + self.b_out, code, pre_activation, bits=bits)

    @torch.inference_mode()
    def encode(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """The bits of raw hidden states, as 0.0 and 1.0 (Eq. 2); the values that C bits make (Eq. 7)."""
        return self.activation(self.margin(states))

    def activation(self, margin: Float[Tensor, "token bit"]) -> Float[Tensor, "token feature"]:
        """1 where the margin is not negative, else 0 (Eq. 2); C of them as one value (Eq. 7)."""
        bits = (margin >= 0).float()
        return bits if self.binary else bits.unflatten(-1, (-1, self.bits_per_feature)) @ self._place_values()

    @torch.inference_mode()
    def margin(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token bit"]:
        """Distance of every bit's pre-activation from its threshold, as a share of the hidden state's length times sqrt(d).

        Ranks contexts that tie in burstiness. Bare distances grow with the state's length, and a few very long states that are
        no massive activations yet ("Thank" in "Thank you") would lead the lists of half the bits (docs/results.md).
        """
        scaled = self.scaling.apply(states)
        length = scaled.norm(dim=-1, keepdim=True) / math.sqrt(scaled.shape[-1])
        return self.pre_activation(scaled) / length.clamp(min=torch.finfo(scaled.dtype).tiny)

    def bits(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token bit"]:
        """All bits of a code, as 0.0 and 1.0."""
        if self.binary:
            return code
        levels = (code * (2**self.bits_per_feature - 1)).round().long()[..., None]
        return (levels >> torch.arange(self.bits_per_feature, device=code.device) & 1).flatten(-2).float()

    @torch.inference_mode()
    def decode(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token d_model"]:
        """`code W_out + b_out`, in raw units. Eq. (1)."""
        return self.scaling.undo(Values(code).times(self.W_out) + self.b_out)

    def magnitude(self, prior: Prior | None = None) -> Burstiness | GradedBurstiness:
        """Burstiness against `prior`, by default the one that was measured after training."""
        prior = prior or self.prior
        return Burstiness(prior) if self.binary else GradedBurstiness(prior, self.bits_per_feature)

    def _place_values(self) -> Float[Tensor, " bit"]:
        """`2^j / (2^C - 1)` for the j-th bit of a feature. Eq. (7)."""
        C = self.bits_per_feature
        return 2.0 ** torch.arange(C, device=self.W_out.device, dtype=self.W_out.dtype) / (2**C - 1)
