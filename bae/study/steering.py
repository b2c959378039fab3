"""Steering in a study: what the model writes and finds likely, plain beside pushed."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from bae.model.generation import GenerationConfig, generate
from bae.steering import generate_steered, plan
from bae.steering.comparison import Next, side_by_side
from bae.steering.interventions import Intervention
from bae.steering.plan import ExampleStep, Step
from bae.steering.writing import next_tokens as likeliest
from bae.study.reading import text_lines
from bae.study.sources import Sources

Steps = str | Step | Sequence[str | Step]
"""A push: one line as in `bae.steering.plan`, a step, or several of either."""


@dataclass(frozen=True)
class Steered:
    """What the model wrote behind a prompt, plain and pushed, with the same draws. A notebook shows them beside each other."""

    prompt: str
    """As the model read it."""
    push: str
    """The steps, as one line that the pages and `bae steer sweep --push` read too."""
    plain: str
    steered: str

    def _repr_html_(self) -> str:
        cells = "".join(f'<td style="white-space:pre-wrap;text-align:left">{escape(text)}</td>' for text in (self.plain, self.steered))
        return f"<table><tr><th>plain</th><th>{escape(self.push)}</th></tr><tr>{cells}</tr></table>"


def steps_of(steps: Steps) -> list[Step]:
    """The steps of a push. Raises ValueError that names the step that is wrong, or that there is none."""
    parts = [steps] if isinstance(steps, str | Step) else list(steps)
    found = [step for part in parts for step in (plan.parse(part) if isinstance(part, str) else [part])]
    if not found:
        raise ValueError("a push has at least one step, as in bae:1270:add:0.5")
    return found


def interventions(sources: Sources, steps: Sequence[Step]) -> list[Intervention]:
    """What the steps do on the model."""
    lenses = {step.dictionary: sources.lens(step.dictionary) for step in steps}
    return plan.interventions(steps, sources.model, lenses, lambda name: sources.notebook.text(name))


def steered(sources: Sources, prompt: str, steps: Steps, chat: bool, config: GenerationConfig) -> Steered:
    """What `Study.steer` returns."""
    asked, given = steps_of(steps), _given(sources, prompt, chat)
    pushes = interventions(sources, asked)
    plain = "".join(generate(sources.model, given, config))
    return Steered(given, plan.written(asked), plain, "".join(generate_steered(sources.model, given, pushes, config)))


def next_tokens(sources: Sources, prompt: str, steps: Steps, chat: bool, count: int) -> pd.DataFrame:
    """The table of `Study.next_tokens`."""
    pushes, given = interventions(sources, steps_of(steps)), _given(sources, prompt, chat)
    plain, pushed = (likeliest(sources.model, given, some, count) for some in ((), pushes))
    return pd.DataFrame(side_by_side(plain, pushed), columns=Next._fields).rename(columns={"text": "token", "token": "id"})


def direction(sources: Sources, dictionary: str, good: str | Sequence[str], bad: str | Sequence[str], **options: object) -> ExampleStep:
    """The step that `Study.direction` returns; its texts are kept in the notebook."""
    ids = [sources.notebook.keep_text("\n".join(text_lines(side))) for side in (good, bad)]
    return ExampleStep(sources.lens(dictionary).name, *ids, **options)


def _given(sources: Sources, prompt: str, chat: bool) -> str:
    if not prompt.strip():
        raise ValueError("there is no prompt; give at least one word")
    return sources.model.chat_prompt(prompt) if chat else prompt
