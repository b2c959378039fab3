"""Vectors as points of a plane: UMAP, which keeps neighbours together, and PCA, which is there at once.

UMAP is for a process of its own, never for the web server: numba's threads may abort a process that has others. Importing this
module loads numpy only.
"""

import importlib.util
import re
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float

Method = Literal["umap", "pca"]

N_NEIGHBOURS, MIN_DIST = 15, 0.1
FIRST_PCA_ABOVE, FIRST_PCA_TO = 5_000, 50
"""More vectors than this are brought to this many dimensions before UMAP looks for their neighbours."""
AT_ONCE = 16_384
"""Rows of a covariance that are float64 at a time."""


class Projection(NamedTuple):
    """Vectors in the plane."""

    points: Float[np.ndarray, "vector 2"]
    method: Method
    """Which was used: PCA also where UMAP was asked for and is not installed, or there are too few vectors for it."""


def project(
    vectors: Float[np.ndarray, "vector width"],
    method: Method = "umap",
    seed: int = 0,
    progress: Callable[[int], None] = lambda vectors: None,
) -> Projection:
    """Bring vectors into the plane by their directions (cosine); float32, the same picture for the same seed on the same machine.

    A vector of zeros has no direction; where it lies says nothing. `progress` is told how many more vectors are as good as done,
    as UMAP goes through its epochs. Raises ValueError for an unknown method and for vectors that are not finite.
    """
    if method not in get_args(Method):
        raise ValueError(f"a projection is by {' or '.join(get_args(Method))}; got {method!r}")
    if not np.isfinite(vectors).all():
        raise ValueError("only finite vectors have a place on a map")
    unit = unit_rows(vectors)
    if method == "umap" and len(unit) > N_NEIGHBOURS + 1 and importlib.util.find_spec("umap"):
        if len(unit) > FIRST_PCA_ABOVE:
            unit = pca(unit, FIRST_PCA_TO)
        return Projection(_umap(unit, seed, progress), "umap")
    progress(len(unit))
    return Projection(pca(unit, 2), "pca")


def unit_rows(vectors: Float[np.ndarray, "vector width"]) -> Float[np.ndarray, "vector width"]:
    """Rows brought to length 1, float32; rows of zeros stay zeros."""
    rows = np.asarray(vectors, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)


def pca(vectors: Float[np.ndarray, "vector width"], dimensions: int) -> Float[np.ndarray, "vector dimension"]:
    """The first principal components, float32, each turned so that its largest coordinate is positive; zeros where there are no more."""
    centred = vectors - vectors.mean(0, dtype=np.float64).astype(np.float32) if len(vectors) else vectors
    # of the two Gram matrices the smaller one, whose eigenvalues are all that differ from 0
    wide = len(centred) < centred.shape[1]
    gram = centred.astype(np.float64) @ centred.T.astype(np.float64) if wide else _gram(centred)
    values, axes = np.linalg.eigh(gram)
    values, axes = values[::-1][:dimensions], axes[:, ::-1][:, :dimensions]
    found = axes * np.sqrt(np.maximum(values, 0)) if wide else centred @ axes.astype(np.float32)
    points = np.zeros((len(centred), dimensions), np.float32)
    points[:, : found.shape[1]] = found
    if len(points):
        points *= np.where(points[np.abs(points).argmax(0), np.arange(dimensions)] < 0, -1, 1).astype(np.float32)
    return points


def _gram(centred: Float[np.ndarray, "vector width"]) -> Float[np.ndarray, "width width"]:
    total = np.zeros((centred.shape[1], centred.shape[1]))
    for begin in range(0, len(centred), AT_ONCE):
        part = centred[begin : begin + AT_ONCE].astype(np.float64)
        total += part.T @ part
    return total


def _umap(vectors: Float[np.ndarray, "vector width"], seed: int, progress: Callable[[int], None]) -> Float[np.ndarray, "vector 2"]:
    # imported here: it takes seconds, and sets up numba's threads
    from umap import UMAP

    told = {"disable": False, "file": _Epochs(len(vectors), progress), "bar_format": "{n} of {total}", "mininterval": 0.5}
    # a seed makes UMAP run on one thread; saying so keeps it from warning that it does
    reducer = UMAP(metric="cosine", n_neighbors=N_NEIGHBOURS, min_dist=MIN_DIST, random_state=seed, n_jobs=1, tqdm_kwds=told)
    return reducer.fit_transform(vectors).astype(np.float32)


class _Epochs:
    """What UMAP takes for a file to draw its bar in: hands on how far it is, counted in vectors."""

    def __init__(self, vectors: int, progress: Callable[[int], None]):
        self._vectors, self._progress, self._told = vectors, progress, 0

    def write(self, text: str) -> None:
        if found := re.search(r"(\d+) of (\d+)", text):
            done = self._vectors * int(found[1]) // int(found[2])
            self._progress(done - self._told)
            self._told = done

    def flush(self) -> None:
        pass
