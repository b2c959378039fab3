"""Text of strangers as pages show it: functions of ours that make HTML or Markdown, read by readers that are not ours."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import hostile
import pytest
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st
from markup import foreign_markup, only_code, read_html, rendered

from app import charts
from app.components import panels
from app.components.small_table import hovering, small_table
from app.feature.directions import bars_html
from app.feature.labels import marked, verdict_table
from app.keeping.feature import _chips
from app.movies.said import visible
from app.training.curves import _legend
from bae.comsem.records import VerdictRecord
from bae.comsem.samples import Sample
from bae.exports.feature_html import foreign
from bae.index.directions import Pull
from bae.notebook.markdown import Marked, as_markdown, escaped
from bae.reading.painted_html import KINDS, painted_html
from bae.reading.painting import Stretch

SAID: list[str] = []
"""The HTML that a part of a page has drawn."""


@pytest.fixture(scope="module", autouse=True)
def page():
    """A page that keeps what is drawn on it."""
    real, panels.st = panels.st, SimpleNamespace(html=lambda html, **_: SAID.append(html))
    yield
    panels.st = real


def drawn(part: Callable, *told: object) -> str:
    SAID.clear()
    part(*told)
    return "".join(SAID)


def ours(_told: object, html: str) -> None:
    """No element, attribute or comment in it is a stranger's, and nothing is left open."""
    assert not foreign_markup(html), foreign_markup(html)


def and_all_of_it(pieces: Callable[[object], list[str]]) -> Callable[[object, str], None]:
    """The same, and the strangers' text is there to be read as it was written."""

    def holds(told: object, html: str) -> None:
        ours(told, html)
        text = read_html(html)[1]
        for piece in pieces(told):
            assert piece.replace("\r\n", "\n").replace("\r", "\n") in text.replace("\r\n", "\n").replace("\r", "\n")

    return holds


TEXT = hostile.texts()
STRETCHES = st.lists(
    st.builds(
        Stretch, TEXT, st.integers(0, 9), st.sampled_from(KINDS), st.floats(0, 1), st.sampled_from(["", "a note"]) | TEXT, st.booleans()
    ),
    max_size=4,
)
VERDICTS = st.lists(
    st.builds(
        VerdictRecord,
        st.sampled_from(["test", "near", "random"]),
        st.booleans(),
        st.builds(lambda sentence, word: vars(Sample(word, word, 1, sentence)), TEXT, TEXT),
        st.none() | st.booleans(),
        st.none() | st.floats(0, 1),
        TEXT,
        TEXT,
    ),
    max_size=3,
)
FACTS = st.lists(st.tuples(TEXT, TEXT), max_size=3)
MARKED = st.lists(st.builds(Marked, TEXT, TEXT, TEXT, TEXT), max_size=2)


def bars(text: str) -> str:
    return bars_html(SimpleNamespace(texts={3: text}), [Pull(3, -1.5, 2.0)], "0 150 175")


def markdown(told: tuple) -> str:
    title, label, words, figures, contexts, provenance, note = told
    return as_markdown(title, label, words, figures, contexts, provenance, "feature?ae=bae&feature=3", note)


def as_it_was_meant(told: tuple, text: str) -> None:
    """A heading, a table, a list and paragraphs, as ours; of strangers neither link nor picture nor HTML."""
    kinds, _ = rendered(text)
    assert not kinds & {
        "link_open",
        "image",
        "html_inline",
        "html_block",
        "fence",
        "code_block",
        "hr",
        "blockquote_open",
        "ordered_list_open",
        "em_open",
    }
    assert text.endswith("\n") and sum(line.startswith("#") for line in text.splitlines()) == 1


def says_what_it_said(text: str, found: str) -> None:
    """The escaped line is read as the text itself, and nothing in it is markup."""
    assert only_code(found) or not found
    seen = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in " ".join(text.split()))
    assert rendered(found)[1] == seen


def seen(_text: str, found: str) -> None:
    assert found.isprintable(), repr(found)


def chips_and_colours(told: list[str]) -> str:
    return _chips(told) + _legend(dict.fromkeys(told, "#000"))


PARSERS = known(
    Parser("painted text", STRETCHES, painted_html, holds=and_all_of_it(lambda told: [stretch.text for stretch in told]), share=1.5),
    Parser(
        "contexts on a page",
        st.lists(st.tuples(TEXT, TEXT, STRETCHES), max_size=2),
        lambda told: drawn(panels.contexts, told),
        holds=ours,
        share=0.7,
    ),
    Parser(
        "facts on a page",
        FACTS,
        lambda told: drawn(panels.facts, told),
        holds=and_all_of_it(lambda told: [part for pair in told for part in pair]),
        share=1,
    ),
    Parser(
        "words on a page", TEXT, lambda text: drawn(panels.words, text), holds=and_all_of_it(lambda text: [text] if text else []), share=1
    ),
    Parser("tests of a label", VERDICTS, verdict_table, holds=ours, share=0.5),
    Parser(
        "a sentence with its token",
        st.builds(Sample, TEXT, TEXT, st.integers(-1, 9), TEXT),
        marked,
        holds=and_all_of_it(lambda told: [told.sentence]),
        share=1,
    ),
    Parser("tokens as bars", TEXT, bars, holds=ours, share=0.7),
    Parser("small tables", FACTS, lambda told: small_table(told, [[hovering(*pair) for pair in told]]), holds=ours, share=0.7),
    Parser("tags and names of runs", st.lists(TEXT, max_size=3), chips_and_colours, holds=ours, share=0.7),
    Parser("texts in exported pages", TEXT, foreign, holds=ours, share=0.7),
    Parser("texts in charts", TEXT, charts.plotly_text, holds=ours, share=0.7),
    Parser("tokens that were said", TEXT, visible, holds=seen, share=0.5),
    Parser("a line of Markdown", TEXT, escaped, holds=says_what_it_said, share=2),
    Parser("a feature as Markdown", st.tuples(TEXT, TEXT, TEXT, FACTS, MARKED, FACTS, TEXT), markdown, holds=as_it_was_meant, share=1),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_text_stays_text(parser):
    check(parser)


def test_text_that_becomes_markup_is_caught():
    """Negative controls: HTML with a text as it came; Markdown with a text as it came; text that is cut."""
    painted, line = PARSERS[0], PARSERS[11]
    with pytest.raises(AssertionError):
        fuzz(replace(painted, read=lambda told: "".join(f"<span>{stretch.text}</span>" for stretch in told)), 200)
    with pytest.raises(AssertionError):
        fuzz(replace(painted, read=lambda told: painted_html([replace(stretch, text=stretch.text[:2]) for stretch in told])), 200)
    with pytest.raises(AssertionError):
        fuzz(replace(line, read=lambda text: text), 200)
