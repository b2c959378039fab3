"""Entropy of sets of codes, in bits: marginal, corrected for what pairs of bits tell of each other, with intervals. Peers: `peers`."""

from bae.entropy.bootstrap import BlockCounts, Interval, marginal_interval, tree_interval
from bae.entropy.counts import BitCounts, Movement, coactivations, movement
from bae.entropy.marginal import binary_entropy, marginal_bias, marginal_entropy
from bae.entropy.sets import checked_bits, checked_states
from bae.entropy.tree import tree_entropy

__all__ = [
    "BitCounts",
    "BlockCounts",
    "Interval",
    "Movement",
    "binary_entropy",
    "checked_bits",
    "checked_states",
    "coactivations",
    "marginal_bias",
    "marginal_entropy",
    "marginal_interval",
    "movement",
    "tree_entropy",
    "tree_interval",
]
