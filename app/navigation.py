"""The one table of pages, and links between them. The address carries the whole state of a page, so links are made here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app.components import plot_format

FOLDER = Path(__file__).parents[1] / "pages"


@dataclass(frozen=True)
class PageEntry:
    """A page as the table knows it."""

    title: str
    group: str
    """The heading of the sidebar that it stands under; empty for those above all headings."""
    icon: str
    help: str
    carries: tuple[str, ...]
    """Parameters of the address that a link in the sidebar takes along."""


def page_file(name: str) -> Path:
    """The script of a page; its name is also its address."""
    return FOLDER / f"{name}.py"


PAGES = {
    "overview": PageEntry("Start", "", ":material/home:", "What this is, and what the workspace holds", ("ae", "text")),
    "text": PageEntry("Live text", "", ":material/edit_note:", "Type a text and see which features fire on it", ("ae", "text")),
    "search": PageEntry("Search", "", ":material/search:", "Find features by meaning, words, sentences, tokens or examples", ("ae",)),
    "features": PageEntry("All features", "Features", ":material/table_rows:", "All features of a dictionary in a table", ("ae", "text")),
    "feature": PageEntry("One feature", "Features", ":material/target:", "What one feature fires on", ("ae", "feature", "text")),
    "map": PageEntry("Map", "Features", ":material/scatter_plot:", "Which features lie near each other", ("ae",)),
    "query": PageEntry("Query", "Features", ":material/join_inner:", "Tokens on which features fire together, or one alone", ("ae",)),
    "labels": PageEntry("Labels", "Features", ":material/label:", "Ask a judge what features mean", ("ae", "text", "run")),
    "kept": PageEntry("Kept", "Features", ":material/bookmarks:", "Bookmarks, notes, own labels and lists of features", ("ae", "text")),
    "heatmap": PageEntry("Heat map", "Dictionaries", ":material/grid_on:", "How loud every feature is on every token", ("ae",)),
    "match": PageEntry("Match", "Dictionaries", ":material/join:", "Which features of one dictionary another has too", ("ae", "with")),
    "compare": PageEntry(
        "Compare",
        "Dictionaries",
        ":material/balance:",
        "How good each dictionary is by the field's measures",
        ("ae", "text", "layers", "only", "columns"),
    ),
    "training": PageEntry(
        "Training", "Dictionaries", ":material/model_training:", "Train dictionaries, and watch them learn", ("ae", "text", "runs")
    ),
    "steer": PageEntry(
        "Playground", "Steering", ":material/tune:", "Push features and see what the model writes then", ("ae", "text", "push")
    ),
    "dose": PageEntry(
        "Dose and response", "Steering", ":material/stacked_line_chart:", "What a push does at every strength", ("ae", "push")
    ),
    "movies": PageEntry("Movie reviews", "Steering", ":material/movie:", "Does a direction from examples do what the examples do?", ()),
    "entropy": PageEntry("Entropy", "Information", ":material/data_usage:", "How many bits hidden states hold", ("text", "view")),
    "compression": PageEntry("Compression", "Information", ":material/compress:", "Hidden states as small files, and back", ("text",)),
    "reproduction": PageEntry("Reproduction", "Information", ":material/fact_check:", "The paper's numbers beside ours", ()),
}


def pages() -> list[st.Page]:
    """The table as Streamlit wants it; the first page is the one that opens."""
    return [
        st.Page(page_file(name), title=entry.title, icon=entry.icon, url_path=name, help=entry.help, default=name == "overview")
        for name, entry in PAGES.items()
    ]


def _told(params: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items() if value is not None}


def link(name: str, label: str, icon: str | None = None, **params: object) -> None:
    """Draw a link to a page in a given state. `label` is a constant or a number of ours: it is read as Markdown."""
    st.page_link(str(page_file(name)), label=label, icon=icon or PAGES[name].icon, query_params=_told(params))


def go(name: str, **params: object) -> None:
    """Leave for a page in a given state. Does not return."""
    st.switch_page(str(page_file(name)), query_params=_told(params))


def sidebar() -> None:
    """The table of pages as links that keep the dictionary and the text one is looking at."""
    with st.sidebar:
        st.markdown("#### BAE Explorer")
        group = ""
        for name, entry in PAGES.items():
            if entry.group != group:
                group = entry.group
                st.caption(group)
            carried = {key: st.query_params[key] for key in entry.carries if key in st.query_params}
            st.page_link(str(page_file(name)), label=entry.title, icon=entry.icon, query_params=carried, width="stretch")
        plot_format.choice()
