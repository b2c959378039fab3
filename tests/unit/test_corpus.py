"""Text comes whole, in a seeded order, and what trains an autoencoder is never what the index shows."""

import sys
from collections import Counter
from itertools import islice

import pyarrow as pa
import pyarrow.parquet
import pytest

from bae.text import corpus
from bae.text.corpus import SPLITS, Document, documents, sentences, split_of
from tests.conftest import prose, write_jsonl

EXPECTED_SPLITS = ["train", "index", "index", "train", "train", "train", "train", "held-out"]
HOSTILE = "NUL \x00 here, <script>alert('x')</script> & \u202eright to left\u202c, zero\u200bwidth, 🙂."


def test_split_shares_are_what_they_say():
    counts = Counter(split_of(f"document {number}") for number in range(20_000))
    for split, share in SPLITS.items():
        # five standard deviations of a binomial share at n = 20,000 are below 0.018
        assert abs(counts[split] / 20_000 - share) < 0.018, split


def test_splits_are_fixed_for_all_time():
    """A change of the hash would move training text into the index of every workspace that exists."""
    assert [split_of(f"addresses/{number}") for number in range(8)] == EXPECTED_SPLITS
    assert [split_of(f"reviews/{number}") for number in range(8)] != EXPECTED_SPLITS


def test_splits_partition_a_corpus(tmp_path):
    source = str(write_jsonl(tmp_path / "a.jsonl", [prose(seed) for seed in range(60)]))
    whole = {document.id for document in documents([source])}
    parts = [{document.id for document in documents([source], split)} for split in SPLITS]
    assert len(whole) == 60 and sum(map(len, parts)) == 60 and set().union(*parts) == whole
    assert all(parts), "each split must hold something, or the partition proves little"


def test_the_seed_orders_and_does_not_choose(tmp_path):
    for number in range(20):
        (tmp_path / f"{number:02}.txt").write_text(prose(number))
    orders = [[document.id for document in documents([str(tmp_path)], seed=seed)] for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_sources_are_interleaved_by_length(tmp_path):
    """Short documents and long ones share the text evenly: at no point do they differ by more than the longest document."""
    short = str(write_jsonl(tmp_path / "short.jsonl", ["s" * 10] * 400))
    long = str(write_jsonl(tmp_path / "long.jsonl", ["l" * 500] * 8))
    taken = Counter()
    for document in documents([short, long]):
        taken[document.text[0]] += len(document.text)
        assert abs(taken["s"] - taken["l"]) <= 510
    assert taken == {"s": 4000, "l": 4000}
    first_come = list(islice(documents([short]), 100)) + list(islice(documents([long]), 2))
    assert {document.text[0] for document in first_come[:100]} == {"s"}, "one after the other is what interleaving avoids"


def test_a_source_that_ends_lets_the_other_go_on(tmp_path):
    few = str(write_jsonl(tmp_path / "few.jsonl", ["few words"]))
    many = str(write_jsonl(tmp_path / "many.jsonl", ["many words"] * 30))
    assert len(list(documents([few, many]))) == 31


def test_every_kind_of_file_is_read_and_text_passes_unharmed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text(HOSTILE, encoding="utf-8")
    write_jsonl(tmp_path / "b.jsonl", [HOSTILE, "  "])
    pyarrow.parquet.write_table(pa.table({"text": [HOSTILE, None], "other": [1, 2]}), tmp_path / "c.parquet")
    found = list(documents([str(tmp_path)]))
    assert [document.text for document in found] == [HOSTILE] * 3
    assert len({document.id for document in found}) == 3
    assert sentences(HOSTILE) == [HOSTILE]


def bad_sources(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "blank").mkdir()
    (tmp_path / "blank" / "a.txt").write_text(" \n ")
    (tmp_path / "table.csv").write_text("text\nhello\n")
    (tmp_path / "lines.jsonl").write_text('{"text": "fine"}\nnot json\n')
    (tmp_path / "fields.jsonl").write_text('{"body": "no field named text"}\n')
    (tmp_path / "numbers.jsonl").write_text("[1, 2]\n")
    pyarrow.parquet.write_table(pa.table({"body": ["x"]}), tmp_path / "columns.parquet")
    return {
        "adresses": "addresses or reviews, an existing file or folder",
        str(tmp_path / "empty"): r"\.txt, \.jsonl, \.parquet",
        str(tmp_path / "blank"): "holds no text",
        str(tmp_path / "table.csv"): r"\.txt, \.jsonl, \.parquet",
        str(tmp_path / "lines.jsonl"): 'line 2.*field "text"',
        str(tmp_path / "fields.jsonl"): 'line 1.*field "text"',
        str(tmp_path / "numbers.jsonl"): 'line 1.*field "text"',
        str(tmp_path / "columns.parquet"): 'columns body; .*named "text"',
    }


def test_each_bad_source_is_told_what_is_allowed(tmp_path):
    for source, message in bad_sources(tmp_path).items():
        with pytest.raises(ValueError, match=message):
            list(documents([source]))


def test_no_source_and_an_unknown_split(tmp_path):
    with pytest.raises(ValueError, match="at least one source"):
        list(documents([]))
    with pytest.raises(ValueError, match="train, index, held-out"):
        list(documents(["addresses"], "test"))


def test_hugging_face_without_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"bae-explorer\[hub\]"):
        list(documents(["hf:some/corpus"]))


def test_a_row_of_hugging_face_without_text(monkeypatch):
    class Rows(list):
        def shuffle(self, **_options):
            return self

    library = type("datasets", (), {"load_dataset": staticmethod(lambda *_args, **_options: Rows([{"body": "x"}]))})
    monkeypatch.setitem(sys.modules, "datasets", library)
    with pytest.raises(ValueError, match='no field "text"'):
        list(documents(["hf:some/corpus"]))


def test_reviews_that_are_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(corpus, "REVIEWS_ARCHIVE", tmp_path / "vaderSentiment-3.3.2.tar.gz")
    with pytest.raises(FileNotFoundError, match="make setup"):
        list(documents(["reviews"]))


def test_the_packaged_texts():
    addresses = list(islice(documents(["addresses"]), 3))
    assert all(isinstance(document, Document) and len(document.text) > 1000 for document in addresses)
    reviews = list(documents(["reviews"]))
    assert len({document.id for document in reviews}) == len(reviews) > 10_000
    assert all("\t" not in document.text for document in reviews)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Mr. Smith met Dr. J. Doe. He left.", ["Mr. Smith met Dr. J. Doe.", "He left."]),
        ("The U.S. Senate voted. It passed.", ["The U.S. Senate voted.", "It passed."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("It cost 3.50 dollars e.g. here. Yes.", ["It cost 3.50 dollars e.g. here.", "Yes."]),
        ("A line\nanother line\n\nA paragraph.", ["A line", "another line", "A paragraph."]),
        ("Signed by Mr.\nSmith.", ["Signed by Mr.", "Smith."]),
        ("Wait... what? (Really.) Yes.", ["Wait... what?", "(Really.)", "Yes."]),
        ("  \n \n", []),
        ("", []),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_sentences_lose_no_letter():
    text = " ".join(prose(seed) for seed in range(20)) + HOSTILE
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
    assert len(sentences(text)) > 100
    assert sentences(text) != text.split(". "), "a plain split would eat the full stops"
