"""A language model continues a text, piece by piece. Changes nothing of the model: whoever steers does so around it, under one lock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import Cache, DynamicCache

from bae.language_model import LanguageModel

READ_AT_ONCE = 512
"""Tokens of the text that one pass reads; between passes it may be cancelled."""
INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
"""What the first bytes of a character decode to."""


@dataclass(frozen=True)
class GenerationConfig:
    """How much is written, and how freely."""

    max_tokens: int = 60
    temperature: float = 0.0
    """0 takes the likeliest token; above it tokens are drawn, at 1 from the model's own distribution."""
    seed: int = 0
    """Of the draws. The same seed writes the same text on the same machine."""

    def __post_init__(self):
        if self.max_tokens < 1:
            raise ValueError(f"at least 1 token is generated; got max_tokens={self.max_tokens}")
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"a temperature is 0 or above; got {self.temperature}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"a seed is a whole number from 0 to {2**63 - 1}; got {self.seed}")


def generate(
    model: LanguageModel, text: str, config: GenerationConfig | None = None, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[str]:
    """What `model` writes behind `text`: a piece a token, empty while a character is incomplete, then what is left; together the output.

    Ends at `max_tokens`, where the model ends its text, and before the next pass once `cancelled()`. Whoever reads it holds the
    lock of the model until the last piece. Raises ValueError at once where text and output do not fit the model's context.
    """
    config = config or GenerationConfig()
    ids = model.tokenize(text).ids
    _check_room(model, len(ids), config.max_tokens)
    return _pieces(model, ids, config, cancelled)


def _check_room(model: LanguageModel, tokens: int, max_tokens: int) -> None:
    room = model.model.config.max_position_embeddings
    if tokens + max_tokens > room:
        left = f"at most {room - tokens:,} tokens can follow it" if tokens < room else "nothing can follow it"
        raise ValueError(f"the text has {tokens:,} tokens and {model.title} reads {room:,}, so {left}; got max_tokens={max_tokens:,}")


def _pieces(model: LanguageModel, ids: tuple[int, ...], config: GenerationConfig, cancelled: Callable[[], bool]) -> Iterator[str]:
    generator = torch.Generator().manual_seed(config.seed)
    cache, ends = DynamicCache(config=model.model.config), _ends(model)
    *earlier, unread = torch.tensor(ids, device=model.device).split(READ_AT_ONCE)
    for part in earlier:
        if cancelled():
            return
        _next_logits(model, part, cache)
    written: list[int] = []
    said = ""
    while len(written) < config.max_tokens and not cancelled():
        token = _choose(_next_logits(model, unread, cache), config.temperature, generator)
        if token in ends:
            break
        written.append(token)
        unread = torch.tensor([token], device=model.device)
        whole = model.tokenizer.decode(written, clean_up_tokenization_spaces=False)
        piece = "" if whole.endswith(INCOMPLETE) else whole[len(said) :]
        said += piece
        yield piece
    yield model.tokenizer.decode(written, clean_up_tokenization_spaces=False)[len(said) :]


@torch.inference_mode()
def _next_logits(model: LanguageModel, ids: Int[Tensor, " token"], cache: Cache) -> Float[Tensor, " vocabulary"]:
    """The logits behind the last of `ids`, which are added to the cache."""
    return model.model(ids[None], past_key_values=cache, use_cache=True, logits_to_keep=1).logits[0, -1].float().cpu()


def _choose(logits: Float[Tensor, " vocabulary"], temperature: float, generator: torch.Generator) -> int:
    if temperature == 0:
        return logits.argmax().item()
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator).item()


def _ends(model: LanguageModel) -> set[int]:
    """The tokens with which the model ends a text."""
    named = model.model.generation_config.eos_token_id
    return {*(named if isinstance(named, list) else [named]), model.tokenizer.eos_token_id} - {None}
