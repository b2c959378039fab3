"""What people write and upload, kept in SQLite: texts, sets of texts, tags, notes, lists. It comes back as it went in, and is no SQL."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import hostile
import pytest
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st

from bae.notebook.database import Notebook
from bae.notebook.kept import Bookmarks, FeatureKey, Notes
from bae.notebook.lists import FeatureLists
from bae.notebook.text_sets import KINDS, MOST_CHARACTERS, MOST_TEXTS, TextSet, TextSets, parse

BOOK: dict[str, object] = {}
"""The notebook and what writes to it, once they are made."""
ASKED: set[str] = set()
"""The statements that SQLite was given."""
TABLES = "select group_concat(sql) from sqlite_master"


class Watched(sqlite3.Connection):
    """A connection that remembers its statements."""

    def __init__(self, *asked, **also):
        super().__init__(*asked, **also)
        # nothing of this is to outlive the test
        super().execute("pragma synchronous=off")

    def execute(self, sql: str, *values) -> sqlite3.Cursor:
        ASKED.add(sql)
        return super().execute(sql, *values)

    def executemany(self, sql: str, *values) -> sqlite3.Cursor:
        ASKED.add(sql)
        return super().executemany(sql, *values)


@pytest.fixture(scope="module", autouse=True)
def notebook(tmp_path_factory):
    """A notebook with a table `canary` besides its own."""
    plain = sqlite3.connect
    sqlite3.connect = lambda *asked, **also: plain(*asked, **also, factory=Watched)
    made = Notebook(tmp_path_factory.mktemp("fuzzed") / "notebook.sqlite")
    with made.connected() as connection:
        connection.executescript("create table canary (word text); insert into canary values ('it sings');")
    BOOK.update(notebook=made, sets=TextSets(made), marks=Bookmarks(made), notes=Notes(made), lists=FeatureLists(made))
    with made.connected() as connection:
        BOOK["tables"] = connection.execute(TABLES).fetchone()
    BOOK["id"] = made.keep_text("a text of the notebook")
    yield made
    sqlite3.connect = plain


def untouched() -> None:
    """The canary sings, there are the tables that there were, and nothing that was written stands in a statement."""
    with BOOK["notebook"].connected() as connection:
        assert connection.execute("select word from canary").fetchall() == [("it sings",)]
        assert connection.execute(TABLES).fetchone() == BOOK["tables"]
    assert not [sql for sql in ASKED if hostile.CANARY in sql]


def same(told: object, found: object) -> None:
    assert found == told
    untouched()


def kept_text(body: str) -> str:
    book = BOOK["notebook"]
    return book.text(book.keep_text(body))


def tagged(told: tuple[FeatureKey, list[str], list[str]]) -> tuple[str, ...]:
    key, add, remove = told
    marks = BOOK["marks"]
    marks.remove(key)
    marks.change_tags(key, add, remove)
    return marks.tags_of(key)


def short_and_seen(told: tuple, tags: tuple[str, ...]) -> None:
    assert len(tags) <= len(told[1]) and all(tag.isprintable() and tag == " ".join(tag.split()) for tag in tags)
    untouched()


def noted(told: tuple[FeatureKey, str]) -> str:
    key, body = told
    notes = BOOK["notes"]
    before = notes.of(key)
    notes.write(key, body, before and before.updated)
    after = notes.of(key)
    assert notes.bodies([key]) == ({} if after is None else {key: after.body})
    return "" if after is None else after.body


def listed(told: tuple[str, str, str, list[FeatureKey]]) -> tuple:
    name, source, address, members = told
    lists = BOOK["lists"]
    identity = lists.make(name, members, source, address)
    found, back = lists.get(identity), lists.members(identity)
    assert lists.named(name).id == identity
    lists.delete(identity)
    return found.name, found.source, back


def a_list_of_that_name(told: tuple, found: tuple) -> None:
    name, source, back = found
    assert back == list(dict.fromkeys(told[3])) and source == told[1][:500] and name.isprintable()
    untouched()


def upload(told: tuple[str, bytes]) -> TextSet:
    return parse(*told)


def kept_as_it_is(_told: tuple, found: TextSet) -> None:
    assert found.texts and all(text.strip() for text in found.texts)
    assert len(found.texts) <= MOST_TEXTS and sum(map(len, found.texts)) <= MOST_CHARACTERS
    sets = BOOK["sets"]
    assert sets.get(sets.keep(found)) == found
    untouched()


def rows(texts: list[str], way: str) -> bytes:
    """Texts as a file of a kind."""
    if way == ".jsonl":
        return "\n".join(json.dumps({"text": text}) for text in texts).encode()
    if way == ".csv":
        return "\r\n".join(["id,text", *(f'1,"{text.replace(chr(34), 2 * chr(34))}"' for text in texts)]).encode()
    return "\n".join(texts).encode()


@st.composite
def files(draw: Callable) -> tuple[str, bytes]:
    """An upload: its name and its bytes, right or broken."""
    kind = draw(st.sampled_from([*KINDS, ".TXT"]))
    whole = rows(draw(st.lists(hostile.texts(), max_size=4)), kind.lower())
    if kind == ".jsonl" and draw(st.booleans()):
        whole = "\n".join(json.dumps(told) for told in draw(st.lists(hostile.values(hostile.texts(20, halves=True)), max_size=3))).encode()
    data = draw(
        st.one_of(
            st.just(whole),
            hostile.broken(whole),
            st.binary(max_size=60),
            st.integers(1, 9_000).map(lambda n: (whole + b"[") * (n // 60 + 1)),
        )
    )
    return draw(st.one_of(st.just(f"set{kind}"), hostile.texts().map(lambda name: name + kind), hostile.texts())), data


KNOWN = "the id of a text that is there"
KEYS = st.builds(FeatureKey, hostile.texts(), hostile.texts(), st.integers(0, 2**40))
PARSERS = known(
    Parser("text of the notebook", hostile.texts(), kept_text, holds=same, share=0.5),
    Parser(
        "id of a text",
        st.one_of(st.just(KNOWN), hostile.texts()),
        lambda name: BOOK["notebook"].text(BOOK["id"] if name == KNOWN else name),
        (KeyError,),
        lambda name, body: same("a text of the notebook", body),
        lambda name, error: untouched(),
        share=0.5,
    ),
    Parser(
        "tags of features",
        st.tuples(KEYS, st.lists(hostile.texts(), max_size=24), st.lists(hostile.texts(), max_size=2)),
        tagged,
        holds=short_and_seen,
        share=0.3,
    ),
    Parser(
        "notes of features",
        st.tuples(KEYS, st.one_of(hostile.texts(), hostile.texts().map(lambda text: text * 400))),
        noted,
        holds=lambda told, found: same(told[1] if told[1].strip() else "", found),
        share=0.3,
    ),
    Parser(
        "lists of features",
        st.tuples(hostile.texts(), hostile.texts(), hostile.texts(), st.lists(KEYS, max_size=3)),
        listed,
        holds=a_list_of_that_name,
        share=0.3,
    ),
    Parser("uploaded sets of texts", files(), upload, holds=kept_as_it_is, share=1.5),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_it_comes_back_or_is_refused_in_a_sentence(parser):
    check(parser)


def test_an_id_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match="is kept in this workspace"):
        BOOK["notebook"].text("' or 1=1 --")


def test_a_careless_statement_is_caught():
    """Negative controls: a text that is spelled into SQL; a text that comes back cut."""
    text = PARSERS[0]

    def careless(body: str) -> str:
        with BOOK["notebook"].connected() as connection:
            connection.execute(f"insert into text values ('{len(ASKED)}', '{body}', 0)")
        return body

    with pytest.raises((AssertionError, sqlite3.Error)):
        fuzz(replace(text, read=careless), 300)
    ASKED.clear()
    with pytest.raises(AssertionError):
        fuzz(replace(text, read=lambda body: kept_text(body)[:3]), 300)
    with pytest.raises(AssertionError, match="the error of a library"):
        fuzz(replace(PARSERS[-1], read=lambda told: (told[1].decode(), parse(*told))[1]), 300)
