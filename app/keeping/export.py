"""A list of features as a file: JSON with everything as it is, CSV for spreadsheets, HTML to look at."""

import io
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict

import streamlit as st

from app import services
from app.components.explain import hover
from app.components.url import code
from app.keeping.tables import Row
from app.services import exports
from bae.exports import spreadsheet
from bae.notebook.kept import FeatureKey
from bae.notebook.lists import FeatureList

COLUMNS = ("dictionary", "checkpoint", "feature", "label", "label_by", "words", "rate", "note")
MOST_ON_PAGE = 100
"""Features that are made into a file while somebody waits: some seconds, some megabytes."""


def as_json(kept: FeatureList, rows: Sequence[Row]) -> str:
    """The list with its source and its features; rates are shares of tokens in [0, 1], null where the index lacks the feature."""
    return json.dumps({**asdict(kept), "features": [_told(row) for row in rows]}, ensure_ascii=False, indent=1)


def as_csv(rows: Sequence[Row]) -> str:
    """A line a feature. A text that a spreadsheet would take for a formula has an apostrophe before it; JSON has it as it is."""
    file = io.StringIO()
    spreadsheet.write(file, COLUMNS, (tuple(_told(row).values()) for row in rows))
    return file.getvalue()


def _told(row: Row) -> dict:
    values = (*row.key, row.label, row.label_by, row.words, row.rate, row.note)
    return dict(zip(COLUMNS, values, strict=True))


def page_button(kept: FeatureList, present: Sequence[FeatureKey]) -> None:
    """A button that gives the list as one HTML file; for a long list, and for one that the index lacks, what to do instead."""
    if not present:
        return
    file = f"list-{kept.id}.html"
    made = shlex.join(["bae", "export", "html", "--workspace", services.workspace().folder.name, f"--list={kept.name}", "--output", file])
    if len(present) > MOST_ON_PAGE:
        st.caption(f"As HTML by a command, for it is long: {code(made)}")
        return
    st.download_button(
        "HTML",
        lambda: exports.as_html(present, kept.name, made),
        file,
        "text/html",
        key="list:html",
        icon=":material/download:",
        on_click="ignore",
        help=hover("export_html"),
    )
