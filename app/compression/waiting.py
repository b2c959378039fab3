"""A bar that says how far work is, how fast it goes, and about how long it takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.compression.files import Tell
from bae.numbers import duration


@contextmanager
def bar(doing: str, passes: int = 1) -> Iterator[Tell]:
    """Draw it for the time of the block, which says how many vectors more are done of how many; it goes through them `passes` times."""
    shown, done, began = st.progress(0.0, text=f"{doing}."), 0, time.monotonic()

    def tell(more: int, total: int) -> None:
        nonlocal done
        done += more
        rate = done / max(time.monotonic() - began, 1e-9)
        left = duration((total * passes - done) / rate)
        told = f"{doing}: {done // passes:,} of {total:,} vectors at {rate / passes:,.0f} a second, about {left} left"
        shown.progress(min(done / (total * passes), 1.0), text=told)

    try:
        yield tell
    finally:
        shown.empty()
