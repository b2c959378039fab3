"""The query page and the heat map: permalinks, exact answers, wrong input, hostile strings."""

import re
import shutil

import numpy as np
import pytest

from app.codes import heat_map as heat
from app.components import url
from app.services import codes
from bae.index.columns import FILE, Columns
from bae.index.query import Index

HOSTILE = ("<script>alert(1)</script>", "`f1` & **f2**", "f1 & $x$", "f1 ' or 1=1 --", ":material/home: f1", "f1 & \u202e🙂", "f1\x00")


@pytest.fixture
def columns(study):
    return Columns(Index(study.index_file()), "bae")


def said(app) -> str:
    return " ".join(element.value for kind in ("markdown", "error", "info", "warning", "caption") for element in getattr(app, kind))


def pair(columns) -> tuple[int, int]:
    """Two features that meet on some token, and not on all."""
    for a in range(2, columns.n_features):
        both = columns.together(columns.bits(a))
        for b in np.flatnonzero((both > 0) & (both < columns.counts[a])):
            if b not in (0, 1, a):
                return a, int(b)
    raise AssertionError("the small study has no two features that meet")


def test_a_permalink_is_answered_by_the_count_of_a_loop(study, open_page, columns):
    a, b = pair(columns)
    both = sorted(set(columns.tokens(a).tolist()) & set(columns.tokens(b).tolist()))
    app = open_page(study, "query", ae="bae", query=f"f{a} & f{b}")
    assert not app.exception and f"**{len(both):,}** of" in said(app)
    other = open_page(study, "query", ae="bae", query=f"f{a} & !f{b}")
    assert f"**{len(columns.tokens(a)) - len(both):,}** of" in said(other), "negative control: another query, another count"
    sentences = open_page(study, "query", ae="bae", query=f"f{a} & f{b}", unit="sentence")
    assert "sentences" in said(sentences) and not sentences.exception


def test_two_dictionaries_in_one_query(study, open_page):
    app = open_page(study, "query", ae="bae", query="f0 | topk:3")
    assert not app.exception and not app.error


@pytest.mark.parametrize("text", [*HOSTILE, "f1 & (f2", "f99999", "nope:f1", "(" * 500])
def test_what_is_wrong_is_pointed_at_and_nothing_breaks(study, open_page, text):
    app = open_page(study, "query", ae="bae", query=text)
    assert not app.exception and len(app.error) == 1
    assert "^" in app.code[0].value and re.fullmatch(r"This query cannot be read: (`+) .* \1", app.error[0].value)
    assert "<script" not in "".join(element.value for element in app.html)


def test_codes_that_are_missing_are_told_of_every_dictionary(study, open_page, tmp_path):
    folder = shutil.copytree(study.folder, tmp_path / "study")
    next(folder.glob(f"index/*/codes/topk/{FILE}")).unlink()
    study = type(study).open(folder)
    for query, missing in (("f3", 0), ("f3 & !topk:f3", 1)):
        app = open_page(study, "query", ae="bae", query=query)
        assert not app.exception and ["topk/columns.safetensors is missing" in error.value for error in app.error] == [True] * missing


def test_an_empty_query_says_what_can_be_asked(study, open_page):
    app = open_page(study, "query", ae="bae")
    assert "f12 & !f99" in said(app)
    example = next(button for button in app.button if "&" in button.label)
    assert example.label.startswith("` f"), "a dictionary's name is no Markdown"
    example.click().run()
    (query,) = app.query_params["query"] if isinstance(app.query_params["query"], list) else [app.query_params["query"]]
    assert url.code(query) == example.label and not app.error


@pytest.mark.parametrize("name", ["query", "heatmap"])
def test_without_an_index_the_page_says_how_it_comes(bare_study, open_page, name):
    app = open_page(bare_study, name)
    assert not app.exception and "no index yet" in said(app)


def test_the_heat_map_draws_the_stretch_of_the_address(study, open_page):
    app = open_page(study, "heatmap", ae="bae", t="10-29", c="0-15")
    assert not app.exception and not app.warning
    assert "Tokens **10 to 29**, features **0 to 15**" in said(app)
    whole = open_page(study, "heatmap", ae="bae")
    assert "features **0 to 63**" in said(whole), "negative control: without the address all features are drawn"


@pytest.mark.parametrize(
    ("name", "value"), [("t", "5-2"), ("t", "0-99999999"), ("c", "x"), ("c", "<b>"), ("with", "nope"), ("cell", "bae:1")]
)
def test_a_wrong_address_is_named(study, open_page, name, value):
    app = open_page(study, "heatmap", ae="bae", **{name: value})
    assert not app.exception and len(app.warning) == 1 and name in app.warning[0].value


def test_a_cell_shows_its_sentence(study, open_page, columns):
    feature = int(np.argmax(columns.counts))
    token = int(columns.tokens(feature)[0])
    app = open_page(study, "heatmap", ae="bae", t="0-29", c="0-15", cell=f"bae:{token}:{feature}")
    assert not app.exception and f"**feature {feature}**" in said(app)
    assert any("background:rgb" in element.value for element in app.html), "the token is painted"


def test_zooming_keeps_inside():
    whole = heat.Stretch((0, 1000), (0, 64))
    assert heat._scaled(heat.Stretch((0, 100), (0, 64)), whole, 4.0) == ((0, 400), (0, 64))
    assert heat._scaled(heat.Stretch((990, 1000), (60, 64)), whole, 0.25) == ((994, 996), (62, 63))
    assert heat._within(-5.0, 2000.0, (10, 60)) == (10, 60) and heat._within(12.4, 12.6, (10, 60)) == (12, 14)


def test_texts_of_tokens_are_those_of_their_sentences(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    index = Index(study.index_file())
    where = codes.layout()
    every = [
        text[start:end]
        for text, starts, ends in zip(*(index.contexts()[i] for i in (3, 1, 2)), strict=True)
        for start, end in zip(starts[1:], ends[1:], strict=True)
    ]
    first, last = int(where.begins[2]) - 3, int(where.begins[4]) + 2
    assert heat.token_texts(index, (first, last)) == [heat.visible(text).replace("\n", "") for text in every[first:last]]
