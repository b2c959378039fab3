"""Keeping one feature, on its own page: a bookmark with tags, a note, a place on lists, and the feature as Markdown."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from app import navigation
from app.components import labels, provenance
from app.components.explain import MEANINGS, hover
from app.components.url import code
from app.feature import parts as feature_parts
from app.keeping.as_list import list_box, sentence
from app.services import keeping
from bae.index.query import Dictionary, Feature, Index
from bae.notebook.kept import MOST_TAGS, NOTE_CHARACTERS, FeatureKey, Note
from bae.notebook.markdown import Marked, as_markdown
from bae.reading.painting import Stretch, bursts_off, paint_example

if TYPE_CHECKING:
    from bae.comsem.records import Label

CONTEXTS = 5
"""Strongest contexts that the Markdown holds."""
REFUSED = "keeping:refused"
"""Why something was not kept, until the page has said it."""


def toolbar(key: FeatureKey, index: Index, entry: Dictionary, feature: Feature, label: "Label | None") -> None:
    """Bookmark, note, lists and Markdown of a feature, as a row of small buttons."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        _bookmark(key)
        _note(key)
        with st.popover("List", icon=":material/playlist_add:", type="tertiary", key="list:popover", help=hover("kept_list")):
            list_box([key], f"Feature {key.feature} of {key.dictionary}, from its page", "list")
            for one in keeping.lists().with_feature(key):
                navigation.link("kept", f"On {code(one.name)}", show="lists", list=one.id)
        with st.popover("Copy", icon=":material/content_copy:", type="tertiary", key="copy:popover", help=hover("as_markdown")):
            _copy(key, index, entry, feature, label)


def shown(key: FeatureKey) -> None:
    """What is kept of a feature, below its title: its tags and its note; and what could not be kept, and why."""
    note, tags = keeping.notes().of(key), keeping.bookmarks().tags_of(key)
    parts = [_chips(tags)] if tags else []
    if note is not None:
        style = "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;max-height:8rem;overflow-y:auto;font-size:.95rem"
        mark = "border-left:3px solid rgba(128,128,128,.45);padding-left:.6rem"
        parts.append(f'<div dir="auto" title="{escape(_written(note))}" style="{style};{mark}">{escape(note.body)}</div>')
    if parts:
        st.html("".join(parts))
    if refused := st.session_state.pop(REFUSED, None):
        st.error(refused)


def _written(note: Note) -> str:
    return f"Your note, written {labels.date(note.updated)}"


def _chips(tags: Sequence[str]) -> str:
    style = "background:rgba(128,128,128,.18);border-radius:.8rem;padding:.1rem .6rem;font-size:.85rem;overflow-wrap:anywhere"
    chips = "".join(f'<span dir="auto" style="{style}">{escape(tag)}</span>' for tag in tags)
    return f'<div title="Tags of its bookmark" style="display:flex;flex-wrap:wrap;gap:.4rem;margin-bottom:.4rem">{chips}</div>'


def _bookmark(key: FeatureKey) -> None:
    bookmarks = keeping.bookmarks()
    if not bookmarks.has(key):
        help_ = hover("bookmark")
        st.button("Bookmark", icon=":material/star:", type="tertiary", key="bookmark", help=help_, on_click=bookmarks.add, args=(key,))
        return
    tags = list(bookmarks.tags_of(key))
    box = f"tags:{key.dictionary}:{key.feature}"
    st.session_state[box] = tags
    with st.popover("★ Bookmarked", type="tertiary", key="bookmark:popover", help=hover("bookmark")):
        st.multiselect(
            "Tags",
            sorted({*tags, *bookmarks.tags()}),
            key=box,
            accept_new_options=True,
            max_selections=MOST_TAGS,
            placeholder="Type a word, then Enter",
            help=hover("tags"),
            on_change=_retag,
            args=(key, tags, box),
            width=300,
        )
        st.button("Remove the bookmark", icon=":material/close:", key="bookmark:remove", on_click=bookmarks.remove, args=(key,))


def _retag(key: FeatureKey, before: Sequence[str], box: str) -> None:
    """Change what a person changed and nothing else: another tab may have given tags meanwhile."""
    after = st.session_state[box]
    try:
        keeping.bookmarks().change_tags(key, add=[tag for tag in after if tag not in before], remove=set(before).difference(after))
    except ValueError as error:
        st.session_state[REFUSED] = sentence(error)


def _note(key: FeatureKey) -> None:
    note = keeping.notes().of(key)
    box = f"note:{key.dictionary}:{key.feature}"
    body, written = (note.body, note.updated) if note else ("", None)
    known = st.session_state.get(f"{box}:read")
    # what was changed elsewhere is taken over unless a person has begun to write here
    if box not in st.session_state or known is None or st.session_state[box] == known[0]:
        st.session_state[box] = body
        st.session_state[f"{box}:read"] = (body, written)
    with st.popover("Note", icon=":material/edit_note:", type="tertiary", key="note:popover", help=hover("note")):
        # a box that saved when it is left would race with the link that a person leaves it for
        with st.form(f"{box}:form", border=False, enter_to_submit=True):
            st.text_area("Note", key=box, max_chars=NOTE_CHARACTERS, height=180, placeholder="What did you see?", width=420)
            st.form_submit_button("Save", type="primary", on_click=_write, args=(key, box), help="Ctrl+Enter does the same.")
        st.caption("Save it before you leave the page. Empty it and save to take the note away.")


def _write(key: FeatureKey, box: str) -> None:
    _, written = st.session_state[f"{box}:read"]
    try:
        keeping.notes().write(key, st.session_state[box], written)
    except ValueError as error:
        st.session_state[REFUSED] = sentence(error)
    # from here on the other's note is on the page, so that saving again replaces it knowingly
    note = keeping.notes().of(key)
    st.session_state[f"{box}:read"] = (note.body, note.updated) if note else ("", None)


def _copy(key: FeatureKey, index: Index, entry: Dictionary, feature: Feature, label: "Label | None") -> None:
    text = markdown(index, entry, feature, label, keeping.notes().of(key))
    st.code(text, language="markdown", wrap_lines=True, height=320, width=520)
    name = f"{key.dictionary}-{key.feature}.md"
    st.download_button("Download", text, name, "text/markdown", key="copy:download", icon=":material/download:", on_click="ignore")


def markdown(index: Index, entry: Dictionary, feature: Feature, label: "Label | None", note: Note | None) -> str:
    """A feature as Markdown: what its page says of it, with its strongest contexts."""
    strongest = index.examples(entry.name, feature.feature).get("strongest", [])[:CONTEXTS]
    usually_on = bursts_off(feature.rate, feature_parts.binary(feature))
    return as_markdown(
        f"Feature {feature.feature} of {entry.name} ({entry.title}, layer {entry.layer})",
        "" if label is None else f"{label.text} ({labels.author(label)})",
        feature.summary,
        [(_with_unit(name), value) for name, value in feature_parts.figures(feature)],
        [marked(paint_example(one, feature.largest, usually_on), one.document) for one in strongest],
        provenance.rows(entry, index),
        path(entry.name, feature.feature),
        "" if note is None else note.body,
    )


def path(ae: str, feature: int) -> str:
    """The permalink of a feature, without the server's name."""
    return f"feature?{urlencode({'ae': ae, 'feature': feature})}"


def _with_unit(name: str) -> str:
    meaning = MEANINGS[name]
    return f"{meaning.label} ({meaning.unit})" if meaning.unit else meaning.label


def marked(stretches: Sequence[Stretch], source: str) -> Marked:
    """A painted context with its bold word apart from what stands around it."""
    bold = [place for place, stretch in enumerate(stretches) if stretch.bold]
    first, end = (bold[0], bold[-1] + 1) if bold else (len(stretches), len(stretches))
    before, word, after = ("".join(s.text for s in part) for part in (stretches[:first], stretches[first:end], stretches[end:]))
    return Marked(before, word, after, source)
