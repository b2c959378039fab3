"""Geometry, tree entropy and sparse probing against NumPy, exhaustive search and planted answers."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch

from bae.entropy import coactivations, tree_entropy
from bae.measures.geometry import geometry
from bae.measures.probing import accuracy


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_spectral_norms_are_those_of_numpy_covariances(shape):
    rows = torch.randn(shape, generator=torch.Generator().manual_seed(0)) + 0.5
    found, plain = geometry(rows), rows.double().numpy()
    unit = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    largest = lambda matrix: np.linalg.eigvalsh(matrix).max()  # noqa: E731
    assert found.spectral_norm_samples == pytest.approx(largest(np.cov(plain, rowvar=False)))
    assert found.spectral_norm_samples_unit == pytest.approx(largest(np.cov(unit, rowvar=False)))
    assert found.spectral_norm_variables == pytest.approx(largest(np.cov(plain, rowvar=True)))
    assert found.spectral_norm_variables_unit == pytest.approx(largest(np.cov(unit, rowvar=True)))


def test_effective_rank_counts_directions():
    even = torch.cat([torch.eye(6), -torch.eye(6)])
    assert geometry(even).effective_rank == pytest.approx(6)
    one = torch.linspace(-1, 1, 20)[:, None] * torch.eye(6)[:1]
    assert geometry(one).effective_rank == pytest.approx(1, abs=1e-6)


def test_coactivations_count_pairs():
    bits = (torch.rand(700, 20, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    whole = bits.numpy().astype(np.int64)
    assert np.array_equal(coactivations(bits).numpy(), whole.T @ whole)


def best_tree(bits: np.ndarray) -> float:
    """Marginal entropies less the information along the best of all spanning trees, by trying every set of edges."""

    def entropy(columns) -> float:
        counts = Counter(map(tuple, bits[:, columns]))
        return -sum(c / len(bits) * math.log2(c / len(bits)) for c in counts.values())

    size = bits.shape[1]
    edges = list(itertools.combinations(range(size), 2))
    information = {edge: entropy([edge[0]]) + entropy([edge[1]]) - entropy(list(edge)) for edge in edges}
    best = 0.0
    for tree in itertools.combinations(edges, size - 1):
        parent = list(range(size))

        def root(node, parent=parent):
            while parent[node] != node:
                node = parent[node]
            return node

        for one, other in tree:
            parent[root(one)] = root(other)
        if len({root(node) for node in range(size)}) == 1:
            best = max(best, sum(information[edge] for edge in tree))
    return sum(entropy([column]) for column in range(size)) - best


def test_tree_entropy_is_the_best_of_all_trees():
    generator = np.random.default_rng(0)
    base = generator.random((500, 3)) < 0.4
    bits = np.column_stack([base, base[:, 0] ^ (generator.random(500) < 0.1), base[:, 1] & base[:, 2]]).astype(np.float32)
    together = coactivations(torch.from_numpy(bits))
    assert tree_entropy(together, 500) == pytest.approx(best_tree(bits), abs=1e-6)


def test_a_doubled_bit_counts_once():
    """Marginal entropy counts a copy as new; the tree does not. Independent bits lose next to nothing."""
    bits = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)))
    assert tree_entropy(coactivations(bits), 16) == pytest.approx(4, abs=1e-6)
    assert tree_entropy(coactivations(torch.cat([bits, bits], dim=1)), 16) == pytest.approx(4, abs=1e-6)
    constant = torch.cat([bits, torch.zeros(16, 1), torch.ones(16, 1)], dim=1)
    assert tree_entropy(coactivations(constant), 16) == pytest.approx(4, abs=1e-6)


def planted(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise in ten features; the third tells the label on nine texts of ten."""
    generator = np.random.default_rng(seed)
    labels = generator.random(size) < 0.5
    codes = generator.normal(size=(size, 10)).astype(np.float32)
    codes[:, 2] = np.where(generator.random(size) < 0.9, labels, ~labels) * 3 + generator.normal(size=size) * 0.1
    codes[:, 7] = 0
    return codes, labels


def test_a_probe_finds_the_feature_that_tells():
    (codes, labels), (other_codes, other_labels) = planted(1000, 0), planted(1000, 1)
    assert accuracy(codes, labels, other_codes, other_labels, 1) == pytest.approx(0.9, abs=0.03)
    shuffled = np.random.default_rng(2).permutation(labels)
    assert accuracy(codes, shuffled, other_codes, other_labels, 5) < 0.65, "negative control: shuffled labels teach nothing"
