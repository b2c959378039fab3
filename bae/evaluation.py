"""How good a dictionary is: what it leaves unexplained, what it costs, how many features are alive, active, dense.

Every figure is measured on raw hidden states of text that the dictionary was not trained on.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bae.magnitude import TOP_K, Prior

ACTIVE_TOKENS = 8192
ACTIVE_MORE_THAN = 5
DENSE_ABOVE = 0.1


@dataclass(frozen=True)
class Evaluation:
    """Figures of one dictionary, with the tokens that they were measured on."""

    tokens: int
    fvu: float
    """Fraction of variance unexplained, in [0, inf): squared error over squared distance from the mean, both summed over all tokens."""
    l_r: float
    """Mean squared error over elements, in raw units. Eq. (3)."""
    l0: float
    """Features that fire on a token, mean."""
    bits: float | None
    """Sum of the bits' entropies, for a BAE."""
    active_8192_tokens: int
    """Features more than 5 times among the top 10 of 8,192 tokens, spread evenly over the text."""
    dense_share: float
    """Share of features that fire on more than 10 % of tokens (min(p, 1-p) for a BAE)."""
    max_rate: float
    """Highest such rate of any feature."""
    max_top_k_rate: float
    """Share of tokens that have the most frequent feature in their top 10."""
    dead: int
    """Features that never changed."""


def binary_entropy(rate: Float[Tensor, " feature"]) -> Float[Tensor, " feature"]:
    """Entropy of bits with these firing rates, in bits, in [0, 1]; 0 for a bit that never moves."""
    rate = rate.double()
    return (-(torch.special.xlogy(rate, rate) + torch.special.xlogy(1 - rate, 1 - rate)) / torch.log(torch.tensor(2.0))).float()


def minority_rate(rate: Float[Tensor, " feature"], binary: bool) -> Float[Tensor, " feature"]:
    """What density is measured by: how often a feature leaves its habit. min(p, 1-p) for bits, p for values, whose habit is 0."""
    return torch.minimum(rate, 1 - rate) if binary else rate


@torch.inference_mode()
def evaluate(autoencoder, shards: Iterable[Float[Tensor, "_ d_model"]], chunk: int = 4096) -> tuple[Evaluation, Prior]:
    """Measure a dictionary on a stream of raw hidden states, dropped tokens already left out; also the prior of these codes.

    Two passes over the stream's list of shards would need them twice, so counts of the top k use a prior measured first:
    `shards` must be re-iterable (a list, or an object with `__iter__`). Raises ValueError when it is empty.
    """
    chunks = lambda: (part for shard in shards for part in shard.split(chunk))  # noqa: E731
    prior = Prior.of(autoencoder.encode(part) for part in chunks())
    magnitude = autoencoder.magnitude(prior)
    mean = sum(part.double().sum(0) for part in chunks()) / prior.tokens
    error = spread = 0.0
    in_top, in_sample = (torch.zeros(autoencoder.n_features + 1, dtype=torch.int64) for _ in range(2))
    # a document is long and of one subject: neighbouring tokens would show few of the features
    size = min(ACTIVE_TOKENS, prior.tokens)
    sample = torch.arange(size) * prior.tokens // size
    seen = 0
    for part in chunks():
        code = autoencoder.encode(part)
        error += (part.double() - autoencoder.decode(code).double()).square().sum().item()
        spread += (part.double() - mean).square().sum().item()
        features = magnitude.top(code, TOP_K).feature
        in_top += torch.bincount(features.flatten() + 1, minlength=len(in_top))
        chosen = sample[(sample >= seen) & (sample < seen + len(part))] - seen
        in_sample += torch.bincount(features[chosen].flatten() + 1, minlength=len(in_sample))
        seen += len(part)
    rate = minority_rate(prior.rate, autoencoder.binary)
    return Evaluation(
        tokens=seen,
        fvu=error / spread,
        l_r=error / (seen * len(mean)),
        l0=prior.rate.sum().item(),
        bits=binary_entropy(prior.rate).sum().item() if autoencoder.binary else None,
        active_8192_tokens=int((in_sample[1:] > ACTIVE_MORE_THAN).sum()),
        dense_share=(rate > DENSE_ABOVE).float().mean().item(),
        max_rate=rate.max().item(),
        max_top_k_rate=in_top[1:].max().item() / seen,
        dead=int((rate == 0).sum()),
    ), prior
