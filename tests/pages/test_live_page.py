"""Live text beyond one text under one dictionary: several at once, output of the model, bits, two texts, a file of texts."""

import json
import math
import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
import streamlit as st
import torch
from small_study import HOSTILE, N_FEATURES
from streamlit.testing.v1 import AppTest
from test_pages import said

from app import services
from app.live import continuing as live_continue
from app.live import text_set as live_set
from app.live import two_texts as live_two
from app.live.box import EXAMPLES
from app.services import texts, turns
from bae.autoencoder import KINDS, checkpoint
from bae.features.magnitude import Prior
from bae.index.query import Index
from bae.measures import fit
from bae.model.generation import GenerationConfig, generate
from bae.model.language_model import LanguageModel
from bae.notebook.database import Notebook
from bae.notebook.text_sets import TextSet, TextSets
from bae.reading.inspection import Inspection, inspect
from bae.reading.painting import Cost, View, paint

TEXT = "The naval ship left the harbor in winter."
MODES = ("one", "several", "two", "file")


def kept(study, text: str = TEXT, typed: int | None = None) -> str:
    return Notebook(study.notebook_file).keep_text(text, typed)


def kept_set(study, *bodies: str, name: str = "a.txt") -> str:
    return TextSets(Notebook(study.notebook_file)).keep(TextSet(name, bodies))


def lines(app, number: int = 0) -> list[dict]:
    """What a painted text was given: a line a dictionary."""
    return json.loads(app.get("bidi_component")[number].proto.json)["lines"]


def locked(app, number: int = 0) -> int | None:
    return json.loads(app.get("bidi_component")[number].proto.json)["locked"]


def table(app, column: str):
    """The table that has a column."""
    return next(frame.value for frame in app.dataframe if column in frame.value)


def address(app, name: str) -> str | None:
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def dense(ae: str, text: str = TEXT) -> Inspection:
    """A text as it is read, with its whole codes."""
    lens, _ = services.reading.judged_lens(ae, str(services.index().file))
    return inspect(services.language_model(), {ae: lens}, text)[ae]


# the modes


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_runs_clean_with_and_without_an_index(open_page, study, bare_study, mode):
    for one in (study, bare_study):
        app = open_page(one, "text", mode=mode)
        assert not app.exception and not app.error and not app.warning


def test_the_address_implies_the_mode(open_page, study):
    for param, mode in (("also", "several"), ("text2", "two"), ("set", "file")):
        value = {"also": "topk", "text2": kept(study), "set": kept_set(study, TEXT)}[param]
        app = open_page(study, "text", **{param: value})
        assert app.button_group(key="url:mode").value == mode and not app.warning
    assert open_page(study, "text").button_group(key="url:mode").value == "one"


@pytest.mark.parametrize(
    "params, allowed",
    [
        ({"mode": "three"}, "several"),
        ({"also": "topk,nobody"}, "bae-deep"),
        ({"text2": "unknown"}, "kept in this workspace"),
        ({"set": "unknown"}, "read in this workspace"),
        ({"paint": "<b>"}, "bits"),
        ({"more": "9999"}, "120"),
        ({"temperature": "-1"}, "0.7"),
        ({"seed": "x"}, "999999"),
        ({"mode": "two", "token2": "999"}, "a whole number from 0"),
    ],
)
def test_a_wrong_address_is_named(open_page, study, params, allowed):
    app = open_page(study, "text", **params)
    assert not app.exception and len(app.warning) == 1 and allowed in app.warning[0].value, said(app)


@pytest.mark.parametrize("mode", ["several", "two"])
@pytest.mark.parametrize("text", [HOSTILE, "\U0001f642 שלום \u202e a\x00b\u200b", "word " * 20_000])
def test_any_text_is_read_in_every_mode(open_page, study, mode, text):
    app = open_page(study, "text", mode=mode, text=kept(study, text), text2=kept(study, text))
    assert not app.exception and not app.error
    html = "".join(element.value for element in app.html)
    assert "<img" not in html and "<script" not in html


@pytest.mark.parametrize("mode", ["one", "several", "two"])
def test_no_text_and_too_long_a_text_are_sentences(open_page, study, mode):
    blank = open_page(study, "text", mode=mode, text="", text2="")
    assert not blank.exception and "type at least one word" in said(blank)
    long = open_page(study, "text", mode=mode, text=kept(study, "word " * 50_000))
    assert not long.exception and "at most 200,000" in said(long)


# several dictionaries


def test_one_pass_reads_for_all_dictionaries(open_page, study, monkeypatch):
    passes = []
    whole = LanguageModel.hidden_states
    monkeypatch.setattr(
        LanguageModel, "hidden_states", lambda self, ids, layers, *more: passes.append(layers) or whole(self, ids, layers, *more)
    )
    app = open_page(study, "text", ae="bae", also="bae-deep,topk", text=kept(study))
    assert not app.exception and [sorted(set(layers)) for layers in passes] == [[2, 3]]
    alone = [lines(open_page(study, "text", ae=name, text=kept(study)))[0] for name in ("bae", "bae-deep", "topk")]
    assert len(passes) == 4, "negative control: three pages are three passes"
    assert [line["tokens"] for line in lines(app)] == [line["tokens"] for line in alone]
    assert [line["title"].split(" · ")[1] for line in lines(app)] == ["bae", "bae-deep", "topk"]
    assert [line["unit"] for line in lines(app)] == ["bits", "bits", ""]


def test_a_locked_token_is_locked_in_all_and_its_features_are_listed_of_each(open_page, study):
    app = open_page(study, "text", ae="bae", also="topk", text=kept(study), token="3")
    assert locked(app) == 3 and "position" in said(app)
    found = table(app, "dictionary")
    assert set(found["dictionary"]) == {"bae", "topk"}
    for line, name in zip(lines(app), ("bae", "topk"), strict=True):
        token = next(token for token in line["tokens"] if token[1] == 3)
        assert found.loc[found["dictionary"] == name, "feature"].tolist() == [feature for feature, _ in token[5]][:5]


def test_more_dictionaries_than_are_read_at_once_are_refused(open_page, study, monkeypatch):
    monkeypatch.setattr("app.live.several.MOST_TOGETHER", 2)
    app = open_page(study, "text", ae="bae", also="bae-deep,topk")
    assert "at most 1 further" in app.warning[0].value and len(lines(app)) == 2
    with pytest.raises(ValueError, match="at most 5 dictionaries"):
        services.reading.read_together(list("abcdef"), TEXT)


def test_another_page_can_paint_side_by_side_each_with_its_feature(study, monkeypatch):
    def page():
        from app import services
        from app.live import several as live_several

        live_several.painted_side_by_side(["topk", "bae"], "The naval ship left.", services.index(), features={"bae": 3})

    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    first, second = lines(app)
    assert "feature" not in first["title"] and second["title"].endswith("feature 3")
    assert all(token[4].startswith("feature 3: ") for token in second["tokens"])
    assert not any(token[4] for token in first["tokens"]) and [t[:2] for t in first["tokens"]] == [t[:2] for t in second["tokens"]]


def test_further_dictionaries_are_kept_in_the_address(open_page, study):
    app = open_page(study, "text", mode="several", ae="bae")
    assert len(lines(app)) == 3, "two are shown until somebody chooses"
    app.multiselect(key="url:also").set_value(["topk"]).run()
    assert address(app, "also") == "topk" and len(lines(app)) == 2
    app.multiselect(key="url:also").set_value([]).run()
    assert address(app, "also") == "" and len(lines(app)) == 1 and "Choose further dictionaries" in said(app)


# a checkpoint that was replaced


@pytest.fixture
def retrained(study, tmp_path, tiny_llama):
    """A study whose `topk` was trained anew after the index was built, with fewer features."""
    shutil.copytree(study.folder, tmp_path / "study")
    found = type(study).open(tmp_path / "study")
    autoencoder, provenance = checkpoint.load(found.autoencoder_folder("topk"))
    smaller = KINDS["topk"](len(autoencoder.scaling.mean), N_FEATURES - 8, autoencoder.scaling, k=4, seed=9)
    smaller.prior = Prior(*(getattr(autoencoder.prior, name)[8:] for name in ("rate", "mean", "deviation")), tokens=9)
    checkpoint.save(smaller, replace(provenance, seed=9), found.autoencoder_folder("topk"))
    fit.keep(found.fits_file, {"topk": fit.Fit(0.3, 0.3, 100, fit.mark(found.autoencoder_folder("topk")))})
    return found


@pytest.mark.parametrize("mode", MODES)
def test_a_checkpoint_replaced_since_the_index_is_judged_by_itself(open_page, retrained, mode):
    app = open_page(retrained, "text", mode=mode, ae="topk", also="bae", set=kept_set(retrained, TEXT), feature="3", token="3")
    assert not app.exception and not app.error
    (warned,) = app.warning
    assert "topk ` was replaced since the index was built" in warned.value
    told = services.read("topk", TEXT)
    own = services.lenses().usable["topk"].autoencoder.prior
    assert told.rate == own.rate.tolist() and len(told.rate) == N_FEATURES - 8
    assert not any("summary" in frame.value for frame in app.dataframe), "words of the index are those of other features"
    assert not any("Open its page" in link.proto.label for link in app.get("page_link"))
    for number in range(len(app.get("bidi_component"))):
        assert lines(app, number)[0]["tokens"] and not json.loads(app.get("bidi_component")[number].proto.json)["lines"][0].get("names")
    fine = open_page(retrained, "text", mode=mode, ae="bae", also="bae-deep", set=kept_set(retrained, TEXT), feature="3")
    assert not fine.warning and services.read("bae", TEXT).rate != services.lenses().usable["bae"].autoencoder.prior.rate.tolist()


def test_the_box_on_the_page_of_a_feature_does_not_paint_another_one(open_page, retrained):
    app = open_page(retrained, "feature", ae="topk", feature="3", text=kept(retrained))
    assert not app.exception and "another than the one on this page" in said(app)
    assert "another than the one" not in said(open_page(retrained, "feature", ae="bae", feature="3", text=kept(retrained)))


# what is kept


def test_readings_are_kept_up_to_a_size(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    monkeypatch.setattr("app.services.reading.KEPT_BYTES", 3 * services.read("bae", TEXT).size // 2)
    st.cache_resource.clear()
    first = services.read("bae", TEXT)
    assert services.read("bae", TEXT) is first
    second = services.read("bae", TEXT + " A")
    assert services.read("bae", TEXT + " A") is second and services.read("bae", TEXT) is not first


# output of the model


def test_output_is_appended_painted_and_kept(open_page, study, tiny_llama):
    model = LanguageModel.load(str(tiny_llama))
    expected = "".join(generate(model, TEXT, GenerationConfig(20, 0.7, 5)))
    app = open_page(study, "text", text=kept(study), more="20", temperature="0.7", seed="5", token="3")
    assert not any(token[6] for token in lines(app)[0]["tokens"])
    next(button for button in app.button if button.label == "Continue").click().run()
    assert not app.exception and not app.error
    name = address(app, "text")
    notebook = Notebook(study.notebook_file)
    assert notebook.text(name) == TEXT + expected and notebook.typed(name) == len(TEXT)
    assert app.text_area(key="typed").value == TEXT + expected and locked(app) == 3
    assert "written by the language model" in said(app)
    again = open_page(study, "text", text=name)
    marks = [(token[0], token[6]) for token in lines(again)[0]["tokens"]]
    assert [text for text, output in marks if not output] == [
        token[0] for token in lines(open_page(study, "text", text=kept(study)))[0]["tokens"]
    ]
    next(button for button in again.button if button.label == "Take the output away").click().run()
    assert again.text_area(key="typed").value == TEXT and address(again, "text") == kept(study)


def test_the_same_words_typed_are_not_marked(open_page, study):
    """Negative control of the mark: a text is another one where a person wrote all of it."""
    ours, whole = kept(study, TEXT + " Yes.", len(TEXT)), kept(study, TEXT + " Yes.")
    assert ours != whole and kept(study, TEXT + " Yes.", len(TEXT)) == ours
    assert any(token[6] for token in lines(open_page(study, "text", text=ours))[0]["tokens"])
    assert not any(token[6] for token in lines(open_page(study, "text", text=whole))[0]["tokens"])


def test_what_was_written_until_it_was_stopped_stays(open_page, study):
    app = open_page(study, "text", text=kept(study))
    app.session_state[live_continue.WRITTEN] = (kept(study), TEXT, len(TEXT), " half a")
    app.run()
    assert app.text_area(key="typed").value == TEXT + " half a"
    assert Notebook(study.notebook_file).typed(address(app, "text")) == len(TEXT)


def test_a_text_typed_meanwhile_is_not_lost_to_the_output(open_page, study):
    app = open_page(study, "text", text=kept(study, "another text"))
    app.session_state[live_continue.WRITTEN] = (kept(study), TEXT, len(TEXT), " half a")
    app.run()
    assert app.text_area(key="typed").value == "another text"


def test_the_lock_is_free_after_writing_and_after_a_failure(open_page, study, monkeypatch):
    def fails(*_):
        raise ValueError("the text has 9 tokens and the model reads 8")

    app = open_page(study, "text", text=kept(study), more="20")
    next(button for button in app.button if button.label == "Continue").click().run()
    assert not services.model_turns.locked()
    monkeypatch.setattr("bae.model.generation.generate", fails)
    before = address(app, "text")
    next(button for button in app.button if button.label == "Continue").click().run()
    assert "Nothing was written: the text has 9 tokens" in app.error[0].value and address(app, "text") == before
    assert not services.model_turns.locked() and not app.exception


def continued(app):
    return next(button for button in app.button if button.label == "Continue").click().run()


@contextmanager
def somebody_else(seconds: float = math.inf):
    """Another person has the turn of the model, for so long or until the block ends."""
    has_it, over = threading.Event(), threading.Event()

    def work() -> None:
        with services.model_turns.turn(1.0):
            has_it.set()
            over.wait(min(seconds, 60))

    other = threading.Thread(target=work)
    other.start()
    assert has_it.wait(10)
    yield
    over.set()
    other.join(10)


@pytest.mark.parametrize("seconds", [0.0, 1.2])
def test_whoever_waits_is_told_how_many_come_before(open_page, study, monkeypatch, seconds):
    told, whole = [], turns.told
    monkeypatch.setattr(turns, "told", lambda standing: told.append(whole(standing)) or told[-1])
    app = open_page(study, "text", text=kept(study), more="20")
    with somebody_else(seconds):
        continued(app)
    assert not app.exception and not app.error and "written by the language model" in said(app)
    assert ("1 other is before you" in "".join(told)) is (seconds > 0), "a moment is not worth a message"
    assert not any("before you" in caption.value for caption in app.caption), "it goes when the turn comes"


def test_a_reading_waits_too_and_says_so(open_page, study, monkeypatch):
    told, whole = [], turns.told
    monkeypatch.setattr(turns, "told", lambda standing: told.append(whole(standing)) or told[-1])
    app = open_page(study, "text", text=kept(study))
    app.query_params["text"] = kept(study, TEXT + " Another one.")
    with somebody_else(1.2):
        app.run()
    assert not app.exception and lines(app)[0]["tokens"] and told


def test_a_full_queue_is_said_and_the_page_stays(open_page, study, monkeypatch):
    app = open_page(study, "text", text=kept(study))
    monkeypatch.setenv("BAE_MAX_WAITING", "0")
    with somebody_else():
        continued(app)
        assert "Nothing was written: the queue is full" in app.error[0].value and lines(app)[0]["tokens"]
        app.query_params["text"] = kept(study, TEXT + " Yet another.")
        app.run()
        assert "the queue is full" in said(app) and not app.exception
    assert lines(app.run())[0]["tokens"] and not services.model_turns.locked()


def test_a_text_longer_than_is_allowed_is_not_written_on_from(open_page, study, monkeypatch):
    monkeypatch.setenv("BAE_MAX_PROMPT_CHARACTERS", "9")
    app = continued(open_page(study, "text", text=kept(study)))
    assert "write on from at most 9" in app.error[0].value and address(app, "text") == kept(study)


@pytest.mark.parametrize(("most", "lengths"), [("9", ["9 tokens"]), ("60", ["20 tokens", "60 tokens"])])
def test_no_more_tokens_are_offered_than_are_allowed(open_page, study, monkeypatch, most, lengths):
    monkeypatch.setenv("BAE_MAX_NEW_TOKENS", most)
    app = open_page(study, "text", text=kept(study), more="120")
    assert app.button_group(key="url:more").options == lengths and "more = ` 120 `" in app.warning[0].value
    assert not continued(app).error


def test_a_limit_that_is_no_number_is_named(open_page, study, monkeypatch):
    monkeypatch.setenv("BAE_MAX_NEW_TOKENS", "lots")
    app = open_page(study, "text", text=kept(study))
    assert not app.exception and "BAE_MAX_NEW_TOKENS is a whole number from 1 to 100,000" in said(app)


def test_a_model_that_ends_at_once_is_said(open_page, study, monkeypatch):
    monkeypatch.setattr("bae.model.generation.generate", lambda *_: (piece for piece in [""]))
    app = open_page(study, "text", text=kept(study))
    next(button for button in app.button if button.label == "Continue").click().run()
    assert "ended the text at once" in said(app) and address(app, "text") == kept(study)


# description length


def test_bits_are_those_of_the_index(open_page, study):
    app = open_page(study, "text", ae="bae", paint="bits", text=kept(study))
    index = Index(study.index_file())
    tokens = index.dictionaries()["bae"].tokens
    q = [(rate * tokens + 0.5) / (tokens + 1) for rate in index.column("bae", "rate")]
    inspection = dense("bae")
    expected = [-sum(math.log2(1 - abs(h - p)) for h, p in zip(row, q, strict=True)) for row in inspection.code.tolist()]
    for _, position, kind, heat, note, *_ in lines(app)[0]["tokens"]:
        assert kind == "bits" and 0 < heat <= 1 and note.startswith(f"this token took {expected[position]:,.0f} bits (usual: ")
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["This text (bits)"] == f"{sum(expected[1:]):,.0f}"
    assert shown["Bits a token"] == f"{sum(expected[1:]) / (len(expected) - 1):,.1f}"
    other = open_page(study, "text", ae="bae-deep", paint="bits", text=kept(study))
    assert lines(other)[0]["tokens"][0][4] != lines(app)[0]["tokens"][0][4], "negative control: another dictionary, other bits"


def test_bits_are_not_offered_where_a_dictionary_has_none(open_page, study):
    for params in ({"ae": "topk"}, {"ae": "bae", "also": "topk"}):
        app = open_page(study, "text", paint="bits", text=kept(study), **params)
        switch = app.button_group(key="url:paint")
        assert switch.disabled and "only a BAE has one" in switch.help and not app.metric and not app.warning
        assert not any(token[2] == "bits" for line in lines(app) for token in line["tokens"])
    app = open_page(study, "text", ae="bae", also="bae-deep", paint="bits", text=kept(study))
    assert {token[2] for line in lines(app) for token in line["tokens"]} == {"bits"}


def test_a_chosen_feature_is_painted_rather_than_bits(open_page, study):
    app = open_page(study, "text", ae="bae", paint="bits", feature="3", text=kept(study))
    assert "feature 3" in said(app) and not any(token[2] == "bits" for token in lines(app)[0]["tokens"])


def test_a_character_of_several_tokens_is_painted_by_their_mean(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    lens = services.lenses().usable["bae"]
    inspection = inspect(services.language_model(), {"bae": lens}, "a\U0001f642")["bae"]
    n = len(inspection.tokens.ids)
    assert n > 3
    cost = Cost([1000.0, 10.0, *(float(20 + 10 * place) for place in range(n - 2))], 50.0)
    first, emoji = paint(inspection, lens.autoencoder.prior.rate.tolist(), View(bits=True), cost=cost)
    mean = sum(cost.bits[2:]) / (n - 2)
    assert first.note == "this token took 10 bits (usual: 50)" and first.heat == pytest.approx(10 / 150)
    assert emoji.note == f"its {n - 2} tokens took {mean:,.0f} bits each (usual: 50)" and emoji.heat == pytest.approx(mean / 150)


# two texts


@pytest.mark.parametrize("ae", ["bae", "topk"])
def test_the_difference_is_what_a_loop_finds(open_page, study, ae):
    app = open_page(study, "text", ae=ae, text=kept(study), text2=kept(study, "Senate vote bill law."))
    assert not app.exception and len(app.get("bidi_component")) == 2
    found = table(app, "share_difference")
    shares = []
    for text in (TEXT, "Senate vote bill law."):
        inspection = dense(ae, text)
        on = inspection.lens.magnitude.activated(inspection.code)
        shares.append({f: sum(on[t, f].item() for t in range(1, len(on))) / (len(on) - 1) for f in range(N_FEATURES)})
    assert {f for share in shares for f, value in share.items() if value} == set(found["feature"])
    for row in found.itertuples():
        a, b = (100 * share[row.feature] for share in shares)
        assert (row.share_a, row.share_b, row.share_difference) == pytest.approx((a, b, a - b), abs=1e-4)
    sizes = found["share_difference"].abs().tolist()
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0
    same = live_two.differences(*[services.read(ae, TEXT)] * 2, [True] * N_FEATURES)
    assert not same["share_difference"].any(), "negative control: a text does not differ from itself"


def test_each_text_has_its_box_and_its_lock(open_page, study):
    app = open_page(study, "text", mode="two", token="2", token2="3")
    assert (locked(app, 0), locked(app, 1)) == (2, 3)
    app.text_area(key="typed2").set_value("a secret film").run()
    assert not app.exception and app.text_area(key="typed").value == EXAMPLES["Address"]
    assert Notebook(study.notebook_file).text(address(app, "text2")) == "a secret film" and address(app, "token2") is None
    assert address(app, "token") == "2" and "secret" not in str(dict(app.query_params))


# a file of texts

BODIES = (TEXT, "Senate vote bill law.", HOSTILE, "\U0001f642")


def test_the_features_of_a_set_are_what_a_loop_finds(open_page, study):
    app = open_page(study, "text", ae="topk", set=kept_set(study, *BODIES))
    assert not app.exception and not app.error and "4 texts" in said(app)
    found = table(app, "in_texts").set_index("feature")
    inspections = [dense("topk", text) for text in BODIES]
    total = sum(len(one.code) - 1 for one in inspections)
    for feature in range(N_FEATURES):
        counts = [int((one.code[1:, feature] != 0).sum()) for one in inspections]
        assert (feature in found.index) == any(counts)
        if any(counts):
            row = found.loc[feature]
            assert row["in_texts"] == sum(count > 0 for count in counts) and row["share"] == pytest.approx(
                100 * sum(counts) / total, rel=1e-4
            )
            assert row["times"] == pytest.approx(row["share"] / row["density"])
    assert found["in_texts"].tolist() == sorted(found["in_texts"], reverse=True)
    assert table(app, "number")["text"].tolist() == list(BODIES)
    less = table(open_page(study, "text", ae="topk", set=kept_set(study, *BODIES[:2])), "in_texts")
    assert less["in_texts"].max() <= 2, "negative control: another set, other figures"


def test_a_feature_of_a_set_lists_the_texts_that_it_stands_out_in(open_page, study):
    name = kept_set(study, *BODIES)
    rare = int(table(open_page(study, "text", ae="topk", set=name), "in_texts")["feature"].iloc[-1])
    app = open_page(study, "text", ae="topk", set=name, feature=str(rare))
    listed = table(app, "number")
    assert 0 < len(listed) < len(BODIES) and (listed["stands_out"] > 0).all()
    assert f"feature {rare}" in said(app)


def test_a_click_opens_a_text_and_the_set_stays_in_the_address(open_page, study):
    name = kept_set(study, *BODIES)
    app = open_page(study, "text", ae="topk", set=name)
    app.session_state["set-texts:None"] = {"selection": {"rows": [], "columns": [], "cells": [[1, "text"]]}}
    app.run()
    assert not app.exception and app.text_area(key="typed").value == BODIES[1]
    assert address(app, "set") == name and address(app, "mode") == "one"


def test_an_uploaded_file_becomes_a_set(open_page, study):
    app = open_page(study, "text", mode="file")
    assert "Choose a file above" in said(app)
    app.file_uploader(key="upload").upload("<b>`x`.csv", f'text\n"{TEXT}"\nsecond\n\n'.encode()).run()
    assert not app.exception and not app.error
    found = TextSets(Notebook(study.notebook_file)).get(address(app, "set"))
    assert found.texts == (TEXT, "second") and found.skipped == 1 and "1 empty" in said(app)


@pytest.mark.parametrize(
    "name, data, reason",
    [
        ("a.txt", b"\x00\x01", "is not text"),
        ("a.txt", b" \n", "holds no text"),
        ("a.csv", b"id\n1\n", "columns are id"),
        ("a.txt", b"caf\xe9", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_leaves_nothing(open_page, study, name, data, reason):
    app = open_page(study, "text", set=kept_set(study, *BODIES))
    app.file_uploader(key="upload").upload(name, data).run()
    assert not app.exception and reason in app.error[0].value and address(app, "set") is None


def test_a_set_is_read_on_where_it_was_left(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    monkeypatch.setattr("bae.reading.text_set.BATCH_TOKENS", 8)
    name = kept_set(study, *BODIES)
    reading, _ = texts.set_reading("bae", name)
    texts.advance(reading)
    done = reading.done
    again, _ = texts.set_reading("bae", name)
    assert again is reading and 0 < done < reading.total and not reading.finished
    while not again.finished:
        texts.advance(again)
    assert again.done == again.total and not services.model_turns.locked()
    rows = live_set.text_rows(texts.text_set(name), again, None)
    assert rows["bits"].between(0, math.inf).all() and torch.equal(
        again.shares.texts <= len(BODIES), torch.ones(N_FEATURES, dtype=torch.bool)
    )
