"""Dictionaries compared with each other: what a job found of two, and one feature's partners in all others."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from app.services.codes import columns
from app.services.study import index, open_index
from bae.features.coactivation import coactivation
from bae.matching.stored import Matches, file_of, read


@dataclass(frozen=True)
class Partner:
    """The feature of another dictionary that fires most on the same tokens."""

    dictionary: str
    feature: int
    jaccard: float
    together: int
    implies: float
    """Share of the one's tokens on which the partner fires too."""
    implied: float
    """Share of the partner's tokens on which the one fires too."""


def matches(a: str, b: str) -> Matches | None:
    """Two dictionaries compared, seen from the first; None before a job has done so. Raises ValueError where the file is damaged."""
    file = file_of(index(), a, b)
    if not file.is_file():
        return None
    found = _matches(str(file), file.stat().st_mtime_ns)
    return found if found.first.name == a else found.turned()


@st.cache_resource(max_entries=4, show_spinner=False)
def _matches(file: str, stamp: int) -> Matches:
    return read(Path(file))


def partners(dictionary: str, feature: int) -> list[Partner]:
    """A feature's best partner in every other dictionary of the index, by Jaccard, the best first; those that share a token with it.

    Raises OSError or ValueError where the index lacks codes.
    """
    return _partners(str(index().file), dictionary, feature)


@st.cache_data(max_entries=256, show_spinner=False)
def _partners(file: str, dictionary: str, feature: int) -> list[Partner]:
    known = open_index(file).dictionaries()
    found = [_best(dictionary, other, feature, entry.tokens) for other, entry in known.items() if other != dictionary]
    return sorted(filter(None, found), key=lambda partner: -partner.jaccard)


def _best(dictionary: str, other: str, feature: int, tokens: int) -> Partner | None:
    counted = coactivation(columns(dictionary), feature, tokens, columns(other))
    if not counted.together.any():
        return None
    best = int(np.nanargmax(counted.jaccard))
    shares = (counted.jaccard[best], counted.together[best], counted.implies[best], counted.implied[best])
    return Partner(other, best, *(share.item() for share in shares))
