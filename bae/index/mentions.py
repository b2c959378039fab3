"""Which features mention a text: asked in one query, without the figures of features, which take 2.5 kB each."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bae.index.query import Index

WANTED = """select feature, words, top_count from feature
    where dictionary = ? and (contains(lower(array_to_string(words, ' ')), ?) or feature in (select unnest(?::uinteger[])))
    order by feature"""


class Mention(NamedTuple):
    """A feature that was found."""

    feature: int
    words: list[str]
    """The most distinctive first."""
    top_count: int
    """Tokens that it is among the loudest of."""


def mentions(index: Index, dictionary: str, text: str, labelled: Collection[int] = ()) -> list[Mention]:
    """The features whose distinctive words contain a text, in any case, and those that `labelled` names; in their order."""
    return [Mention(*row) for row in index.rows(WANTED, dictionary, text.strip().lower(), sorted(labelled))]


class Named(NamedTuple):
    """A feature whose label or distinctive words contain a text."""

    feature: int
    rank: tuple[int, int]
    """The smaller, the better the text stands there; comparable between dictionaries."""
    why: str
    """`label`, else the words that contain the text."""


def named(index: Index, dictionary: str, wanted: str, labels: Mapping[int, str]) -> list[Named]:
    """The same, best first: whole words before parts of words, then those that are more often among the loudest of a token.

    `labels` are those that contain the text, by feature.
    """
    text = wanted.strip().lower()
    found = []
    for row in mentions(index, dictionary, text, labels):
        place, why = best_place(text, labels.get(row.feature), row.words)
        found.append(Named(row.feature, (place, -row.top_count), why))
    return sorted(found, key=lambda one: one.rank)


def best_place(text: str, label: str | None, words: Sequence[str]) -> tuple[int, str]:
    """Where a text stands best, as a rank and in words: a word of the label, a distinctive word by its place, then parts of these."""
    whole = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)
    holding = " · ".join([word for word in words if text in word.lower()] or words)
    if label and whole.search(label):
        return 0, "label"
    if place := next((place for place, word in enumerate(words, start=1) if word.lower() == text), 0):
        return place, holding
    return len(words) + 1, "label" if label else holding
