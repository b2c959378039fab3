"""Two small studies for the pages: with an index, and without."""

import shutil

import pytest
import streamlit as st
from small_study import add_index, make_study
from streamlit.testing.v1 import AppTest

from app import navigation

ENTRY = navigation.FOLDER.parent / "app" / "main.py"


@pytest.fixture(scope="session")
def bare_study(tmp_path_factory, tiny_llama):
    """A study whose index has not been built."""
    return make_study(tmp_path_factory.mktemp("bare") / "study", tiny_llama)


@pytest.fixture(scope="session")
def study(tmp_path_factory, bare_study):
    """The same with its index."""
    folder = tmp_path_factory.mktemp("whole") / "study"
    shutil.copytree(bare_study.folder, folder)
    found = type(bare_study).open(folder)
    add_index(found)
    return found


@pytest.fixture(autouse=True)
def fresh_caches():
    """Caches outlive one AppTest."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def open_page(monkeypatch):
    """Open a page of a study at an address: `open_page(study, "feature", ae="bae", feature="3")`."""

    def opened(study, name: str, **params: str) -> AppTest:
        monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
        app = AppTest.from_file(str(ENTRY), default_timeout=60)
        for key, value in params.items():
            app.query_params[key] = value
        app.run()
        return app.switch_page(str(navigation.page_file(name))).run()

    return opened
