"""Other estimates of how much a set of vectors holds, to stand beside the entropy of a BAE's code. What each cannot see is said with it.

Those of states take hidden states [token d_model], those of codes bits [token bit]. All raise ValueError for a set that is empty, of
one vector, or holds NaN; a constant set is valid and gives 0.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import gammaln
from torch import Tensor

from bae.entropy.sets import Code, checked_bits, checked_states, enough

SAMPLE = 2048
"""Vectors between which distances are measured: all pairs of them."""
ROUNDINGS = 2.0
"""Times the rounding of a number that an element may be off: it may be a sum."""


def pca_rank(states: Float[Tensor, "token d_model"]) -> int:
    """Directions in which the centred states vary by more than the rounding of their numbers, in [0, min(token - 1, d_model)].

    Bits where each direction holds one fair bit, as in the synthetic benchmark, which it hits exactly. Blind to how much a direction
    holds, however large another one is: on states of a language model it is d_model, whatever they say.
    """
    spectrum = _spectrum(states)
    # independent errors of a size s in every element are a matrix of norm s (sqrt(token) + sqrt(d_model)), about
    size = states.double().square().mean().sqrt() * torch.finfo(states.dtype).eps
    return int((spectrum.sqrt() > ROUNDINGS * size * sum(math.sqrt(length) for length in states.shape)).sum())


def matrix_renyi(states: Float[Tensor, "token d_model"], alpha: float = 2.0) -> float:
    """Renyi entropy of order `alpha` > 0 of the spectrum of the centred Gram matrix at trace 1, in bits (Giraldo, Rao and Principe 2015).

    alpha = 1 is the von Neumann entropy. The logarithm of a number of directions, not of states: in [0, log2 min(token, d_model)], and
    log2 r for r directions of equal variance, so it cannot reach r bits. Smooth, cheap, a measure of how even the spectrum is.
    """
    if not 0 < alpha < math.inf:
        raise ValueError(f"the order of a Renyi entropy is a finite number above 0; got {alpha}")
    spectrum = _spectrum(states)
    if not spectrum.sum():
        return 0.0
    share = spectrum / spectrum.sum()
    if alpha == 1:
        return max(0.0, -torch.special.xlogy(share, share).sum().item() / math.log(2))
    return max(0.0, (share**alpha).sum().log2().item() / (1 - alpha))


def two_nn(states: Float[Tensor, "token d_model"], sample: int = SAMPLE, seed: int = 0) -> float | None:
    """Dimension of the manifold that states lie on, from the distances to the two nearest neighbours (Facco et al. 2017), >= 0.

    The maximum-likelihood form, n / sum log(r2 / r1), on `sample` states drawn at random, equal ones merged. It sees how a cloud fills
    space locally, not its bits: on points of a lattice, as those of the benchmark, neighbours are equally far and it means nothing.
    None where the two distances are equal at every point, or under three different states. Too low where the dimension is above about 20.
    """
    points = _drawn(checked_states(states), sample, seed).double().unique(dim=0)
    if len(points) == 1:
        return 0.0
    if len(points) < 3:
        return None
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(math.inf)
    nearest, second = distances.topk(2, largest=False).values.T
    # equal in exact arithmetic, told apart by rounding alone
    ratio = torch.where(second > nearest * (1 + 1e-6), second / nearest, 1.0)
    spread = ratio.log().sum().item()
    return len(points) / spread if spread else None


def binary_dimension(code: Code, sample: int = SAMPLE, seed: int = 0) -> float:
    """Binary intrinsic dimension (Acevedo, Rodriguez and Laio 2024): how many independent fair bits give the distances between codes.

    Fits P(k) ~ 2^-d(k) binom(d(k), k), d(k) = d0 + d1 k, to the histogram of Hamming distances k by least KL divergence and gives
    d0, >= 0: r for r fair bits. Not bounded by log2 n, as it reads distances and not patterns. Bits of rates far from 1/2 count for
    less than their entropy or more, by how they are spread. Copies of bits stretch the distances, which the model cannot follow: two copies
    of 12 bits come out near 16, three copies of one bit as 0.
    """
    found = _distance_counts(_drawn(checked_bits(code), sample, seed).float())
    if len(found) == 1:
        return 0.0
    share = found / found.sum()
    k = np.arange(len(found))

    def divergence(dimension: np.ndarray) -> float:
        d = np.maximum(dimension[0] + dimension[1] * k, k)
        model = gammaln(d + 1) - gammaln(k + 1) - gammaln(d - k + 1) - d * math.log(2)
        model -= np.logaddexp.reduce(model)
        return float(-(share * model).sum()) if np.isfinite(model).all() else math.inf

    start = np.array([2 * (share * k).sum(), 0.0])
    best = minimize(divergence, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-10, "maxiter": 4000})
    return max(0.0, float(best.x[0]))


def pattern_entropy(code: Code) -> float:
    """Entropy of whole codes by how often each occurs, in bits, in [0, log2 token] (plug-in).

    The joint entropy itself where every pattern is seen many times, whatever depends on what. It stops at log2 of the number of
    tokens, and is too low from well below that: by about (patterns - 1) / (2 n ln 2) while patterns are fewer than tokens.
    """
    enough(len(checked_bits(code)))
    packed = np.packbits(code.cpu().numpy().astype(bool), axis=1)
    _, counts = np.unique(packed, axis=0, return_counts=True)
    share = counts / len(code)
    return max(0.0, float(-(share * np.log2(share)).sum()))


def _spectrum(states: Float[Tensor, "token d_model"]) -> Float[Tensor, " direction"]:
    """Squared singular values of the centred states: the eigenvalues of their Gram matrix that are not 0."""
    wide = checked_states(states).double()
    return torch.linalg.svdvals(wide - wide.mean(0)).square()


def _drawn(vectors: Tensor, sample: int, seed: int) -> Tensor:
    """`sample` rows at random, or all."""
    enough(len(vectors))
    chosen = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(seed))[:sample]
    return vectors[chosen.to(vectors.device)]


def _distance_counts(code: Float[Tensor, "token bit"]) -> Int[np.ndarray, " distance"]:
    """How many pairs of codes differ in 0, 1, 2, ... bits, up to the largest distance."""
    ones = code.sum(1)
    distances = ones[:, None] + ones[None, :] - 2 * code @ code.T
    upper = torch.triu_indices(len(code), len(code), offset=1, device=code.device)
    return distances[upper[0], upper[1]].long().bincount().cpu().numpy()
