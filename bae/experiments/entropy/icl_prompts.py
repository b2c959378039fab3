"""Prompts for in-context learning in numbers: the same queries behind 0, 1, 2, ... demonstrations, from movie reviews or SST-2.

Every query has demonstrations of its own, as in the paper, and those of fewer shots are the first of those of more. Queries and
demonstrations share no text. Where more prompts are wanted than there are reviews, queries come round again behind other demonstrations.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bae.experiments.movies.prompts import POOL, Review, prompts
from bae.text import corpus

MOVIES = "movie-reviews"
HUGGING_FACE = "hf:"


@dataclass(frozen=True)
class Reviews:
    """Reviews to ask about, and others to show."""

    queries: tuple[Review, ...]
    pool: tuple[Review, ...]

    def asked(self, wanted: int) -> list[Review]:
        """`wanted` queries, in turn."""
        return [self.queries[number % len(self.queries)] for number in range(wanted)]

    def prompts(self, wanted: int, shots: int, seed: int) -> list[str]:
        """One prompt a query."""
        return prompts(self.asked(wanted), self.pool, shots, seed)


def draw(source: str, wanted: int, seed: int = 0) -> Reviews:
    """At most `wanted` queries, and a pool of demonstrations: `POOL` reviews, or a quarter where there are few.

    `source` is `movie-reviews`, or `hf:NAME` of rows with a "sentence" and a "label" that is 0 or 1, as hf:stanfordnlp/sst2.
    Raises ValueError for another source, or one with hardly a review; FileNotFoundError where the reviews are not installed.
    """
    if source == MOVIES:
        found = _different(_packaged(seed))
    elif source.startswith(HUGGING_FACE):
        found = _different(_hugging_face(source.removeprefix(HUGGING_FACE), seed))
    else:
        raise ValueError(f"there are no reviews {source!r}; give {MOVIES}, or hf:NAME, as hf:stanfordnlp/sst2")
    if len(found) < 4:
        raise ValueError(f"{source} holds {len(found)} different reviews; at least 4 are needed")
    shown = min(POOL, len(found) // 4)
    return Reviews(queries=tuple(found[shown : shown + wanted]), pool=tuple(found[:shown]))


def check(reviews: Reviews, shots: Sequence[int]) -> None:
    """Raise ValueError where there are not as many demonstrations."""
    if max(shots) > len(reviews.pool):
        raise ValueError(f"there are {len(reviews.pool):,} reviews to show; got {max(shots):,} shots")


def _different(reviews: Iterable[Review]) -> list[Review]:
    """The reviews whose text, letters and digits alone, did not come before."""
    found: dict[str, Review] = {}
    for review in reviews:
        key = "".join(letter for letter in review.text.lower() if letter.isalnum())
        if key:
            found.setdefault(key, review)
    return list(found.values())


def _packaged(seed: int) -> Iterator[Review]:
    for split in corpus.SPLITS:
        for document, score in corpus.scored_reviews(split, seed):
            yield Review(" ".join(document.text.split()), score > 0)


def _hugging_face(name: str, seed: int) -> Iterator[Review]:
    try:
        import datasets
    except ImportError as error:
        raise ValueError("reading from Hugging Face needs the datasets package: pip install 'bae-explorer[hub]'") from error
    rows = datasets.load_dataset(name, split="train").shuffle(seed=seed)
    for row in rows:
        if "sentence" not in row or row.get("label") not in (0, 1):
            raise ValueError(f'the rows of hf:{name} need a "sentence" and a "label" of 0 or 1; one is {row!r:.200}')
        yield Review(" ".join(row["sentence"].split()), row["label"] == 1)
