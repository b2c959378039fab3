"""The peers of the BAE's entropy against NumPy, loops, and sets whose dimension is known; and what each cannot see."""

import math
from collections import Counter
from functools import partial

import numpy as np
import pytest
import torch

from bae.entropy import peers


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coins(tokens: int, bits: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, (tokens, bits), generator=generator(seed)).float()


def states(tokens: int, rank: int, d_model: int = 24) -> torch.Tensor:
    """Sums of orthonormal directions by fair coins, away from the origin."""
    basis = torch.linalg.qr(torch.randn(d_model, rank, generator=generator(1))).Q.T
    return coins(tokens, rank) @ basis + torch.randn(d_model, generator=generator(2))


@pytest.mark.parametrize("rank", [1, 3, 10, 24])
def test_pca_rank_is_numpys(rank):
    set_of = states(500, rank)
    centred = set_of.double().numpy() - set_of.double().numpy().mean(0)
    assert peers.pca_rank(set_of) == rank == np.linalg.matrix_rank(centred, rtol=1e-5)
    stretched = set_of * torch.logspace(0, 2, 24)
    assert peers.pca_rank(stretched) == rank, "it counts directions, whatever they hold"
    assert peers.pca_rank(set_of.half()) == rank, "rounding to fp16 is no direction"


def test_pca_rank_counts_what_stands_beside_one_large_direction():
    set_of = torch.randn(8192, 24, generator=generator())
    set_of[:, 0] *= 1e4
    # control: the tolerance that NumPy has by default leaves one direction
    assert np.linalg.matrix_rank(set_of.numpy()) == 1 and peers.pca_rank(set_of) == 24


def test_matrix_renyi_is_that_of_the_gram_matrix():
    set_of = states(60, 6) * torch.linspace(0.5, 2, 24)
    centred = (set_of - set_of.mean(0)).double().numpy()
    gram = centred @ centred.T
    share = np.linalg.eigvalsh(gram / np.trace(gram)).clip(1e-300)
    assert peers.matrix_renyi(set_of, 2) == pytest.approx(-math.log2((share**2).sum()), abs=1e-4)
    assert peers.matrix_renyi(set_of, 1) == pytest.approx(-(share * np.log2(share)).sum(), abs=1e-4)
    assert peers.matrix_renyi(set_of, 1.0001) == pytest.approx(peers.matrix_renyi(set_of, 1), abs=1e-3)
    assert peers.matrix_renyi(set_of, 2) < peers.matrix_renyi(set_of, 1)


def test_matrix_renyi_stops_at_the_logarithm_of_the_rank():
    assert peers.matrix_renyi(states(20_000, 16)) == pytest.approx(4, abs=0.01)


def test_two_nn_is_the_formula_on_every_point():
    points = torch.randn(40, 3, generator=generator())
    logs = []
    for one in points.tolist():
        nearest = sorted(math.dist(one, other) for other in points.tolist() if other != one)
        logs.append(math.log(nearest[1] / nearest[0]))
    assert peers.two_nn(points) == pytest.approx(40 / sum(logs), rel=1e-4)
    assert peers.two_nn(points.repeat(3, 1)) == pytest.approx(peers.two_nn(points)), "equal points are merged"


def test_two_nn_finds_the_dimension_of_a_cloud_and_not_the_bits_of_a_lattice():
    cloud = torch.randn(2000, 4, generator=generator()) @ torch.randn(4, 24, generator=generator(1))
    assert peers.two_nn(cloud) == pytest.approx(4, rel=0.1)
    assert peers.two_nn(states(2000, 4)) is None
    assert peers.two_nn(states(2000, 16)) < 12, "negative control: 16 bits are not seen"


@pytest.mark.parametrize("bits", [1, 4, 12, 40])
def test_binary_dimension_counts_fair_bits(bits):
    code = coins(1500, bits)
    assert peers.binary_dimension(code) == pytest.approx(bits, rel=0.02)
    padded = torch.cat([1 - code, torch.zeros(1500, 5), torch.ones(1500, 3)], 1)
    assert peers.binary_dimension(padded.bool()) == pytest.approx(peers.binary_dimension(code), rel=1e-3)


def test_binary_dimension_grows_where_bits_are_copied():
    """Negative control: it is no entropy, for copies add nothing to that."""
    code = coins(1500, 12)
    assert peers.binary_dimension(torch.cat([code, code], 1)) > 14


def test_distances_between_codes_are_counted_in_pairs():
    code = coins(30, 9)
    rows = code.int().tolist()
    by_hand = Counter(sum(a != b for a, b in zip(rows[i], rows[j], strict=True)) for i in range(30) for j in range(i))
    found = peers._distance_counts(code)
    assert found.tolist() == [by_hand[k] for k in range(len(found))] and found.sum() == 30 * 29 / 2


def test_pattern_entropy_is_that_of_whole_codes_and_stops_at_the_logarithm_of_the_tokens():
    code = coins(700, 5)
    counts = Counter(map(tuple, code.tolist()))
    assert peers.pattern_entropy(code) == pytest.approx(-sum(n / 700 * math.log2(n / 700) for n in counts.values()))
    assert peers.pattern_entropy(coins(1024, 40)) == pytest.approx(10), "negative control: 40 bits look like 10"


OF_STATES = (peers.pca_rank, peers.matrix_renyi, partial(peers.matrix_renyi, alpha=1), peers.two_nn)
OF_CODES = (peers.binary_dimension, peers.pattern_entropy)


@pytest.mark.parametrize("estimate", [*OF_STATES, *OF_CODES])
def test_bad_sets_are_refused_and_a_constant_one_holds_nothing(estimate):
    assert estimate(torch.ones(10, 4)) == estimate(torch.zeros(2, 4)) == 0
    for wrong, words in ((torch.ones(0, 4), "empty set"), (torch.ones(1, 4), "two vectors"), (torch.full((5, 4), math.nan), "NaN")):
        with pytest.raises(ValueError, match=words):
            estimate(wrong)
    mixed = torch.cat([torch.ones(10, 4), torch.zeros(10, 4)])
    assert estimate(mixed) is None or estimate(mixed) > 0 or estimate in OF_STATES[1:3]


def test_an_order_of_renyi_is_above_0():
    for alpha in (0, -1, math.inf):
        with pytest.raises(ValueError, match="above 0"):
            peers.matrix_renyi(states(10, 2), alpha)
