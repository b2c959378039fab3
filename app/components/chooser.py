"""Choosing a dictionary, and the layer it reads. Kept in the address as `ae`."""

from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from app.components import fit, provenance, url
from app.components.explain import hover


class Offered(NamedTuple):
    """A dictionary that can be chosen."""

    title: str
    layer: int


def dictionary(offered: Mapping[str, Offered], forget: tuple[str, ...] = ("feature",), others: str = "") -> str:
    """Draw the choosers and return the name of the dictionary. What only holds for the old one is forgotten on a change."""
    name = url.choice("ae", list(offered), next(iter(offered)), others)
    layers = sorted({entry.layer for entry in offered.values()})
    layer = offered[name].layer
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(layers) > 1:
            st.session_state["layer"] = layer
            st.selectbox("Layer", layers, key="layer", help=hover("layer"), on_change=_first_of_layer, args=(offered, forget), width=140)
        here = [one for one, entry in offered.items() if entry.layer == layer]
        url.bound(
            st.selectbox,
            "Dictionary",
            "ae",
            name,
            here,
            also=forget,
            width=300,
            help=hover("kind"),
            format_func=lambda one: f"{offered[one].title} · {one}" if one in offered else one,
        )
        provenance.popover(name)
    fit.banner(name)
    return name


def _first_of_layer(offered: Mapping[str, Offered], forget: tuple[str, ...]) -> None:
    layer = st.session_state["layer"]
    url.put(ae=next((name for name, entry in offered.items() if entry.layer == layer), None), **dict.fromkeys(forget))
