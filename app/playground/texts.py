"""Texts that are typed on the playground: boxes that keep them in the notebook, so that the address carries their ids."""

from collections.abc import Callable

import streamlit as st

from app import services
from app.components import url


def kept(param: str, default: str = "") -> str:
    """The text that the address names; the default where it names none, or one that is not kept here."""
    name = st.query_params.get(param)
    if name is None:
        return default
    if not name:
        return ""
    try:
        return services.notebook().text(name)
    except KeyError:
        url.wrong(param, name, "the id of a text that was kept in this workspace", "an example" if default else "none")
        return default


def box(widget: Callable, label: str, param: str, text: str, **options: object) -> None:
    """Draw a box that shows a text and keeps what a person types instead."""
    key = f"kept:{param}"
    st.session_state[key] = text
    widget(label, key=key, on_change=_typed, args=(key, param), **options)


def _typed(key: str, param: str) -> None:
    keep(param, st.session_state[key])


def keep(param: str, text: str) -> None:
    """Keep a text and show it, from a callback."""
    url.put(**{param: keep_text(text)})


def keep_text(text: str) -> str:
    """The id under which a text is kept; empty for a blank one."""
    return services.notebook().keep_text(text) if text.strip() else ""
