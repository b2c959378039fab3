"""Text to contexts: the stretches of tokens that a language model reads, each behind a BOS of its own.

A context never crosses a document. Batches hold contexts of near-equal length, so that little is spent on padding.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bae.model.language_model import LanguageModel, Place
from bae.text.corpus import Document, sentences

Unit = Literal["window", "sentence"]


class Context(NamedTuple):
    """One stretch of a document, as tokens and as text."""

    document: str
    start: int
    """Where it starts: the token in its document for a window, the number of the sentence for a sentence."""
    ids: tuple[int, ...]
    """BOS first."""
    spans: tuple[tuple[int, int], ...]
    """Characters of every token in `text`."""
    text: str


def contexts(
    model: LanguageModel, documents: Iterable[Document], unit: Unit = "window", length: int = 256, shortest: int = 2
) -> Iterator[Context]:
    """Cut documents into contexts of at most `length` tokens, BOS included; those with fewer than `shortest` are left out.

    A `window` runs on over sentences; its remainder starts the next. A `sentence` stands alone, and a longer one is left out.
    """
    if unit not in ("window", "sentence"):
        raise ValueError(f"a context is a window or a sentence; got {unit!r}")
    if length < 2:
        raise ValueError(f"a context needs a BOS and a token, so at least 2 tokens; got {length}")
    cut = _windows if unit == "window" else _sentences
    for document in documents:
        yield from (context for context in cut(model, document, length) if shortest <= len(context.ids))


def _windows(model: LanguageModel, document: Document, length: int) -> Iterator[Context]:
    tokens = model.tokenize(document.text)
    for start in range(1, len(tokens.ids), length - 1):
        spans = tokens.spans[start : start + length - 1]
        begin, end = spans[0][0], max(span[1] for span in spans)
        yield Context(
            document=document.id,
            start=start - 1,
            ids=(model.bos_id, *tokens.ids[start : start + length - 1]),
            spans=((0, 0), *((first - begin, last - begin) for first, last in spans)),
            text=document.text[begin:end],
        )


def _sentences(model: LanguageModel, document: Document, length: int) -> Iterator[Context]:
    found = sentences(document.text)
    for number, (sentence, tokens) in enumerate(zip(found, model.tokenize_each(found), strict=True)):
        if len(tokens.ids) <= length:
            yield Context(document.id, number, tokens.ids, tokens.spans, sentence)


class Batch(NamedTuple):
    """Contexts that are read together, right-padded."""

    rows: list[int]
    """Where its contexts stood in the list that was batched."""
    ids: Int[Tensor, "context token"]
    mask: Int[Tensor, "context token"] | None
    """1 on tokens, 0 on padding; None when nothing is padded, so that the model takes its faster causal path."""

    def tokens(self) -> Tensor:
        """Flat positions in `[context token]` of what is kept: every real token but position 0, the BOS."""
        keep = torch.ones_like(self.ids, dtype=torch.bool) if self.mask is None else self.mask.bool()
        keep = keep.clone()
        keep[:, 0] = False
        return keep.flatten().nonzero().squeeze(-1)


def batches(group: list[Context], tokens: int = 4096) -> Iterator[Batch]:
    """Read `group` in batches of about `tokens` tokens: sorted by length, cut where padding would exceed one token in sixteen."""
    order = sorted(range(len(group)), key=lambda row: -len(group[row].ids))
    while order:
        longest = len(group[order[0]].ids)
        size = next((n for n, row in enumerate(order) if n * longest >= tokens or len(group[row].ids) * 16 < longest * 15), len(order))
        rows, order = order[:size], order[size:]
        lengths = torch.tensor([len(group[row].ids) for row in rows])
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        for line, row in enumerate(rows):
            ids[line, : lengths[line]] = torch.tensor(group[row].ids)
        mask = (torch.arange(longest) < lengths[:, None]).long()
        yield Batch(rows, ids, None if mask.all() else mask)


class LeftPadded(NamedTuple):
    """Texts that are read together and then gone on with: all end at the last token."""

    ids: Int[Tensor, "text token"]
    mask: Int[Tensor, "text token"]
    """1 on tokens, 0 on padding."""
    positions: Int[Tensor, "text token"]
    """Each text's own, 0 at its BOS; also 0 on padding."""


def left_padded(model: LanguageModel, texts: Sequence[tuple[int, ...]]) -> LeftPadded:
    """Texts (tokens, BOS first) of any lengths, on the model's device."""
    lengths = torch.tensor([len(ids) for ids in texts])
    longest = int(lengths.max())
    ids = torch.tensor([(model.bos_id,) * (longest - len(own)) + tuple(own) for own in texts], device=model.device)
    mask = (torch.arange(longest) >= longest - lengths[:, None]).long().to(model.device)
    return LeftPadded(ids, mask, (mask.cumsum(-1) - 1).clamp(min=0))


def read(
    model: LanguageModel, group: list[Context], layers: Sequence[int | Place], advance: Callable[[int], None] = lambda tokens: None
) -> dict[int | Place, Float[Tensor, "token d_model"]]:
    """Hidden states of every token of `group` in order, each context run alone, BOS left out; fp16, by layer.

    `advance` is told the tokens of every batch as they are read.
    """
    starts = torch.tensor([0, *(len(context.ids) - 1 for context in group)]).cumsum(0)
    states = {layer: torch.empty(int(starts[-1]), model.d_model, dtype=torch.float16) for layer in layers}
    for batch in batches(group):
        taken = batch.tokens().to(model.device)
        places = torch.cat([torch.arange(starts[row], starts[row + 1]) for row in batch.rows])
        for layer, hidden in model.hidden_states(batch.ids, layers, batch.mask).items():
            states[layer][places] = hidden.flatten(0, 1)[taken].half().cpu()
        advance(len(places))
    return states
