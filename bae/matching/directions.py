"""How near the directions of two dictionaries' features are: the cosine of their rows of W_out."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bae.comsem.records import checkpoint_of

if TYPE_CHECKING:
    from bae.index.query import Dictionary
    from bae.workspace import Workspace

BLOCK = 1024
"""Rows that are compared at once."""


class Nearest(NamedTuple):
    """For every feature of one dictionary the one of another whose direction is nearest."""

    partner: Int[np.ndarray, " feature"]
    cosine: Float[np.ndarray, " feature"]
    """In [-1, 1]."""


def rows(workspace: "Workspace", entry: "Dictionary") -> Float[np.ndarray, "feature d_model"]:
    """What each feature of a dictionary adds to the hidden state, in raw units: its row of W_out, unscaled.

    Raises ValueError where the checkpoint is not the one that the index was built with, or cannot be read.
    """
    # torch is loaded here alone: everything else of a comparison is numpy
    from dataclasses import asdict

    from bae.autoencoder import checkpoint
    from bae.features.directions import raw_rows

    autoencoder, provenance = checkpoint.load(workspace.autoencoder_folder(entry.name))
    if checkpoint_of(asdict(provenance)) != checkpoint_of(entry.provenance):
        raise ValueError(f"the checkpoint of {entry.name} is another than the one in the index; run `bae index`")
    return raw_rows(autoencoder).numpy()


def nearest(a: Float[np.ndarray, "feature d_model"], b: Float[np.ndarray, "feature d_model"]) -> Nearest:
    """The nearest row of b for every row of a; both of length 1. Raises ValueError where they differ in width."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"directions of widths {a.shape[1]} and {b.shape[1]} cannot be compared")
    partner, cosine = np.empty(len(a), np.int64), np.empty(len(a), np.float32)
    for first in range(0, len(a), BLOCK):
        cosines = a[first : first + BLOCK] @ b.T
        here = slice(first, first + len(cosines))
        partner[here] = cosines.argmax(axis=1)
        cosine[here] = cosines[np.arange(len(cosines)), partner[here]]
    return Nearest(partner, cosine)


def cosines_of(a: Float[np.ndarray, "feature d_model"], b: Float[np.ndarray, "feature d_model"], partner: np.ndarray) -> np.ndarray:
    """float32 [feature]: the cosine of each row of a and the row of b that `partner` names; NaN where it names none (-1)."""
    return np.where(partner >= 0, np.einsum("fd,fd->f", a, b[partner]), np.float32("nan"))
