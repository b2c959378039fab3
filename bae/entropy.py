"""Entropy of sets of codes, in bits: marginal, and corrected for what pairs of bits tell of each other."""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor

from bae.bits import Bits

CHUNK_TOKENS = 512
"""Codes that are multiplied at a time: few enough to stay in the cache."""


def binary_entropy(rate: Float[Tensor, "*bit"]) -> Float[Tensor, "*bit"]:
    """Entropy of bits with these rates, in bits, in [0, 1]; 0 for a bit that never moves."""
    rate = rate.double()
    return (-(torch.special.xlogy(rate, rate) + torch.special.xlogy(1 - rate, 1 - rate)) / np.log(2)).float()


def coactivations(bits: Float[Tensor, "token bit"]) -> Int[Tensor, "bit bit"]:
    """On how many tokens each pair of bits is on together; on the diagonal, each bit."""
    counts = torch.zeros(bits.shape[1], bits.shape[1], device=bits.device)
    for part in bits.split(CHUNK_TOKENS):
        counts += Bits(part).transposed_times(part)
    return counts.long()


def tree_entropy(together: Int[Tensor, "bit bit"], tokens: int) -> float:
    """Entropy of the tree of bits that fits best (Chow and Liu 1968): marginal entropies less the information along its edges.

    At most the marginal entropy; at least the joint entropy, for counts that come from all tokens. In bits, plug-in.
    """
    rates = together.diagonal().double() / tokens
    information = _pairwise_information(together, tokens)
    # the heaviest spanning tree; scipy looks for the lightest and takes 0 for no edge, which costs nothing here
    edges = minimum_spanning_tree(-information.numpy())
    return (binary_entropy(rates).double().sum() + float(edges.sum())).item()


def _pairwise_information(together: Int[Tensor, "bit bit"], tokens: int) -> Float[Tensor, "bit bit"]:
    """Mutual information of every pair of bits, in bits, the diagonal 0."""
    both = together.double() / tokens
    rate = both.diagonal().clone()
    one, other = rate[:, None], rate[None, :]
    information = torch.zeros_like(both)
    for joint, left, right in (
        (both, one, other),
        (one - both, one, 1 - other),
        (other - both, 1 - one, other),
        (1 - one - other + both, 1 - one, 1 - other),
    ):
        joint = joint.clamp(min=0)
        information += torch.special.xlogy(joint, joint) - torch.special.xlogy(joint, left * right)
    return (information.clamp(min=0) / np.log(2)).fill_diagonal_(0)
