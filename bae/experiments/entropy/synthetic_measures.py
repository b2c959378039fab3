"""What is measured of a BAE of the synthetic benchmark: the entropies of its code, its error, and the peers that read the states."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bae.entropy import BitCounts, BlockCounts, marginal_interval, peers, tree_interval
from bae.experiments.entropy.set_training import Fitted

CHUNK = 8192
"""States that are encoded at a time, and on which the curves are measured."""
GROUPS_DRAWN = 256
"""Tokens are dealt out to as many groups, which intervals are drawn from."""
MOST_TREE_BITS = 4096
"""Moving bits from which on a tree is left out: it looks at every pair."""


def entropies(code: Bool[Tensor, "token bit"]) -> dict[str, object]:
    """Of a set's code, in bits: the marginal, as the paper has it, and the tree; how many bits move, and how the others stand."""
    always_on, always_off = int(code.all(0).sum()), int((~code.any(0)).sum())
    counts = _counts(_moving(code))
    return {
        "marginal": counts.marginal(),
        "marginal_bias": counts.marginal_bias(),
        "tree": counts.tree() if counts.together is not None else None,
        "moving": len(counts.ones),
        "always_on": always_on,
        "always_off": always_off,
    }


def _counts(moving: Bool[Tensor, "token moving"]) -> BitCounts:
    """Of the bits that move; of their pairs too where these are not too many."""
    counts = BitCounts(moving.shape[1], pairs=moving.shape[1] <= MOST_TREE_BITS, device=moving.device)
    for part in moving.split(CHUNK):
        counts.add(part.float())
    return counts


def intervals(code: Bool[Tensor, "token bit"]) -> dict[str, float | None]:
    """The 95 % intervals of the marginal and of the tree, by drawing groups of tokens."""
    moving = _moving(code)
    groups, counts = torch.arange(len(moving), device=moving.device) % GROUPS_DRAWN, _counts(moving)
    found = {"marginal": marginal_interval(BlockCounts.of(moving, groups)), "tree": None}
    if counts.together is not None:
        found["tree"] = tree_interval(moving, groups, counts.tree_edges())
    return {f"{name}_{end}": getattr(interval, end, None) for name, interval in found.items() for end in ("low", "high")}


def _moving(code: Bool[Tensor, "token bit"]) -> Bool[Tensor, "token moving"]:
    """The bits that are not constant: the others add nothing, and most are."""
    return code[:, code.any(0) & ~code.all(0)]


def squared_error(fitted: Fitted, states: Float[Tensor, "token d_model"]) -> float:
    """The sum of squared errors over all elements."""
    return sum((part - fitted.decode(fitted.encode(part))).double().square().sum().item() for part in states.split(CHUNK))


def share(error: float, states: Float[Tensor, "token d_model"]) -> float | None:
    """A squared error as a share of the variance; None where there is none."""
    variance = (states - states.mean(0)).double().square().sum().item()
    return error / variance if variance else None


def of_states(states: Float[Tensor, "token d_model"]) -> dict[str, object]:
    """What the peers that read states say of them."""
    return {
        "pca_rank": peers.pca_rank(states),
        "renyi_1": peers.matrix_renyi(states, 1),
        "renyi_2": peers.matrix_renyi(states, 2),
        "two_nn": peers.two_nn(states),
    }
