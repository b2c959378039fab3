"""The paper's Sparse Autoencoders: ReLU (Eq. 8), Top-k (Eq. 10), Gated ReLU with a fixed threshold (Eq. 12, 13).

Each comes in the field's form (decoder bias taken off before the encoder, dictionary rows of unit norm), the default,
and in the paper's plain one.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bae.magnitude import Prior, RescaledValue, Value
from bae.scaling import Scaling


class SparseAutoencoder(nn.Module):
    """`F(h0) = activation((h0 - b_out) W_in + b_in) W_out + b_out`; subclasses give the activation."""

    kind: str
    site = "residual"
    binary = False

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, *, plain: bool = False, seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randn(n_features, d_model, generator=generator)
        self.W_out = nn.Parameter(rows / rows.norm(dim=-1, keepdim=True))
        self.W_in = nn.Parameter(self.W_out.detach().T.clone().contiguous())
        self.b_in = nn.Parameter(torch.zeros(n_features))
        self.b_out = nn.Parameter(torch.zeros(d_model))
        self.scaling, self.plain = scaling, plain
        self.prior: Prior | None = None

    @property
    def n_features(self) -> int:
        """Width of the code, d'."""
        return self.W_in.shape[1]

    def activation(self, pre_activation: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """Which pre-activations pass, and how."""
        raise NotImplementedError

    def pre_activation(self, scaled: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """What the encoder makes of scaled hidden states before the activation."""
        return torch.addmm(self.b_in, scaled if self.plain else scaled - self.b_out, self.W_in)

    def forward(self, scaled: Float[Tensor, "token d_model"]) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, code and pre-activation of scaled hidden states: what training calls."""
        pre_activation = self.pre_activation(scaled)
        code = self.activation(pre_activation)
        return torch.addmm(self.b_out, code, self.W_out), code, pre_activation

    @torch.no_grad()
    def normalize(self) -> None:
        """Bring the dictionary's rows back to unit norm; the plain form leaves them free."""
        if not self.plain:
            self.W_out.div_(self.W_out.norm(dim=-1, keepdim=True).clamp(min=1e-8))

    @torch.inference_mode()
    def encode(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """The values of raw hidden states."""
        return self.activation(self.pre_activation(self.scaling.apply(states)))

    @torch.inference_mode()
    def margin(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token feature"]:
        """The pre-activation: how near a silent feature was to speaking."""
        return self.pre_activation(self.scaling.apply(states))

    @torch.inference_mode()
    def decode(self, code: Float[Tensor, "token feature"]) -> Float[Tensor, "token d_model"]:
        """`code W_out + b_out`, in raw units."""
        return self.scaling.undo(torch.addmm(self.b_out, code, self.W_out))

    def magnitude(self, prior: Prior | None = None, rescaled: bool = False) -> Value:
        """The value; with `rescaled`, in deviations from its mean under `prior` or the one measured after training."""
        return RescaledValue(prior or self.prior) if rescaled else Value()


class ReluAutoencoder(SparseAutoencoder):
    """Eq. (8)."""

    kind = "relu"

    def activation(self, pre_activation: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """`max(x, 0)`."""
        return pre_activation.relu()


class TopKAutoencoder(SparseAutoencoder):
    """Eq. (10): the k largest of each vector stay as they are, without a ReLU."""

    kind = "topk"

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, *, k: int = 15, plain: bool = False, seed: int = 0):
        super().__init__(d_model, n_features, scaling, plain=plain, seed=seed)
        if not 1 <= k <= n_features:
            raise ValueError(f"k lies between 1 and the number of features, {n_features}; got {k}")
        self.k = k

    def activation(self, pre_activation: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """The k largest in place, 0 elsewhere."""
        values, features = pre_activation.topk(self.k, dim=-1, sorted=False)
        return torch.zeros_like(pre_activation).scatter(-1, features, values)


class GatedAutoencoder(SparseAutoencoder):
    """Eq. (12), (13): a ReLU with a fixed threshold, "Gated ReLU" in the paper."""

    kind = "gated"

    def __init__(self, d_model: int, n_features: int, scaling: Scaling, *, threshold: float = 0.5, plain: bool = False, seed: int = 0):
        super().__init__(d_model, n_features, scaling, plain=plain, seed=seed)
        if threshold < 0:
            raise ValueError(f"the threshold of a gated ReLU is not negative; got {threshold}")
        self.threshold = threshold

    def activation(self, pre_activation: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        """x where x exceeds the threshold, else 0. Eq. (13)."""
        return pre_activation * (pre_activation > self.threshold)
