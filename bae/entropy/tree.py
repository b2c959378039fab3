"""Entropy of bits that tell of each other along a tree."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int, Num
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
    edges = tree_edges(together, tokens)
    return entropy_along(edges, together.diagonal(), together[edges[:, 0], edges[:, 1]], tokens).item()


def tree_edges(together: Num[Tensor, "bit bit"], tokens: int) -> Int[Tensor, "edge 2"]:
    """The pairs of bits of the tree that fits best; those that tell nothing of each other are left out."""
    both = together.double() / tokens
    rate = both.diagonal().clone()
    information = _information(both, rate[:, None], rate[None, :]).fill_diagonal_(0)
    # the heaviest spanning tree; scipy looks for the lightest and takes 0 for no edge, which costs nothing here
    edges = minimum_spanning_tree(-information.cpu().numpy()).tocoo()
    return torch.from_numpy(np.stack([edges.row, edges.col], axis=1)).long().to(together.device)


def entropy_along(
    edges: Int[Tensor, "edge 2"], ones: Num[Tensor, "*set bit"], both: Num[Tensor, "*set edge"], tokens: int | Num[Tensor, "*set"]
) -> Float[Tensor, "*set"]:
    """Marginal entropies less the information along given edges, in bits; `both` counts the tokens on which the two bits of each are on."""
    count = torch.as_tensor(tokens, device=ones.device).double()[..., None]
    one, other = (ones[..., end].double() / count for end in edges.T)
    return marginal_entropy(ones, tokens) - _information(both.double() / count, one, other).sum(-1)


def _information(both: Float[Tensor, "*pair"], one: Float[Tensor, "*pair"], other: Float[Tensor, "*pair"]) -> Float[Tensor, "*pair"]:
    """Mutual information of pairs of bits, in bits, from the rates at which both, and either, are on."""
    information = torch.zeros_like(both)
    for joint, left, right in (
        (both, one, other),
        (one - both, one, 1 - other),
        (other - both, 1 - one, other),
        (1 - one - other + both, 1 - one, 1 - other),
    ):
        joint = joint.clamp(min=0)
        information += torch.special.xlogy(joint, joint) - torch.special.xlogy(joint, left * right)
    return information.clamp(min=0) / math.log(2)
