"""What a dictionary's reconstruction costs the language model: its next-token loss with the hidden states replaced.

Reads and continues the model in two trunks; no hooks. Position 0 and dropped tokens keep their own hidden state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bae.model.language_model import LanguageModel
from bae.reading.inspection import Lens
from bae.system.progress import Progress
from bae.text.contexts import Batch, Context, batches

BATCH_TOKENS = 1024
"""Tokens whose logits exist at a time."""


@dataclass(frozen=True)
class Splice:
    """Mean next-token losses over the same tokens, in nats, predictions of BOS left out."""

    tokens: int
    ce: float
    """Of the model as it is."""
    ce_spliced: float
    """With every hidden state at the dictionary's layer replaced by its reconstruction."""
    ce_zero: float
    """With those hidden states set to 0."""

    @property
    def delta_ce(self) -> float:
        """What the reconstruction costs, in nats a token; 0 costs nothing."""
        return self.ce_spliced - self.ce

    @property
    def ce_score(self) -> float:
        """Share of what zeroing costs that the reconstruction wins back; 1 is all of it (SAEBench's "loss recovered")."""
        return (self.ce_zero - self.ce_spliced) / (self.ce_zero - self.ce)


@torch.inference_mode()
def splice(model: LanguageModel, lenses: Mapping[str, Lens], group: Sequence[Context]) -> dict[str, Splice]:
    """Measure every dictionary on the same contexts, each of which is read once a dictionary and once for each layer.

    Raises ValueError when no context has two tokens behind its BOS.
    """
    group = [context for context in group if len(context.ids) > 2]
    if not group:
        raise ValueError("splicing needs contexts of at least two tokens behind the BOS; there was none")
    layers = sorted({lens.layer for lens in lenses.values()})
    total = dict.fromkeys(["clean", *lenses, *layers], 0.0)
    tokens = 0
    with Progress("splicing", sum(len(context.ids) for context in group), "tokens", None) as progress:
        for batch in batches(list(group), BATCH_TOKENS):
            places = list(dict.fromkeys([*layers, *(lens.place for lens in lenses.values())]))
            states = model.hidden_states(batch.ids, places, batch.mask)
            predicted = _predicted(batch)
            tokens += int(predicted.sum())
            total["clean"] += _loss(model, states[layers[-1]], layers[-1], batch, predicted)
            for layer in layers:
                total[layer] += _loss(model, _replaced(states[layer], torch.zeros_like(states[layer]), None), layer, batch, predicted)
            for name, lens in lenses.items():
                total[name] += _loss(model, _spliced(lens, states), lens.layer, batch, predicted)
            progress.advance(batch.ids.numel())
    return {
        name: Splice(tokens, total["clean"] / tokens, total[name] / tokens, total[lens.layer] / tokens) for name, lens in lenses.items()
    }


def _predicted(batch: Batch) -> Tensor:
    """Which tokens count as predictions: real ones from the second behind the BOS on."""
    mask = torch.ones_like(batch.ids) if batch.mask is None else batch.mask
    predicted = mask.bool().clone()
    predicted[:, :2] = False
    return predicted


def _spliced(lens: Lens, states: Mapping) -> Float[Tensor, "context token d_model"]:
    """The hidden states at a dictionary's layer, replaced by what it writes for what it reads."""
    read, written = states[lens.place].float(), states[lens.layer]
    found = lens.autoencoder.decode(lens.autoencoder.encode(read.flatten(0, 1))).view_as(written)
    keep = lens.autoencoder.scaling.keeps(read) & lens.autoencoder.written_scaling.keeps(written)
    return _replaced(written, found.to(written.dtype), keep)


def _replaced(states: Tensor, by: Tensor, where: Tensor | None) -> Tensor:
    changed = by if where is None else torch.where(where[..., None], by, states)
    changed = changed.clone()
    changed[:, 0] = states[:, 0]
    return changed


def _loss(model: LanguageModel, states: Tensor, layer: int, batch: Batch, predicted: Tensor) -> float:
    """Sum of the next-token losses, the model continued from hidden states at a layer."""
    logits = model.continued(states, layer, batch.mask)[:, :-1]
    targets = batch.ids[:, 1:].to(logits.device).masked_fill(~predicted[:, 1:].to(logits.device), -100)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="sum").item()
