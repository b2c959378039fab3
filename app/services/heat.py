"""Blocks of the codes for the heat maps."""

import numpy as np
import streamlit as st

from app.services import codes
from app.services.study import column, index, open_index
from bae.index.heatmap import Block, Table, block


def magnitudes(dictionary: str, tokens: tuple[int, int], channels: tuple[int, int], rows: int, cells: int) -> Block:
    """Mean magnitudes of a stretch of the corpus. Raises OSError or ValueError where the index lacks it."""
    codes.columns(dictionary)
    return _block(str(index().file), dictionary, tokens, channels, rows, cells)


@st.cache_resource(max_entries=24, show_spinner="Reading the codes.")
def _block(file: str, dictionary: str, tokens: tuple[int, int], channels: tuple[int, int], rows: int, cells: int) -> Block:
    return block(codes.columns(dictionary), _table(file, dictionary), codes.layout().unread, tokens, channels, rows, cells)


def unit(dictionary: str) -> str:
    """In what the magnitudes of a dictionary are drawn."""
    return _table(str(index().file), dictionary).unit


def _table(file: str, dictionary: str) -> Table:
    entry = open_index(file).dictionaries()[dictionary]

    def known(name: str) -> np.ndarray:
        return np.array(column(file, dictionary, name), float)

    if entry.magnitude == "rescaled value":
        return Table(entry.unit, mean=known("mean"), deviation=known("deviation"))
    if entry.magnitude != "burstiness":
        return Table("value")
    on, off = known("on_magnitude"), known("off_magnitude")
    # features of several bits have no two values: they are drawn by their levels
    return Table("level") if np.isnan(on).all() else Table(entry.unit, on, off)
