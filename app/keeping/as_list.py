"""Keeping features as a list, from any page: a list that is there or a new one, with a sentence and the address it was kept from."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from app import navigation, services
from app.components.url import code
from app.services import keeping
from bae.notebook.kept import FeatureKey, keys
from bae.notebook.lists import NAME_CHARACTERS


def offer_list(ae: str, features: Sequence[int], source: str, key: str = "keep-list") -> None:
    """Draw “Keep these N as a list” for features of a dictionary of the index; nothing for none.

    `source` says in a sentence how they were found; it is kept with a list that is made. `key` tells two of them on a page apart.
    """
    offer_keys(keys(services.subject(ae), features), source, key)


def offer_keys(members: Sequence[FeatureKey], source: str, key: str = "keep-list") -> None:
    """The same for features of any dictionaries."""
    if not members:
        return
    label = f"Keep these {len(members):,} as a list" if len(members) > 1 else "Keep it on a list"
    with st.popover(label, icon=":material/playlist_add:", key=f"{key}:popover"):
        list_box(members, source, key)


def list_box(members: Sequence[FeatureKey], source: str, key: str) -> None:
    """The inside of it: choose a list or type a new one's name, and keep."""
    chosen = f"{key}:name"
    names = [one.name for one in keeping.lists().all()]
    st.selectbox(
        "List",
        names,
        index=None,
        key=chosen,
        accept_new_options=True,
        placeholder="Choose one, or type a new name",
        help=f"A name that is not there yet makes a new list. At most {NAME_CHARACTERS} characters.",
        width=300,
    )
    st.button("Keep", key=f"{key}:button", icon=":material/check:", on_click=_keep, args=(members, source, here(), key))
    outcome = st.session_state.pop(f"{key}:outcome", None)
    if isinstance(outcome, ValueError):
        st.error(sentence(outcome))
    elif outcome is not None:
        identity, said = outcome
        st.success(said, icon=":material/playlist_add_check:")
        navigation.link("kept", "Open the list", show="lists", list=identity)


def _keep(members: Sequence[FeatureKey], source: str, address: str, key: str) -> None:
    name = st.session_state[f"{key}:name"] or ""
    try:
        st.session_state[f"{key}:outcome"] = _kept(name, members, source, address)
        st.session_state[f"{key}:name"] = None
    except ValueError as error:
        st.session_state[f"{key}:outcome"] = error


def _kept(name: str, members: Sequence[FeatureKey], source: str, address: str) -> tuple[str, str]:
    """Keep features on the list of this name; returns its id, and what was done as Markdown. Raises ValueError for a wrong name."""
    lists = keeping.lists()
    found = lists.named(name)
    if found is None:
        return lists.make(name, members, source, address), f"Made the list {code(name)} of {counted(len(members))}."
    added = lists.add(found.id, members)
    there = len(members) - added
    return found.id, f"Put {counted(added)} on {code(found.name)}." + (f" {there:,} already there." if there else "")


def counted(features: int) -> str:
    """How many features, in words."""
    return f"{features:,} feature{'' if features == 1 else 's'}"


def sentence(error: ValueError) -> str:
    """What was wrong, as a sentence of Markdown."""
    return f"Not kept: {code(error)}"


def here() -> str:
    """Page and query string that a person is at, as in `features?ae=bae&q=sea`; empty where the page is none of the table's."""
    page = urlsplit(st.context.url or "").path.rstrip("/").rpartition("/")[2]
    return f"{page}?{urlencode(st.query_params.to_dict())}" if page in navigation.PAGES else ""


def back(address: str, label: str) -> None:
    """Draw a link to where a list was kept from; nothing for an address that leads to no page of ours."""
    page, _, query = address.partition("?")
    if page in navigation.PAGES:
        # the parameters that links carry by themselves are told apart from the page's name
        navigation.link(page, label, **{name: value for name, value in parse_qsl(query) if name not in ("name", "label", "icon")})
