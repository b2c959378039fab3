"""What the code of every token of a text takes in bits, at several layers; and reviews behind demonstrations to try it on."""

from dataclasses import dataclass

import streamlit as st

from app.services.reading import MOST_TOGETHER, lenses, read_together

REVIEWS = 64
"""Held-out reviews that can be asked about."""
SHOTS = (0, 1, 2, 4, 8)
"""Demonstrations before a review, as in Fig. 4 of the paper."""
SEED = 0


@dataclass(frozen=True)
class CodeLengths:
    """A text under one dictionary of bits."""

    dictionary: str
    layer: int
    tokens: tuple[str, ...]
    """Without the start token."""
    bits: tuple[float | None, ...]
    """Of each token; None where the dictionary leaves it out because of its norm."""
    usual: float
    """Mean over the corpus's own tokens."""

    @property
    def read(self) -> list[float]:
        """Those of the tokens that were read."""
        return [bits for bits in self.bits if bits is not None]

    @property
    def last(self) -> float | None:
        """That of the last token."""
        return self.bits[-1] if self.bits else None


def dictionaries() -> list[str]:
    """Those that are read: of those that have a code length the first `MOST_TOGETHER`, by layer, then by name."""
    return _binary()[:MOST_TOGETHER]


def left_out() -> list[str]:
    """Those that have a code length and are not read: a text is read through so many at once."""
    return _binary()[MOST_TOGETHER:]


def _binary() -> list[str]:
    """Those that have a code length: bits, one a feature."""
    usable = lenses().usable
    binary = [name for name, lens in usable.items() if lens.autoencoder.binary and lens.autoencoder.n_bits == lens.autoencoder.n_features]
    return sorted(binary, key=lambda name: (usable[name].layer, name))


def code_lengths(text: str) -> list[CodeLengths]:
    """A text under all of them, read once. Raises ValueError where there is nothing to read, or far too much."""
    found = []
    for name, reading in read_together(dictionaries(), text).items():
        tokens, read = reading.inspection.tokens, reading.inspection.read.tolist()
        bits = tuple(cost if kept else None for cost, kept in zip(reading.cost.bits[1:], read[1:], strict=True))
        texts = tuple(tokens.text[begin:end] for begin, end in tokens.spans[1:])
        found.append(CodeLengths(name, lenses().usable[name].layer, texts, bits, reading.cost.usual))
    return found


@st.cache_data(max_entries=1, show_spinner="Reading the reviews.")
def _reviews() -> tuple[list, list]:
    from bae.experiments.movies.prompts import draw

    sets = draw(REVIEWS, SEED)
    return list(sets.test), list(sets.demonstrations)


def review_prompt(number: int, shots: int) -> str:
    """Held-out review `number` behind `shots` demonstrations; fewer are the first of more.

    Raises ValueError or OSError where the reviews are not installed.
    """
    from random import Random

    from bae.experiments.movies.prompts import prompt

    tested, pool = _reviews()
    drawn = Random(f"{SEED} {number}").sample(pool, max(SHOTS))
    return prompt(tested[number], drawn[:shots])
