"""Directions read from examples (section 5.4 of the paper): what a set of good texts has and a set of bad ones lacks.

`h_D = mean(good) - mean(bad)` over codes, all but the 256 greatest by absolute value put to 0, times `W_out`: a push of the residual
stream at the dictionary's layer. Beside it what it is to be held against: the same without a dictionary (difference of means), with
the signs of `h_D` alone (as the authors' released code has it), and at random, of equal length.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bae.features.directions import raw_rows
from bae.model.language_model import LanguageModel, Place
from bae.reading.inspection import Lens
from bae.steering.interventions import Add, Positions
from bae.text.contexts import Context, batches

KEPT = 256
"""Features of `h_D` that the paper keeps."""
FEWEST = 2
"""Texts of a side: the mean of one is no mean."""
At = Literal["last", "mean"] | int
"""Which token of a text: its last, all behind the BOS (their mean), or one by number: 1 is the first behind the BOS, -1 the last."""


class Examples(NamedTuple):
    """Hidden states of a set of texts at the tokens that were asked for, rounded to fp16 as a harvest keeps them."""

    states: Mapping[int | Place, Float[Tensor, "row d_model"]]
    """By place, raw."""
    text: Int[Tensor, " row"]
    """Which text each row is of."""


@dataclass(frozen=True, eq=False)
class Direction:
    """A push of the residual stream, and what it was made of."""

    method: str
    """`features`, `sign`, `random features`, `difference of means` or `random direction`."""
    layer: int
    vector: Float[Tensor, " d_model"]
    """In raw units of the residual stream; strength 1 adds it as it is."""
    values: Float[Tensor, " feature"] | None = None
    """What each feature was given, 0 for most; None where no dictionary is in it."""

    def push(self, strength: float, positions: Positions = "last") -> Add:
        """It as an intervention."""
        return Add(self.layer, self.vector, strength=strength, positions=positions)


def check_sides(good: Sequence[str], bad: Sequence[str]) -> None:
    """Raise ValueError unless both sides hold at least two texts, none blank, and are not the same."""
    for name, texts in (("good", good), ("bad", bad)):
        if len(texts) < FEWEST:
            raise ValueError(f"a direction needs at least {FEWEST} {name} examples, one a line; got {len(texts)}")
        if not all(text.strip() for text in texts):
            raise ValueError(f"one of the {name} examples is blank")
    if sorted(good) == sorted(bad):
        raise ValueError("the good examples and the bad ones are the same texts, so nothing tells them apart; change one side")


@torch.inference_mode()
def read_examples(
    model: LanguageModel,
    texts: Sequence[str],
    places: Sequence[int | Place],
    at: At = "last",
    advance: Callable[[int], None] = lambda tokens: None,
) -> Examples:
    """Read the chosen token of every text, or all but the BOS where their mean is asked for. `advance` is told of tokens as they are read.

    Raises ValueError for a text that has no such token, or is longer than the model's context.
    """
    tokens = model.tokenize_each(texts)
    wanted = [_rows(model, number, len(own.ids), at) for number, own in enumerate(tokens, start=1)]
    found: dict[int | Place, list[Tensor]] = {place: [torch.empty(0)] * len(texts) for place in places}
    for batch in batches([Context("", 0, own.ids, own.spans, own.text) for own in tokens]):
        for place, states in model.hidden_states(batch.ids, places, batch.mask).items():
            for row, own in zip(batch.rows, states, strict=True):
                found[place][row] = own[wanted[row]].half().float()
        advance(sum(len(tokens[row].ids) for row in batch.rows))
    counts = torch.tensor([len(rows) for rows in wanted])
    return Examples({place: torch.cat(parts) for place, parts in found.items()}, torch.arange(len(texts)).repeat_interleave(counts))


def _rows(model: LanguageModel, number: int, length: int, at: At) -> list[int]:
    """The tokens of one text, BOS counted, that are wanted."""
    room = model.model.config.max_position_embeddings
    if length > room:
        raise ValueError(f"example {number} has {length:,} tokens and {model.title} reads {room:,}; shorten it")
    if at == "mean" and length > 1:
        return list(range(1, length))
    place = {"last": -1, "mean": -1}.get(at, at)
    if not isinstance(place, int):
        raise ValueError(f"the token of an example is last, mean or a whole number; got {at!r}")
    if place == 0 or not -length < place < length:
        raise ValueError(f"example {number} has tokens 1 to {length - 1}, or -1 to {1 - length} from its end; there is no token {place}")
    return [place % length]


def feature_difference(lens: Lens, good: Examples, bad: Examples) -> Float[Tensor, " feature"]:
    """`h_D`: mean code of the good texts less that of the bad ones. A text counts once, by the mean over its rows.

    Rows that the dictionary drops because of their norm are left out. Raises ValueError where a side has no other.
    """
    return _mean(lens, good, lens.place, lens.autoencoder.encode, "good") - _mean(lens, bad, lens.place, lens.autoencoder.encode, "bad")


def greatest(difference: Float[Tensor, " feature"], kept: int = KEPT) -> Float[Tensor, " feature"]:
    """`h_D` with all but the `kept` greatest by absolute value put to 0. Raises ValueError where all are 0, or none is kept."""
    if kept < 1:
        raise ValueError(f"at least 1 feature is kept; got {kept}")
    if not difference.any():
        raise ValueError("no feature of this dictionary tells the good examples from the bad ones: their mean codes are equal")
    chosen = difference.abs().topk(min(kept, len(difference))).indices
    return torch.zeros_like(difference).scatter(0, chosen, difference[chosen])


def directions(lens: Lens, good: Examples, bad: Examples, kept: int = KEPT, seed: int = 0) -> dict[str, Direction]:
    """The paper's direction and all that stand beside it, by method. The controls are as long as it, and so is `sign`."""
    values = greatest(feature_difference(lens, good, bad), kept)
    rows, layer = raw_rows(lens.autoencoder), lens.layer
    ours = values @ rows
    chance = _elsewhere(values, seed)
    found = [
        Direction("features", layer, ours, values),
        Direction("sign", layer, as_long(values.sign() @ rows, ours), values.sign()),
        difference_of_means(lens, good, bad),
        Direction("random features", layer, as_long(chance @ rows, ours), chance),
        random_direction(layer, ours, seed),
    ]
    return {direction.method: direction for direction in found}


def directions_from_texts(
    model: LanguageModel,
    lens: Lens,
    good: Sequence[str],
    bad: Sequence[str],
    at: At = "last",
    kept: int = KEPT,
    seed: int = 0,
    advance: Callable[[int], None] = lambda tokens: None,
) -> dict[str, Direction]:
    """The same from two sets of texts. The caller holds the model's lock. `advance` is told of tokens as they are read.

    Raises ValueError for sides that tell nothing, and for texts that lack the token or are too long.
    """
    check_sides(good, bad)
    places = list(dict.fromkeys([lens.place, lens.layer]))
    return directions(lens, *(read_examples(model, side, places, at, advance) for side in (good, bad)), kept, seed)


def difference_of_means(lens: Lens, good: Examples, bad: Examples) -> Direction:
    """Without a dictionary: mean hidden state of the good texts less that of the bad ones, at the layer and tokens of `lens`."""
    means = [_mean(lens, side, lens.layer, lambda states: states, name) for side, name in ((good, "good"), (bad, "bad"))]
    return Direction("difference of means", lens.layer, means[0] - means[1])


def random_direction(layer: int, like: Float[Tensor, " d_model"], seed: int = 0) -> Direction:
    """A direction drawn from all directions, as long as `like`."""
    drawn = torch.randn(len(like), generator=torch.Generator().manual_seed(seed)).to(like.device)
    return Direction("random direction", layer, as_long(drawn, like))


def as_long(vector: Float[Tensor, " d_model"], like: Float[Tensor, " d_model"]) -> Float[Tensor, " d_model"]:
    """The vector at the length of another."""
    return vector * (like.norm() / vector.norm())


def _elsewhere(values: Float[Tensor, " feature"], seed: int) -> Float[Tensor, " feature"]:
    """The same values on features drawn at random."""
    drawn = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed)).to(values.device)
    return values[drawn]


def _mean(lens: Lens, side: Examples, place: int | Place, of: Callable[[Tensor], Tensor], name: str) -> Tensor:
    keep = _kept(lens, side)
    if not keep.any():
        raise ValueError(f"{lens.name} drops every {name} example at this token because of its norm; choose another token")
    text = side.text.to(keep.device)[keep]
    _, text, counts = text.unique(return_inverse=True, return_counts=True)
    values = of(side.states[place][keep])
    sums = values.new_zeros(len(counts), values.shape[1]).index_add_(0, text, values)
    return (sums / counts[:, None]).mean(0)


def _kept(lens: Lens, side: Examples) -> Bool[Tensor, " row"]:
    """Rows whose norm the dictionary was made for, where it reads and where it writes."""
    autoencoder = lens.autoencoder
    return autoencoder.scaling.keeps(side.states[lens.place]) & autoencoder.written_scaling.keeps(side.states[lens.layer])
