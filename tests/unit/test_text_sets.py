"""Files of texts: read as they are, or refused with the reason; what features of a set are counted is what a loop counts."""

import json

import pytest
import torch

from bae.autoencoder import KINDS, Pair
from bae.measures.evaluation import evaluate
from bae.notebook.database import Notebook
from bae.notebook.text_sets import MOST_CHARACTERS, MOST_TEXTS, TextSets, parse
from bae.reading.description_length import CorpusCode
from bae.reading.inspection import Lens, inspect
from bae.reading.shares import Shares
from bae.reading.text_set import SetReading
from bae.states.scaling import Scaling

HOSTILE = "<b>`x`</b> $y$ \U0001f642 שלום\u2028'; drop table text_set; --"
TEXTS = ["The ship left.", "Senate vote bill law.", "sea " * 90, "\U0001f642", "River stone bread and winter."]


def test_lines_are_texts():
    found = parse("a.TXT", f"\ufeffone\r\n\r\n  \n{HOSTILE}\nlast".encode())
    assert found.texts == ("one", HOSTILE, "last") and found.skipped == 2


def test_json_lines():
    rows = [{"text": "one", "id": 1}, {"text": ""}, {"text": f"two\n{HOSTILE}"}]
    found = parse("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    assert found.texts == ("one", f"two\n{HOSTILE}") and found.skipped == 1


def test_csv_has_a_column_of_texts():
    found = parse("a.csv", b'id, text \n1,"one, with ""quotes""\nand a line"\n2,\n3\n4,two\n')
    assert found.texts == ('one, with "quotes"\nand a line', "two") and found.skipped == 2


@pytest.mark.parametrize(
    "name, data, reason",
    [
        ("a.pdf", b"x", "no kind that can be read"),
        ("a", b"x", r"\.txt \(a text a line\)"),
        ("a.txt", b"", "holds no text"),
        ("a.txt", b"\n \n\t\n", "holds no text"),
        ("a.csv", b"", "the columns are none"),
        ("a.txt", b"\x89PNG\x00\x01", "is not text"),
        ("a.txt", "one".encode("utf-16"), "UTF-16"),
        ("a.txt", b"one\ntwo\ncaf\xe9\n", "line 3 is not UTF-8.*0xe9"),
        ("a.csv", b"id,body\n1,x\n", "columns are id, body"),
        ("a.csv", b'text\n"one"two\n', "line 2 is not CSV"),
        ("a.csv", b'text\n"never closed\n', "is not CSV"),
        ("a.jsonl", b'{"text": "one"}\n{"text": \n', "line 2 is not JSON"),
        ("a.jsonl", b'{"text": ' + b"9" * 10_000 + b"}", "line 1 is not JSON"),
        ("a.jsonl", b"[" * 100_000, "line 1 is not JSON"),
        ("a.jsonl", b'{"text": 3}', 'line 1 is no object whose field "text"'),
        ("a.jsonl", b'["text"]', "line 1 is no object"),
        ("a.jsonl", b'{"text": "\\ud800"}', "line 1 holds half a character"),
        ("a.txt", b"x\n" * (MOST_TEXTS + 1), r"2,001 texts.*at most 2,000"),
        ("a.txt", b"x" * (MOST_CHARACTERS + 1), r"200,001 characters.*split it"),
    ],
)
def test_what_cannot_be_read_is_named(name, data, reason):
    with pytest.raises(ValueError, match=reason):
        parse(name, data)


def test_as_much_as_is_allowed_is_read():
    assert len(parse("a.txt", b"x\n" * MOST_TEXTS).texts) == MOST_TEXTS
    assert parse("a.txt", b"x" * MOST_CHARACTERS).texts == ("x" * MOST_CHARACTERS,)


def test_a_set_comes_back_under_an_id_that_says_nothing(tmp_path):
    sets = TextSets(Notebook(tmp_path / "n.sqlite"))
    found = parse("secret.txt", f"{HOSTILE}\n\nsecond".encode())
    name = sets.keep(found)
    assert TextSets(Notebook(tmp_path / "n.sqlite")).get(name) == found and "secret" not in name and len(name) >= 12
    assert sets.keep(found) == name != sets.keep(parse("other.txt", b"one"))
    with pytest.raises(KeyError, match="nothere"):
        sets.get("nothere")


# what is counted


@pytest.fixture(scope="module", params=["binary", "topk"])
def lens(request, tiny_model):
    draw = torch.Generator().manual_seed(0)
    states = tiny_model.hidden_states(torch.randint(5, 200, (40, 20), generator=draw), [2])[2].flatten(0, 1).clone()
    autoencoder = KINDS[request.param](tiny_model.d_model, 48, Scaling.measure(states.norm(dim=-1), [states]))
    if request.param == "binary":
        autoencoder.start_at(0.1, autoencoder.scaling.apply(states))
    _, autoencoder.prior = evaluate(autoencoder, [Pair.same(states)])
    return Lens(request.param, 2, autoencoder, autoencoder.magnitude(), 32)


def read(model, lens, texts=TEXTS) -> SetReading:
    code = CorpusCode.of(lens.autoencoder.prior) if lens.autoencoder.binary else None
    reading = SetReading(model, lens, texts, code)
    while not reading.finished:
        before = reading.done
        reading.advance()
        assert reading.done > before
    return reading


def test_a_set_is_its_texts_one_by_one(tiny_model, lens):
    reading = read(tiny_model, lens)
    assert reading.done == reading.total == sum(len(tiny_model.tokenize(text).ids) for text in TEXTS)
    expected = None
    for text, figures in zip(TEXTS, reading.figures, strict=True):
        alone = inspect(tiny_model, {"x": lens}, text)["x"]
        own = Shares.of(alone)
        expected = own if expected is None else expected + own
        assert figures.tokens == own.tokens and figures.dropped == 0
        assert dict(zip(figures.features.tolist(), figures.counts.tolist(), strict=True)) == {
            feature: count for feature, count in enumerate(own.count.tolist()) if count
        }
        assert (figures.bits is None) == (not lens.autoencoder.binary)
    assert torch.equal(reading.shares.count, expected.count) and torch.equal(reading.shares.texts, expected.texts)
    assert torch.allclose(reading.shares.peak, expected.peak, atol=1e-2)
    assert not torch.equal(read(tiny_model, lens, TEXTS[:-1]).shares.count, expected.count), "negative control: a text less"


def test_a_batch_that_fails_is_read_again_and_counted_once(tiny_model, lens, monkeypatch):
    whole, broken = Shares.of.__func__, iter([False, True])
    reading = SetReading(tiny_model, lens, ["sea vote.", "law film."])
    monkeypatch.setattr(Shares, "of", classmethod(lambda cls, one: 1 / 0 if next(broken, False) else whole(cls, one)))
    with pytest.raises(ZeroDivisionError):
        reading.advance()
    assert reading.done == 0 and reading.shares is None and not reading.finished
    while not reading.finished:
        before = reading.done
        reading.advance()
        assert reading.done > before, "it would go on for ever"
    assert torch.equal(reading.shares.count, read(tiny_model, lens, ["sea vote.", "law film."]).shares.count)


def test_shares_are_what_a_loop_counts(tiny_model, lens):
    inspection = inspect(tiny_model, {"x": lens}, TEXTS[1])["x"]
    shares = Shares.of(inspection)
    for feature in range(48):
        magnitude, activated = inspection.feature(feature)
        loud = [m for m, a in zip(magnitude.tolist(), activated.tolist(), strict=True) if a]
        assert shares.count[feature] == len(loud) and shares.texts[feature] == bool(loud)
        assert shares.peak[feature].item() == max(loud, default=-float("inf"))
    assert shares.tokens == len(inspection.tokens.ids) - 1
    assert torch.equal(shares.share, shares.count / shares.tokens)
    assert torch.equal((shares + shares).share, shares.share)


def test_a_text_cut_at_the_limit_says_so(tiny_model, lens):
    reading = SetReading(tiny_model, lens, ["sea " * 90, "ship"], max_tokens=32)
    while not reading.finished:
        reading.advance()
    assert reading.figures[0].tokens == 31 and reading.figures[0].dropped > 0 == reading.figures[1].dropped
    reading.advance()
    assert reading.done == reading.total, "nothing more to read"


def test_a_text_whose_tokens_are_all_left_out_has_no_figure(tiny_model, lens, monkeypatch):
    monkeypatch.setattr(lens.autoencoder, "scaling", Scaling(torch.zeros(tiny_model.d_model), 1.0, norm_limit=0.0))
    reading = read(tiny_model, lens, ["sea"])
    assert reading.figures[0].tokens == 0 and reading.figures[0].bits is None
    assert reading.shares.share.max() == 0 and reading.shares.peak.max() == -float("inf")
