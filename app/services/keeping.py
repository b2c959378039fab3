"""What people keep in this workspace: bookmarks, notes and lists of features."""

from pathlib import Path

import streamlit as st

from app.services.labels import subject
from app.services.study import workspace
from bae.notebook.database import Notebook
from bae.notebook.kept import Bookmarks, FeatureKey, Notes, keys
from bae.notebook.lists import FeatureLists


def bookmarks() -> Bookmarks:
    """Marked features with their tags."""
    return _kept(str(workspace().notebook_file))[0]


def notes() -> Notes:
    """What people wrote about features."""
    return _kept(str(workspace().notebook_file))[1]


def lists() -> FeatureLists:
    """Lists of features."""
    return _kept(str(workspace().notebook_file))[2]


@st.cache_resource(max_entries=2, show_spinner=False)
def _kept(file: str) -> tuple[Bookmarks, Notes, FeatureLists]:
    notebook = Notebook(Path(file))
    return Bookmarks(notebook), Notes(notebook), FeatureLists(notebook)


def key(dictionary: str, feature: int) -> FeatureKey:
    """A feature of the index as it is kept."""
    return keys(subject(dictionary), [feature])[0]
