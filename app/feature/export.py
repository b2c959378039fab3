"""A feature to take elsewhere: as one HTML file, and by the command that makes the same."""

import shlex

import streamlit as st

from app import services
from app.components.explain import hover
from app.services import exports
from bae.notebook.kept import FeatureKey


def menu(key: FeatureKey) -> None:
    """A small button that opens the ways out."""
    file = f"{key.dictionary}-{key.feature}.html"
    made = command(key, file)
    with st.popover("Export", icon=":material/download:", type="tertiary", key="export:popover", help=hover("export_html")):
        st.download_button(
            "Download as HTML",
            lambda: exports.as_html([key], f"Feature {key.feature} of {key.dictionary}", made),
            file,
            "text/html",
            key="export:html",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption("The same by a command; further numbers behind the first give a file of several features.")
        st.code(made, language="shell", wrap_lines=True)


def command(key: FeatureKey, file: str) -> str:
    """What makes the same file."""
    study = services.workspace().folder.name
    return shlex.join(["bae", "export", "html", "--workspace", study, key.dictionary, str(key.feature), "--output", file])
