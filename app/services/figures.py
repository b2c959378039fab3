"""What pages have drawn, kept by a key that changes with what it shows: to make it again is half of what a rerun costs."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import plotly.graph_objects as go
import streamlit as st

Told = TypeVar("Told")


def figure(key: Hashable, make: Callable[[], go.Figure]) -> go.Figure:
    """A figure that is made once for a key."""
    return _figure(key, make)


@st.cache_resource(max_entries=8, show_spinner=False)
def _figure(key: Hashable, _make: Callable[[], go.Figure]) -> go.Figure:
    return _make()


def hovers(key: Hashable, make: Callable[[], Told]) -> Told:
    """What is said of all points of a map on hovering, made once for a key."""
    return _hovers(key, make)


@st.cache_resource(max_entries=8, show_spinner=False)
def _hovers(key: Hashable, _make: Callable[[], Told]) -> Told:
    return _make()
