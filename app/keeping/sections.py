"""What is kept of single features: bookmarks with their tags, notes, and labels that a person wrote."""

from collections.abc import Sequence

import streamlit as st

from app import services
from app.components import tables, url
from app.components.explain import MEANINGS, hover
from app.keeping import tables as keeping_tables
from app.keeping.as_list import counted, offer_keys
from app.keeping.tables import date, dates
from app.services import keeping
from bae.index.query import Index
from bae.notebook.kept import FeatureKey, keys

BOOKMARKS = "bookmarks-table"


def bookmarks(index: Index) -> None:
    """Bookmarks, of all tags or of one."""
    tags = keeping.bookmarks().tags()
    tag = url.choice("tag", ["", *tags], "")
    found = keeping.bookmarks().all(tag or None)
    if not found:
        st.info(
            "Nothing is marked yet. Open a feature and press “Bookmark” beside its title; tags sort what is marked.", icon=":material/star:"
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if tags:
            shown = {"": "All tags"} | {name: f"{name} ({count:,})" for name, count in tags.items()}
            url.bound(
                st.selectbox,
                "Tag",
                "tag",
                tag,
                list(shown),
                default="",
                also=("page",),
                format_func=shown.get,
                help=hover("tags"),
                width=240,
            )
        offer_keys([bookmark.key for bookmark in found], f"Bookmarks with the tag {tag}" if tag else "All bookmarks")
    st.caption(f"{counted(len(found))}, the newest first. Click one to look at it; its tags are edited there.")
    rows = found[keeping_tables.page(len(found))]
    chosen = keeping_tables.draw(
        keeping_tables.rows(index, [bookmark.key for bookmark in rows]),
        BOOKMARKS,
        {"tags": [list(bookmark.tags) or None for bookmark in rows], "kept_on": dates([bookmark.created for bookmark in rows])},
        {"tags": st.column_config.ListColumn(MEANINGS["tags"].label, help=hover("tags"), width=170), "kept_on": date("kept_on")},
        choose=True,
    )
    label = f"Remove {counted(len(chosen))}" if chosen else "Remove the chosen"
    st.button(
        label, icon=":material/close:", disabled=not chosen, on_click=_unmark, args=(chosen,), help="Choose by the boxes at the left."
    )


def _unmark(chosen: Sequence[FeatureKey]) -> None:
    for key in chosen:
        keeping.bookmarks().remove(key)
    keeping_tables.unselect(BOOKMARKS)
    if st.query_params.get("tag", "") not in keeping.bookmarks().tags():
        url.put(tag=None)


def notes(index: Index) -> None:
    """Notes, all or those that contain a text."""
    wanted = st.query_params.get("q", "")
    found = keeping.notes().all(wanted)
    if not found and not wanted:
        st.info("There is no note yet. Open a feature and press “Note” beside its title.", icon=":material/edit_note:")
        return
    url.bound(st.text_input, "Find in notes", "q", wanted, default="", also=("page",), placeholder="harbor", width=260)
    if not found:
        st.info("No note contains this. Try another word.", icon=":material/search_off:")
        return
    st.caption(
        f"{len(found):,} note{'' if len(found) == 1 else 's'}, the newest first. Click one to look at its feature, and to change it."
    )
    rows = found[keeping_tables.page(len(found))]
    keeping_tables.draw(
        keeping_tables.rows(index, [note.key for note in rows]),
        "notes-table",
        {"note": [note.body for note in rows], "kept_on": dates([note.updated for note in rows])},
        {"note": tables.words("note", 420), "kept_on": date("kept_on")},
    )


def own_labels(index: Index) -> None:
    """The labels that people wrote of the dictionaries of this index."""
    records = services.records()
    found = [label for name in index.dictionaries() for label in records.labels(services.subject(name)) if label.source == "person"]
    if not found:
        st.info("Nobody has written a label yet. Open a feature: the box stands under Labels.", icon=":material/label:")
        return
    found.sort(key=lambda label: -label.created)
    st.caption(f"{len(found):,} label{'' if len(found) == 1 else 's'} of your own, the newest first. Click one to look at its feature.")
    rows = found[keeping_tables.page(len(found))]
    keeping_tables.draw(
        keeping_tables.rows(index, [keys(label.subject, [label.feature])[0] for label in rows]),
        "own-labels-table",
        {
            "label": [label.text for label in rows],
            "kept_on": dates([label.created for label in rows]),
            # another label may be the one that is shown, and by another hand
            "label_by": [None for _ in rows],
        },
        {"kept_on": date("kept_on")},
    )
