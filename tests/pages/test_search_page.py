"""The search page: every way to search, what each says when it finds nothing or cannot search, and that results lead to features."""

import os
import re
import shutil
from types import SimpleNamespace

import duckdb
import numpy as np
import pytest
from small_study import HOSTILE, N_FEATURES, WORDS
from test_pages import said

from app import services
from app.search import ways as search_ways
from app.search.by_example import EXAMPLE
from app.services import directions, searching
from app.services.shelf import Shelf
from bae.features.directions import write_directions, write_vocabulary
from bae.index.directions import Directions
from bae.index.mentions import best_place
from bae.index.query import Index
from bae.model.language_model import LanguageModel
from bae.notebook.database import Notebook
from bae.reading.contrast import Contrasted, contrast
from bae.reading.lenses import load_lenses
from bae.workspace import Workspace


@pytest.fixture(scope="module")
def pointed(study, tiny_llama, tmp_path_factory):
    """A study like it, with what its features promote."""
    folder = tmp_path_factory.mktemp("pointed") / "study"
    shutil.copytree(study.folder, folder)
    study = Workspace.open(folder)
    model = LanguageModel.load(str(tiny_llama), device="cpu")
    folder = study.index_file().parent
    write_vocabulary(model, folder)
    for name, lens in load_lenses(study.folder / "autoencoders", model).usable.items():
        write_directions(lens.autoencoder, model, folder, name)
    return study


def results(app):
    """The table of what was found."""
    assert not app.exception, app.exception
    return app.dataframe[0].value if app.dataframe else None


def test_the_empty_page_offers_something_to_try(open_page, study):
    for way in ("meaning", "words", "text", "token"):
        app = open_page(study, "search", how=way)
        assert not app.exception and not app.error and not app.warning and not app.dataframe
        assert any(button.key.startswith("try:") for button in app.button)


def test_a_word_is_found_in_the_words_of_features(open_page, study):
    with duckdb.connect(study.index_file(), read_only=True) as connection:
        rows = connection.execute("select dictionary, feature, words from feature").fetchall()
    word = next(word for word in WORDS if any(name == "bae" and word in words for name, _, words in rows))
    expected = {(name, feature) for name, feature, words in rows if any(word in one.lower() for one in words)}
    assert 0 < len(expected) < len(rows), "negative control: not every feature has it"
    found = results(open_page(study, "search", how="words", q=word))
    app = open_page(study, "search", how="words", q=word)
    assert re.search(rf"of {len(expected):,} features", said(app))
    assert set(zip(found["found_in"], found["feature"], strict=True)) <= expected
    assert all(word in why for why in found["why_found"])
    one = results(open_page(study, "search", how="words", q=word, ae="bae"))
    assert "found_in" not in one and set(one["feature"]) <= {feature for name, feature in expected if name == "bae"}
    assert "No label" in said(open_page(study, "search", how="words", q="nowhere at all"))


def test_all_that_mention_a_word_are_asked_in_one_query(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    index = services.index()
    every = [index.feature("bae", feature) for feature in range(N_FEATURES)]
    word = next(word for word in WORDS if 0 < sum(word in " ".join(row.words) for row in every) < N_FEATURES)
    silent = [row.feature for row in every if word not in " ".join(row.words).lower()][:5]
    label = {feature: SimpleNamespace(text=f"A {word.upper()} of sorts") for feature in silent}
    monkeypatch.setattr(services, "shown_labels", lambda name: label)
    asked, rows = [], Index.rows
    monkeypatch.setattr(Index, "rows", lambda self, sql, *values: asked.append(sql) or rows(self, sql, *values))
    found = search_ways.by_words(index, ["bae"], word)
    expected = {row.feature for row in every if word in " ".join(row.words).lower()} | set(silent)
    assert {one.feature for one in found} == expected == set(search_ways.mentioning(index, "bae", f" {word.title()} "))
    assert [one.feature for one in found if one.why == "label"] and len(asked) == 2, "one for each of the two searches"
    monkeypatch.setattr(search_ways, "MOST", 3)
    assert search_ways.by_words(index, ["bae"], word) == found[:3]
    assert search_ways.mentioning(index, "bae", "sea'); drop table feature; --") == [], "what is typed is bound"


def test_whole_words_come_before_parts_of_words():
    assert best_place("war", "the war of 1812", []) == (0, "label")
    assert best_place("war", "forward", ["reward", "war"])[0] == 2
    assert best_place("war", "forward", ["reward"]) == (2, "label")
    assert best_place("war", None, ["sea", "reward"]) == (3, "reward")
    assert best_place("c++ (", None, ["c++ ("]) == (1, "c++ (")


def test_by_meaning_asks_every_dictionary_and_keeps_the_nearest(open_page, study, monkeypatch):
    asked = []

    def near(name, wanted):
        asked.append((name, wanted))
        return {feature: np.float32(feature / 100 + (name == "topk")) for feature in range(10)}

    monkeypatch.setattr(services, "nearness", near)
    found = results(open_page(study, "search", q="the sea"))
    assert {name for name, _ in asked} == {"bae", "bae-deep", "topk"} and {wanted for _, wanted in asked} == {"the sea"}
    assert found["found_in"].tolist()[:10] == ["topk"] * 10 and found["feature"].tolist()[:2] == [9, 8]
    monkeypatch.setattr(services, "nearness", lambda name, wanted: (_ for _ in ()).throw(FileNotFoundError("not installed <b>")))
    app = open_page(study, "search", q="the sea")
    assert not app.exception and "not installed" in app.error[0].value


@pytest.mark.parametrize("wanted", ["harbor", HOSTILE[:60], "🙂 nowhere"])
def test_a_text_is_found_in_sentences(open_page, study, wanted):
    _, _, _, texts = Index(study.index_file()).contexts()
    holding = sum(wanted.lower() in text.lower() for text in texts)
    app = open_page(study, "search", how="text", q=wanted)
    found = results(app)
    assert re.search(rf"in {holding:,} sentences of the index", said(app)) and not app.error
    assert (found is not None) or "No sentence of the index holds it" in said(app)
    html = "\n".join(element.value for element in app.html)
    assert "<script" not in html and "<img" not in html


def test_the_feature_that_fires_there_leads(open_page, study):
    """Held against the definition: no other feature has a greater lower bound of the log-odds."""
    found = results(open_page(study, "search", how="text", q="harbor"))
    assert found is not None and np.all(np.diff(found["specific"]) <= 0) and (found["specific"] > 0).all()
    assert found["matched_share"].between(0, 100).all() and found["own_share"].between(0, 100).all()


def test_a_wrong_expression_is_named_with_its_reason(open_page, study):
    app = open_page(study, "search", how="text", q="sea(", regex="1")
    assert not app.exception and "missing )" in app.error[0].value and "` " in app.error[0].value
    # negative control: as a text the same is fine
    assert not open_page(study, "search", how="text", q="sea(").error


def test_case_can_be_told_apart(open_page, study):
    def matches(**params):
        told = said(open_page(study, "search", how="text", q="Sea", **params))
        return int(re.search(r"([\d,]+) matches", told).group(1).replace(",", ""))

    assert matches() > matches(case="1") > 0


def test_promoters_of_a_token_are_found(open_page, pointed):
    app = open_page(pointed, "search", how="token", q="sea")
    found = results(app)
    assert found is not None and np.all(np.diff(found["promotes"]) <= 0) and (found["promotes"] > 0).all()
    assert not app.error and not app.warning
    app = open_page(pointed, "search", how="token", q="an unheard-of token")
    assert not app.exception and "no single token" in app.error[0].value


def test_without_directions_the_page_says_what_to_do(open_page, study, monkeypatch):
    monkeypatch.setattr("app.services.directions.Directions", lambda *_: (_ for _ in ()).throw(FileNotFoundError("run `bae index`")))
    app = open_page(study, "search", how="token", q="sea")
    assert not app.exception and "bae index" in app.error[0].value


def test_the_vocabulary_is_read_once_for_all_dictionaries(pointed, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(pointed.folder))
    texts = [directions.directions(name).texts for name in ("bae", "topk", "bae-deep")]
    assert texts[0] is texts[1] is texts[2]
    assert Directions(services.index(), "bae").texts is not texts[0], "negative control: alone it reads its own"


def kept(study, **texts: str) -> dict[str, str]:
    return {side: Notebook(study.notebook_file).keep_text(text) for side, text in texts.items()}


LINES = {"a": "sea harbor ship\n" * 3 + "naval sea\nharbor ship sea", "b": "film actor\n" * 3 + "scene plot\nactor film"}


def test_lines_that_differ_are_contrasted(open_page, study):
    app = open_page(study, "search", how="example", ae="bae", cut="lines", also="1", **kept(study, **LINES))
    found = results(app)
    assert "5 examples against 5" in said(app) and not app.error
    assert found is not None and np.all(np.diff(found["cohens_h"]) <= 1e-9) and (found["lines_a"] > found["lines_b"]).all()
    assert found["family_p"].between(0, 1).all()
    other = results(open_page(study, "search", how="example", ae="bae", cut="lines", also="1", side="b", **kept(study, **LINES)))
    assert (other["lines_a"] < other["lines_b"]).all()
    # negative control: lines of one text on both sides differ in nothing
    same = kept(study, a="sea harbor\nship sea\nnaval ship\nriver sea", b="sea harbor\nship sea\nnaval ship\nriver stone")
    app = open_page(study, "search", how="example", ae="bae", cut="lines", **same)
    assert not app.dataframe and "than chance may give" in said(app)


def test_a_contrast_is_kept_until_a_checkpoint_changes(study, tmp_path, monkeypatch):
    shutil.copytree(study.folder, tmp_path / "study")
    monkeypatch.setenv("BAE_WORKSPACE", str(tmp_path / "study"))
    told: list[int] = []
    ask = lambda: searching.contrast(["bae"], *(LINES[side].split("\n") for side in "ab"), lambda done, total: told.append(done))  # noqa: E731
    first = ask()
    once = len(told)
    assert ask() is first and len(told) == once > 0
    os.utime(tmp_path / "study" / "autoencoders" / "bae" / "weights.safetensors")
    assert ask() is not first and len(told) == 2 * once


def test_a_shelf_gives_what_was_made_though_others_crowd_it_out():
    shelf = Shelf(10, len)

    def make() -> str:
        for other in "bcde":
            shelf.get(other, lambda: "a" * 10)
        return "x" * 99

    assert shelf.get("mine", make) == "x" * 99, "what weighs more than all is kept alone"
    assert shelf.get("mine", lambda: 1 / 0) == "x" * 99 and shelf.get("e", lambda: "anew") == "anew"
    for key in "fgh":
        shelf.get(key, lambda: "four")
        shelf.get("f", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        shelf.get("g", lambda: 1 / 0)


def test_examples_are_not_read_through_a_replaced_checkpoint(open_page, study, monkeypatch):
    monkeypatch.setattr(services, "replaced", lambda name: name == "topk")
    app = open_page(study, "search", how="example", cut="lines", also="1", **kept(study, **LINES))
    assert "replaced since the index was built: ` topk `" in said(app) and "topk" not in set(results(app)["found_in"])


@pytest.mark.parametrize(
    "a, b, told",
    [
        ("one line", "another\nand\nanother", "at least 3 lines or sentences; the first side has 1"),
        ("a b\nc d\ne f", "c d\na b\ne f", "the same lines"),
        ("word\n" * 301, "x\ny\nz", "may have 300"),
        ("sea " * 400 + "\nb\nc", "x\ny\nz", "line 1 of the first side has"),
    ],
)
def test_sides_that_cannot_be_compared_are_named(open_page, study, a, b, told):
    app = open_page(study, "search", how="example", cut="lines", **kept(study, a=a, b=b))
    assert not app.exception and told in app.error[0].value


def test_typed_examples_stay_out_of_the_address(open_page, study):
    app = open_page(study, "search", how="example", ae="bae")
    app.text_area(key="contrast:a").set_value("a private line\nof mine\nand more").run()
    assert "private" not in str(dict(app.query_params)) and not app.exception
    name = app.query_params["a"][0] if isinstance(app.query_params["a"], list) else app.query_params["a"]
    assert Notebook(study.notebook_file).text(name).startswith("a private line")
    app.button(key="contrast-example").click().run()
    assert app.text_area(key="contrast:b").value == EXAMPLE["b"] and not app.exception


def test_hostile_examples_are_read(open_page, study):
    texts = kept(study, a=f"{HOSTILE}\n🙂\nשלום", b="a\x00b\nline `x`\n<script>1</script>")
    app = open_page(study, "search", how="example", ae="bae", cut="lines", **texts)
    assert not app.exception and not app.error
    assert "<script" not in "\n".join(element.value for element in app.html)


@pytest.mark.parametrize(
    "params, allowed",
    [
        ({"how": "magic"}, "meaning"),
        ({"how": "words", "q": "sea", "ae": "nothing"}, "bae-deep"),
        ({"how": "words", "q": "sea", "page": "999"}, "1 to"),
        ({"how": "text", "q": "sea", "sentences": "999"}, "1 to"),
        ({"how": "text", "q": "sea", "regex": "yes"}, "0"),
        ({"how": "example", "a": "unknown"}, "kept in this workspace"),
    ],
)
def test_a_wrong_address_is_named(open_page, study, monkeypatch, params, allowed):
    monkeypatch.setattr(services, "nearness", lambda name, wanted: {0: 1.0})
    app = open_page(study, "search", **params)
    assert not app.exception and any(allowed in warning.value for warning in app.warning), said(app)


def test_a_contrast_tells_dictionaries_apart():
    fires = np.zeros((8, 7), bool)
    first = np.arange(8) < 4
    fires[:, 5] = first
    share = np.where(np.arange(7) == 5, 0.5, 0.0)
    found = Contrasted(("one", "two"), (3, 4), contrast(fires, first), share, np.zeros(7))
    assert [found.of(place) for place in range(7)] == [*(("one", f) for f in range(3)), *(("two", f) for f in range(4))]
    best = search_ways.by_contrast(found, second=False, up_to=0.05)
    assert [(one.dictionary, one.feature) for one in best] == [("two", 2)] and best[0].figures["lines_a"] == 100
    assert search_ways.by_contrast(found, second=True, up_to=1.0) == []
