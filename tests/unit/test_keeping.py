"""What people keep of features: nothing is lost when several write at once, nothing foreign breaks out of the Markdown."""

import csv
import io
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.keeping.export import as_csv, as_json
from app.keeping.feature import marked
from app.keeping.lists import ranges
from app.keeping.tables import Row
from bae.comsem.records import Subject
from bae.comsem.selection import chosen
from bae.notebook import lists as feature_lists
from bae.notebook import markdown as keeping_markdown
from bae.notebook.database import Notebook
from bae.notebook.kept import MOST_TAGS, NOTE_CHARACTERS, TAG_CHARACTERS, Bookmarks, FeatureKey, Notes, keys
from bae.notebook.lists import FeatureLists
from bae.notebook.markdown import Marked, as_markdown, escaped
from bae.reading.painting import Stretch

BAE, RETRAINED, TOPK = Subject("bae", "c0"), Subject("bae", "c1"), Subject("topk", "c0")
HOSTILE = ["<script>alert(1)</script>", "`x` ``y``", "$x$", ":material/home:", "🙂", "שלום", "'; drop table bookmark; --", "a|b", "[a](b)"]


def key(feature: int, subject: Subject = BAE) -> FeatureKey:
    return keys(subject, [feature])[0]


@pytest.fixture
def notebook(tmp_path) -> Notebook:
    return Notebook(tmp_path / "notebook.sqlite")


# bookmarks


def test_bookmarks_are_of_a_checkpoint_and_found_by_tag(notebook):
    bookmarks = Bookmarks(notebook)
    bookmarks.add(key(3), ["sea", "  two   words "])
    bookmarks.add(key(3, RETRAINED))
    bookmarks.add(key(5, TOPK), ["sea"])
    assert {(one.key, one.tags) for one in bookmarks.all()} == {
        (key(3), ("sea", "two words")), (key(3, RETRAINED), ()), (key(5, TOPK), ("sea",))
    }  # fmt: skip
    assert {one.key for one in bookmarks.all("sea")} == {key(3), key(5, TOPK)} and bookmarks.all("se") == []
    assert bookmarks.tags() == {"sea": 2, "two words": 1}
    bookmarks.remove(key(3))
    assert not bookmarks.has(key(3)) and bookmarks.has(key(3, RETRAINED)) and bookmarks.tags() == {"sea": 1}
    bookmarks.add(key(3))
    assert bookmarks.tags_of(key(3)) == ()


def test_hostile_tags_are_kept_as_they_are(notebook):
    Bookmarks(notebook).add(key(0), HOSTILE)
    assert Bookmarks(notebook).tags_of(key(0)) == tuple(sorted(HOSTILE))


@pytest.mark.parametrize(
    "tag, said",
    [("", "at least one"), (" \n ", "at least one"), ("x" * (TAG_CHARACTERS + 1), "at most 40"), ("a\u202eb", "seen"), ("a\x00", "seen")],
)
def test_a_tag_that_cannot_be_one_changes_nothing(notebook, tag, said):
    with pytest.raises(ValueError, match=said):
        Bookmarks(notebook).add(key(0), ["good", tag])
    assert Bookmarks(notebook).all() == []


def test_a_feature_has_so_many_tags_and_no_more(notebook):
    bookmarks = Bookmarks(notebook)
    bookmarks.add(key(0), [f"tag {number}" for number in range(MOST_TAGS)])
    with pytest.raises(ValueError, match="at most 20"):
        bookmarks.add(key(0), ["one more"])
    assert len(bookmarks.tags_of(key(0))) == MOST_TAGS
    bookmarks.change_tags(key(0), add=["one more"], remove=["tag 0"])
    assert len(bookmarks.tags_of(key(0))) == MOST_TAGS and "one more" in bookmarks.tags_of(key(0))


def test_tags_of_two_tabs_are_both_kept(notebook):
    bookmarks = Bookmarks(notebook)
    bookmarks.add(key(0), ["shared"])
    before = set(bookmarks.tags_of(key(0)))
    Bookmarks(notebook).change_tags(key(0), add=["theirs"])
    bookmarks.change_tags(key(0), add={*before, "ours"} - before)
    assert bookmarks.tags_of(key(0)) == ("ours", "shared", "theirs")
    # negative control: writing what a tab shows, instead of what was changed in it, does lose the other's
    shown = {*before, "ours"}
    bookmarks.change_tags(key(0), add=shown, remove=set(bookmarks.tags_of(key(0))) - shown)
    assert bookmarks.tags_of(key(0)) == ("ours", "shared")


def test_many_writers_lose_nothing(notebook):
    FeatureLists(notebook).make("together")
    (one,) = FeatureLists(notebook).all()

    def write(number: int) -> None:
        mine = Notebook(notebook.file)
        Bookmarks(mine).add(key(number % 10), [f"tag {number}"])
        FeatureLists(mine).add(one.id, [key(number), key(number + 1)])
        Notes(mine).write(key(number), f"note {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(60)))
    assert Bookmarks(notebook).tags() == {f"tag {number}": 1 for number in range(60)}
    assert sorted(FeatureLists(notebook).members(one.id)) == [key(number) for number in range(61)]
    assert {note.body for note in Notes(notebook).all()} == {f"note {number}" for number in range(60)}


# notes


def test_a_note_is_written_found_and_taken_away(notebook):
    notes = Notes(notebook)
    notes.write(key(1), "Straße and\n<b>harbor</b>")
    notes.write(key(2, TOPK), "vote")
    assert [note.key for note in notes.all("HARBOR")] == [key(1)] and [note.key for note in notes.all("STRASSE")] == [key(1)]
    assert notes.of(key(1)).body == "Straße and\n<b>harbor</b>" and notes.of(key(1, RETRAINED)) is None and len(notes.all()) == 2
    notes.write(key(1), " \n", seen=notes.of(key(1)).updated)
    assert notes.of(key(1)) is None and notes.all("harbor") == []


def test_notes_of_some_features_are_found_however_many_are_asked_for(notebook, monkeypatch):
    notes = Notes(notebook)
    for feature in (1, 2, 9):
        notes.write(key(feature), f"note {feature}")
    monkeypatch.setattr("bae.notebook.kept.AT_ONCE", 3)
    asked = [key(1), key(3), key(4), key(2, RETRAINED), key(2)]
    assert notes.bodies(asked) == {key(1): "note 1", key(2): "note 2"} and notes.bodies([]) == {}


def test_a_note_that_is_too_long_is_refused(notebook):
    Notes(notebook).write(key(1), "x" * NOTE_CHARACTERS)
    with pytest.raises(ValueError, match="10,000"):
        Notes(notebook).write(key(2), "x" * (NOTE_CHARACTERS + 1))
    assert [note.key for note in Notes(notebook).all()] == [key(1)]


@pytest.mark.parametrize("body", ["mine", ""])
def test_what_was_not_seen_is_not_replaced(notebook, body):
    notes = Notes(notebook)
    notes.write(key(1), "first")
    seen = notes.of(key(1)).updated
    notes.write(key(1), "theirs", seen)
    for stale in (seen, None):
        with pytest.raises(ValueError, match="changed elsewhere"):
            notes.write(key(1), body, stale)
    assert notes.of(key(1)).body == "theirs"
    notes.write(key(1), body, notes.of(key(1)).updated)
    assert notes.of(key(1)) is None if not body else notes.of(key(1)).body == body


# lists


def test_lists_do_what_a_dictionary_of_lists_does(notebook):
    """Against an oracle of plain Python, over random changes."""
    lists, draw, oracle = FeatureLists(notebook), random.Random(0), {}
    for step in range(150):
        some = [key(draw.randrange(12), draw.choice([BAE, TOPK])) for _ in range(draw.randrange(5))]
        act = draw.choice(["make", "add", "remove", "delete"]) if oracle else "make"
        one = draw.choice(list(oracle)) if oracle else ""
        if act == "make":
            oracle[lists.make(f"list {step}", some)] = list(dict.fromkeys(some))
        elif act == "add":
            fresh = [member for member in dict.fromkeys(some) if member not in oracle[one]]
            assert lists.add(one, some) == len(fresh)
            oracle[one] += fresh
        elif act == "remove":
            lists.remove(one, some)
            oracle[one] = [member for member in oracle[one] if member not in some]
        elif draw.random() < 0.3:
            lists.delete(one)
            del oracle[one]
    assert {one.id: lists.members(one.id) for one in lists.all()} == oracle
    assert {one.id: one.size for one in lists.all()} == {name: len(members) for name, members in oracle.items()}
    wanted = key(3)
    assert {one.id for one in lists.with_feature(wanted)} == {name for name, members in oracle.items() if wanted in members}


def test_names_are_taken_once(notebook):
    lists = FeatureLists(notebook)
    sea, other = lists.make("The  sea", [key(1)], "A search for sea", "features?ae=bae&q=sea"), lists.make("other")
    assert (lists.get(sea).name, lists.get(sea).source, lists.get(sea).address) == ("The sea", "A search for sea", "features?ae=bae&q=sea")
    assert lists.named(" the SEA ").id == sea and lists.named("sea") is None and sea.isalnum()
    for attempt in (lambda: lists.make("the sea"), lambda: lists.rename(other, "THE SEA")):
        with pytest.raises(ValueError, match="already"):
            attempt()
    lists.rename(sea, "the Sea")
    assert [one.name for one in lists.all()] == ["other", "the Sea"] and lists.members(sea) == [key(1)]
    for name in ("", "x" * 81, "a\u200bb"):
        with pytest.raises(ValueError, match="a name"):
            lists.make(name)


def test_a_list_that_is_not_there_is_named(notebook):
    lists = FeatureLists(notebook)
    for attempt in (lambda: lists.get("gone"), lambda: lists.add("gone", [key(1)]), lambda: lists.rename("gone", "x")):
        with pytest.raises(KeyError, match="gone"):
            attempt()
    lists.delete("gone")
    assert lists.members("gone") == [] and lists.all() == []


def test_too_long_a_list_is_refused_whole(notebook, monkeypatch):
    monkeypatch.setattr(feature_lists, "MOST_MEMBERS", 10)
    lists = FeatureLists(notebook)
    one = lists.make("ten", keys(BAE, range(10)))
    with pytest.raises(ValueError, match="at most 10"):
        lists.add(one, keys(BAE, [3, 50]))
    with pytest.raises(ValueError, match="at most 10"):
        lists.make("eleven", keys(BAE, range(11)))
    assert lists.get(one).size == 10 and [kept.name for kept in lists.all()] == ["ten"]


def test_thousands_of_features_are_put_on_a_list_at_once(notebook):
    began = time.perf_counter()
    one = FeatureLists(notebook).make("many", keys(BAE, range(20_000)))
    assert FeatureLists(notebook).members(one) == keys(BAE, range(20_000))
    assert time.perf_counter() - began < 5


def test_an_address_that_is_too_long_is_left_out_and_not_cut(notebook):
    lists = FeatureLists(notebook)
    one = lists.make("lasso", source="s" * 1000, address="map?pick=" + "1," * 20_000)
    assert lists.get(one).address == "" and len(lists.get(one).source) == 500


# leaving the notebook


@given(st.sets(st.integers(0, 300), min_size=1))
@settings(deadline=None)
def test_the_labels_page_reads_the_features_of_a_list(features):
    assert chosen(ranges(list(features)), np.zeros(301), 5) == sorted(features)


def test_ranges_are_short():
    assert ranges([5, 3, 4, 9, 3, 11, 12]) == "3-5, 9, 11-12" and ranges([]) == ""


def test_files_hold_what_the_list_holds(notebook):
    lists = FeatureLists(notebook)
    kept = lists.get(lists.make("sea", [key(1), key(2, TOPK)], "by hand"))
    rows = [Row(key(1), True, 'a "quoted", label', "a person", "sea · harbor", 0.25, "two\nlines"), Row(key(2, TOPK), False, note="=1+1")]
    told = json.loads(as_json(kept, rows))
    assert told["name"] == "sea" and told["source"] == "by hand" and [one["rate"] for one in told["features"]] == [0.25, None]
    assert told["features"][1]["note"] == "=1+1" and told["features"][0]["label"] == 'a "quoted", label'
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert [(row["dictionary"], row["feature"], row["rate"]) for row in read] == [("bae", "1", "0.25"), ("topk", "2", "")]
    assert read[0]["note"] == "two\nlines" and read[0]["label"] == 'a "quoted", label'
    assert read[1]["note"] == "'=1+1"


# Markdown


def plan(text: str) -> str:
    """A feature whose foreign parts are all this text."""
    contexts = [Marked(text + " ", text, " " + text, text), Marked(text, "", "", text)]
    return as_markdown(text, text, text, [(text, text)], contexts, [(text, text)], "feature?ae=b%60ae&feature=1", text)


def parts(markdown: str) -> tuple[set[str], str]:
    """What a Markdown reader makes of it: the kinds of its parts, and its text."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found, text = set(), ""
    for token in reader.parse(markdown):
        found.add(token.type)
        for child in token.children or []:
            found.add(child.type)
            text += child.content
    return found, text


BLOCKS = "heading paragraph bullet_list list_item table thead tbody tr th td strong".split()  # noqa: SIM905
OURS = {f"{name}_{end}" for name in BLOCKS for end in ("open", "close")} | {"inline", "text", "code_inline", "text_special"}


def is_ours(text: str) -> bool:
    """Whether a foreign text stays text: no part that is not ours, two parts of each that are there twice, and every word still there."""
    markdown = plan(text)
    found, said = parts(markdown)
    shown = " ".join("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split())).split())
    return found <= OURS and said.count(shown) >= 6 and markdown.count("\n- ") == 3 and markdown.count("\n## ") == 0


@pytest.mark.parametrize(
    "text",
    [
        *HOSTILE, "# head", "- item", "+ item", "12. item", "---", "===", "1) x", "*a* _b_", "~~a~~", "| a | b |", "a\\", "<!-- x",
        "&lt;b&gt;", "https://a.b www.a.b", "![a](http://x/y.png)", "> quote", "```\ncode\n```", "\n\n## head\n\n- a", "[a]: http://b",
        "<a@b.c>", "a  \nb",
    ],
)  # fmt: skip
def test_hostile_text_stays_text_in_markdown(text):
    assert is_ours(text), plan(text)


@given(st.text(alphabet="ab `*_{}[]<>()#+-.!|~&$:@^=\\\n1\"'/", min_size=1, max_size=30).filter(str.strip))
@settings(max_examples=300, deadline=None)
def test_any_text_stays_text_in_markdown(text):
    found, _ = parts(plan(text))
    assert found <= OURS, plan(text)


def test_the_check_of_markdown_notices_a_missing_escape(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(keeping_markdown, "escaped", lambda text: text)
    assert not any(map(is_ours, ["<b>x</b>", "`x`", "[a](b)", "# head\n\n- a"]))


def test_markdown_says_what_the_page_says():
    text = as_markdown(
        "Feature 3 of bae", "ships", "sea · harbor", [("Rate (% of tokens)", "1.2 %")], [Marked("The naval ", "harbor", " fell", "doc 1")],
        [("Layer", "15")], "feature?ae=bae&feature=3",
    )  # fmt: skip
    for said in ("## Feature 3 of bae\n", "\nLabel: ships\n", "| Rate (% of tokens) | 1.2 % |", "- The naval **harbor** fell (doc 1)",
                 "- Layer: 15", "Permalink: `feature?ae=bae&feature=3`"):  # fmt: skip
        assert said in text
    assert "Note" not in text and parts(text)[0] >= {"strong_open", "table_open", "code_inline"}


def test_a_long_context_is_cut_round_its_peak():
    line = as_markdown("t", "", "", [], [Marked("a " * 500, "peak", " b" * 500, "d")], [], "feature").splitlines()[2]
    assert "… " in line and " …" in line and "**peak**" in line and len(line) < 600


def test_a_permalink_that_is_not_encoded_is_refused():
    with pytest.raises(AssertionError, match="percent-encoded"):
        as_markdown("t", "", "", [], [], [], "feature?ae=`x`")


def test_links_by_name_alone_are_broken():
    assert escaped("see www.example.org") == "see www\\.example.org" and escaped("https://a.b") == "https\\://a.b"


def test_the_bold_word_of_a_painted_context_is_its_peak():
    stretches = [Stretch("The", 1), Stretch(" nav", 2, bold=True), Stretch("al", 3, bold=True), Stretch(" ship", 4)]
    assert marked(stretches, "doc") == Marked("The", " naval", " ship", "doc")
    assert marked(stretches[:1], "doc") == Marked("The", "", "", "doc")
