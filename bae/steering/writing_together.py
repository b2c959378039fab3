"""A steered model continues several prompts at once, each as `generate_steered` would alone: same draws, up to rounding."""

from collections.abc import Callable, Sequence

import torch
from transformers import DynamicCache

from bae.model.generation import GenerationConfig, choose, ends
from bae.model.language_model import LanguageModel
from bae.steering.hooks import Steering
from bae.steering.interventions import Intervention
from bae.text.contexts import left_padded


@torch.inference_mode()
def write_together(
    model: LanguageModel,
    prompts: Sequence[tuple[int, ...]],
    interventions: Sequence[Intervention],
    config: GenerationConfig,
    advance: Callable[[int], None] = lambda tokens: None,
) -> list[tuple[int, ...]]:
    """The tokens that follow each prompt (tokens, BOS first), up to where the model ends its text.

    `advance` is told of tokens as they pass through the model. The caller holds the model's lock. Prompts and output fit its context.
    """
    steering = Steering(model, interventions, [len(prompt) for prompt in prompts])
    unread, mask, positions = left_padded(model, prompts)
    cache, ending = DynamicCache(config=model.model.config), ends(model)
    draws = [torch.Generator().manual_seed(config.seed) for _ in prompts]
    found: list[list[int]] = [[] for _ in prompts]
    writing = set(range(len(prompts)))
    for _ in range(config.max_tokens):
        with steering.applied():
            logits = model.model(
                unread, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1
            ).logits[:, -1]
        advance(unread.numel())
        rows = zip(logits.float().cpu(), found, draws, strict=True)
        chosen = [choose(row, written, config, draw) for row, written, draw in rows]
        writing = {row for row in writing if chosen[row] not in ending}
        for row in writing:
            found[row].append(chosen[row])
        if not writing:
            break
        unread = torch.tensor(chosen, device=model.device)[:, None]
        positions = positions[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(unread)], dim=1)
    return [tuple(ids) for ids in found]
