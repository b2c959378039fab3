"""A steered model continues a text, piece by piece, and says what it finds likely next."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bae.model.generation import GenerationConfig, Rated, Step, generate, next_logits, rate
from bae.model.language_model import LanguageModel
from bae.steering.hooks import Steering
from bae.steering.interventions import Intervention


def generate_steered(
    model: LanguageModel,
    text: str,
    interventions: Sequence[Intervention],
    config: GenerationConfig | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    told: Callable[[Step], None] | None = None,
) -> Iterator[str]:
    """What `model` writes behind `text` under `interventions`, as `bae.model.generation.generate` gives it.

    The model is steered during a pass, and neither between two pieces nor while `cancelled` and `told` are called: one who stops reading
    leaves nothing behind, others may be let by, and several texts, plain or each steered in its own way, can be written in turns. Whoever
    asks for a piece has the turn of the model while it is made. Raises ValueError at once for interventions that cannot be, and where
    text and output do not fit the model's context.
    """
    return generate(model, text, config, cancelled, told, _steering(model, text, interventions).applied)


@dataclass(frozen=True, eq=False)
class NextTokens:
    """What a model finds likely behind a text."""

    model: LanguageModel
    logprobs: Float[Tensor, " vocabulary"]
    """Natural logarithms of the probabilities of all tokens, each at most 0."""
    likeliest: tuple[Rated, ...]
    """As many as were asked for, likeliest first."""

    def of(self, tokens: Sequence[int]) -> tuple[Rated, ...]:
        """The same for chosen tokens: those that another list holds."""
        return rate(self.model, self.logprobs, tokens)


def next_tokens(
    model: LanguageModel,
    text: str,
    interventions: Sequence[Intervention] = (),
    count: int = 10,
    cancelled: Callable[[], bool] = lambda: False,
) -> NextTokens | None:
    """The `count` likeliest tokens behind `text`, under `interventions` where there are any, before temperature and penalty.

    To compare plain with steered, ask for both, then each for `of` the tokens that either holds. None once `cancelled()`. The caller
    has the turn of the model. Raises ValueError for what `generate_steered` refuses, or a `count` that is not in the vocabulary.
    """
    size = model.model.config.vocab_size
    if not 1 <= count <= size:
        raise ValueError(f"between 1 and {size:,} tokens can be asked for; got {count}")
    logits = next_logits(model, text, cancelled, _steering(model, text, interventions).applied)
    if logits is None:
        return None
    logprobs = torch.log_softmax(logits, -1)
    return NextTokens(model, logprobs, rate(model, logprobs, logprobs.topk(count).indices.tolist()))


def _steering(model: LanguageModel, text: str, interventions: Sequence[Intervention]) -> Steering:
    return Steering(model, interventions, len(model.tokenize(text).ids))
