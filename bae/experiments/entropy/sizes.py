"""The sizes of the experiments on entropies that can be chosen: options of the commands, and fields of the page. Loads nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Size:
    """A size of an experiment that can be chosen."""

    option: str
    """As the command has it, without the two dashes."""
    field: tuple[str, ...]
    """Where the settings have it."""
    most: int
    """The largest that is taken."""
    many: bool = False
    """Whether it is several numbers."""


MOST_NUMBERS = 64
"""Numbers that a size of several may have."""
STEPS = Size("steps", ("training", "steps"), 10_000_000)
WINDOWS, POSITIONS = Size("windows", ("windows",), 1_000_000), Size("positions", ("positions",), 131_072, many=True)
EXPANSIONS = Size("expansions", ("expansions",), 64, many=True)
LAYER, LAYERS = Size("layer", ("layer",), 1000), Size("layers", ("layers",), 1000, many=True)
SIZES = {
    "synthetic": (
        Size("ranks", ("ranks",), 16_384, many=True),
        EXPANSIONS,
        Size("samples", ("samples",), 10_000_000),
        replace(STEPS, field=("steps",)),
    ),
    "language": (WINDOWS, POSITIONS, LAYERS, STEPS),
    "icl": (Size("prompts", ("prompts",), 1_000_000), Size("shots", ("shots",), 1000, many=True), LAYERS, STEPS),
    "tokens": (Size("texts", ("texts",), 1_000_000), Size("ranks", ("ranks",), 131_072, many=True), EXPANSIONS, LAYER, STEPS),
    "dynamics": (replace(WINDOWS, field=("language", "windows")), POSITIONS, LAYER, STEPS),
}


def check(size: Size, chosen: int | Sequence[int]) -> None:
    """Raise ValueError for more than is taken."""
    numbers = chosen if size.many else [chosen]
    if len(numbers) > MOST_NUMBERS:
        raise ValueError(f"{size.option} are at most {MOST_NUMBERS} numbers; got {len(numbers):,}")
    if numbers and max(numbers) > size.most:
        raise ValueError(f"{size.option} {'are each' if size.many else 'is'} at most {size.most:,}; got {max(numbers):,}")
