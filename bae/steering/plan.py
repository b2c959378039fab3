"""What a person asks of a steered run, as one line that an address or a job can carry, and what it comes to on a model.

    bae:1270:add:0.5                      half a layer's norm along the row of feature 1270, at all tokens
    bae:1270:add:3:raw:generated          three times its row, at the tokens that are being written
    topk:8:clamp:0                        brought to 0;  also ablate, project, and of a BAE flip, set, clear
    bae:Xb3/9fA:features:1:last:last      the direction from two sets of example texts, kept in the notebook under these ids

Several stand behind each other with commas between. Loads no torch until it is put to work: pages may read and write plans.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from bae.names import check_dictionary_name

if TYPE_CHECKING:
    from bae.model.language_model import LanguageModel
    from bae.reading.inspection import Lens
    from bae.steering.interventions import Intervention

How = Literal["add", "clamp", "ablate", "project", "flip", "set", "clear"]
HOWS = get_args(How)
Unit = Literal["norms", "raw"]
"""Of what is added: lengths of a usual hidden state of the layer, or times the feature's row as it is."""
UNITS = get_args(Unit)
POSITIONS = ("all", "prompt", "generated", "last")
"""As `bae.steering.interventions` has them."""
METHODS: Mapping[str, str] = {
    "features": "features",
    "sign": "sign",
    "means": "difference of means",
    "random-features": "random features",
    "random-direction": "random direction",
}
"""Ways from two sets of texts to a direction: as an address has it, and as `bae.steering.directions` calls it."""
ID = r"[A-Za-z0-9_-]{1,64}"
MOST = 16
"""Steps of a plan."""
LARGEST = 1e6


@dataclass(frozen=True)
class FeatureStep:
    """One feature of one dictionary, and what is done to it."""

    dictionary: str
    feature: int
    how: How = "add"
    amount: float = 0.5
    """What is added, in `unit`; the value that it is clamped to; else the share of the whole change, 1 for all of it."""
    unit: Unit = "norms"
    positions: str = "all"

    def __post_init__(self):
        _check(self.dictionary, self.amount, self.positions)
        if self.feature < 0:
            raise ValueError(f"features are numbered from 0; got {self.feature}")
        _one_of("a feature is steered by", self.how, HOWS)
        _one_of("what is added is measured in", self.unit, UNITS)

    @property
    def idle(self) -> bool:
        """Whether it changes nothing, whatever the text."""
        return self.how != "clamp" and self.amount == 0

    def __str__(self) -> str:
        tail = "" if (self.unit, self.positions) == ("norms", "all") else f":{self.unit}:{self.positions}"
        return f"{self.dictionary}:{self.feature}:{self.how}:{self.amount:g}{tail}"


@dataclass(frozen=True)
class ExampleStep:
    """A direction from two sets of texts, one a line."""

    dictionary: str
    good: str
    """Id of a text in the notebook, an example a line."""
    bad: str
    method: str = "features"
    amount: float = 1.0
    """Gamma: times the direction as it is."""
    positions: str = "last"
    at: str = "last"
    """The token of an example that is read: last, mean (of all), or a number: 1 the first, -1 the last."""

    def __post_init__(self):
        _check(self.dictionary, self.amount, self.positions)
        _one_of("a direction is made by", self.method, tuple(METHODS))
        for name in (self.good, self.bad):
            if not re.fullmatch(ID, name):
                raise ValueError(f"examples are named by the id of a text in the notebook; got {name!r}")
        if self.at not in ("last", "mean") and not re.fullmatch(r"-?[1-9][0-9]{0,4}", self.at):
            raise ValueError(f"the token of an example is last, mean, or a whole number other than 0; got {self.at!r}")

    @property
    def idle(self) -> bool:
        """Whether it changes nothing, whatever the text."""
        return self.amount == 0

    def __str__(self) -> str:
        return f"{self.dictionary}:{self.good}/{self.bad}:{self.method}:{self.amount:g}:{self.positions}:{self.at}"


Step = FeatureStep | ExampleStep


def parse(text: str) -> list[Step]:
    """The steps that a line spells. Raises ValueError that names the step and what is allowed."""
    parts = [part for part in text.split(",") if part]
    if len(parts) > MOST:
        raise ValueError(f"at most {MOST} things are steered at once; got {len(parts)}")
    return [parse_step(part) for part in parts]


def parse_step(text: str) -> Step:
    """One of them. Raises ValueError that says what is wrong with it."""
    fields = text.split(":")
    if not 4 <= len(fields) <= 6:
        raise ValueError(f"a step is written DICTIONARY:FEATURE:HOW:AMOUNT, as in bae:12:add:0.5; got {text[:80]!r}")
    dictionary, what, how, amount, *rest = fields
    try:
        number = float(amount)
    except ValueError as error:
        raise ValueError(f"an amount is a number; got {amount[:40]!r}") from error
    if "/" in what:
        good, _, bad = what.partition("/")
        return ExampleStep(dictionary, good, bad, how, number, *rest)
    if not re.fullmatch(r"[0-9]{1,9}", what):
        raise ValueError(f"a feature is a whole number from 0 up; got {what[:40]!r}")
    return FeatureStep(dictionary, int(what), how, number, *rest)


def written(steps: Iterable[Step]) -> str:
    """The line that spells these steps; `parse` reads it back."""
    return ",".join(map(str, steps))


def interventions(
    steps: Sequence[Step],
    model: "LanguageModel",
    lenses: Mapping[str, "Lens"],
    text_of: Callable[[str], str],
    advance: Callable[[int], None] = lambda tokens: None,
) -> "list[Intervention]":
    """What the steps do on `model`. `text_of` gives the text of an id; the caller holds the model's lock where a step has examples.

    `advance` is told of tokens of examples, between two passes that read them; what it raises ends the reading and comes out.
    Raises ValueError for a dictionary that is not in `lenses` (those that fit the model), a feature that it lacks, and examples that
    tell nothing; KeyError for an id that the notebook lacks.
    """
    return [_intervention(step, model, _lens(lenses, step), text_of, advance) for step in steps]


def _lens(lenses: Mapping[str, "Lens"], step: Step) -> "Lens":
    try:
        return lenses[step.dictionary]
    except KeyError:
        there = ", ".join(lenses) or "none"
        raise ValueError(f"there is no dictionary {step.dictionary!r} that fits this model; there are: {there}") from None


def _intervention(
    step: Step, model: "LanguageModel", lens: "Lens", text_of: Callable[[str], str], advance: Callable[[int], None]
) -> "Intervention":
    if isinstance(step, ExampleStep):
        return _from_examples(step, model, lens, text_of, advance)
    from bae.steering.interventions import Ablate, AddFeature, ChangeBits, Clamp, ProjectOut

    strength, positions, feature = step.amount, step.positions, step.feature
    check_feature(lens, feature)
    if step.how == "add":
        norm = layer_norm(lens) if step.unit == "norms" else None
        return AddFeature(lens, feature, norm=norm, strength=strength, positions=positions)
    if step.how == "clamp":
        return Clamp(lens, feature, step.amount, positions=positions)
    if step.how == "ablate":
        return Ablate(lens, feature, strength=strength, positions=positions)
    if step.how == "project":
        _check_reads_what_it_writes(lens)
        return ProjectOut(lens.layer, row(lens, feature), strength=strength, positions=positions)
    bits = lens.autoencoder.n_bits // lens.autoencoder.n_features if lens.autoencoder.discrete else 1
    return ChangeBits(lens, range(feature * bits, (feature + 1) * bits), step.how, strength=strength, positions=positions)


def _from_examples(
    step: ExampleStep, model: "LanguageModel", lens: "Lens", text_of: Callable[[str], str], advance: Callable[[int], None]
) -> "Intervention":
    from bae.steering.directions import directions_from_texts

    good, bad = ([line for line in text_of(name).splitlines() if line.strip()] for name in (step.good, step.bad))
    at = step.at if step.at in ("last", "mean") else int(step.at)
    found = directions_from_texts(model, lens, good, bad, at, advance=advance)
    return found[METHODS[step.method]].push(step.amount, step.positions)


def layer_norm(lens: "Lens") -> float:
    """How long the hidden states are that `lens` writes to, in raw units. Raises ValueError where that was not measured."""
    from bae.steering.strength import norm_under

    try:
        return norm_under(lens.autoencoder.written_scaling)
    except ValueError as error:
        raise ValueError(f"{lens.name} does not tell how long the hidden states of its layer are; give strengths in raw units") from error


def row(lens: "Lens", feature: int):
    """What a feature writes to the residual stream, raw [d_model]. Raises ValueError for a feature that is not there."""
    from bae.features.directions import raw_rows

    check_feature(lens, feature)
    return raw_rows(lens.autoencoder)[feature]


def check_feature(lens: "Lens", feature: int) -> None:
    """Raise ValueError for a feature that a dictionary lacks."""
    if not 0 <= feature < lens.autoencoder.n_features:
        raise ValueError(f"{lens.name} has features 0 to {lens.autoencoder.n_features - 1}; got {feature}")


def _check_reads_what_it_writes(lens: "Lens") -> None:
    """Of a Transcoder a direction at the place that is steered is no sign of the feature: its features are added, no more."""
    if lens.autoencoder.site != "residual":
        raise ValueError(f"{lens.name} reads another state than the one that is steered: its features can be added, no more")


def _check(dictionary: str, amount: float, positions: str) -> None:
    check_dictionary_name(dictionary)
    if not math.isfinite(amount) or abs(amount) > LARGEST:
        raise ValueError(f"an amount is a finite number from {-LARGEST:,.0f} to {LARGEST:,.0f}; got {amount}")
    _one_of("positions are", positions, POSITIONS)


def _one_of(what: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{what} {', '.join(allowed)}; got {value[:40]!r}")
