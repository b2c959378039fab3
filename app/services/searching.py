"""What the search page asks: sentences that hold a text and features that fire there, contrasts of lines."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.services import codes
from app.services.reading import language_model, lenses
from app.services.shelf import Shelf
from app.services.study import index, open_index, workspace
from app.services.turns import EveryBatch
from bae.index import text_search
from bae.index.layout import passages
from bae.index.query import Example
from bae.measures import fit
from bae.reading import contrast as contrasts
from bae.reading.contrast import Contrasted

if TYPE_CHECKING:
    from bae.reading.inspection import Lens

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


# contrasts


def contrast(names: Sequence[str], a: Sequence[str], b: Sequence[str], advance: Callable[[int, int], None]) -> Contrasted:
    """Compare two sets of lines, through several dictionaries at once. `advance` is told of tokens read, and of all there are.

    What was read last is kept. Raises ValueError for sides that cannot be compared.
    """
    contrasts.checked(a, b)
    study = workspace()
    checkpoints = tuple((name, fit.mark(study.autoencoder_folder(name))) for name in names)
    usable = lenses().usable
    key = (str(study.folder), study.recipe.model, checkpoints, tuple(a), tuple(b))
    return _contrasts().get(key, lambda: _contrasted({name: usable[name] for name in names}, a, b, advance))


@st.cache_resource(show_spinner=False)
def _contrasts() -> Shelf[Contrasted]:
    return Shelf(CONTRASTS_KEPT, lambda one: 1)


def _contrasted(through: "Mapping[str, Lens]", a: Sequence[str], b: Sequence[str], advance: Callable[[int, int], None]) -> Contrasted:
    from bae.reading.text_set import BATCH_TOKENS

    return contrasts.contrast_lines(language_model(), through, a, b, advance, EveryBatch(BATCH_TOKENS))
