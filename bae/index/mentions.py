"""Which features mention a text: asked in one query, without the figures of features, which take 2.5 kB each."""

from collections.abc import Collection
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
