"""A steered model continues a text, piece by piece."""

from collections.abc import Callable, Iterator, Sequence

from bae.generation import GenerationConfig, generate
from bae.language_model import LanguageModel
from bae.steering.hooks import Steering
from bae.steering.interventions import Intervention


def generate_steered(
    model: LanguageModel,
    text: str,
    interventions: Sequence[Intervention],
    config: GenerationConfig | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[str]:
    """What `model` writes behind `text` under `interventions`, as `bae.generation.generate` gives it.

    The model is steered during a pass and not between two pieces: one who stops reading leaves nothing behind, and several texts,
    plain or each steered in its own way, can be written in turns. Whoever asks for a piece holds the model's lock while it is made.
    Raises ValueError at once for interventions that cannot be, and where text and output do not fit the model's context.
    """
    steering = Steering(model, interventions, len(model.tokenize(text).ids))
    return _pieces(steering, generate(model, text, config, cancelled))


def _pieces(steering: Steering, writing: Iterator[str]) -> Iterator[str]:
    while True:
        with steering.applied():
            piece = next(writing, None)
        if piece is None:
            return
        yield piece
