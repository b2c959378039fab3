"""Labels as they are shown, wherever they are: what was said, by whom, how well it fits, and what to beware of.

A label is foreign text, whoever wrote it: escaped in HTML, as text in tables, never as Markdown.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from app.components.explain import MEANINGS, hover
from app.components.url import code
from bae.comsem.telling import DRAFT, MAINTAINERS, author, date, flags

if TYPE_CHECKING:
    from bae.comsem.records import Label
    from bae.comsem.score import Score


def text(label: "Label", size: str) -> None:
    """A label as text, no wider than it is, so that badges can stand beside it."""
    st.html(f'<div dir="auto" style="font-size:{size};line-height:1.4;overflow-wrap:anywhere">{escape(label.text)}</div>', width="content")


def in_a_line(label: "Label | None", words: str) -> str:
    """A feature in one line: its label, a warning before it where it is a draft's, then its words."""
    if label is None:
        return words
    said = f"{DRAFT}: {label.text}" if label.draft else label.text
    return f"{said} · {words}" if words else said


def lines(labels: "Mapping[int, Label]", words: Mapping[int, str]) -> dict[int, str]:
    """The same of all features that have a label or words."""
    return {feature: in_a_line(labels.get(feature), words.get(feature, "")) for feature in {**words, **labels}}


def badges(label: "Label", score: "Score | None", shown: bool) -> None:
    """Whether it is the one that is shown, whose it is where no judge wrote it, and what to beware of."""
    if shown:
        st.badge("shown", icon=":material/visibility:", color="green", help=hover("shown_label"))
    if label.source == "person":
        st.badge("your own", icon=":material/person:", color="blue", help=hover("own_label"))
    if label.source == "maintainers":
        st.badge(MAINTAINERS, icon=":material/menu_book:", color="violet", help=provenance(label))
    for name in flags(label, score):
        st.badge(MEANINGS[name].label, icon=":material/warning:", color="orange", help=hover(name))


def provenance(label: "Label") -> str:
    """Where a label of the maintainers comes from, as the text of a hover."""
    told = "; ".join(f"{code(name)}: {code(value)}" for name, value in label.provenance.items())
    return f"{hover('maintainers')} {told}".strip()


def origin(label: "Label") -> str:
    """Judge, date and prompt version in one line of Markdown."""
    by = f"by {code(label.judge)}" if label.source == "judge" else author(label)
    if label.source != "judge":
        return f"{by} · {date(label.created)}"
    return f"{by} · {date(label.created)} · prompt version {code(label.prompt_version)}"


def figures_html(told: Sequence[tuple[str, str]]) -> str:
    """Names of figures with their values in a row, each with its hover."""
    cells = "".join(
        f'<span title="{escape(hover(name))}" style="cursor:help;white-space:nowrap"><span style="opacity:.65">'
        f'<span style="text-decoration:underline dotted;text-underline-offset:.2em">{escape(MEANINGS[name].label)}</span></span> '
        f'<b style="font-variant-numeric:tabular-nums">{escape(value)}</b></span>'
        for name, value in told
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.2rem 1.3rem;font-size:.88rem">{cells}</div>'
