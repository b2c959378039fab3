"""Ways to search for features: each turns what is looked for into results, best first, of one dictionary or of several."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from app import services
from app.search import finding
from app.services import directions, searching
from bae.index.mentions import mentions, named
from bae.index.query import Index

PAGES = ("page", "sentences")
"""Parameters of the address that no longer hold when other things are found."""

MOST = 200
"""Results that are kept of a search, the best."""


@dataclass(frozen=True)
class Result:
    """A feature that was found."""

    dictionary: str
    feature: int
    figures: Mapping[str, float] = field(default_factory=dict)
    """Why, in numbers, by their names among the meanings; shares in %."""
    why: str = ""
    """Why, in words; foreign."""


def by_meaning(names: Sequence[str], wanted: str, advance: Callable[[int], None]) -> list[Result]:
    """The features nearest in meaning. `advance` is told of dictionaries as they are done. Raises what `services.nearness` raises."""
    found = []
    for name in names:
        found += [Result(name, feature, {"nearness": near}) for feature, near in services.nearness(name, wanted).items()]
        advance(1)
    return sorted(found, key=lambda result: -result.figures["nearness"])[:MOST]


def by_words(index: Index, names: Sequence[str], wanted: str) -> list[Result]:
    """The features whose label or distinctive words contain a text, whole words before parts of words."""
    found = [(name, one) for name in names for one in named(index, name, wanted, _labels_with(name, wanted))]
    return [Result(name, one.feature, why=one.why) for name, one in sorted(found, key=lambda pair: pair[1].rank)[:MOST]]


def mentioning(index: Index, name: str, wanted: str) -> list[int]:
    """The features of a dictionary whose label or distinctive words contain a text, in their order."""
    return [row.feature for row in mentions(index, name, wanted, _labels_with(name, wanted))]


def _labels_with(name: str, text: str) -> dict[int, str]:
    return {feature: label.text for feature, label in services.shown_labels(name).items() if finding.holds(text, label.text)}


def in_sentences(names: Sequence[str], wanted: str, expression: bool, case: bool) -> list[Result]:
    """The features that fire most specifically where a text stands. Raises ValueError that says what is wrong with it."""
    found = [
        Result(
            name,
            one.feature,
            {"specific": one.at_least, "matched_share": 100 * one.share_here, "own_share": 100 * one.share_own},
        )
        for name in names
        for one in searching.enriched(name, wanted, expression, case)
    ]
    return sorted(found, key=lambda result: -result.figures["specific"])[:MOST]


def by_token(names: Sequence[str], token: int) -> list[Result]:
    """The features that promote a token of the vocabulary most. Raises OSError where the index does not hold what features promote."""
    found = []
    for name in names:
        pulls = enumerate(directions.promoters(name, token).tolist())
        found += [Result(name, feature, {"promotes": z}) for feature, z in pulls if z > 0]
    return sorted(found, key=lambda result: -result.figures["promotes"])[:MOST]


def by_contrast(found: searching.Contrasted, second: bool, up_to: float) -> list[Result]:
    """The features that fire in more lines of one side, whose p is at most `up_to`; the largest effect first, then by tokens."""
    figures, sign = found.figures, -1 if second else 1
    effect, tokens = sign * figures.effect, sign * (found.token_share_a - found.token_share_b)
    order = np.lexsort((-tokens, -effect))
    told = {
        "cohens_h": figures.effect,
        "family_p": figures.p,
        "lines_a": 100 * figures.share_a,
        "lines_b": 100 * figures.share_b,
        "tokens_a": 100 * found.token_share_a,
        "tokens_b": 100 * found.token_share_b,
    }
    places = order[(effect[order] > 0) & (figures.p[order] <= up_to)][:MOST].tolist()
    return [Result(*found.of(place), {name: float(values[place]) for name, values in told.items()}) for place in places]
