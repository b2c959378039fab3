"""The start page, and the histogram of how often features fire."""

import math

import pytest

from app import start
from app.codes import frequencies
from bae.index.query import Index


def said(app) -> str:
    return " ".join(element.value for kind in ("markdown", "error", "info", "warning", "caption") for element in getattr(app, kind))


def test_it_shows_a_feature_and_the_ways_in(study, open_page):
    app = open_page(study, "overview")
    assert not app.exception and "**A feature**" in said(app) and "guided example" in app.expander[0].label
    painted = [element.value for element in app.html if "background:rgb" in element.value]
    assert painted and not any("<script" in html or "<img" in html for html in painted)


def test_the_first_example_is_rare_and_its_first_word_stands_out_most(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    index = Index(study.index_file())
    best, chosen = 0.0, None
    for number in range(64):
        row = index.feature("bae", number)
        telling = row.words and len(row.words[0]) >= start.TELLING and all(letter.isalpha() for letter in row.words[0])
        if telling and row.rate <= 0.02 and row.top_count > 5 and row.word_scores[0] > best:
            best, chosen = row.word_scores[0], number
    assert start.clearest(index, "bae").feature == chosen
    assert index.telling("bae", 0.0, start.TELLING) == [], "negative control: none is so rare"


def test_searching_from_it_leads_to_the_search_page(study, open_page):
    app = open_page(study, "overview")
    app.text_input(key="start-search").input("the sea").run()
    assert not app.exception and app.title[0].value == "Search" and app.query_params["q"] in ("the sea", ["the sea"])


@pytest.mark.parametrize("rate", [1.0, 0.999, 0.1, 0.1001, 0.0999, 1e-5, 10**-0.25, 10**-0.75, 7.3e-4])
def test_a_rate_lies_in_its_bin(rate):
    number = frequencies.place(rate)
    assert frequencies.edge(number) <= rate < frequencies.edge(number + 1) or (rate == 1 and number == -1)
    assert math.isclose(frequencies.edge(number + 1) / frequencies.edge(number), 10**0.25)


@pytest.mark.parametrize("definition", ["rate", "top_rate"])
def test_every_feature_is_behind_one_bar(study, open_page, definition):
    index = Index(study.index_file())
    rates = index.column("bae", definition)
    bins = {"never" if rate == 0 else str(frequencies.place(rate)) for rate in rates}
    counted = 0
    for one in bins:
        app = open_page(study, "features", ae="bae", of=definition, bin=one)
        assert not app.exception and "Only features that" in said(app)
        caption = next(element.value for element in app.caption if "features, " in element.value)
        counted += int(caption.split(" features")[0].replace(",", ""))
    assert counted == len(rates)
    assert len(bins) > 1, "negative control: one bar would hold them all"


@pytest.mark.parametrize(("name", "value"), [("bin", "99"), ("bin", "<b>"), ("of", "x"), ("over", "nope")])
def test_a_wrong_address_is_named(study, open_page, name, value):
    app = open_page(study, "features", ae="bae", **{name: value})
    assert not app.exception and len(app.warning) == 1 and name in app.warning[0].value


def test_others_are_laid_over(study, open_page):
    app = open_page(study, "features", ae="bae", over="topk,bae-deep")
    assert not app.exception and "`topk`" in said(app).replace("` ", "`").replace(" `", "`") and "bae-deep" in said(app)
