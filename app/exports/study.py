"""A whole study to take elsewhere: labels at once, all else by a command."""

import shlex
from collections.abc import Sequence

import streamlit as st

from app import services
from app.components.explain import MEANINGS, hover
from app.services import exports

KINDS = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def panel(dictionaries: Sequence[str], ae: str) -> None:
    """All ways out; `ae` is the dictionary that commands about one name."""
    with st.expander("Export", icon=":material/download:"):
        st.caption(hover("export_elsewhere"))
        downloads(dictionaries, "All labels")
        lines = [f"# {told}\n{shlex.join(words)}" for told, words in commands(services.workspace().folder.name, ae)]
        st.code("\n".join(lines), language="shell", wrap_lines=True)
        st.caption(
            "An archive leaves out hidden states unless `--with-states` is added, and always what is about this machine: jobs, logs, "
            "servers and keys of judges. It holds the notebook with every text that was typed. `bae open ARCHIVE FOLDER` checks it and "
            "unpacks it."
        )


def commands(study: str, ae: str) -> list[tuple[str, list[str]]]:
    """What each command writes, and its words."""
    of = ["--workspace", study]
    return [
        ("everything, as one file", ["bae", "export", "archive", "study.zip", *of]),
        ("the tables of the index, as Parquet", ["bae", "export", "tables", "tables", *of]),
        ("some features, as one HTML file", ["bae", "export", "html", ae, "active:20", *of, "--output", "features.html"]),
        ("a dictionary for SAELens", ["bae", "export", "saelens", ae, f"{ae}-saelens", *of]),
        ("its features for Neuronpedia", ["bae", "export", "neuronpedia", ae, "neuronpedia", *of]),
        ("the same as SAEDashboard has them", ["bae", "export", "saedashboard", ae, f"{ae}-dashboards", *of]),
    ]


def downloads(dictionaries: Sequence[str], what: str) -> None:
    """The labels of dictionaries as files, `what` saying whose."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for kind, mime in KINDS.items():
            meaning = MEANINGS[f"export_{kind}"]
            st.download_button(
                f"{what} as {meaning.label}",
                # the name of a loop changes under a function that is called later
                lambda kind=kind: exports.as_table(dictionaries, kind),
                f"labels.{kind}",
                mime,
                key=f"export:labels:{kind}",
                icon=":material/download:",
                on_click="ignore",
                help=meaning.hover,
            )
