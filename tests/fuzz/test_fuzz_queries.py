"""What is looked for in an index: the query language, texts and regular expressions, words, choices of features. Nothing typed is SQL."""

import re
from dataclasses import replace

import duckdb
import hostile
import numpy as np
import pytest
import torch
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st

from bae.comsem.selection import chosen
from bae.index.layout import Layout
from bae.index.logic import MAX_FEATURES, Query, QueryError, read_query
from bae.index.query import SORTS, Index
from bae.index.text_search import LONGEST, find
from tests.unit.small_index import make_index, n_tokens, sentences

SIZES = {"bae": 64, "topk-10": 8, "a.b": 3}
COUNTS = np.array([0, 9, 3, 12, 6, 6, 7, 40])
TEXTS = [*sentences(40), "A <b>bold</b> & `coded` $x$ [text](x) with 🙂 and İstanbul, Straße; 100% of 'quotes'."]


class Watched(Index):
    """An index that remembers the statements that it was asked."""

    asked: set[str]

    def rows(self, sql: str, *values) -> list[tuple]:
        """As those of every index."""
        self.__dict__.setdefault("asked", set()).add(sql)
        return super().rows(sql, *values)


@pytest.fixture(scope="module", autouse=True)
def index(tmp_path_factory):
    """An index of some sentences, which is a read-only file with a table `canary` besides its own."""
    code = (torch.rand(n_tokens(TEXTS), 8, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    made = make_index(tmp_path_factory.mktemp("fuzzed") / "index", TEXTS, {"bae": code})
    made.close()
    with duckdb.connect(made.file) as connection:
        connection.execute("create table canary as select 'it sings' as word")
    found = Watched(made.file)
    STUDY.update(index=found, layout=Layout.of(found))
    yield found
    found.close()


STUDY: dict[str, object] = {}
"""The index and its layout, once they are made."""


def spelled(query: Query) -> str:
    """A query in full, every feature with its dictionary, brackets where there were some."""
    if query.operation == "feature":
        return f"{query.feature.dictionary}:f{query.feature.number}"
    inner = [f"({spelled(part)})" if part.operation in "&|" else spelled(part) for part in query.parts]
    return f"!{inner[0]}" if query.operation == "!" else f" {query.operation} ".join(inner)


def reads_back(_text: str, query: Query) -> None:
    assert read_query(spelled(query), "bae", SIZES) == query
    features = list(query.features())
    assert len(features) <= MAX_FEATURES and all(feature.number < SIZES[feature.dictionary] for feature in features)


def points_into_the_query(text: str, error: Exception) -> None:
    assert isinstance(error, QueryError) and 0 <= error.position <= len(text)
    line, caret = error.pointed().split("\n")
    assert caret.strip() == "^" and len(caret) <= len(line) + 1


def untouched() -> None:
    """The canary sings, and nothing that was typed stands in a statement."""
    index = STUDY["index"]
    assert index.rows("select word from canary") == [("it sings",)]
    assert not [sql for sql in index.asked if hostile.CANARY in sql]


def search(asked: tuple[str, bool, bool]):
    wanted, expression, case = asked
    return find(STUDY["index"], STUDY["layout"], wanted, expression, case)


def found_where_it_stands(asked: tuple[str, bool, bool], found) -> None:
    wanted, expression, case = asked
    if not expression and case:
        assert found.matches == sum(text.count(wanted) for text in TEXTS)
    assert len(found.contexts) <= len(TEXTS) and len(wanted) <= LONGEST
    untouched()


def features_with(asked: tuple[str, str, bool, int]):
    words, sort, descending, offset = asked
    return STUDY["index"].features("bae", words=words, sort=sort, descending=descending, offset=offset, limit=5)


def no_more_than_there_are(_asked: tuple, page) -> None:
    assert len(page.features) <= 5 and page.total <= 8
    untouched()


def some(asked: str) -> list[int]:
    return chosen(asked, COUNTS, 5)


def each_once(_asked: str, features: list[int]) -> None:
    assert len(set(features)) == len(features) and all(0 <= feature < len(COUNTS) for feature in features)


QUERY = "f1 12 F3 bae:f2 topk-10:7 topk-10:f9 a.b:0 nobody:1 & | ! ( ) and OR Not f topk: f1f2 f64 (((( !!!! 1-2".split()  # noqa: SIM905
FEATURES = ["f1", "12", "bae:f2", "topk-10:7", "a.b:0", " F63", "70"]
ROUND = ["!{}", "not {}", "({})", "{} & 3", "f4|{}", "{} OR ({})", "a.b:1 and !{}"]


@st.composite
def right(draw) -> str:
    """A query as it should be, but for feature 70, which is not there."""
    query = draw(st.sampled_from(FEATURES))
    for way in draw(st.lists(st.sampled_from(ROUND), max_size=6)):
        query = way.format(query, draw(st.sampled_from(FEATURES)))
    return query


DEEP = st.integers(1, 200).flatmap(lambda n: hostile.among(["(" * n + "1" + ")" * n, "!" * n + "1", "&".join(["1"] * n)]))
CHOICE = ["1", "8", "1-3", "3-1", ",", " ", "active", "ACTIVE : 3", ":", "٣"]
REGEX = r"[a-z] (a|b)* \d \p{L} (?i) ^ $ .* + ? {2} {1000} (?=x) \1 [^ ( ) [ \ sea ship (a*)* (?P<x>y) \Q \E \x{110000} \C".split()  # noqa: SIM905

PARSERS = known(
    Parser(
        "query language",
        st.one_of(right(), hostile.spelled(QUERY, 24, " "), DEEP, hostile.texts(), hostile.texts(6).map(lambda text: text * 900)),
        lambda text: read_query(text, "bae", SIZES),
        (QueryError,),
        reads_back,
        points_into_the_query,
        share=4,
    ),
    Parser(
        "text and regular expressions",
        st.tuples(
            st.one_of(hostile.texts(), hostile.spelled(REGEX), st.sampled_from(["sea", "s", " ", "100%"])), st.booleans(), st.booleans()
        ),
        search,
        holds=found_where_it_stands,
        share=1,
    ),
    Parser(
        "words of features",
        st.tuples(hostile.texts(), st.one_of(st.sampled_from(SORTS), hostile.texts()), st.booleans(), st.integers(0, 2**31)),
        features_with,
        holds=no_more_than_there_are,
        share=0.5,
    ),
    Parser(
        "name of a dictionary",
        st.tuples(st.one_of(st.just("bae"), hostile.texts()), st.integers(-(2**31), 2**31) | st.integers(0, 9)),
        lambda asked: STUDY["index"].feature(*asked),
        (KeyError,),
        lambda asked, found: untouched(),
        lambda asked, error: untouched(),
        share=0.5,
    ),
    Parser(
        "choice of features",
        st.one_of(hostile.spelled(["1", "7", " 0-3", "2 - 2", ""], 5, ","), hostile.spelled(CHOICE), hostile.texts()),
        some,
        holds=each_once,
        share=2,
    ),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_refused_in_a_sentence_or_read(parser):
    check(parser)


def test_the_index_reads_no_file_and_cannot_be_written(index):
    """Even a statement of somebody else's could do no more than read the tables of this one file."""
    for sql in (
        "select * from read_text('/etc/passwd')",
        "copy (select 1) to '/tmp/out.csv'",
        "attach '/tmp/other.duckdb'",
        "install httpfs",
    ):
        with pytest.raises(duckdb.PermissionException):
            index.rows(sql)
    with pytest.raises(duckdb.InvalidInputException):
        index.rows("drop table canary")
    with pytest.raises(duckdb.InvalidInputException):
        index.rows("set enable_external_access=true")
    untouched()


def test_a_parser_that_crashes_is_caught():
    """Negative controls: an error that is not documented, a wrong reading, a query spelled into SQL."""
    language, text_search = PARSERS[0], PARSERS[1]
    with pytest.raises(IndexError):
        fuzz(replace(language, read=lambda text: [][0] if ")" in text else language.read(text)), 300)
    with pytest.raises(QueryError, match="bae has features 0 to 63"):
        fuzz(replace(language, read=lambda text: read_query(text, "bae", {**SIZES, "bae": 99})), 300)
    index = STUDY["index"]
    kept = set(index.asked)

    def careless(asked: tuple[str, bool, bool]):
        index.rows(f"select context_id from context where text = '{re.sub(chr(39), '', asked[0])}'")
        return search(asked)

    with pytest.raises((AssertionError, duckdb.Error)):
        fuzz(replace(text_search, read=careless), 500)
    index.asked = kept
