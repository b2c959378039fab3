"""What a model answers behind prompts, their last tokens pushed. All before these is read once, whatever the push."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import Cache, DynamicCache

from bae.model.language_model import LanguageModel, Tokens
from bae.steering import Intervention, steered
from bae.text.contexts import Context, batches, left_padded

BATCH = 128
"""Prompts that are read together, longest first, padded on the left."""


@dataclass(frozen=True, eq=False)
class Begun:
    """Prompts that were read up to their last tokens."""

    rows: list[int]
    """Where they stand among all."""
    last: Int[Tensor, "prompt 1"]
    lengths: list[int]
    """Tokens of each, BOS and last included."""
    mask: Int[Tensor, "prompt token"]
    """0 on padding."""
    cache: Cache

    @torch.inference_mode()
    def next_logits(self, model: LanguageModel, interventions: Sequence[Intervention] = ()) -> Float[Tensor, "prompt vocabulary"]:
        """The logits behind the prompts under interventions on their last tokens. The caller holds the model's lock."""
        positions = torch.tensor(self.lengths, device=self.last.device)[:, None] - 1
        with steered(model, interventions, self.lengths):
            found = model.model(
                self.last, attention_mask=self.mask, position_ids=positions, past_key_values=self.cache, use_cache=True, logits_to_keep=1
            )
        self.cache.crop(-1)
        return found.logits[:, -1].float().cpu()


@torch.inference_mode()
def begin(model: LanguageModel, texts: Sequence[str]) -> list[Begun]:
    """Read prompts, all tokens but the last."""
    ids = [tokens.ids for tokens in model.tokenize_each(texts)]
    order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
    return [_begun(model, ids, order[start : start + BATCH]) for start in range(0, len(order), BATCH)]


def _begun(model: LanguageModel, ids: Sequence[tuple[int, ...]], rows: list[int]) -> Begun:
    together, mask, positions = left_padded(model, [ids[row] for row in rows])
    cache = DynamicCache(config=model.model.config)
    model.model.model(together[:, :-1], attention_mask=mask[:, :-1], position_ids=positions[:, :-1], past_key_values=cache, use_cache=True)
    return Begun(rows, together[:, -1:], [len(ids[row]) for row in rows], mask, cache)


def answers(model: LanguageModel, begun: Sequence[Begun], interventions: Sequence[Intervention] = ()) -> Float[Tensor, "prompt vocabulary"]:
    """The logits behind all prompts, in the order in which they were given to `begin`."""
    logits = torch.empty(sum(len(group.rows) for group in begun), model.model.lm_head.out_features)
    for group in begun:
        logits[group.rows] = group.next_logits(model, interventions)
    return logits


@torch.inference_mode()
def answers_to_long(model: LanguageModel, tokens: Sequence[Tokens], advance) -> Float[Tensor, "prompt vocabulary"]:
    """The same for prompts that are read once only, a few at a time. `advance` is told of tokens as they are read."""
    logits = torch.empty(len(tokens), model.model.lm_head.out_features)
    for batch in batches([Context("", 0, own.ids, own.spans, own.text) for own in tokens]):
        states = model.hidden_states(batch.ids, [model.n_layers], batch.mask)[model.n_layers]
        last = torch.stack([own[len(tokens[row].ids) - 1] for row, own in zip(batch.rows, states, strict=True)])
        logits[batch.rows] = model.continued(last[:, None], model.n_layers)[:, 0].float().cpu()
        advance(sum(len(tokens[row].ids) for row in batch.rows))
    return logits
