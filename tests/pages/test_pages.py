"""Every page through the registry: with an index, without one, with an address that asks for what is not there, with hostile text."""

import re

import pytest
from small_study import HOSTILE, N_FEATURES
from streamlit.testing.v1 import AppTest

from app import navigation, services
from app.live.box import EXAMPLES
from bae.notebook.database import Notebook

TITLES = {
    "overview": "BAE Explorer",
    "text": "Live text",
    "search": "Search",
    "features": "Features",
    "feature": "Feature",
    "map": "Map",
    "query": "Query",
    "labels": "Labels",
    "kept": "Kept",
    "heatmap": "Heat map",
    "match": "Dictionary against dictionary",
    "compare": "Compare",
    "training": "Training",
    "steer": "Playground",
    "dose": "Dose and response",
    "movies": "Movie reviews",
    "entropy": "Entropy",
    "reproduction": "Reproduction",
    "compression": "Compression",
}
NEEDS_NO_INDEX = {"training", "compare", "movies", "entropy", "compression", "reproduction"}


def said(app) -> str:
    """Everything that a page says in words."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.html)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


@pytest.mark.parametrize("name", navigation.PAGES)
def test_every_page_runs_clean_with_an_index(open_page, study, name):
    app = open_page(study, name)
    assert not app.exception
    assert app.title[0].value.startswith(TITLES[name])
    assert not app.error and not app.warning


@pytest.mark.parametrize("name", navigation.PAGES)
def test_every_page_runs_clean_without_an_index(open_page, bare_study, name):
    app = open_page(bare_study, name)
    assert not app.exception and not app.error
    assert ("There is no index yet" in said(app)) == (name not in NEEDS_NO_INDEX)


def test_every_page_file_is_registered():
    assert {navigation.page_file(name) for name in navigation.PAGES} == set(navigation.FOLDER.glob("*.py"))


def test_a_broken_page_is_noticed(open_page, study, monkeypatch):
    """Negative control: the checks above go red when a page fails."""
    monkeypatch.setattr(services, "lenses", lambda: 1 / 0)
    assert open_page(study, "text").exception


@pytest.mark.parametrize(
    "name, params, allowed",
    [
        ("features", {"ae": "nothing"}, "bae-deep"),
        ("feature", {"ae": "nothing"}, "bae-deep"),
        ("text", {"ae": "<b>nothing</b>"}, "bae-deep"),
        ("feature", {"ae": "bae", "feature": str(N_FEATURES)}, f"0 to {N_FEATURES - 1}"),
        ("feature", {"ae": "bae", "feature": "-1"}, f"0 to {N_FEATURES - 1}"),
        ("feature", {"ae": "bae", "feature": "9" * 5000}, f"0 to {N_FEATURES - 1}"),
        ("text", {"feature": "³"}, f"0 to {N_FEATURES - 1}"),
        ("text", {"text": "unknown"}, "kept in this workspace"),
        ("text", {"token": "99999"}, "a whole number from 0"),
        ("features", {"sort": "feature; drop table feature"}, "density"),
        ("features", {"page": "77"}, "1 to 2"),
        ("features", {"active": "maybe"}, "0"),
        ("text", {"density": "-3"}, "100"),
    ],
)
def test_a_wrong_address_is_named_with_what_is_allowed(open_page, study, name, params, allowed):
    app = open_page(study, name, **params)
    assert not app.exception
    assert len(app.warning) == 1 and allowed in app.warning[0].value, said(app)
    assert "not there" in app.warning[0].value and len(app.warning[0].value) < 2000


def test_the_address_is_followed(open_page, study):
    app = open_page(study, "feature", ae="topk", feature="7")
    assert app.title[0].value == "Feature 7" and not app.warning
    assert app.selectbox(key="url:ae").value == "topk"


def test_next_previous_and_random_lead_to_features(open_page, study):
    app = open_page(study, "feature", ae="topk", feature="7")
    for label in ("Next", "Previous", "Random"):
        before = app.title[0].value
        app = next(button for button in app.button if button.label == label).click().run()
        assert not app.exception and re.fullmatch(r"Feature \d+", app.title[0].value)
        assert label == "Random" or app.title[0].value != before


def test_a_typed_text_is_kept_and_stays_out_of_the_address(open_page, study):
    app = open_page(study, "text")
    app.text_area(key="typed").set_value("the naval harbor of a secret").run()
    name = app.query_params["text"][0] if isinstance(app.query_params["text"], list) else app.query_params["text"]
    assert "secret" not in str(dict(app.query_params)) and not app.exception
    assert Notebook(study.notebook_file).text(name) == "the naval harbor of a secret"
    again = open_page(study, "text", text=name, token="2", ae="bae", feature="3")
    assert again.text_area(key="typed").value == "the naval harbor of a secret"
    assert "feature 3" in said(again) and "position 2" in said(again) and not again.warning


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "🙂👩‍👩‍👧‍👦 family",
        "שלום עולם and مرحبا",
        "zero\u200bwidth\u200d\ufeff \u202eoverride",
        "a\x00b\x07c",
        "line\n\n\tbreak\r\n",
        "word " * 20_000,
    ],
)
@pytest.mark.parametrize("ae", ["bae", "topk"])
def test_any_text_is_read(open_page, study, text, ae):
    name = Notebook(study.notebook_file).keep_text(text)
    app = open_page(study, "text", text=name, ae=ae, start="1")
    assert not app.exception and not app.error
    if len(text) > 50_000:
        assert "4,095 tokens were read" in said(app)
    else:
        assert not app.warning


@pytest.mark.parametrize("text", ["", "   \n\u200a"])
def test_no_text_is_answered_with_what_to_do(open_page, study, text):
    app = open_page(study, "text")
    app.text_area(key="typed").set_value(text).run()
    assert not app.exception and "type at least one word" in said(app) and "example" in said(app)


def test_far_too_long_a_text_is_refused_in_a_sentence(open_page, study):
    name = Notebook(study.notebook_file).keep_text("word " * 50_000)
    assert "at most 200,000" in said(open_page(study, "text", text=name))


def test_examples_fill_the_box(open_page, study):
    app = open_page(study, "text")
    app.button(key="example:Code").click().run()
    assert app.text_area(key="typed").value == EXAMPLES["Code"] and not app.exception


def test_the_off_switch_shows_only_where_a_feature_bursts_by_silence(open_page, study):
    labels = {ae: {toggle.label for toggle in open_page(study, "text", ae=ae).toggle} for ae in ("bae", "topk")}
    assert "Off-bursts" in labels["bae"] and "Off-bursts" not in labels["topk"]


def test_off_bursts_have_a_group_of_their_own(open_page, study):
    pages = {feature: open_page(study, "feature", ae="bae", feature=feature, contexts="off") for feature in ("0", "9")}
    assert not pages["0"].warning and "orange" in said(pages["0"])
    assert "contexts" in pages["9"].warning[0].value, "negative control: a bit that is usually off has no such group"


def test_the_density_slider_hides_features(open_page, study):
    rows = [len(open_page(study, "text", ae="bae", density=density).dataframe[0].value) for density in ("100", "5")]
    assert rows[0] > rows[1]


def test_features_are_filtered_and_paged(open_page, study):
    whole = open_page(study, "features", ae="bae").dataframe[0].value
    second = open_page(study, "features", ae="bae", page="2").dataframe[0].value
    assert len(whole) == 50 and len(second) == N_FEATURES - 50 and not set(whole["feature"]) & set(second["feature"])
    found = open_page(study, "features", ae="bae", q="harbor").dataframe[0].value
    assert 0 < len(found) < 50
    assert "No feature fits" in said(open_page(study, "features", ae="bae", q="' or 1=1 --"))


def test_a_click_in_the_table_leads_to_the_feature(open_page, study):
    app = open_page(study, "features", ae="bae")
    wanted = int(app.dataframe[0].value["feature"].iloc[3])
    app.session_state["features-table"] = {"selection": {"rows": [], "columns": [], "cells": [[3, "summary"]]}}
    app.run()
    assert app.title[0].value == f"Feature {wanted}"


def test_refused_checkpoints_are_listed_with_the_reason(open_page, study):
    text = said(open_page(study, "overview"))
    assert "stranger" in text and "whose weights differ" in text


def test_a_folder_that_is_no_study_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("BAE_WORKSPACE", str(tmp_path))
    app = AppTest.from_file(str(navigation.FOLDER.parent / "app" / "main.py"), default_timeout=60).run()
    assert not app.exception and "holds no study" in said(app)


def test_corpus_text_is_escaped(open_page, study):
    for feature in map(str, range(0, N_FEATURES, 9)):
        app = open_page(study, "feature", ae="bae", feature=feature)
        html = "".join(element.value for element in app.html)
        assert "<img" not in html and "<script" not in html
        assert "javascript:alert" not in "".join(element.value for element in [*app.markdown, *app.caption, *app.title])
