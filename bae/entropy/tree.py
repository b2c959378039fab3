"""Entropy of bits that tell of each other along a tree."""

import math

import torch
from jaxtyping import Float, Num
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor

from bae.entropy.marginal import marginal_entropy


def tree_entropy(together: Num[Tensor, "bit bit"], tokens: int) -> float:
    """Entropy of the tree of bits that fits best (Chow and Liu 1968): marginal entropies less the information along its edges.

    In bits, plug-in. At most the marginal entropy; at least the joint entropy, for counts that come from all tokens. Exact where the
    bits depend on each other in a tree: independent bits, and copies or complements of a bit, which then count once. What three bits
    tell only together (one is the exclusive or of two others) it cannot see and counts in full.

    Bias: information between independent bits is found to be about 1 / (2 n ln 2) instead of 0, and the tree picks the largest of many,
    so the estimate is too low by more than the marginal's, up to some log2(n_bits) / n a bit.
    """
    information = _pairwise_information(together, tokens)
    # the heaviest spanning tree; scipy looks for the lightest and takes 0 for no edge, which costs nothing here
    edges = minimum_spanning_tree(-information.cpu().numpy())
    return marginal_entropy(together.diagonal(), tokens).item() + float(edges.sum())


def _pairwise_information(together: Num[Tensor, "bit bit"], tokens: int) -> Float[Tensor, "bit bit"]:
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
    return (information.clamp(min=0) / math.log(2)).fill_diagonal_(0)
