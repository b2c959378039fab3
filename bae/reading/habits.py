"""The habits that a dictionary's features are judged by in a text: those of the index, where it was built from this checkpoint."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bae.features.magnitude import Prior
from bae.reading.inspection import Lens


def judged_by_index(lens: Lens, tokens: int, column: Callable[[str], Sequence[float]]) -> tuple[Lens, Prior]:
    """A dictionary with the habits that an index measured on so many tokens, and these habits; `column` gives one of its columns by name.

    Without an index a dictionary is judged by its own prior, measured when it was trained: `lens` as it is.
    """
    prior = lens.autoencoder.prior
    habits = {name: prior.rate.new_tensor(column(name)) for name in ("rate", "mean", "deviation")}
    prior = replace(prior, **habits, tokens=tokens)
    return replace(lens, magnitude=lens.autoencoder.magnitude(prior)), prior
