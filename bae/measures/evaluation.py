"""How good a dictionary is: what it leaves unexplained, what it costs, how many features are alive, active, dense.

Every figure is measured on raw hidden states of text that the dictionary was not trained on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bae.autoencoder import Autoencoder, Pair
from bae.entropy import binary_entropy, coactivations, tree_entropy
from bae.features.magnitude import TOP_K, Prior

ACTIVE_TOKENS = 8192
ACTIVE_MORE_THAN = 5
DENSE_ABOVE = 0.1
PAIRED_UP_TO = 4096
"""Widest dictionary whose pairs of features are counted: the tree takes about 75 bytes a pair while it is made."""


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
    """Sum of the bits' entropies, for a BAE: its marginal entropy."""
    active_8192_tokens: int
    """Features more than 5 times among the top 10 of 8,192 tokens, spread evenly over the text."""
    dense_share: float
    """Share of features that fire on more than 10 % of tokens (min(p, 1-p) for a BAE)."""
    max_rate: float
    """Highest such rate of any feature."""
    max_top_k_rate: float
    """Share of tokens that have the most frequent feature in their top 10."""
    dead: int
    """Features that never fired."""
    cosine: float = float("nan")
    """Cosine of reconstruction and hidden state, both from the mean hidden state, mean over tokens."""
    shrinkage: float = float("nan")
    """Length of the reconstructions over that of the hidden states, both from the mean, as roots of sums of squares; 1 shrinks nothing."""
    support_bits: float = float("nan")
    """Sum over bits of their entropies; of an SAE, over features of the entropy of whether they fire (its values cost more on top)."""
    tree_bits: float | None = None
    """The same less what pairs tell of each other along the best tree (Chow and Liu 1968): closer to the joint entropy, from above."""
    dense_over_1_percent: float = float("nan")
    """Share of features that fire on more than 1 % of tokens, the field's other limit."""
    frozen: int = 0
    """Features that fire on every token."""
    l0_deviations: float = float("nan")
    """Features that leave their habit on a token, mean: bits that differ from their rounded prior, which is what compression stores."""
    l0_top_k: float = float("nan")
    """Features of a token that count as activated, at most 10, mean."""


@torch.inference_mode()
def fvu(shards: Iterable[Pair], found: Callable[[Pair], Float[Tensor, "_ d_model"]], chunk: int = 2048) -> float:
    """Fraction of variance that `found` leaves unexplained of what is written, in [0, inf); the mean leaves 1.

    Squared error over squared distance from the mean, both summed over all tokens. `shards` are gone through twice.
    """
    count, total = 0, 0.0
    for shard in shards:
        count, total = count + len(shard), total + shard.written.double().sum(0)
    mean, error, spread = total / count, 0.0, 0.0
    for part in (part for shard in shards for part in shard.split(chunk)):
        written = part.written.double()
        error += (written - found(part).double()).square().sum().item()
        spread += (written - mean).square().sum().item()
    return error / spread


def unexplained(autoencoder: Autoencoder, shards: Iterable[Pair], chunk: int = 2048) -> float:
    """The FVU of a dictionary's reconstructions."""
    return fvu(shards, lambda part: autoencoder.decode(autoencoder.encode(part.read)), chunk)


def minority_rate(rate: Float[Tensor, " feature"], binary: bool) -> Float[Tensor, " feature"]:
    """What density is measured by: how often a feature leaves its habit. min(p, 1-p) for bits, p for values, whose habit is 0."""
    return torch.minimum(rate, 1 - rate) if binary else rate


@torch.inference_mode()
def evaluate(autoencoder: Autoencoder, shards: Iterable[Pair], chunk: int = 2048) -> tuple[Evaluation, Prior]:
    """Measure a dictionary on a stream of raw states, dropped tokens already left out; also the prior of these codes.

    The top k need a prior that is measured first, so `shards` must be re-iterable (a list, or an object with `__iter__`).
    Raises ValueError when it is empty.
    """
    chunks = lambda: (part for shard in shards for part in shard.split(chunk))  # noqa: E731
    prior = Prior.of(autoencoder.encode(part.read) for part in chunks())
    magnitude = autoencoder.magnitude(prior)
    mean = sum(part.written.double().sum(0) for part in chunks()) / prior.tokens
    error = spread = found_spread = cosine = 0.0
    deviations = listed = 0
    in_top, in_sample = (torch.zeros(autoencoder.n_features + 1, dtype=torch.int64) for _ in range(2))
    bits_together = 0
    # a document is long and of one subject: neighbouring tokens would show few of the features
    size = min(ACTIVE_TOKENS, prior.tokens)
    sample = torch.arange(size) * prior.tokens // size
    seen = 0
    for part in chunks():
        code = autoencoder.encode(part.read)
        written, found = part.written.double() - mean, autoencoder.decode(code).double() - mean
        error += (written - found).square().sum().item()
        spread += written.square().sum().item()
        found_spread += found.square().sum().item()
        cosine += torch.cosine_similarity(written, found, dim=-1).sum().item()
        bits = autoencoder.bits(code)
        # pairs are counted where their matrix fits in memory; wider dictionaries have no tree
        paired = bits.shape[1] <= PAIRED_UP_TO
        bits_together = bits_together + (coactivations(bits) if paired else bits.sum(0, dtype=torch.int64))
        features = magnitude.top(code, TOP_K).feature.cpu()
        deviations += magnitude.activated(code).sum().item()
        listed += int((features >= 0).sum())
        in_top += torch.bincount(features.flatten() + 1, minlength=len(in_top))
        chosen = sample[(sample >= seen) & (sample < seen + len(part))] - seen
        in_sample += torch.bincount(features[chosen].flatten() + 1, minlength=len(in_sample))
        seen += len(part)
    rate = minority_rate(prior.rate, autoencoder.binary)
    support_bits = binary_entropy((bits_together.diagonal() if paired else bits_together) / seen).sum().item()
    return Evaluation(
        tokens=seen,
        fvu=error / spread,
        l_r=error / (seen * len(mean)),
        l0=prior.rate.sum().item(),
        bits=support_bits if autoencoder.discrete else None,
        active_8192_tokens=int((in_sample[1:] > ACTIVE_MORE_THAN).sum()),
        dense_share=(rate > DENSE_ABOVE).float().mean().item(),
        max_rate=rate.max().item(),
        max_top_k_rate=in_top[1:].max().item() / seen,
        dead=int((prior.rate == 0).sum()),
        cosine=cosine / seen,
        shrinkage=(found_spread / spread) ** 0.5,
        support_bits=support_bits,
        tree_bits=tree_entropy(bits_together, seen) if paired else None,
        dense_over_1_percent=(rate > 0.01).float().mean().item(),
        frozen=int((prior.rate == 1).sum()),
        l0_deviations=deviations / seen,
        l0_top_k=listed / seen,
    ), prior
