"""Vectors in the plane: PCA against a singular value decomposition, UMAP in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bae.maps import projection
from bae.maps.projection import pca, project, unit_rows

ROOT = Path(__file__).parents[2]
UMAP = """
import json
import numpy as np
from bae.maps.projection import project
from tests_vectors import clusters
vectors, _ = clusters()
told = []
first, again, other = project(vectors, "umap", 0, told.append), project(vectors, "umap", 0), project(vectors, "umap", 1)
print(json.dumps({"method": first.method, "kind": str(first.points.dtype), "points": first.points.tolist(), "told": sum(told),
                  "same": bool((first.points == again.points).all()), "other": bool((first.points == other.points).all())}))
"""
CLUSTERS = """
import numpy as np
def clusters():
    draw = np.random.default_rng(0)
    cluster = np.repeat(np.arange(4), 60)
    return draw.normal(0, 1, (4, 20))[cluster] + draw.normal(0, 0.15, (240, 20)), cluster
"""


def by_svd(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    centred = vectors.astype(np.float64) - vectors.astype(np.float64).mean(0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    return (left * values)[:, :dimensions]


@pytest.mark.parametrize("shape", [(200, 12), (9, 30), (3, 3)])
def test_pca_is_that_of_a_singular_value_decomposition(shape):
    vectors = np.random.default_rng(1).normal(2, 1, shape).astype(np.float32) * np.arange(1, shape[1] + 1)
    found, wanted = pca(vectors, 2), by_svd(vectors, 2)
    for axis in range(2):
        assert abs(found[:, axis] @ wanted[:, axis]) == pytest.approx(
            np.linalg.norm(found[:, axis]) * np.linalg.norm(wanted[:, axis]), 1e-4
        )
        assert np.linalg.norm(found[:, axis]) == pytest.approx(np.linalg.norm(wanted[:, axis]), rel=1e-4)
        assert found[np.abs(found[:, axis]).argmax(), axis] > 0
    shuffled = np.random.default_rng(2).permutation(vectors.ravel()).reshape(shape)
    assert not np.allclose(np.abs(pca(shuffled, 2)), np.abs(wanted), rtol=0.05), "a control: other vectors, other points"


def test_rows_in_pieces_have_the_covariance_of_all(monkeypatch):
    vectors = np.random.default_rng(1).normal(0, 1, (100, 5)).astype(np.float32)
    whole = pca(vectors, 2)
    monkeypatch.setattr(projection, "AT_ONCE", 7)
    np.testing.assert_allclose(pca(vectors, 2), whole, atol=1e-5)


def test_only_directions_count():
    vectors = np.random.default_rng(1).normal(0, 1, (50, 8))
    longer = vectors * np.random.default_rng(2).uniform(0.1, 100, (50, 1))
    np.testing.assert_allclose(project(vectors, "pca").points, project(longer, "pca").points, atol=1e-5)
    assert not np.allclose(pca(vectors.astype(np.float32), 2), pca(longer.astype(np.float32), 2), atol=0.1)
    np.testing.assert_allclose(np.linalg.norm(unit_rows(longer), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_vectors_and_zeros_have_a_place(count):
    vectors = np.zeros((count, 6), np.float32)
    vectors[1:] = np.random.default_rng(1).normal(0, 1, vectors[1:].shape)
    told = []
    found = project(vectors, "umap", progress=told.append)
    assert found.method == "pca" and found.points.shape == (count, 2) and found.points.dtype == np.float32
    assert np.isfinite(found.points).all() and sum(told) == count


def test_without_umap_it_is_pca_and_says_so(monkeypatch):
    vectors = np.random.default_rng(1).normal(0, 1, (60, 6))
    monkeypatch.setattr(projection.importlib.util, "find_spec", lambda name: None)
    found = project(vectors, "umap")
    assert found.method == "pca"
    np.testing.assert_array_equal(found.points, project(vectors, "pca").points)


def test_what_has_no_place_is_refused():
    with pytest.raises(ValueError, match="umap or pca"):
        project(np.zeros((3, 3)), "tsne")
    with pytest.raises(ValueError, match="finite"):
        project(np.array([[0.0, np.nan]]), "pca")


def test_importing_it_loads_no_umap():
    code = "import sys, bae.maps.projection, bae.maps.atlas; print([name for name in ('umap', 'numba', 'torch') if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_umap_keeps_neighbours_and_gives_the_same_picture_for_the_same_seed(tmp_path):
    """In a process of its own, as everywhere: numba's state stays out of this one."""
    (tmp_path / "tests_vectors.py").write_text(CLUSTERS)
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin", "NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", UMAP], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.strip().splitlines()[-1])
    assert told["method"] == "umap" and told["kind"] == "float32" and told["told"] == 240
    assert told["same"] and not told["other"]
    points, cluster = np.array(told["points"]), np.repeat(np.arange(4), 60)
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.where(np.eye(240), np.inf, 0)
    assert (cluster[distance.argmin(1)] == cluster).mean() > 0.99
    shuffled = np.random.default_rng(0).permutation(cluster)
    assert (shuffled[distance.argmin(1)] == shuffled).mean() < 0.5, "a control: clusters that are none are not kept together"
