"""A query language over codes: `f12 & !f99 & (f7 | topk:f3)`, answered exactly by bits over all tokens of the index.

either  = both ("|" both)*          also OR
both    = single ("&" single)*      also AND
single  = "!" single | "(" either ")" | feature      also NOT
feature = [dictionary ":"] ["f"] number
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from bae.index.columns import Columns, members, packed
from bae.index.layout import Layout

Unit = Literal["token", "sentence"]
MAX_CHARACTERS, MAX_FEATURES, MAX_DEPTH = 4000, 100, 50
WORDS = {"and": "&", "or": "|", "not": "!"}
_NEXT = re.compile(
    r"\s*(?:(?P<sign>[&|!()])|(?P<feature>(?:(?P<dictionary>[\w.-]+):)?[fF]?(?P<number>[0-9]+)(?![\w.:-]))|(?P<word>[A-Za-z]+))"
)


class QueryError(ValueError):
    """A query that cannot be answered, with the character where that shows."""

    def __init__(self, said: str, query: str, position: int):
        super().__init__(said)
        self.query, self.position = query, position

    def pointed(self) -> str:
        """The query with a caret under the character, in two lines."""
        start = max(0, self.position - 60)
        line = "".join(letter if letter.isprintable() else " " for letter in self.query[start : start + 120])
        return f"{line}\n{' ' * (self.position - start)}^"


class Feature(NamedTuple):
    """A feature of a dictionary."""

    dictionary: str
    number: int


@dataclass(frozen=True)
class Query:
    """A query that was read: a feature, or an operation on queries."""

    operation: Literal["feature", "!", "&", "|"]
    feature: Feature | None = None
    parts: tuple["Query", ...] = ()

    def features(self, negated: bool = False) -> Iterator[Feature]:
        """The features that are asked to fire: those under an odd number of `!` are left out."""
        if self.operation == "feature" and not negated:
            yield self.feature
        for part in self.parts:
            yield from part.features(negated != (self.operation == "!"))


def read_query(text: str, dictionary: str, sizes: dict[str, int]) -> Query:
    """Read a query; features that name no dictionary are of `dictionary`. `sizes` says how many features each dictionary has.

    Raises QueryError that points at the character and says what may stand there.
    """
    if len(text) > MAX_CHARACTERS:
        raise QueryError(f"the query has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read", text, MAX_CHARACTERS)
    return _Reader(text, dictionary, sizes).read()


class _Reader:
    def __init__(self, text: str, dictionary: str, sizes: dict[str, int]):
        self.text, self.dictionary, self.sizes = text, dictionary, sizes
        self.at, self.n_features, self.depth = 0, 0, 0

    def read(self) -> Query:
        query = self._either()
        if self._peek() is not None:
            raise self._wrong("here & or | would go on, or the query would end")
        return query

    def _either(self) -> Query:
        return self._joined("|", self._both)

    def _both(self) -> Query:
        return self._joined("&", self._single)

    def _joined(self, sign: str, part: Callable[[], Query]) -> Query:
        parts = [part()]
        while self._take(sign):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Query(sign, parts=tuple(parts))

    def _single(self) -> Query:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._wrong(f"there are more than {MAX_DEPTH} signs ! and ( within each other")
        try:
            if self._take("!"):
                return Query("!", parts=(self._single(),))
            if self._take("("):
                inner = self._either()
                if not self._take(")"):
                    raise self._wrong("a bracket is open: here ) would close it, & or | would go on")
                return inner
            return self._feature()
        finally:
            self.depth -= 1

    def _feature(self) -> Query:
        found = self._peek()
        if found is None or not found["feature"]:
            raise self._wrong("a feature is expected, as f12 or 12, or ! or (")
        name, number = found["dictionary"] or self.dictionary, found["number"]
        if name not in self.sizes:
            raise QueryError(f"there is no dictionary {name!r}; there are {', '.join(self.sizes)}", self.text, found.start("dictionary"))
        # no number of digits that Python would refuse to read
        if len(number) > 12 or int(number) >= self.sizes[name]:
            shown = number if len(number) <= 12 else number[:12] + "…"
            raise QueryError(f"{name} has features 0 to {self.sizes[name] - 1}, not {shown}", self.text, found.start("number"))
        self.n_features += 1
        if self.n_features > MAX_FEATURES:
            raise self._wrong(f"a query has at most {MAX_FEATURES} features")
        self.at = found.end()
        return Query("feature", Feature(name, int(number)))

    def _peek(self) -> re.Match | None:
        found = _NEXT.match(self.text, self.at)
        if found is None and self.text[self.at :].strip():
            raise self._wrong("this sign is not known; there are & | ! ( ) and features as f12")
        return found

    def _take(self, sign: str) -> bool:
        found = self._peek()
        if found is None:
            return False
        if (found["sign"] or WORDS.get((found["word"] or "").lower())) != sign:
            return False
        self.at = found.end()
        return True

    def _wrong(self, said: str) -> QueryError:
        space = len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        return QueryError(said, self.text, min(self.at + space, len(self.text)))


@dataclass(frozen=True)
class Answer:
    """The tokens or sentences for which a query holds, exactly."""

    unit: Unit
    members: np.ndarray
    """int64: numbers of tokens or of contexts, ascending."""
    total: int
    """Tokens or contexts that were asked."""


def answer(query: Query, columns: Callable[[str], Columns], layout: Layout, unit: Unit = "token") -> Answer:
    """Ask every token, or every sentence: there a feature fires where it fires on any token.

    `!` holds on tokens that every dictionary was shown; a token left out for its norm has no code that could be silent.
    """
    everything = layout.read if unit == "token" else packed(np.arange(layout.n_contexts), layout.n_contexts)

    def bits(part: Query) -> np.ndarray:
        if part.operation == "feature":
            own = columns(part.feature.dictionary)
            return own.bits(part.feature.number) if unit == "token" else _sentences(own.tokens(part.feature.number), layout)
        inner = [bits(each) for each in part.parts]
        if part.operation == "!":
            return ~inner[0] & everything
        return (np.bitwise_and if part.operation == "&" else np.bitwise_or).reduce(inner)

    return Answer(unit, members(bits(query)), layout.n_tokens if unit == "token" else layout.n_contexts)


def _sentences(tokens: np.ndarray, layout: Layout) -> np.ndarray:
    return packed(layout.context(tokens), layout.n_contexts)


def marked(found: Answer, query: Query, columns: Callable[[str], Columns], layout: Layout) -> np.ndarray:
    """int64, ascending: the tokens to paint. Of a sentence they are those on which a feature fires that is asked to fire."""
    if found.unit == "token":
        return found.members
    tokens = [columns(feature.dictionary).tokens(feature.number) for feature in dict.fromkeys(query.features())]
    together = np.unique(np.concatenate([*tokens, np.empty(0, np.int64)]).astype(np.int64))
    return together[np.isin(layout.context(together), found.members)]
