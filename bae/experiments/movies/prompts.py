"""Movie reviews as prompts, in three sets that share no text: for demonstrations, for estimating a direction, for testing.

The prompt is that of the paper's Fig. 8 (StaICC), `sentence: ... sentiment: positive` a line; the last line ends at its colon. A label
is the sign of a review's mean human score; reviews scored 0 are left out.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bae.model.language_model import LanguageModel
from bae.text import corpus

LABELS = (" negative", " positive")
SPLITS = {"demonstrations": "train", "estimation": "index", "test": "held-out"}
"""Which split of the corpus each set is drawn from: no autoencoder was trained on the last two."""
POOL = 2048
"""Reviews that demonstrations are drawn from."""


@dataclass(frozen=True)
class Review:
    """A review, white space brought to single spaces."""

    text: str
    positive: bool


@dataclass(frozen=True)
class Sets:
    """Reviews of the three sets."""

    demonstrations: tuple[Review, ...]
    estimation: tuple[Review, ...]
    test: tuple[Review, ...]


def draw(samples: int, seed: int = 0) -> Sets:
    """`samples` reviews to estimate with and as many to test, and a pool of demonstrations.

    Raises ValueError where there are not as many; FileNotFoundError where the reviews are not installed.
    """
    if samples < 2:
        raise ValueError(f"at least 2 samples are needed; got {samples}")
    taken: set[str] = set()
    sets = {}
    # the scarcest first, so that a text that stands in several splits stays with it
    for name, wanted in (("test", samples), ("estimation", samples), ("demonstrations", POOL)):
        sets[name] = tuple(review for review, _ in zip(_unseen(SPLITS[name], seed, taken), range(wanted), strict=False))
        if len(sets[name]) < wanted:
            raise ValueError(f"there are {len(sets[name]):,} different reviews for the {name} set; got samples = {samples:,}")
    return Sets(**sets)


def _unseen(split: str, seed: int, taken: set[str]) -> Iterator[Review]:
    """Reviews whose text, letters and digits alone, was not taken before."""
    for document, score in corpus.scored_reviews(split, seed):
        text = " ".join(document.text.split())
        key = "".join(letter for letter in text.lower() if letter.isalnum())
        if key and key not in taken:
            taken.add(key)
            yield Review(text, score > 0)


def prompt(query: Review, demonstrations: Sequence[Review] = ()) -> str:
    """The query behind its demonstrations, up to the colon that its label follows."""
    lines = [f"sentence: {review.text} sentiment:{LABELS[review.positive]}\n" for review in demonstrations]
    return "".join(lines) + f"sentence: {query.text} sentiment:"


def prompts(queries: Sequence[Review], pool: Sequence[Review] = (), shots: int = 0, seed: int = 0) -> list[str]:
    """One prompt a query, each with `shots` demonstrations of its own, drawn from `pool`."""
    return [prompt(query, random.Random(f"{seed} {number}").sample(pool, shots)) for number, query in enumerate(queries)]


def label_tokens(model: LanguageModel) -> tuple[int, int]:
    """The first token of either label, negative first. Raises ValueError where the tokenizer begins both alike."""
    bare = model.tokenize("sentiment:").ids
    whole = [model.tokenize(f"sentiment:{label}").ids for label in LABELS]
    if any(ids[: len(bare)] != bare for ids in whole) or whole[0][len(bare)] == whole[1][len(bare)]:
        raise ValueError(f"the first tokens of {' and '.join(map(repr, LABELS))} do not tell the labels apart for {model.title}")
    return whole[0][len(bare)], whole[1][len(bare)]
