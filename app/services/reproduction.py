"""The kept reproduction of the paper: that of the workspace, else the one that comes with the explorer."""

from pathlib import Path
from typing import NamedTuple

import streamlit as st

from app.services.study import workspace
from bae.reproduction.report import Report
from bae.workspace import DATA

SHIPPED = DATA.parent / "docs" / "reproduction"
REPORT = "report.json"
FILES = {"report.html": "text/html", "report.md": "text/markdown", "results.parquet": "application/vnd.apache.parquet"}
"""What lies beside the report, for people to take away."""


class Kept(NamedTuple):
    """A report with where it lies."""

    report: Report
    folder: Path
    shipped: bool
    """Whether it is of another workspace: the maintainers', on their machine."""


def kept() -> tuple[Kept | None, list[str]]:
    """The report to show, and a sentence for each file that is damaged. Read anew where a file has changed."""
    damaged = []
    for folder, shipped in ((workspace().folder / "reproduction", False), (SHIPPED, True)):
        file = folder / REPORT
        if file.is_file():
            try:
                return Kept(_read(str(file), file.stat().st_mtime_ns), folder, shipped), damaged
            except ValueError as error:
                damaged.append(str(error))
    return None, damaged


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(file: str, stamp: int) -> Report:
    return Report.read(Path(file))


def downloads(folder: Path) -> dict[str, Path]:
    """The files beside a report that are there, by name."""
    return {name: folder / name for name in FILES if (folder / name).is_file()}
