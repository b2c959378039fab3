"""What the search page asks: sentences that hold a text and features that fire there, promoters of a token, contrasts of lines."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.services import codes
from app.services.reading import LM_LOCK, language_model, lenses
from app.services.study import index, open_index, workspace
from bae import contrast as contrasts
from bae.index import text_search
from bae.index.directions import Directions
from bae.index.layout import passages
from bae.index.query import Example

if TYPE_CHECKING:
    from bae.contrast import Contrast, Lines

ENRICHED = 50
"""Features of a dictionary that are kept of a search in sentences."""
CONTRASTS_KEPT = 4


def occurrences(wanted: str, expression: bool, case: bool) -> text_search.Occurrences:
    """Where a text or an expression occurs in the index. Raises ValueError that says what is wrong with it."""
    return _occurrences(str(index().file), wanted, expression, case)


@st.cache_resource(max_entries=16, show_spinner=False)
def _occurrences(file: str, wanted: str, expression: bool, case: bool) -> text_search.Occurrences:
    return text_search.find(open_index(file), codes.layout(), wanted, expression, case)


def sentences(found: text_search.Occurrences, first: int, last: int) -> list[Example]:
    """The sentences `first` to `last - 1` that hold what was found, painted there."""
    strengths = np.ones(len(found.tokens), np.float32)
    return passages(index(), codes.layout(), found.tokens, strengths, found.contexts[first:last].tolist())


def enriched(dictionary: str, wanted: str, expression: bool, case: bool) -> list[text_search.Enriched]:
    """The features that fire most specifically where something was found. Raises what `occurrences` and `codes.columns` raise."""
    return _enriched(str(index().file), dictionary, wanted, expression, case)


@st.cache_resource(max_entries=128, show_spinner=False)
def _enriched(file: str, dictionary: str, wanted: str, expression: bool, case: bool) -> list[text_search.Enriched]:
    return text_search.enriched(codes.columns(dictionary), _occurrences(file, wanted, expression, case).tokens, ENRICHED)


def tokens_of(dictionary: str, text: str) -> list[tuple[int, str]]:
    """The tokens of the vocabulary that say a text, alone or behind a space. Raises OSError where the index lacks directions."""
    found = _directions(str(index().file), dictionary)
    return [(token, found.texts[token]) for token in found.tokens_of(text)]


def promoters(dictionary: str, token: int) -> np.ndarray:
    """How strongly each feature promotes a token, in deviations over the vocabulary."""
    return _promoters(str(index().file), dictionary, token)


@st.cache_resource(max_entries=64, show_spinner=False)
def _promoters(file: str, dictionary: str, token: int) -> np.ndarray:
    return _directions(file, dictionary).promoters(token)


@st.cache_resource(max_entries=32, show_spinner=False)
def _directions(file: str, dictionary: str) -> Directions:
    return Directions(open_index(file), dictionary)


# contrasts


@dataclass(frozen=True)
class Contrasted:
    """Two sets of lines, seen by several dictionaries. The figures are by feature, one dictionary's after the other's."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    """Features of each."""
    figures: "Contrast"
    token_share_a: np.ndarray
    """Mean over the first side's lines of the share of their tokens on which each feature fires."""
    token_share_b: np.ndarray

    def of(self, place: int) -> tuple[str, int]:
        """The dictionary and the number of the feature whose figures stand at a place."""
        ends = np.cumsum(self.sizes)
        at = int(np.searchsorted(ends, place, side="right"))
        return self.names[at], int(place - (ends[at - 1] if at else 0))


def contrast(names: Sequence[str], a: Sequence[str], b: Sequence[str], advance: Callable[[int, int], None]) -> Contrasted:
    """Compare two sets of lines, through several dictionaries at once. `advance` is told of tokens read, and of all there are.

    What was read last is kept. Raises ValueError for sides that cannot be compared.
    """
    contrasts.checked(a, b)
    usable = lenses().usable
    key = (str(workspace().folder), tuple((name, id(usable[name])) for name in names), tuple(a), tuple(b))
    shelf = _contrasts()
    # not a cache of Streamlit's: those cannot draw how far they are
    if key not in shelf:
        shelf[key] = _contrasted(tuple(names), a, b, advance)
        while len(shelf) > CONTRASTS_KEPT:
            shelf.popitem(last=False)
    return shelf[key]


@st.cache_resource(show_spinner=False)
def _contrasts() -> "OrderedDict[tuple, Contrasted]":
    return OrderedDict()


def _contrasted(names: tuple[str, ...], a: Sequence[str], b: Sequence[str], advance: Callable[[int, int], None]) -> Contrasted:
    model, usable = language_model(), lenses().usable
    total = sum(len(one.ids) - 1 for one in model.tokenize_each([*a, *b]))
    with LM_LOCK:
        read = contrasts.read_lines(model, {name: usable[name] for name in names}, [*a, *b], lambda tokens: advance(tokens, total))
    lines: list[Lines] = [read[name] for name in names]
    first = np.arange(len(a) + len(b)) < len(a)
    figures = contrasts.contrast(np.concatenate([one.fires for one in lines], axis=1), first)
    shares = [np.concatenate([one.token_share(side) for one in lines]) for side in (first, ~first)]
    return Contrasted(names, tuple(one.firing.shape[1] for one in lines), figures, *shares)
