"""Panels that several pages share: how far the index is, a feature's context lists, where a dictionary comes from."""

import time
from collections.abc import Sequence
from html import escape

import streamlit as st

from app import services
from app.components.url import code
from bae.index.query import Index
from bae.numbers import duration
from bae.reading.painted_html import painted_html
from bae.reading.painting import Stretch

SILENT_FOR_S = 90
"""A build that has not reported for so long has most likely stopped."""


def index_or_none() -> Index | None:
    """The index; where it cannot be read, the page says why and goes on without it."""
    try:
        return services.index()
    except (OSError, ValueError) as error:
        st.error(f"The index cannot be used: {code(error)}")
        return None


def require_index() -> Index:
    """The index; without one the page shows how far it is, and stops."""
    found = index_or_none()
    if found is None:
        index_progress()
        st.stop()
    return found


def index_progress() -> None:
    """How far the building of the index is, polled while it runs; the page starts over once when it is there."""
    status = services.index_status()
    building = status is not None and time.time() - status["updated"] < SILENT_FOR_S
    st.fragment(run_every=2 if building or status is None else None)(_progress)()


def _progress() -> None:
    try:
        finished = services.index() is not None
    except (OSError, ValueError):
        finished = False  # named on the page by index_or_none
    if finished:
        st.rerun()
    status = services.index_status()
    if status is None:
        st.info(
            "There is no index yet. `make app` builds one beside the server; by hand it is `bae index --workspace "
            f"{services.workspace().folder.name}`. Features get their words and contexts from it; live text works without it.",
            icon=":material/hourglass_empty:",
        )
        return
    silent = time.time() - status["updated"]
    if silent > SILENT_FOR_S:
        st.warning(
            f"The building of the index has not reported for {duration(silent)}. `logs/index.log` in the workspace says why; "
            "`bae index` starts it again.",
            icon=":material/warning:",
        )
        return
    done, total = status["done"], max(status["total"], 1)
    left = "" if status["seconds_left"] is None else f", about {duration(status['seconds_left'])} left"
    label = f"{status['stage']}: {done:,} of {total:,} {status['unit']} at {status['rate']:,.0f} a second{left}"
    st.progress(min(done / total, 1.0), text=f"The index is being built. {code(label)}")


def contexts(rows: Sequence[tuple[str, str, Sequence[Stretch]]]) -> None:
    """A list of contexts: (where it is from, what it is marked with, the painted text)."""
    lines = "".join(
        '<li style="padding:.45rem 0;border-bottom:1px solid rgba(128,128,128,.22);list-style:none;line-height:1.75">'
        f'<div>{painted_html(stretches)}</div><div style="font-size:.76rem;opacity:.65">{escape(source)}{escape(mark)}</div></li>'
        for source, mark, stretches in rows
    )
    st.html(f'<ol style="margin:0;padding:0">{lines}</ol>')


def words(summary: str, size: str = "1.15rem") -> None:
    """A feature's distinctive words, as text."""
    shown = escape(summary) if summary else '<span style="opacity:.6">no distinctive words</span>'
    st.html(f'<div dir="auto" style="font-size:{size};line-height:1.4;overflow-wrap:anywhere">{shown}</div>')


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Pairs of a name and a value, both foreign, as a small table."""
    lines = "".join(
        f'<tr><td style="padding:.15rem 1rem .15rem 0;opacity:.7;white-space:nowrap;vertical-align:top">{escape(name)}</td>'
        f'<td style="padding:.15rem 0;overflow-wrap:anywhere">{escape(value)}</td></tr>'
        for name, value in rows
    )
    st.html(f'<table style="font-size:.9rem;border-collapse:collapse">{lines}</table>')


def require_lenses():
    """The dictionaries that fit the model; without any the page says what to do, and stops."""
    try:
        found = services.lenses()
    except (OSError, ValueError) as error:
        st.error(f"The language model cannot be loaded: {code(error)}")
        st.stop()
    if not found.usable:
        st.info(
            "There is no dictionary to look through yet: `bae train` makes those of the recipe. "
            "The Overview lists what was refused and why.",
            icon=":material/layers:",
        )
        st.stop()
    return found


def cannot_read(error: ValueError) -> None:
    """Why a text was not read, as a sentence."""
    st.info(f"The text cannot be read: {code(error)} The buttons above fill in an example.", icon=":material/edit_note:")
