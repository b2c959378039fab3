"""What the playground asks: which dictionaries there are to steer with, texts written plain and steered, what comes next under both."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.services import codes
from app.services.reading import language_model, lenses
from app.services.shelf import Shelf
from app.services.study import index, notebook, workspace
from app.services.turns import limits, model_turn
from bae.measures import fit
from bae.names import TITLES
from bae.steering import plan, usual
from bae.steering.comparison import Next, side_by_side

if TYPE_CHECKING:
    from bae.model.generation import GenerationConfig, Step
    from bae.model.language_model import LanguageModel
    from bae.reading.inspection import Lens
    from bae.steering.interventions import Intervention

COMPARED = 10
"""Likeliest next tokens that are taken of each side."""
COMPARISONS_KEPT = 200
DIRECTIONS_KEPT = 64
SHORT_PROMPT = 512
"""Tokens up to which it is a short turn to read a prompt, plain and steered: others wait for about a second or two."""


@dataclass(frozen=True)
class Known:
    """A dictionary as its checkpoint's config tells of it; whether it fits the model is known once that is loaded."""

    name: str
    title: str
    layer: int
    n_features: int
    has_bits: bool
    only_added: bool
    """Whether it reads another state than the one that is steered."""


def dictionaries() -> dict[str, Known]:
    """The dictionaries of the study by name, in the order of layers. One whose config cannot be read is left out; Write says why."""
    study = workspace()
    files = [study.autoencoder_folder(name) / "config.json" for name in study.autoencoder_names()]
    found = [_known(file.parent.name, str(file), file.stat().st_mtime_ns) for file in files if file.is_file()]
    return {known.name: known for known in sorted(filter(None, found), key=lambda known: (known.layer, known.name))}


@st.cache_data(max_entries=128, show_spinner=False)
def _known(name: str, file: str, stamp: int) -> Known | None:
    try:
        with open(file, encoding="utf-8") as config:
            told = json.load(config)
        kind, layer, size = str(told["kind"]), int(told["provenance"]["layer"]), int(told["n_features"])
        return Known(name, TITLES.get(kind, kind), layer, size, kind == "binary", told["site"] != "residual")
    except (ValueError, KeyError, TypeError):
        return None


def usual_value(dictionary: str, feature: int) -> float | None:
    """The usual value of a feature of an SAE (`bae.steering.usual`); None where that is not known."""
    try:
        return None if index() is None else usual.usual_value(codes.columns(dictionary), feature)
    except (OSError, ValueError, IndexError, KeyError):
        return None


def marks(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Changes when one of the checkpoints does."""
    study = workspace()
    return tuple((name, fit.mark(study.autoencoder_folder(name))) for name in sorted(set(names)))


# what is asked of the model


class Prompt(NamedTuple):
    """What a person gives the model to go on with."""

    text: str
    chat: bool = False
    system: str = ""
    instruction: str = ""
    """Put before the text: the baseline of prompting."""

    def given(self, model: "LanguageModel") -> str:
        """What the model reads. Raises ValueError where there is nothing to read, or the model has no chat template."""
        if not self.text.strip():
            raise ValueError("there is no prompt; type at least one word")
        text = f"{self.instruction.rstrip()}\n\n{self.text}" if self.instruction.strip() else self.text
        return model.chat_prompt(text, self.system.strip() or None) if self.chat else text


def check(prompt: Prompt, tokens: int) -> str:
    """What the model would read. Raises ValueError for what it cannot be asked, or what the administrator does not allow."""
    given = prompt.given(language_model())
    limits().check(given, tokens)
    return given


def writing(
    prompt: Prompt,
    push: str,
    config: "GenerationConfig",
    cancelled: Callable[[], bool],
    told: "Callable[[Step], None]",
    advance: Callable[[int], None],
) -> Iterator[str]:
    """The pieces of a text under a push; an empty one is no push at all. The caller has the turn of the model, also for this call.

    `advance` is told, within this call, of tokens of examples as they are read.
    Raises ValueError with a sentence for what cannot be.
    """
    from bae.model.generation import generate
    from bae.steering import generate_steered

    model = language_model()
    given = check(prompt, config.max_tokens)
    if not push:
        return generate(model, given, config, cancelled, told)
    return generate_steered(model, given, interventions(push, advance), config, cancelled, told)


def interventions(push: str, advance: Callable[[int], None] = lambda tokens: None) -> "list[Intervention]":
    """What a push does. The caller has the turn of the model. Raises ValueError with a sentence for what cannot be.

    `advance` is told of tokens of examples as they are read; it draws, so that Streamlit ends the reading where a person does something.
    """
    found = lenses()
    steps = plan.parse(push)
    for step in steps:
        if reason := found.refused.get(step.dictionary):
            raise ValueError(f"the dictionary {step.dictionary} cannot be used: {reason}")
    return [_intervention(step, found.usable, advance) for step in steps]


def _intervention(step: plan.Step, usable: "Mapping[str, Lens]", advance: Callable[[int], None]) -> "Intervention":
    """One step. Directions from examples are kept, whatever their strength: to read the texts takes a pass of the model."""

    def made(which: plan.Step) -> "Intervention":
        try:
            return plan.interventions([which], language_model(), usable, _examples, advance)[0]
        except KeyError as error:
            raise ValueError(f"the examples of a direction are not kept in this workspace: {error.args[0]}") from error

    if isinstance(step, plan.FeatureStep) or step.dictionary not in usable:
        return made(step)
    alike = replace(step, amount=1.0, positions="last")
    key = (str(workspace().folder), workspace().recipe.model, marks([step.dictionary]), alike)
    return replace(_directions().get(key, lambda: made(alike)), strength=step.amount, positions=step.positions)


def _examples(name: str) -> str:
    """The kept text of an id, where it is not longer than a prompt may be."""
    text = notebook().text(name)
    limits().check(text, 1)
    return text


@st.cache_resource(show_spinner=False)
def _directions() -> "Shelf[Intervention]":
    return Shelf(DIRECTIONS_KEPT, lambda one: 1)


# what comes next


def next_tokens(prompt: Prompt, push: str, advance: Callable[[int, int], None]) -> list[Next]:
    """The tokens that are among the likeliest behind a prompt, plain or under a push; the likeliest when plain first.

    `advance` is told before each pass how many are made of how many; it draws, so that Streamlit ends the reading where a person does
    something else. What was asked last is kept. Raises ValueError with a sentence for what cannot be.
    """
    names = [step.dictionary for step in plan.parse(push)]
    key = (str(workspace().folder), workspace().recipe.model, marks(names), prompt, push)
    return _comparisons().get(key, lambda: _next_tokens(prompt, push, advance))


@st.cache_resource(show_spinner=False)
def _comparisons() -> Shelf[list[Next]]:
    return Shelf(COMPARISONS_KEPT, lambda one: 1)


def _next_tokens(prompt: Prompt, push: str, advance: Callable[[int, int], None]) -> list[Next]:
    from bae.model.generation import GenerationConfig, passes
    from bae.steering.writing import next_tokens as likeliest

    model = language_model()
    given = check(prompt, 1)
    length, total = len(model.tokenize(given).ids), 2 * passes(model, given, GenerationConfig(1))
    short, made = length <= SHORT_PROMPT, -1
    with model_turn(2 * length if short else total, short=short) as turn:

        def look(read: int = 0) -> None:
            # nothing is done yet when it is asked first; only passes are counted, which examples are no part of
            turn.let_by(0)
            advance(max(made, 0), total)

        def cancelled() -> bool:
            """Never: Streamlit leaves from here, because `advance` draws."""
            nonlocal made
            made += 1
            look()
            return False

        pushes = ((), interventions(push, look))
        plain, steered = (likeliest(model, given, some, COMPARED, cancelled) for some in pushes)
    return side_by_side(plain, steered)
