"""What the rows of a dictionary point at: the tokens that each promotes and suppresses (logit lens), and the rows nearest to it.

A row in raw units is what its feature adds to the residual stream where it fires (a bit) or where its value is 1. The logit lens
(nostalgebraist 2020) takes it straight to the vocabulary: `row * gain of the final norm @ unembedding`. The norm's division by the
length of the residual stream is left out: it shrinks the logits of all tokens alike, and z-scores do not see it.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from bae.index.directions import directions_file, tokens_file, unembedding_file
from bae.model.language_model import LanguageModel
from bae.system.files import write_json, written_whole

TOP = 20
"""Tokens that are kept at either end of a feature's logits."""
NEAR = 16
"""Neighbours that are kept of every row."""
AT_ONCE = 2**25
"""Logits, or cosines, that are in memory at a time: 128 MiB of each."""


def raw_rows(autoencoder) -> Float[Tensor, "feature d_model"]:
    """The dictionary in raw units of the residual stream: what a feature writes there, its scaling undone."""
    return autoencoder.W_out.float() / autoencoder.written_scaling.scale


def unembedding(model: LanguageModel) -> Float[Tensor, "token d_model"]:
    """The rows that make logits, of the tokens that the tokenizer has: models often have some more, which nothing trained."""
    return model.model.lm_head.weight[: len(model.tokenizer)]


def final_gain(model: LanguageModel) -> Float[Tensor, " d_model"]:
    """What the final norm multiplies each dimension with, after it has divided by the length."""
    return model.model.model.norm.weight


@torch.inference_mode()
def lens_rows(
    rows: Float[Tensor, "feature d_model"], words: Float[Tensor, "token d_model"], advance: Callable[[int], None] = lambda features: None
) -> dict[str, Tensor]:
    """The logit lens of rows that the gain is on: the tokens at both ends, and mean and deviation over the vocabulary.

    Memory is bounded whatever their number. A row of zeros has no tokens: -1, and logits of 0.
    """
    words, top = words.float(), min(TOP, len(words))
    parts = []
    for part in rows.split(max(AT_ONCE // len(words), 1)):
        logits = part.float() @ words.T
        high, low = logits.topk(top), logits.topk(top, largest=False)
        silent = (part == 0).all(-1, keepdim=True)
        parts.append(
            {
                "promoted": high.indices.int().masked_fill(silent, -1),
                "promoted_logit": high.values,
                "suppressed": low.indices.int().masked_fill(silent, -1),
                "suppressed_logit": low.values,
                "logit_mean": logits.mean(-1),
                "logit_deviation": logits.std(-1, correction=0),
            }
        )
        advance(len(part))
    return _joined(parts)


@torch.inference_mode()
def nearest_rows(rows: Float[Tensor, "feature d_model"], advance: Callable[[int], None] = lambda features: None) -> dict[str, Tensor]:
    """The rows with the greatest cosine to each, itself left out, nearest first; exact. -1 and a cosine of 0 where there are no more.

    Rows of zeros have no direction: they are near to nothing, and nothing is near to them.
    """
    length = rows.float().norm(dim=-1, keepdim=True)
    unit = rows.float() / length.clamp(min=torch.finfo(torch.float32).tiny)
    pointless = length.squeeze(-1) == 0
    near, parts, begin = min(NEAR, len(rows) - 1), [], 0
    for part in unit.split(max(AT_ONCE // len(unit), 1)):
        cosine = part @ unit.T
        itself = torch.arange(len(part), device=rows.device)
        cosine[itself, begin + itself] = -torch.inf
        cosine[:, pointless] = -torch.inf
        cosine[pointless[begin : begin + len(part)]] = -torch.inf
        found = cosine.topk(near)
        nothing = found.values == -torch.inf
        parts.append(
            {
                "near": found.indices.int().masked_fill(nothing, -1),
                "near_cosine": found.values.clamp(-1, 1).masked_fill(nothing, 0.0),
            }
        )
        begin += len(part)
        advance(len(part))
    return _joined(parts)


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]).cpu().contiguous() for name in parts[0]}


@torch.inference_mode()
def write_directions(
    autoencoder, model: LanguageModel, folder: Path, name: str, advance: Callable[[int], None] = lambda features: None
) -> Path:
    """Write what the rows of a dictionary point at beside its index, whole or not at all; `advance` is told of features done.

    `rows` are kept with the gain on, in fp16 and at length 1, so that no model's units overflow them: with `length`, and one row of
    the unembedding, they give the logit of any token for all features.
    """
    raw = raw_rows(autoencoder).to(model.device)
    rows = raw * final_gain(model).float()
    length = rows.norm(dim=-1)
    # either pass is half of the work
    half = _Halves(advance)
    arrays = lens_rows(rows, unembedding(model), half) | nearest_rows(raw, half)
    arrays |= {"rows": (rows / length.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).half().cpu(), "length": length.cpu()}
    file = directions_file(folder, name)
    with written_whole(file) as draft:
        save_file(arrays, draft)
    return file


class _Halves:
    """Tells of a feature when it was passed twice."""

    def __init__(self, advance: Callable[[int], None]):
        self._advance, self._passed, self._told = advance, 0, 0

    def __call__(self, features: int) -> None:
        self._passed += features
        done = self._passed // 2
        self._advance(done - self._told)
        self._told = done


@torch.inference_mode()
def write_vocabulary(model: LanguageModel, folder: Path) -> None:
    """Write, once an index, the unembedding in fp16 and what every token says: pages then answer for any token without the model."""
    if not unembedding_file(folder).is_file():
        with written_whole(unembedding_file(folder)) as draft:
            save_file({"unembedding": unembedding(model).half().cpu().contiguous()}, draft)
    if not tokens_file(folder).is_file():
        write_json(tokens_file(folder), [model.token_text(token) for token in range(len(unembedding(model)))])
