"""Labels as they are shown, wherever they are: what was said, by whom, how well it fits, and what to beware of.

A label is foreign text, whoever wrote it: escaped in HTML, as text in tables, never as Markdown.
"""

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from app.components.explain import MEANINGS, hover
from app.components.url import code

if TYPE_CHECKING:
    from bae.comsem.records import Label
    from bae.comsem.score import Score

DRAFT = "draft quality"
MAINTAINERS = "named by reading contexts"
PERSON = "a person"


def author(label: "Label") -> str:
    """Who gave a label, with the warning that belongs to it."""
    if label.source == "judge":
        return f"{label.judge}, {DRAFT}" if label.draft else label.judge
    return PERSON if label.source == "person" else MAINTAINERS


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


def flags(label: "Label", score: "Score | None") -> list[str]:
    """What to beware of, as names among the meanings."""
    from bae.comsem.prompts import echoes

    judged = label.source == "judge"
    told = {"draft": label.draft, "vacuous": score is not None and score.vacuous, "echo": judged and echoes(label.text)}
    return [name for name, holds in told.items() if holds]


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


def date(seconds: float) -> str:
    """A time since 1970 as date and minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def origin(label: "Label") -> str:
    """Judge, date and prompt version in one line of Markdown."""
    by = f"by {code(label.judge)}" if label.source == "judge" else author(label)
    if label.source != "judge":
        return f"{by} · {date(label.created)}"
    return f"{by} · {date(label.created)} · prompt version {code(label.prompt_version)}"


def interval(low: float | None, high: float | None) -> str | None:
    """An interval of shares, as in 0.53 to 0.98; None where there is none."""
    return None if low is None or high is None else f"{low:.2f} to {high:.2f}"


def figures(label: "Label", score: "Score") -> list[tuple[str, str]]:
    """The figures of a label, as names among the meanings and values; those that there are."""
    told = [
        ("label_score", None if score.score is None else f"{score.score:.2f}"),
        ("interval", interval(score.low, score.high)),
        ("balanced_accuracy", None if score.balanced_accuracy is None else f"{score.balanced_accuracy:.2f}"),
        ("auroc", None if score.auroc is None else f"{score.auroc:.2f}"),
        ("tests_yes", f"{score.yes} of {score.asked}" if score.asked else None),
        ("negatives_yes", f"{score.false_yes} of {score.negatives}" if score.negatives else None),
        ("unclear", str(score.unclear) if score.unclear else None),
        ("label_occurrences", None if label.occurrences is None else f"{label.occurrences:,}"),
        ("intruder", _intruders(label.provenance)),
    ]
    return [(name, value) for name, value in told if value is not None]


def _intruders(told: Mapping) -> str | None:
    return f"{told['intruders_found']} of {told['intruders_asked']}" if "intruders_asked" in told else None


def figures_html(told: Sequence[tuple[str, str]]) -> str:
    """Names of figures with their values in a row, each with its hover."""
    cells = "".join(
        f'<span title="{escape(hover(name))}" style="cursor:help;white-space:nowrap"><span style="opacity:.65">'
        f'<span style="text-decoration:underline dotted;text-underline-offset:.2em">{escape(MEANINGS[name].label)}</span></span> '
        f'<b style="font-variant-numeric:tabular-nums">{escape(value)}</b></span>'
        for name, value in told
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.2rem 1.3rem;font-size:.88rem">{cells}</div>'
