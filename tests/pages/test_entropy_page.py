"""The page on entropy: a text's code lengths at every layer equal what the dictionaries say, and what cannot be read is told."""

import json
import math

import pytest

from app import services
from app.services import microscope
from bae.reading.inspection import inspect


def table(app) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def test_code_lengths_are_those_of_a_loop(study, open_page):
    app = open_page(study, "entropy")
    assert not app.exception
    text = "the naval ship of the senate"
    (one,) = [one for one in microscope.code_lengths(text) if one.dictionary == "bae"]
    rate, tokens = services.column(str(services.index().file), "bae", "rate"), services.index().dictionaries()["bae"].tokens
    code = inspect(services.language_model(), {"bae": services.lenses().usable["bae"]}, text)["bae"].code.tolist()
    for position, bits in enumerate(one.bits, start=1):
        total = 0.0
        for p, bit in zip(rate, code[position], strict=True):
            q = (p * tokens + 0.5) / (tokens + 1)
            total -= math.log2(q if bit else 1 - q)
        if bits is not None:
            assert bits == pytest.approx(total, rel=1e-5)
    assert len(one.read) > 2
    # control: another text costs otherwise
    assert microscope.code_lengths("film")[0].bits != one.bits


def test_the_page_draws_a_line_a_layer_and_names_it_code_length(study, open_page):
    app = open_page(study, "entropy")
    (chart,) = app.get("plotly_chart")
    assert len(json.loads(chart.proto.spec)["data"]) == len(microscope.dictionaries())
    assert "not an entropy" in " ".join(caption.value for caption in app.caption)
    assert "bae" in table(app) and "topk" not in table(app)


def test_nothing_to_read_is_said(study, open_page):
    app = open_page(study, "entropy", text="")
    assert not app.exception and not app.get("plotly_chart")
    assert app.error or app.info or app.warning


def test_a_wrong_view_is_named(study, open_page):
    app = open_page(study, "entropy", view="<script>")
    assert not app.exception
    assert any("view" in warning.value and "microscope" in warning.value for warning in app.warning)


def test_dictionaries_that_are_left_out_are_named(study, open_page, monkeypatch):
    app = open_page(study, "entropy")
    assert microscope.left_out() == [] and "Left out" not in " ".join(caption.value for caption in app.caption)
    monkeypatch.setattr(microscope, "_binary", lambda: ["bae", "bae-<b>", "bae-9"])
    monkeypatch.setattr(microscope, "MOST_TOGETHER", 1)
    app = open_page(study, "entropy")
    (told,) = [caption.value for caption in app.caption if "Left out" in caption.value]
    assert not app.exception and told.endswith("Left out: ` bae-<b> `, ` bae-9 `.")
