"""Sparse Autoencoders: the paper's ReLU (Eq. 8), Top-k (Eq. 10) and Gated ReLU (Eq. 12, 13), and the field's BatchTopK,
two-path Gated, JumpReLU; the Transcoder (Eq. 15), which writes another state than it reads.

Each comes in the field's form (decoder bias taken off before the encoder, dictionary rows of unit norm), the default,
and in the paper's plain one.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bae.autoencoder.products import decode, encode
from bae.autoencoder.protocol import Pass
from bae.features.magnitude import Prior, RescaledValue, Value
from bae.states.scaling import Scaling
from bae.system import world

THRESHOLD_MEMORY = 0.99
"""Share of the old threshold that a step of a BatchTopK SAE keeps."""


class SparseAutoencoder(nn.Module):
    """`F(h0) = activation((h0 - b_out) W_in + b_in) W_out + b_out`; subclasses give the activation."""

    kind: str
    site = "residual"
    binary = False
    discrete = False

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, *, plain: bool = False, rescaled: bool = False, seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randn(n_features, d_model, generator=generator)
        self.W_out = nn.Parameter(rows / rows.norm(dim=-1, keepdim=True))
        self.W_in = nn.Parameter(self.W_out.detach().T.clone().contiguous())
        self.b_in = nn.Parameter(torch.zeros(n_features))
        self.b_out = nn.Parameter(torch.zeros(d_model))
        self.scaling, self.plain, self.rescaled = scaling, plain, rescaled
        self.prior: Prior | None = None

    @property
    def n_features(self) -> int:
        """Width of the code, d'."""
        return self.W_in.shape[1]

    @property
    def written_scaling(self) -> Scaling:
        """It writes what it reads."""
        return self.scaling

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """Which pre-activations pass, and how."""
        raise NotImplementedError

    def pre_activation(self, scaled: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """What the encoder makes of scaled hidden states before the activation."""
        return encode(scaled, self.W_in, self.b_in, None if self.plain else self.b_out)

    def forward(self, scaled: Float[Tensor, "token d_model"]) -> Pass:
        """A pass over scaled hidden states: what training calls."""
        pre_activation = self.pre_activation(scaled)
        code = self.activation(pre_activation)
        return Pass(decode(code, self.W_out) + self.b_out, code, pre_activation)

    @torch.no_grad()
    def normalize(self) -> None:
        """Bring the dictionary's rows back to unit norm; the plain form leaves them free."""
        if not self.plain:
            self.W_out.div_(self.W_out.norm(dim=-1, keepdim=True).clamp(min=1e-8))

    @torch.inference_mode()
    def encode(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """The values of raw states."""
        return self.activation(self.margin(states))

    @torch.inference_mode()
    def margin(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """The pre-activation: how near a silent feature was to speaking."""
        return self.pre_activation(self.scaling.apply(states))

    def bits(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """Which features fire, as 0.0 and 1.0."""
        return (code != 0).float()

    @torch.inference_mode()
    def decode(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token d_model"]:
        """`code W_out + b_out`, in raw units."""
        return self.written_scaling.undo(decode(code, self.W_out) + self.b_out)

    def magnitude(self, prior: Prior | None = None) -> Value:
        """The value; of a `rescaled` dictionary in deviations from its mean under `prior` or the one measured after training."""
        return RescaledValue(prior or self.prior) if self.rescaled else Value()


class ReluAutoencoder(SparseAutoencoder):
    """Eq. (8)."""

    kind = "relu"

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """`max(x, 0)`."""
        return margin.relu()


class TopKAutoencoder(SparseAutoencoder):
    """Eq. (10): the k largest of each vector stay as they are; `rectified`, as most of the field has it, only where they are positive."""

    kind = "topk"

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, *, k: int = 15, rectified: bool = False, **options):
        super().__init__(d_model, n_features, scaling, **options)
        self.k, self.rectified = _checked_k(k, n_features), rectified

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """The k largest in place, 0 elsewhere."""
        return _largest(margin.relu() if self.rectified else margin, self.k)


class BatchTopKAutoencoder(SparseAutoencoder):
    """The k largest a token on the average of a batch (Bussmann et al. 2024). Used, it is a ReLU with the threshold that training found."""

    kind = "batchtopk"

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, *, k: int = 15, threshold: float = 0.0, **options):
        super().__init__(d_model, n_features, scaling, **options)
        self.k = _checked_k(k, n_features)
        self.register_buffer("threshold", torch.tensor(float(threshold)))

    def forward(self, scaled: Float[Tensor, "token d_model"]) -> Pass:
        """As the others, but in training the batch decides together, and its smallest value moves the threshold."""
        if not self.training:
            return super().forward(scaled)
        pre_activation = self.pre_activation(scaled)
        values = pre_activation.relu()
        everyone = world.gather(values.detach())
        smallest = everyone.flatten().topk(self.k * len(everyone), sorted=False).values.min()
        code = values * ((values >= smallest) & (values > 0))
        self.threshold.lerp_(smallest.to(self.threshold.dtype), 1 - THRESHOLD_MEMORY)
        return Pass(decode(code, self.W_out) + self.b_out, code, pre_activation)

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """x where x reaches the threshold, else 0."""
        return margin * ((margin >= self.threshold) & (margin > 0))


class GatedAutoencoder(SparseAutoencoder):
    """Eq. (12), (13): a ReLU with a fixed threshold, "Gated ReLU" in the paper."""

    kind = "gated"

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, *, threshold: float = 0.5, **options):
        super().__init__(d_model, n_features, scaling, **options)
        if threshold < 0:
            raise ValueError(f"the threshold of a gated ReLU is not negative; got {threshold}")
        self.threshold = threshold

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """x where x exceeds the threshold, else 0. Eq. (13)."""
        return margin * (margin > self.threshold)


class JumpReluAutoencoder(SparseAutoencoder):
    """A ReLU with a threshold of its own for every feature (Rajamanoharan et al. 2024b). Imported, not trained here."""

    kind = "jumprelu"

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, **options):
        super().__init__(d_model, n_features, scaling, **options)
        self.threshold = nn.Parameter(torch.zeros(n_features), requires_grad=False)

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """x where x exceeds its feature's threshold, else 0."""
        return margin * ((margin > self.threshold) & (margin > 0))


class TwoPathAutoencoder(SparseAutoencoder):
    """The Gated SAE of Rajamanoharan et al. (2024a): one path says whether a feature fires, another, with shared weights, how much."""

    kind = "twopath"

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, **options):
        super().__init__(d_model, n_features, scaling, **options)
        self.r_mag = nn.Parameter(torch.zeros(n_features))
        self.b_mag = nn.Parameter(torch.zeros(n_features))

    def forward(self, scaled: Float[Tensor, "token d_model"]) -> Pass:
        """L1 falls on the gate, which also has to reconstruct by itself, through a decoder that this does not train."""
        gate = self.pre_activation(scaled)
        code = self.activation(gate)
        open_gate = gate.relu()
        helper = decode(open_gate, self.W_out.detach()) + self.b_out.detach()
        return Pass(decode(code, self.W_out) + self.b_out, code, gate, charged=open_gate, helper=helper)

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """The magnitude path where the gate is open. Both read the same projection, which the gate's bias has been added to."""
        magnitude = (margin - self.b_in) * self.r_mag.exp() + self.b_mag
        return magnitude.relu() * (margin > 0)


class Transcoder(SparseAutoencoder):
    """Eq. (15): reads the input of a block's MLP, writes the hidden state after that block. `k` keeps the k largest values only."""

    kind = "transcoder"
    site = "mlp_input"

    def __init__(
        self,
        d_model: int,
        n_features: int,
        scaling: Scaling,
        *,
        written_scaling: Scaling | None = None,
        k: int | None = None,
        **options,
    ):
        super().__init__(d_model, n_features, scaling, **options)
        self._written_scaling = written_scaling or scaling
        self.k = None if k is None else _checked_k(k, n_features)

    @property
    def written_scaling(self) -> Scaling:
        """Of the hidden state after the block."""
        return self._written_scaling

    @written_scaling.setter
    def written_scaling(self, scaling: Scaling) -> None:
        self._written_scaling = scaling

    def pre_activation(self, scaled: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """`x W_in + b_in`: what it writes has another mean than what it reads, so b_out stays out of it."""
        return encode(scaled, self.W_in, self.b_in, None)

    def activation(self, margin: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """`max(x, 0)`, of the k largest if there is a k."""
        return margin.relu() if self.k is None else _largest(margin.relu(), self.k)


def _checked_k(k: int, n_features: int) -> int:
    if not 1 <= k <= n_features:
        raise ValueError(f"k lies between 1 and the number of features, {n_features}; got {k}")
    return k


def _largest(values: Tensor, k: int) -> Tensor:
    largest, features = values.topk(k, dim=-1, sorted=False)
    return torch.zeros_like(values).scatter(-1, features, largest)
