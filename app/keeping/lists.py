"""Lists of features: all of them, and one that is opened."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pandas as pd
import streamlit as st

from app import navigation
from app.components import labels, panels, tables, url
from app.components.explain import MEANINGS, hover
from app.keeping import export as keeping_export
from app.keeping import tables as keeping_tables
from app.keeping.as_list import back, counted, sentence
from app.keeping.tables import date, dates
from app.maps.features import MOST_IN_ADDRESS
from app.playground import address as playground
from app.services import keeping
from bae.index.query import Index
from bae.notebook.kept import FeatureKey
from bae.notebook.lists import NAME_CHARACTERS, FeatureList
from bae.steering.plan import MOST

MEMBERS = "members-table"
ADDRESS_CHARACTERS = 6_000
"""Longest list of features that a link carries."""
REFUSED = "keeping:rename-refused"


def draw(index: Index) -> None:
    """The list that the address names, else all lists."""
    asked = st.query_params.get("list")
    found = {one.id: one for one in keeping.lists().all()}
    if asked in found:
        _opened(index, found[asked])
        return
    if asked is not None:
        url.wrong("list", asked, "the lists below" if found else "nothing: there is no list yet", None)
    if not found:
        st.info(
            "There is no list yet. “List” beside a feature's title begins one; so does “Keep these as a list” wherever features are found.",
            icon=":material/playlist_add:",
        )
        return
    _all(list(found.values()))


def _all(found: Sequence[FeatureList]) -> None:
    st.caption(f"{len(found):,} list{'' if len(found) == 1 else 's'}, the newest first. Click one to open it.")
    event = st.dataframe(
        pd.DataFrame(
            {
                "name": [one.name for one in found],
                "list_size": [one.size for one in found],
                "source": [one.source for one in found],
                "kept_on": dates([one.created for one in found]),
            }
        ),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=min(tables.ROW_PX * (len(found) + 1) + 3, 640),
        key="lists-table",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "name": st.column_config.TextColumn(MEANINGS["kept_list"].label, help=hover("kept_list"), width=300),
            "list_size": st.column_config.NumberColumn(MEANINGS["list_size"].label, help=hover("list_size"), format="localized", width=90),
            "source": tables.words("list_source", 380),
            "kept_on": date("kept_on"),
        },
    )
    cells = event.selection.cells
    if cells and cells[0][0] < len(found):
        navigation.go("kept", show="lists", list=found[cells[0][0]].id)


def _opened(index: Index, kept: FeatureList) -> None:
    navigation.link("kept", "All lists", icon=":material/arrow_back:", show="lists")
    panels.words(kept.name, "1.35rem")
    origin = f"{counted(kept.size)} · begun {labels.date(kept.created)}"
    st.caption(f"{origin} · {url.code(kept.source)}" if kept.source else origin)
    members = keeping.lists().members(kept.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        # made when somebody asks for the file: a list may be 100,000 features long
        present = keeping_tables.here(index, members)
        _downloads(kept, lambda: keeping_tables.rows(index, members))
        keeping_export.page_button(kept, present)
        _change(kept)
        if kept.address:
            back(kept.address, "Where it was found")
        _onward(present)
    if refused := st.session_state.pop(REFUSED, None):
        st.error(refused)
    if not members:
        st.info("Nothing is on this list. “List” beside a feature's title puts it here.", icon=":material/playlist_add:")
        return
    shown = keeping_tables.rows(index, members[keeping_tables.page(len(members))])
    chosen = keeping_tables.draw(shown, MEMBERS, {}, {}, choose=True)
    label = f"Take {counted(len(chosen))} off the list" if chosen else "Take the chosen off the list"
    help_ = "Choose by the boxes at the left."
    st.button(label, icon=":material/close:", disabled=not chosen, on_click=_take_off, args=(kept.id, chosen), help=help_)


def _take_off(identity: str, chosen: Sequence[FeatureKey]) -> None:
    keeping.lists().remove(identity, chosen)
    keeping_tables.unselect(MEMBERS)


def _downloads(kept: FeatureList, rows: Callable[[], Sequence[keeping_tables.Row]]) -> None:
    guarded = "A text that a spreadsheet would take for a formula has an apostrophe before it; JSON has every text as it is."
    kinds = {
        "csv": ("CSV", lambda: keeping_export.as_csv(rows()), "text/csv", guarded),
        "json": ("JSON", lambda: keeping_export.as_json(kept, rows()), "application/json", "The list with its source and its features."),
    }
    for kind, (label, made, mime, told) in kinds.items():
        name = f"list-{kept.id}.{kind}"
        st.download_button(label, made, name, mime, key=f"list:{kind}", icon=":material/download:", on_click="ignore", help=told)


def _change(kept: FeatureList) -> None:
    with st.popover("Rename", icon=":material/edit:", key="list:rename"):
        box = f"list-name:{kept.id}"
        st.text_input("Name", kept.name, key=box, max_chars=NAME_CHARACTERS, width=300)
        st.button("Rename it", icon=":material/check:", key="list:rename-it", on_click=_rename, args=(kept.id, box))
    with st.popover("Delete", icon=":material/delete:", key="list:delete"):
        st.markdown(f"Delete the list {url.code(kept.name)}? Its {counted(kept.size)} stay what they are.")
        st.button("Delete it", type="primary", icon=":material/delete:", key="list:delete-it", on_click=_delete, args=(kept.id,))


def _rename(identity: str, box: str) -> None:
    try:
        keeping.lists().rename(identity, st.session_state[box])
    except ValueError as error:
        st.session_state[REFUSED] = sentence(error)


def _delete(identity: str) -> None:
    keeping.lists().delete(identity)
    url.put(list=None, page=None)


def _onward(members: Sequence[FeatureKey]) -> None:
    """Links to where features can be steered, labelled and seen on a map, the latter a dictionary at a time as those pages take them."""
    if members:
        some = "these" if len(members) <= MOST else f"the first {MOST}"
        navigation.link("steer", f"Steer with {some}", push=playground.push((key.dictionary, key.feature) for key in members))
    of: dict[str, list[int]] = {}
    for key in members:
        of.setdefault(key.dictionary, []).append(key.feature)
    for name, features in of.items():
        which = "these" if len(of) == 1 else f"those of {url.code(name)}"
        listed = ranges(features)
        if len(listed) <= ADDRESS_CHARACTERS:
            navigation.link("labels", f"Label {which}", ae=name, new=1, pick="list", list=listed)
        else:
            st.caption(f"{counted(len(features))} are too many for a link to Labels.")
        some = which if len(features) <= MOST_IN_ADDRESS else f"{MOST_IN_ADDRESS} of {which}"
        navigation.link("map", f"See {some} on the map", ae=name, pick=",".join(map(str, features[:MOST_IN_ADDRESS])))


def ranges(features: Sequence[int]) -> str:
    """Numbers of features as the Labels page reads them: 12, 40-60."""
    numbers = sorted(set(features))
    breaks = [0, *(place + 1 for place, (one, other) in enumerate(pairwise(numbers)) if other != one + 1), len(numbers)]
    runs = [numbers[start:end] for start, end in pairwise(breaks)] if numbers else []
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
