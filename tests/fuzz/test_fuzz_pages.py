"""Every page at addresses that others may send: whatever stands behind the question mark, the page draws, and what it quotes stays text.

The names of parameters are read off the source, so that none is forgotten.
"""

import ast
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hostile
import pytest
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st
from markup import foreign_markup, prose_of, rendered
from streamlit.testing.v1 import AppTest

from app import navigation
from bae.workspace import Workspace
from tests.pages.small_study import add_index, make_study

ROOT = Path(__file__).parents[2]
SOURCES = [*sorted((ROOT / "app").rglob("*.py")), *sorted((ROOT / "pages").glob("*.py"))]
READERS = {
    **dict.fromkeys(("url.choice", "url.whole", "url.flag", "url.several", "st.query_params.get"), 0),
    **{"url.bound": 2, "url.switch": 1},
}
"""What reads a parameter, and which of its arguments is the parameter's name."""
BY_NAME = {
    *("text2", "token2", "find", "good", "bad", "prompt", "instruction", "t", "c", "cell", "set", "embed"),
    *("at_add", "at_clamp", "at_scaled", "most_calls"),
}
"""Parameters whose names are put together, or stand in a constant."""
GOOD = ["bae", "topk", "bae-deep", "0", "1", "3", "7", "63", "2", "all", "bae,topk", "none", "words"]
GOOD += ["f1 & !f2", "sea", "0-9", "bae:3:add:0.5", "bae:7:1"]
ALARMS = ("window.hacked", "alert(1)", "elsewhere.test", "$x$", ":red[x]", "onerror")
"""Of the hostile texts, in an address and in the corpus; none may stand outside of code."""
SHOWN = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")
"""Parts of a page that are read as Markdown."""
OPENED: dict[str, AppTest] = {}
STUDY: dict[str, Workspace] = {}


def parameters() -> Iterator[str]:
    """The names of all parameters that the sources read."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            place = READERS.get(ast.unparse(node.func)) if isinstance(node, ast.Call) else None
            if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                yield node.args[place].value


NAMES = sorted({*parameters(), *BY_NAME})


@pytest.fixture(scope="module", autouse=True)
def study(tmp_path_factory, tiny_llama):
    """A small study with hostile text in its corpus."""
    STUDY["small"] = made = make_study(tmp_path_factory.mktemp("fuzzed") / "study", tiny_llama)
    add_index(made)
    before = os.environ.get("BAE_WORKSPACE")
    os.environ["BAE_WORKSPACE"] = str(made.folder)
    yield
    OPENED.clear()
    os.environ.pop("BAE_WORKSPACE") if before is None else os.environ.update(BAE_WORKSPACE=before)


@st.composite
def addresses(draw: Callable) -> tuple[str, dict[str, str]]:
    """A page and what stands behind it: mostly parameters that are there, right or hostile."""
    names = draw(st.lists(st.one_of(hostile.among(NAMES), hostile.texts(8)), min_size=1, max_size=8, unique=True))
    values = st.one_of(hostile.among(GOOD), hostile.texts(), hostile.spelled(GOOD, 3, ","))
    params = {"ae": draw(st.sampled_from(["bae", "topk"]))} if draw(st.booleans()) else {}
    return draw(st.sampled_from(sorted(navigation.PAGES))), params | {name: draw(values) for name in names if name}


def opened(given: tuple[str, dict[str, str]]) -> AppTest:
    page, params = given
    if page not in OPENED:
        OPENED[page] = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120).run()
    app = OPENED[page]
    app.query_params.clear()
    for name, value in params.items():
        app.query_params[name] = value
    return app.switch_page(str(navigation.page_file(page))).run()


def draws_and_quotes(_given: object, app: AppTest) -> None:
    """No page fails; its HTML is ours; what is foreign in its Markdown stands in code."""
    assert not app.exception, [error.value for error in app.exception]
    assert app.title or app.html
    for element in app.html:
        assert not foreign_markup(element.value), foreign_markup(element.value)
    for kind in SHOWN:
        for element in getattr(app, kind):
            text = str(element.value)
            assert not rendered(text)[0] & {"image", "html_inline", "html_block"}, text[:300]
            assert not [alarm for alarm in ALARMS if alarm in prose_of(text)], text[:300]


PARSERS = known(
    Parser("addresses of all pages", addresses(), opened, (), draws_and_quotes, share=0.6, seconds=120, megabytes=3_000),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_every_page_draws(parser):
    check(parser)


def test_each_page_is_the_one_that_was_asked_for():
    titles = {page: [title.value for title in opened((page, {"ae": "topk", "feature": "7"})).title] for page in navigation.PAGES}
    assert len({str(title) for title in titles.values()}) == len(navigation.PAGES) and titles["feature"] == ["Feature 7"]


def test_the_names_of_parameters_are_found():
    assert {"ae", "feature", "text", "q", "sort", "push", "view", "query", "run"} <= set(parameters()) and len(NAMES) > 80


def test_a_page_that_quotes_as_it_is_is_caught(monkeypatch):
    """Negative control: foreign text is put between quotes instead of into code, on all pages."""
    monkeypatch.setattr("app.components.url.code", lambda text: f"“{text}”")
    given = st.just(("features", {"sort": "![](http://elsewhere.test/x)"}))
    with pytest.raises(AssertionError):
        fuzz(replace(PARSERS[0], inputs=given), 1)
