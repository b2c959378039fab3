"""Texts that people typed: kept, private, found again, from any thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bae.notebook.database import Notebook


def test_a_text_comes_back_as_it_was(tmp_path):
    notebook = Notebook(tmp_path / "n.sqlite")
    bodies = ["plain", "a\x00b", "<b>'; drop table text; --</b>", "\U0001f44b שלום"]
    names = [notebook.keep_text(body) for body in bodies]
    assert [Notebook(tmp_path / "n.sqlite").text(name) for name in names] == bodies and len(set(names)) == 4


def test_the_same_text_keeps_its_id_and_ids_say_nothing(tmp_path):
    notebook = Notebook(tmp_path / "n.sqlite")
    name = notebook.keep_text("secret words")
    assert notebook.keep_text("secret words") == name and "secret" not in name and len(name) >= 12


def test_an_unknown_id_is_named(tmp_path):
    with pytest.raises(KeyError, match="nothere"):
        Notebook(tmp_path / "n.sqlite").text("nothere")


def test_many_writers(tmp_path):
    Notebook(tmp_path / "n.sqlite")
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda n: Notebook(tmp_path / "n.sqlite").keep_text(f"text {n}"), range(60)))
    assert len(set(names)) == 60 and Notebook(tmp_path / "n.sqlite").text(names[7]) == "text 7"
