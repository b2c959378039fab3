"""What a model finds likely next, plain beside steered, as plain data. Loads no torch."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bae.steering.writing import NextTokens


class Next(NamedTuple):
    """A token that may come next, and how likely it is under each side: natural logarithms of probabilities."""

    token: int
    text: str
    plain: float
    steered: float


def side_by_side(plain: "NextTokens", steered: "NextTokens") -> list[Next]:
    """The tokens that are among the likeliest of either, with both their log-probabilities; the likeliest when plain first."""
    tokens = list(dict.fromkeys(rated.token for side in (plain, steered) for rated in side.likeliest))
    both = zip(plain.of(tokens), steered.of(tokens), strict=True)
    return sorted((Next(one.token, one.text, one.logprob, other.logprob) for one, other in both), key=lambda row: -row.plain)
