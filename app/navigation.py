"""The one table of pages, and links between them. The address carries the whole state of a page, so links are made here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parents[1] / "pages"


@dataclass(frozen=True)
class PageEntry:
    """A page as the table knows it."""

    title: str
    file: Path
    url_path: str
    icon: str
    help: str
    carries: tuple[str, ...]
    """Parameters of the address that a link in the sidebar takes along."""


PAGES = {
    "overview": PageEntry(
        "Overview", FOLDER / "overview.py", "overview", ":material/home:", "What this workspace holds, and how good it is", ("ae", "text")
    ),
    "text": PageEntry(
        "Live text", FOLDER / "text.py", "text", ":material/edit_note:", "Type a text and see which features burst on it", ("ae", "text")
    ),
    "features": PageEntry(
        "Features", FOLDER / "features.py", "features", ":material/table_rows:", "All features of a dictionary in a table", ("ae", "text")
    ),
    "feature": PageEntry(
        "Feature", FOLDER / "feature.py", "feature", ":material/target:", "What one feature fires on", ("ae", "feature", "text")
    ),
    "labels": PageEntry(
        "Labels",
        FOLDER / "labels.py",
        "labels",
        ":material/label:",
        "Ask a judge what features mean, and see how well its labels fit",
        ("ae", "text", "run"),
    ),
    "training": PageEntry(
        "Training",
        FOLDER / "training.py",
        "training",
        ":material/model_training:",
        "Train dictionaries, and watch them learn",
        ("ae", "text", "runs"),
    ),
    "compare": PageEntry(
        "Compare",
        FOLDER / "compare.py",
        "compare",
        ":material/balance:",
        "How good each dictionary is by the field's measures",
        ("ae", "text", "layers", "only", "columns"),
    ),
}


def pages() -> list[st.Page]:
    """The table as Streamlit wants it; the first page is the one that opens."""
    return [
        st.Page(entry.file, title=entry.title, icon=entry.icon, url_path=entry.url_path, help=entry.help, default=name == "overview")
        for name, entry in PAGES.items()
    ]


def _told(params: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items() if value is not None}


def link(name: str, label: str, icon: str | None = None, **params: object) -> None:
    """Draw a link to a page in a given state. `label` is a constant or a number of ours: it is read as Markdown."""
    st.page_link(str(PAGES[name].file), label=label, icon=icon or PAGES[name].icon, query_params=_told(params))


def go(name: str, **params: object) -> None:
    """Leave for a page in a given state. Does not return."""
    st.switch_page(str(PAGES[name].file), query_params=_told(params))


def sidebar() -> None:
    """The table of pages as links that keep the dictionary and the text one is looking at."""
    with st.sidebar:
        st.markdown("#### BAE Explorer")
        for entry in PAGES.values():
            carried = {key: st.query_params[key] for key in entry.carries if key in st.query_params}
            st.page_link(str(entry.file), label=entry.title, icon=entry.icon, help=entry.help, query_params=carried, width="stretch")
