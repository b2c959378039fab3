"""The search page: every way to search, what each says when it finds nothing or cannot search, and that results lead to features."""

import re
import shutil

import numpy as np
import pytest
from small_study import HOSTILE, WORDS
from test_pages import said

from app import search_ways, services
from app.search_example import EXAMPLE
from app.services.searching import Contrasted
from bae.contrast import contrast
from bae.directions import write_directions, write_vocabulary
from bae.index.query import Index
from bae.language_model import LanguageModel
from bae.lenses import load_lenses
from bae.notebook import Notebook
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
    index = Index(study.index_file())
    word = next(word for word in WORDS if index.features("bae", words=word).total)
    expected = {(name, row.feature) for name in index.dictionaries() for row in index.features(name, words=word, limit=500).features}
    found = results(open_page(study, "search", how="words", q=word))
    app = open_page(study, "search", how="words", q=word)
    assert re.search(rf"of {len(expected):,} features", said(app))
    assert set(zip(found["found_in"], found["feature"], strict=True)) <= expected
    assert all(word in why for why in found["why_found"])
    one = results(open_page(study, "search", how="words", q=word, ae="bae"))
    assert "found_in" not in one and set(one["feature"]) <= {feature for name, feature in expected if name == "bae"}
    assert "No label" in said(open_page(study, "search", how="words", q="nowhere at all"))


def test_whole_words_come_before_parts_of_words():
    assert search_ways._best_place("war", "the war of 1812", []) == (0, "label")
    assert search_ways._best_place("war", "forward", ["reward", "war"])[0] == 2
    assert search_ways._best_place("war", "forward", ["reward"]) == (2, "label")
    assert search_ways._best_place("war", None, ["sea", "reward"]) == (3, "reward")
    assert search_ways._best_place("c++ (", None, ["c++ ("]) == (1, "c++ (")


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
    assert (found is not None) or "No feature fires there" in said(app)
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
    monkeypatch.setattr("app.services.searching.Directions", lambda *_: (_ for _ in ()).throw(FileNotFoundError("run `bae index`")))
    app = open_page(study, "search", how="token", q="sea")
    assert not app.exception and "bae index" in app.error[0].value


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


@pytest.mark.parametrize(
    "a, b, told",
    [
        ("one line", "another\nand\nanother", "at least 3 lines or sentences; the first side has 1"),
        ("a b\nc d\ne f", "c d\na b\ne f", "the same lines"),
        ("word\n" * 301, "x\ny\nz", "may have 300"),
        ("sea " * 400 + "\nb\nc", "x\ny\nz", "a line may have 128"),
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
