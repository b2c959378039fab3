"""Code lengths against entropies that are known, and quantisers that must get better as they get finer."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from bae.autoencoder import KINDS, Pair
from bae.compression.levels import Frequencies, level_means, levels_of, middles
from bae.experiments.dictionaries.rate_distortion import pca_points, points
from bae.states.scaling import Scaling


def states(n: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 8, generator=generator) * torch.tensor([8.0, 4, 2, 1, 1, 0.5, 0.5, 0.5]) + 3


@pytest.fixture(scope="module")
def sides():
    return [Pair.same(states(4000, 0))], [Pair.same(states(2000, 1)), Pair.same(states(500, 2))]


def test_lengths_are_cross_entropies_under_counted_frequencies():
    fitted = torch.tensor([[0, 1], [0, 1], [1, 1], [0, 2]])
    other = torch.tensor([[1, 1], [0, 0]])
    p = lambda count: (count + 0.5) / (4 + 1.5)  # noqa: E731
    expected = -(np.log2(p(1)) + np.log2(p(3)) + np.log2(p(3)) + np.log2(p(0)))
    assert Frequencies.of([fitted[:2], fitted[2:]], 3).length(other) == pytest.approx(expected)


def test_fair_bits_cost_a_bit_each_and_constant_ones_nothing():
    bits = (torch.rand(20_000, 5, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    bits[:, 4] = 1
    assert Frequencies.of([bits], 2).length(bits) / 20_000 == pytest.approx(4, abs=0.01)


def test_levels_and_what_they_stand_for_are_those_of_a_loop():
    values, step = torch.tensor([[0.2, -700.0], [0.9, 3.0], [1.3, 1e6], [1.2, 2.6]]), 2.0
    expected = [[min(max(round(value / step), -256), 255) + 256 for value in row] for row in values.tolist()]
    assert levels_of(values, step).tolist() == expected
    means = level_means([values[:1], values[1:]], step)
    for column in range(2):
        own = {level: [] for level in range(512)}
        for row, levels in zip(values.tolist(), expected, strict=True):
            own[levels[column]].append(row[column])
        by_hand = [np.mean(fallen) if fallen else (level - 256) * step for level, fallen in own.items()]
        assert np.allclose(means[column], by_hand, rtol=1e-6)
    assert not torch.equal(means[0], middles(step)), "negative control: means are no middles"


def test_a_bae_is_one_point_that_costs_at_least_its_marginal_entropy(sides):
    x = sides[0][0].read
    autoencoder = KINDS["binary"](8, 24, Scaling.measure(x.norm(dim=-1), [x]))
    autoencoder.start_at(0.3, autoencoder.scaling.apply(x))
    (point,) = points(autoencoder, "bae", *sides)
    held_out = torch.cat([part.read for part in sides[1]])
    rate = autoencoder.encode(held_out).double().mean(0).numpy()
    entropy = -(rate * np.log2(rate) + (1 - rate) * np.log2(1 - rate)).sum()
    assert point.step is None and entropy <= point.bits < 1.02 * entropy


def test_finer_steps_cost_more_and_leave_less(sides):
    x = sides[0][0].read
    sae = KINDS["topk"](8, 24, Scaling.measure(x.norm(dim=-1), [x]), k=4)
    for found in (list(points(sae, "topk", *sides)), list(pca_points(*sides))):
        by_step = sorted(found, key=lambda point: point.step)
        assert all(fine.bits > coarse.bits for fine, coarse in pairwise(by_step))
        assert by_step[0].fvu <= by_step[-1].fvu
    assert min(point.fvu for point in pca_points(*sides)) < 0.06


def test_pca_comes_near_the_gaussian_limit(sides):
    """At a fine step a uniform quantiser costs about 0.25 bits a coordinate more than the bound, and 4,000 tokens of counting some more."""
    point = next(iter(pca_points(*sides)))
    variance = torch.tensor([64.0, 16, 4, 1, 1, 0.25, 0.25, 0.25])
    variance = variance * 8 / variance.sum()
    distortion = point.fvu * 8
    level = next(t for t in np.linspace(1e-4, 3, 100_000) if np.minimum(variance.numpy(), t).sum() >= distortion)
    bound = sum(max(0.0, 0.5 * np.log2(v / level)) for v in variance.tolist())
    assert bound < point.bits < bound + 0.35 * 8
