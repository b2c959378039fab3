"""What an experiment on entropies will take: time and room, measured on this machine as busy as it is."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import torch

from bae.experiments.set_training import Training, fit_sets
from bae.language_model import LanguageModel, best_device

MEASURED_TOKENS, MEASURED_STEPS = 1024, 4


@dataclass(frozen=True)
class Forecast:
    """What is left of a run."""

    tokens: int
    """That are still to be read."""
    tokens_per_s: float
    steps: int
    """Of groups, each of all their BAEs at once; those of groups that are kept are left out."""
    seconds_a_step: float
    disk_gb: float
    """The states."""
    memory_gb: float
    """The states of the largest group, with what training them takes."""

    @property
    def seconds(self) -> float:
        """In all."""
        return self.tokens / self.tokens_per_s + self.steps * self.seconds_a_step

    def row(self) -> dict[str, float]:
        """As JSON."""
        return {**asdict(self), "seconds": self.seconds}

    def __str__(self) -> str:
        reading, training = self.tokens / self.tokens_per_s / 60, self.steps * self.seconds_a_step / 60
        return (
            f"read {self.tokens:,} tokens at {self.tokens_per_s:,.0f} a second: {reading:,.1f} min\n"
            f"train {self.steps:,} steps of {self.seconds_a_step * 1000:,.0f} ms: {training:,.1f} min\n"
            f"states on disk {self.disk_gb:,.2f} GB, memory {self.memory_gb:,.2f} GB"
        )


def measure(
    model: LanguageModel,
    *,
    tokens: int,
    length: int,
    layers: Sequence[int],
    vectors: int,
    sets: int,
    groups: Sequence[tuple[int, Training]],
) -> Forecast:
    """`tokens` are still to be read, in texts of about `length`; `sets` of `vectors` are kept; `groups` of sets are still to be trained."""
    step = max((_step_seconds(model.d_model, count, training) for count, training in groups), default=0.0)
    largest = max((count for count, _ in groups), default=0)
    n_bits = max((training.expansion for _, training in groups), default=0) * model.d_model
    # a weight with its gradient and two moments, signs of pairs, and states three times: as they are read, scaled, and in a stack
    memory = 4 * largest * (8 * model.d_model * n_bits + n_bits**2 + 3 * vectors * model.d_model)
    return Forecast(
        tokens=tokens,
        tokens_per_s=_tokens_a_second(model, length, max(layers)) if tokens else math.inf,
        steps=sum(training.steps for _, training in groups),
        seconds_a_step=step,
        disk_gb=2 * sets * vectors * model.d_model / 1e9,
        memory_gb=memory / 1e9,
    )


def _tokens_a_second(model: LanguageModel, length: int, layer: int) -> float:
    ids = torch.randint(model.model.config.vocab_size, (max(1, MEASURED_TOKENS // length), length))
    model.hidden_states(ids[:1], [layer])
    began = time.perf_counter()
    model.hidden_states(ids, [layer])[layer].sum().item()
    return ids.numel() / (time.perf_counter() - began)


def _step_seconds(d_model: int, sets: int, training: Training) -> float:
    stack = torch.randn(sets, 2 * training.batch_size, d_model, device=best_device())
    took = []
    for steps in (MEASURED_STEPS, 2 * MEASURED_STEPS):
        began = time.perf_counter()
        fit_sets(stack, replace(training, steps=steps, warm_up=0.0), 0, lambda done: None)
        took.append(time.perf_counter() - began)
    # what is done once cancels
    return max(took[1] - took[0], 0.0) / MEASURED_STEPS
