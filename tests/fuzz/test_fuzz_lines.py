"""What stands in an address: steering steps, links that are pasted, single parameters; and what a page says of a wrong one."""

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import hostile
import pytest
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st
from markup import only_code, spans_of_code

from app.components import url
from app.playground.address import of_link
from bae.experiments.movies.results import read_gammas
from bae.names import check_dictionary_name
from bae.steering.dose_settings import read_amounts, read_prompts
from bae.steering.plan import HOWS, LARGEST, METHODS, MOST, POSITIONS, UNITS, FeatureStep, Step, parse, parse_step, written

# steering

NUMBERS = ["0.5", "-3", "1e3", "nan", "inf", "1e400", "1_0", "٣", "0x1", "", "-0", " 1", "1e6", "1000001", "9" * 400]
FIELDS = [
    "bae",
    "topk-10",
    ".x",
    "a b",
    "12",
    "0",
    "1270",
    "Xb3/9fA",
    "a/b/c",
    "../..",
    "/",
    *HOWS,
    *METHODS,
    *UNITS,
    *POSITIONS,
    "mean",
    "-1",
    *NUMBERS,
]


@st.composite
def lines(draw: Callable) -> str:
    """Some steps, most of them nearly right."""
    pieces = []
    for _ in range(draw(st.integers(0, 3) | st.just(MOST + 1))):
        name, feature = draw(st.sampled_from(["bae", "topk-10", "a.b"])), draw(st.integers(0, 3000))
        right = [
            [name, str(feature), draw(st.sampled_from(HOWS)), draw(st.sampled_from(["0.5", "-3", "1e3", "0"]))],
            [
                name,
                "Xb3/9fA",
                draw(st.sampled_from(list(METHODS))),
                "1",
                draw(st.sampled_from(POSITIONS)),
                draw(st.sampled_from(["last", "mean", "-2"])),
            ],
        ]
        fields = right[draw(st.integers(0, 1))]
        if draw(st.booleans()):
            fields[draw(st.integers(0, len(fields) - 1))] = draw(st.one_of(hostile.among(FIELDS), hostile.texts()))
        pieces.append(":".join(fields))
    return ",".join(pieces)


def spelled_again(_text: object, steps: list[Step]) -> None:
    """`written` and `parse_step` are the inverse of one another up to the digits that are written, and no field leaves its place."""
    again = [parse_step(part) for part in written(steps).split(",") if part]
    assert written(again) == written(steps) and len(again) == len(steps)
    for step, other in zip(steps, again, strict=True):
        assert math.isclose(step.amount, other.amount, rel_tol=1e-5) and abs(step.amount) <= LARGEST
        assert replace(step, amount=0) == replace(other, amount=0)
        check_dictionary_name(step.dictionary)


def no_more_than_allowed(text: str, steps: list[Step]) -> None:
    assert len(steps) <= MOST
    spelled_again(text, steps)


def each_once(_text: str, found: tuple[str, ...]) -> None:
    assert all(one and one == one.strip() for one in found) and len(set(found)) == len(found)


LINKS = [
    "http://x/steer?",
    "push=",
    "bae:12",
    "bae:12:add:1",
    "&ae=bae",
    "&feature=3",
    "?ae=bae&feature=3",
    "feature=x",
    "%2e%2e",
    "[",
    "//[",
    "#",
]

# parameters of an address

SAID: list[str] = []
"""What was said on the page."""
OPTIONS = ["bae", "topk-10", "sea & <b>"]


@pytest.fixture(scope="module", autouse=True)
def address():
    """A page whose address the test writes, and whose words it reads."""
    real, url.st = url.st, SimpleNamespace(query_params={}, warning=lambda text, icon: SAID.append(text))
    yield
    url.st = real


def with_address(name: str, read: Callable) -> Callable[[str], object]:
    """Read a parameter that holds a text; what was said is a part of what came out."""

    def asked(value: str) -> tuple[object, list[str]]:
        url.st.query_params = {name: value}
        SAID.clear()
        return read(name), list(SAID)

    return asked


def named_where_it_is_wrong(allowed: Callable[[object], bool]) -> Callable[[str, tuple], None]:
    """What comes out is allowed; a value that was not taken is named, as code and nothing else."""

    def holds(value: str, told: tuple[object, list[str]]) -> None:
        found, said = told
        assert allowed(found), found
        for words in said:
            assert (len(words) < 2_000 and url.code(value if len(value) <= 80 else value[:80] + "…") in words) or "," in value
            assert only_code(words)

    return holds


def shown(text: str) -> str:
    return url.code(text)


def as_code_and_nothing_else(text: str, found: str) -> None:
    """It is one span of code, of one line, that says what the text says."""
    said = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in " ".join(text.split()))
    (span,) = spans_of_code(found)
    assert span.strip() == (said if len(said) <= 320 else said[:320] + "…").strip()
    assert only_code(found)


PARSERS = known(
    Parser(
        "steering steps", st.one_of(lines(), hostile.texts(), hostile.spelled(FIELDS, 8, ":")), parse, holds=no_more_than_allowed, share=4
    ),
    Parser(
        "links to the playground", st.one_of(hostile.spelled(LINKS, 5), lines(), hostile.texts()), of_link, holds=spelled_again, share=3
    ),
    Parser(
        "strengths",
        st.one_of(hostile.spelled(NUMBERS, 5, ","), hostile.texts()),
        lambda text: (read_amounts(text), read_gammas(text)),
        holds=lambda _, told: all(isinstance(amount, float) for amounts in told for amount in amounts),
        share=1.5,
    ),
    Parser("prompts, one a line", hostile.texts(), read_prompts, holds=each_once, share=0.5),
    Parser(
        "parameter: one of some",
        st.one_of(st.sampled_from(OPTIONS), hostile.texts()),
        with_address("ae", lambda name: url.choice(name, OPTIONS, "bae")),
        holds=named_where_it_is_wrong(lambda found: found in OPTIONS),
        share=2,
    ),
    Parser(
        "parameter: some of some",
        st.one_of(hostile.spelled([*OPTIONS, ","]), hostile.texts()),
        with_address("layers", lambda name: url.several(name, OPTIONS, ["bae"])),
        holds=named_where_it_is_wrong(lambda found: found == [one for one in OPTIONS if one in found]),
        share=2,
    ),
    Parser(
        "parameter: a whole number",
        st.one_of(st.integers(-5, 99).map(str), hostile.spelled(NUMBERS, 2), hostile.texts()),
        with_address("feature", lambda name: url.whole(name, 0, 63, None)),
        holds=named_where_it_is_wrong(lambda found: found is None or (type(found) is int and 0 <= found <= 63)),
        share=2,
    ),
    Parser(
        "parameter: a switch",
        st.one_of(st.sampled_from(["0", "1"]), hostile.texts()),
        with_address("on", lambda name: url.flag(name, True)),
        holds=named_where_it_is_wrong(lambda found: type(found) is bool),
        share=1,
    ),
    Parser("foreign text as Markdown", hostile.texts(400), shown, holds=as_code_and_nothing_else, share=3),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_refused_in_a_sentence_or_read(parser):
    check(parser)


def test_what_is_not_escaped_is_caught():
    """Negative controls: a text that is quoted instead of fenced; a warning that repeats a value as it is; steps that lose a field."""
    with pytest.raises((AssertionError, ValueError)):
        fuzz(replace(PARSERS[-1], read=lambda text: f"`{text}`"), 300)
    number = PARSERS[6]
    with pytest.raises(AssertionError):
        fuzz(replace(number, read=lambda value: (None, [f"The address asks for {value}."])), 300)
    with pytest.raises(AssertionError):
        fuzz(replace(PARSERS[0], read=lambda text: [*parse(text), FeatureStep("bae", 0)] * MOST), 100)
