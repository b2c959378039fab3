"""Whether a dictionary fits what it is opened on: how much it leaves unexplained of fresh hidden states, beside what it was measured at.

A dictionary of another layer or with another scaling loads, encodes and shows features, and every number of it is wrong.
What was measured is kept in a file of the study; measuring it is `bae.measures.fitting`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bae.system.files import locked, write_json
from bae.system.parsing import parsed_json

SLACK = 1.2
"""A dictionary is off where its FVU is more than so many times what was measured. On fresh sentences of their own corpus the demo's
have 0.89 to 1.09 times theirs; a layer further up 1.3 to 1.8 times, a layer further down 0.8 to 1.7 times (docs/results.md)."""
EXPLAINS_NOTHING = 1.0
"""The FVU of the mean hidden state."""


@dataclass(frozen=True)
class Fit:
    """How a dictionary reconstructs fresh hidden states."""

    fvu: float
    """Fraction of variance unexplained of the fresh states, in [0, inf)."""
    measured: float | None
    """The same as its checkpoint tells it of held-out text; None where it tells none."""
    tokens: int
    """Hidden states that it was measured on."""
    checkpoint: str
    """Names the weights that were looked at."""

    @property
    def off(self) -> bool:
        """Whether it does not fit: it explains nothing, or far less than it did when it was measured."""
        limit = EXPLAINS_NOTHING if self.measured is None else min(EXPLAINS_NOTHING, SLACK * self.measured)
        return not math.isfinite(self.fvu) or self.fvu >= limit


def mark(folder: Path) -> str:
    """What changes when a checkpoint is replaced."""
    return "-".join(f"{file.name}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in sorted(folder.glob("*")) if file.is_file())


def keep(file: Path, found: Mapping[str, Fit]) -> None:
    """Add fits to the file that holds those of a study; several processes may."""
    with locked(file.with_suffix(".lock")):
        write_json(file, {name: asdict(fit) for name, fit in (kept(file) | dict(found)).items()})


def kept(file: Path) -> dict[str, Fit]:
    """The fits that a file holds; none where it is not there. Raises ValueError, with what to do, where it is damaged."""
    if not file.is_file():
        return {}
    try:
        return {name: Fit(**told) for name, told in parsed_json(file.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} is damaged; delete it, and it is made again") from error
