"""Contexts hold every token of a document once, know its place in the text, and are batched with little padding."""

import pytest
import torch

from bae.text.contexts import Context, batches, contexts
from bae.text.corpus import Document
from tests.conftest import prose

LENGTH = 16


def document(number: int = 0) -> Document:
    return Document(f"d{number}", prose(number) + " An emoji 🙂🙂 and \x00 NUL. שלום עולם.")


def test_windows_hold_every_token_once_and_in_order(tiny_model):
    tokens = tiny_model.tokenize(document().text)
    cut = list(contexts(tiny_model, [document()], length=LENGTH))
    assert len(cut) > 3
    assert [token for context in cut for token in context.ids[1:]] == list(tokens.ids[1:])
    assert [context.start for context in cut] == list(range(0, len(tokens.ids) - 1, LENGTH - 1))
    assert all(context.ids[0] == tiny_model.bos_id and len(context.ids) <= LENGTH for context in cut)


def test_spans_slice_to_the_text_of_the_token(tiny_model):
    tokens = tiny_model.tokenize(document().text)
    for context in contexts(tiny_model, [document()], length=LENGTH):
        for offset, (start, end) in enumerate(context.spans[1:], start=1):
            whole_start, whole_end = tokens.spans[context.start + offset]
            assert context.text[start:end] == document().text[whole_start:whole_end]
        shifted = [context.text[start + 1 : end + 1] for start, end in context.spans[1:]]
        assert shifted != [context.text[start:end] for start, end in context.spans[1:]], "a shift by one must show"


def test_no_window_crosses_a_document(tiny_model):
    cut = list(contexts(tiny_model, [document(1), document(2)], length=LENGTH))
    assert [context.document for context in cut] == sorted(context.document for context in cut)
    for name in ("d1", "d2"):
        of_it = [context for context in cut if context.document == name]
        assert of_it[0].start == 0
        assert sum(len(context.ids) - 1 for context in of_it) == len(tiny_model.tokenize(document(int(name[1])).text).ids) - 1


def test_sentences_stand_alone_and_long_ones_are_left_out(tiny_model):
    text = "The ship left. Sea " + "sea " * 200 + "end. The senate passed the law."
    cut = list(contexts(tiny_model, [Document("d", text)], "sentence", length=40, shortest=4))
    assert [(context.start, context.text) for context in cut] == [(0, "The ship left."), (2, "The senate passed the law.")]
    for context in cut:
        assert context.ids == tiny_model.tokenize(context.text).ids


def test_short_contexts_are_left_out(tiny_model):
    cut = [len(context.ids) for context in contexts(tiny_model, [document()], length=LENGTH, shortest=LENGTH)]
    assert set(cut) == {LENGTH}
    everything = [len(context.ids) for context in contexts(tiny_model, [document()], length=LENGTH)]
    assert set(everything) != {LENGTH}, "the document must leave a remainder, or nothing was left out"


def test_empty_text_has_no_context(tiny_model):
    assert list(contexts(tiny_model, [Document("d", "")])) == []


@pytest.mark.parametrize(("options", "message"), [({"unit": "page"}, "window or a sentence"), ({"length": 1}, "at least 2 tokens")])
def test_wrong_options_are_refused(tiny_model, options, message):
    with pytest.raises(ValueError, match=message):
        list(contexts(tiny_model, [document()], **options))


def made_up(lengths: list[int]) -> list[Context]:
    """Contexts whose tokens are their own number, so that a batch shows which it holds."""
    return [Context("d", 0, (1, *[row + 2] * (length - 1)), ((0, 0),) * length, "") for row, length in enumerate(lengths)]


LENGTHS = torch.randint(2, 64, (300,), generator=torch.Generator().manual_seed(0)).tolist()


def test_batches_partition_the_contexts():
    group = made_up(LENGTHS)
    found = list(batches(group, tokens=512))
    assert sorted(row for batch in found for row in batch.rows) == list(range(300))
    for batch in found:
        kept = batch.ids.flatten()[batch.tokens()]
        assert kept.tolist() == [row + 2 for row in batch.rows for _ in range(LENGTHS[row] - 1)]


def test_padding_is_bounded():
    padded = 0
    for batch in batches(made_up(LENGTHS), tokens=512):
        longest = batch.ids.shape[1]
        assert len(batch.rows) == 1 or (len(batch.rows) - 1) * longest < 512
        assert all(LENGTHS[row] * 16 >= longest * 15 for row in batch.rows)
        padded += batch.ids.numel() - sum(LENGTHS[row] for row in batch.rows)
        assert (batch.mask is None) == all(LENGTHS[row] == longest for row in batch.rows)
    assert padded * 16 <= sum(LENGTHS)
    in_order = sum(8 * max(LENGTHS[start : start + 8]) - sum(LENGTHS[start : start + 8]) for start in range(0, 296, 8))
    assert in_order * 4 > sum(LENGTHS), "unsorted batches would pad far more, so the bound says something"


def test_the_bos_is_never_kept():
    group = made_up([5, 5, 2])
    for batch in batches(group):
        assert 1 not in batch.ids.flatten()[batch.tokens()]
        assert 1 in batch.ids
