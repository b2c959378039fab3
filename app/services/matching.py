"""Dictionaries compared with each other: what a job found of two, and one feature's partners in all others."""

from pathlib import Path

import streamlit as st

from app.services.codes import columns
from app.services.study import index, open_index
from bae.matching.partners import Partner
from bae.matching.partners import partners as best_partners
from bae.matching.stored import Matches, file_of, read


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
    return best_partners(columns, open_index(file).dictionaries(), dictionary, feature)
