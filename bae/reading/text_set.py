"""A set of texts read through one dictionary, a batch at a time, so that whoever reads can show how far it is, or stop and go on."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bae.model.language_model import LanguageModel, Tokens
from bae.reading.description_length import CorpusCode
from bae.reading.inspection import MAX_TOKENS, Lens, look
from bae.reading.shares import Shares
from bae.text.contexts import Batch, Context, batches

BATCH_TOKENS = 512
"""About half a second of a CPU."""


@dataclass(frozen=True, eq=False)
class TextFigures:
    """What became of one text."""

    tokens: int
    """Tokens that were read for features; BOS and massive activations are not."""
    dropped: int
    """Tokens beyond the limit of a text, which were not read."""
    features: Int[Tensor, " found"]
    """The features that stand out in it."""
    counts: Int[Tensor, " found"]
    """On how many of its tokens each."""
    bits: float | None
    """Mean description length of its tokens; None where no token was read, or the dictionary has none."""


class SetReading:
    """The reading of a set of texts, as far as it has come. Not thread-safe: whoever advances it holds the model's lock."""

    def __init__(
        self, model: LanguageModel, lens: Lens, texts: Sequence[str], code: CorpusCode | None = None, max_tokens: int = MAX_TOKENS
    ):
        self.model, self.lens, self.code = model, lens, code
        self.figures: list[TextFigures | None] = [None] * len(texts)
        self.shares: Shares | None = None
        self.seconds = 0.0
        self.done = 0
        self._tokens = model.tokenize_each(texts, max_tokens)
        self.total = sum(len(tokens.ids) for tokens in self._tokens)
        contexts = [Context("", 0, tokens.ids, tokens.spans, tokens.text) for tokens in self._tokens]
        self._left: Iterator[Batch] = batches(contexts, BATCH_TOKENS)
        self._batch = next(self._left, None)

    @property
    def finished(self) -> bool:
        """Whether every text was read."""
        return None not in self.figures

    @torch.inference_mode()
    def advance(self) -> None:
        """Read one batch more; nothing where all is read. A batch that fails is not counted, and is tried again at the next call."""
        began = time.monotonic()
        batch = self._batch
        if batch is None:
            return
        states = self.model.hidden_states(batch.ids, [self.lens.place], batch.mask)[self.lens.place]
        shares, figures = self.shares, {}
        for row, own in zip(batch.rows, states, strict=True):
            tokens = self._tokens[row]
            of_text, figures[row] = self._look(tokens, own[: len(tokens.ids)])
            shares = of_text if shares is None else shares + of_text
        # all at once, so that no text is counted twice where a later one of its batch fails
        self.shares = shares
        for row, told in figures.items():
            self.figures[row] = told
            self.done += len(self._tokens[row].ids)
        self._batch = next(self._left, None)
        self.seconds += time.monotonic() - began

    def _look(self, tokens: Tokens, states: Float[Tensor, "token d_model"]) -> tuple[Shares, TextFigures]:
        inspection = look(self.lens, tokens, states)
        own = Shares.of(inspection)
        features = own.count.nonzero().squeeze(-1)
        bits = None
        if self.code is not None and own.tokens:
            bits = self.code.bits(inspection.code[inspection.read]).mean().item()
        return own, TextFigures(own.tokens, tokens.dropped_tokens, features.int(), own.count[features].int(), bits)
