"""Foreign text stays text, on its way to HTML and to Markdown; stretches say what tokens say."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_study import HOSTILE

from app import charts
from app.codes import charts as code_charts
from app.codes import heat_charts
from app.components import tokens
from app.components.explain import MEANINGS
from app.components.url import code
from app.matching import charts as match_charts
from bae.index.heatmap import Block
from bae.index.query import Example
from bae.numbers import duration, percent
from bae.reading import painted_html as painted_html_module
from bae.reading.painted_html import KINDS, painted_html
from bae.reading.painting import Stretch, merged_spans, paint_example, visible, word_at

QUOTED = """it's "so" """
NASTY = ["<script>", "</span>", '" onmouseover="x', "'", "&lt;", "&#60;", "<!--", "]]>", "<style>", "\x00", "\u202e", "🙂", "`", "``"]
TEXT = st.lists(st.one_of(st.text(max_size=12), st.sampled_from([*NASTY, HOSTILE])), max_size=6).map("".join)
STRETCHES = st.lists(
    st.builds(Stretch, text=TEXT, token=st.integers(0, 9), kind=st.sampled_from(KINDS), heat=st.floats(0, 1), note=TEXT, bold=st.booleans())
)


class Reader(HTMLParser):
    """What a browser would make of HTML: its tags, its attributes, its text."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.tags.add("comment")

    handle_decl = handle_pi = unknown_decl = handle_comment


def only_text(stretches: list[Stretch]) -> bool:
    """Whether the HTML of these stretches holds nothing but spans of ours round their text."""
    read = Reader(painted_html(stretches))
    # HTML has no NUL: html.unescape gives the replacement sign, a browser drops it
    return read.tags == {"span"} and read.attributes <= {"style", "title", "dir"} and read.text == "".join(s.text for s in stretches)


@given(STRETCHES)
@settings(max_examples=300, deadline=None)
def test_painted_html_is_spans_and_text_whatever_the_text(stretches):
    assert only_text(stretches)


def test_the_property_notices_a_missing_escape(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(painted_html_module, "escape", lambda text: text)
    assert not only_text([Stretch(HOSTILE, 1)])
    assert not only_text([Stretch("a", 1, note='x" onclick="y')])


def test_styles_hold_numbers_of_ours_only():
    html = painted_html([Stretch("a", 1, "on", 0.5, bold=True)])
    assert re.search(r'style="background:rgb\(0 150 175/0\.35\);border-radius:3px;font-weight:700"', html)


def test_the_component_sets_text_only():
    script = (tokens._HERE / "tokens.js").read_text(encoding="utf-8")
    assert "textContent" in script
    for door in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser", "setHTML"):
        assert door not in script


def test_the_colours_of_html_and_component_are_the_same():
    css = (tokens._HERE / "tokens.css").read_text(encoding="utf-8")
    faint, depth = painted_html_module.FAINT, painted_html_module.DEPTH
    for kind, colour in painted_html_module.COLOURS.items():
        assert f".token.{kind} {{ background: rgb({colour} / calc({faint} + var(--heat) * {depth}))" in css


@given(TEXT)
@settings(deadline=None)
def test_markdown_code_cannot_be_left(text):
    fence, inside = re.fullmatch(r"(`+) (.*) \1", code(text), re.DOTALL).groups()
    assert all(len(run) < len(fence) for run in re.findall("`+", inside)) and "\n" not in inside


@given(TEXT)
@settings(deadline=None)
def test_what_cannot_be_seen_is_named(text):
    shown = visible(text)
    assert shown and all(letter in "\n\t" or letter.isprintable() or letter.isspace() for letter in shown)


@pytest.mark.parametrize("text, shown", [("\n", "↵\n"), ("a\u200bb", "a⟨200B⟩b"), ("\x00", "⟨0000⟩"), (" sea", " sea"), ("", "∅")])
def test_visible(text, shown):
    assert visible(text) == shown


def test_tokens_that_share_a_character_are_one_stretch():
    assert merged_spans([0, 0, 2, 2, 2, 3], [0, 2, 3, 3, 3, 5]) == [(0, 2, 1, 1), (2, 3, 2, 4), (3, 5, 5, 5)]


@pytest.mark.parametrize(
    "span, word", [((4, 8), "harbor,"), ((3, 8), "harbor,"), ((0, 3), "The"), ((8, 10), "harbor,"), ((12, 14), "fell")]
)
def test_word_at(span, word):
    text = "The harbor, fell"
    begin, end = word_at(text, *span)
    assert text[begin:end] == word


def example(**changes) -> Example:
    """A context of four tokens, the second of which is the peak."""
    told = {
        "band": "strongest", "rank": 0, "context_id": 0, "document": "d", "text": "The naval harbor fell",
        "starts": [0, 0, 3, 9, 16], "ends": [0, 3, 9, 16, 21], "dropped": [4], "peak": 3, "strength": 2.0,
        "positions": [2, 3], "strengths": [1.0, 2.0],
    }  # fmt: skip
    return Example(**{**told, **changes})


def test_a_context_is_painted_by_strength_with_its_peak_bold():
    kinds = [(s.text, s.kind, s.bold) for s in paint_example(example(), 2.0, usually_on=False)]
    assert kinds == [("The", "plain", False), (" naval", "on", False), (" harbor", "on", True), (" fell", "grey", False)]
    heats = [s.heat for s in paint_example(example(), 2.0, usually_on=False)]
    assert 0 == heats[0] < heats[1] < heats[2] == 1


def test_a_random_context_has_no_bold_word():
    assert not any(stretch.bold for stretch in paint_example(example(band="random", peak=1), 2.0, usually_on=False))


def test_a_bit_that_usually_fires_is_painted_where_it_is_silent():
    assert [s.kind for s in paint_example(example(), 2.0, usually_on=True)] == ["off", "plain", "plain", "grey"]


def test_foreign_text_of_a_chart_keeps_its_quotes_and_loses_its_tags():
    """plotly.js shows the entities of quotes as they are written."""
    assert charts.plotly_text(QUOTED + "<b>&lt;") == QUOTED + "&lt;b&gt;&amp;lt;"
    assert QUOTED in code_charts.shares([QUOTED], [1], [2], "tokens").data[0].customdata[0]
    point = match_charts.Point(1, 2, 0.5, 0.5, "split", QUOTED)
    assert QUOTED in match_charts.jaccard_and_cosine([point], None).data[0].customdata[0][1]
    one_cell = Block(np.ones((1, 1), np.float32), np.array([0, 1]), np.array([0, 1]))
    heat = heat_charts.magnitudes(one_cell, QUOTED, "bits", [QUOTED], [QUOTED])
    assert heat.layout.title.text == heat.layout.yaxis.ticktext[0] == QUOTED and heat.data[1].text[0].count(QUOTED) == 2


def test_rates_at_an_edge_are_counted_above_it():
    rates = [0.0, *(10 ** (number / 4) for number in range(-16, 1))]
    drawn = match_charts.rates(["a", "b"], [rates, [0.0]])
    # 1 is an edge too, and the last bin has it
    assert list(drawn.data[0].y) == [1] * 15 + [2] and not drawn.data[1].y


def test_strength_histogram_spans_the_strengths():
    bar = charts.strength_histogram([3, 1], 4.0, binary=True).data[0]
    assert tuple(bar.x) == (1.0, 3.0) and tuple(bar.y) == (3, 1) and bar.width == 2.0


@pytest.mark.parametrize("share, text", [(0, "0 %"), (0.0123, "1.2 %"), (0.5, "50 %"), (0.00012, "0.012 %"), (1e-7, "1e-05 %")])
def test_percent(share, text):
    assert percent(share) == text


def test_duration():
    assert [duration(seconds) for seconds in (4.4, 95, 7260)] == ["4 s", "1 min 35 s", "2 h 01 min"]


def test_every_meaning_is_a_sentence():
    assert all(meaning.definition.rstrip().endswith((".", "?")) for meaning in MEANINGS.values())
