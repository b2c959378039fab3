"""A language model continues a text, piece by piece. Changes nothing of the model: whoever steers does so around each pass."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import Cache, DynamicCache

from bae.model.language_model import LanguageModel

READ_AT_ONCE, READ_AT_ONCE_ON_CUDA = 64, 512
"""Tokens of the text that one pass reads; between passes it may be cancelled. 64 take SmolLM2 0.25 s of one CPU core, so about half of
that on two; passes of 32 would take a third more for the whole text, those of 128 a sixth less."""
DEEP = 1024
"""Tokens behind which a pass reads half as many: each looks back at all that came before, and takes the longer the more these are."""
INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
"""What the first bytes of a character decode to."""
LIKELIEST = 5
"""Tokens that a step tells of beside the one that was written."""

Around = Callable[[], AbstractContextManager]


@dataclass(frozen=True)
class GenerationConfig:
    """How much is written, and how freely."""

    max_tokens: int = 60
    temperature: float = 0.0
    """0 takes the likeliest token; above it tokens are drawn, at 1 from the model's own distribution."""
    seed: int = 0
    """Of the draws. The same seed writes the same text on the same machine."""
    frequency_penalty: float = 0.0
    """OpenAI's: what a token's logit loses for every time that it was written, before the temperature. The text that came before does
    not count. In [-2, 2]; 0 changes nothing, below 0 repetition is sought."""

    def __post_init__(self):
        if self.max_tokens < 1:
            raise ValueError(f"at least 1 token is generated; got max_tokens={self.max_tokens}")
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"a temperature is 0 or above; got {self.temperature}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"a seed is a whole number from 0 to {2**63 - 1}; got {self.seed}")
        if not -2 <= self.frequency_penalty <= 2:
            raise ValueError(f"a frequency penalty lies between -2 and 2; got {self.frequency_penalty}")


class Rated(NamedTuple):
    """A token and how likely the model finds it next."""

    token: int
    text: str
    logprob: float
    """Natural logarithm of its probability, at most 0."""


class Step(NamedTuple):
    """One token that was written, rated by the model as it was run: steered if it was, before temperature and penalty."""

    written: Rated
    likeliest: tuple[Rated, ...]
    """The `LIKELIEST` tokens, likeliest first."""


def generate(
    model: LanguageModel,
    text: str,
    config: GenerationConfig | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    told: Callable[[Step], None] | None = None,
    around: Around = nullcontext,
) -> Iterator[str]:
    """What `model` writes behind `text`: a piece a token, empty while a character is incomplete, then what is left; together the output.

    Ends at `max_tokens`, where the model ends its text, and before the next pass once `cancelled()`, which is asked before each. `told`
    hears of every token before its piece comes. Each pass, and nothing else, is made inside a block of `around()`. Whoever asks for a
    piece has the turn of the model while it is made. Raises ValueError at once where text and output do not fit the model's context, and
    for a piece where the logits are not finite.
    """
    config = config or GenerationConfig()
    ids = model.tokenize(text).ids
    _check_room(model, len(ids), config.max_tokens)
    return _pieces(model, ids, config, cancelled, told, around)


def passes(model: LanguageModel, text: str, config: GenerationConfig) -> int:
    """How many passes of the model `generate` makes at most, so often it asks whether it is cancelled: the work of it."""
    return len(_parts(model, model.tokenize(text).ids)) - 1 + config.max_tokens


def next_logits(
    model: LanguageModel, text: str, cancelled: Callable[[], bool] = lambda: False, around: Around = nullcontext
) -> Float[Tensor, " vocabulary"] | None:
    """The logits of the token behind `text`, read as `generate` reads it, bit for bit; None once `cancelled()`.

    Raises ValueError where the text does not fit the model's context, or they are not finite.
    """
    ids = model.tokenize(text).ids
    _check_room(model, len(ids), 1)
    logits = _read(model, ids, DynamicCache(config=model.model.config), cancelled, around)
    return None if logits is None else _numbers(logits)


def rate(model: LanguageModel, logprobs: Float[Tensor, " vocabulary"], tokens: Sequence[int]) -> tuple[Rated, ...]:
    """Some tokens with their log-probabilities."""
    return tuple(Rated(token, model.token_text(token), logprobs[token].item()) for token in tokens)


def _check_room(model: LanguageModel, tokens: int, max_tokens: int) -> None:
    room = model.model.config.max_position_embeddings
    if tokens + max_tokens > room:
        left = f"at most {room - tokens:,} tokens can follow it" if tokens < room else "nothing can follow it"
        raise ValueError(f"the text has {tokens:,} tokens and {model.title} reads {room:,}, so {left}; got max_tokens={max_tokens:,}")


def _pieces(
    model: LanguageModel,
    ids: tuple[int, ...],
    config: GenerationConfig,
    cancelled: Callable[[], bool],
    told: Callable[[Step], None] | None,
    around: Around,
) -> Iterator[str]:
    generator = torch.Generator().manual_seed(config.seed)
    cache, ending = DynamicCache(config=model.model.config), ends(model)
    written: list[int] = []
    said = ""
    unread = ids
    while len(written) < config.max_tokens:
        logits = _read(model, unread, cache, cancelled, around)
        if logits is None:
            break
        token = choose(logits, written, config, generator)
        if token in ending:
            break
        if told:
            told(_step(model, logits, token))
        written.append(token)
        unread = (token,)
        whole = model.tokenizer.decode(written, clean_up_tokenization_spaces=False)
        piece = "" if whole.endswith(INCOMPLETE) else whole[len(said) :]
        said += piece
        yield piece
    yield model.tokenizer.decode(written, clean_up_tokenization_spaces=False)[len(said) :]


def _read(
    model: LanguageModel, ids: tuple[int, ...], cache: Cache, cancelled: Callable[[], bool], around: Around
) -> Float[Tensor, " vocabulary"] | None:
    """The logits behind the last of `ids`, which are added to the cache part by part; None once `cancelled()`."""
    logits = None
    for part in _parts(model, ids):
        if cancelled():
            return None
        with around():
            logits = _next_logits(model, part, cache)
    return logits


def _parts(model: LanguageModel, ids: tuple[int, ...]) -> list[Int[Tensor, " token"]]:
    """What each pass reads."""
    unread = torch.tensor(ids, device=model.device)
    once = READ_AT_ONCE_ON_CUDA if model.device.type == "cuda" else READ_AT_ONCE
    sized = ((unread[:DEEP], once), (unread[DEEP:], max(once // 2, 1)))
    return [part for tokens, size in sized for part in tokens.split(size) if len(part)]


@torch.inference_mode()
def _next_logits(model: LanguageModel, ids: Int[Tensor, " token"], cache: Cache) -> Float[Tensor, " vocabulary"]:
    """The logits behind the last of `ids`, which are added to the cache."""
    return model.model(ids[None], past_key_values=cache, use_cache=True, logits_to_keep=1).logits[0, -1].float().cpu()


def choose(logits: Float[Tensor, " vocabulary"], written: Sequence[int], config: GenerationConfig, generator: torch.Generator) -> int:
    """The next token, behind those that were `written` already. Raises ValueError where the logits are not finite."""
    logits = _penalized(_numbers(logits), written, config.frequency_penalty)
    if config.temperature == 0:
        return logits.argmax().item()
    return torch.multinomial((logits / config.temperature).softmax(-1), 1, generator=generator).item()


def _numbers(logits: Float[Tensor, " vocabulary"]) -> Float[Tensor, " vocabulary"]:
    """The same. The likeliest token of what are no numbers would be the first of the vocabulary, which looks like a text."""
    if not logits.isfinite().all():
        raise ValueError("the model's output is no longer numbers; if it is steered, the push is too strong: use a smaller amount")
    return logits


def _penalized(logits: Float[Tensor, " vocabulary"], written: Sequence[int], penalty: float) -> Float[Tensor, " vocabulary"]:
    if penalty == 0 or not written:
        return logits
    return logits - penalty * torch.bincount(torch.tensor(written), minlength=len(logits))


def _step(model: LanguageModel, logits: Float[Tensor, " vocabulary"], token: int) -> Step:
    logprobs = logits.log_softmax(-1)
    return Step(rate(model, logprobs, [token])[0], rate(model, logprobs, logprobs.topk(LIKELIEST).indices.tolist()))


def ends(model: LanguageModel) -> set[int]:
    """The tokens with which the model ends a text."""
    named = model.model.generation_config.eos_token_id
    return {*(named if isinstance(named, list) else [named]), model.tokenizer.eos_token_id} - {None}
