"""What an experiment on entropies will take: time and room, measured on this machine as busy as it is."""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import torch

from bae.experiments.entropy.set_training import Training, fit_sets
from bae.model.language_model import LanguageModel, best_device

MEASURED_TOKENS, MEASURED_STEPS = 1024, 4
TRIED_SHARE = 0.25
"""Of the memory, that trying a training may take: it is done beside whatever else runs, in the process of the page."""


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


@dataclass(frozen=True)
class ToRead:
    """What is still to be read, and how much is kept of it."""

    tokens: int
    length: int
    """About, of a text."""
    layers: Sequence[int]
    vectors: int
    """Of a set."""
    sets: int


def measure(model: LanguageModel, reading: ToRead, groups: Sequence[tuple[int, Training]]) -> Forecast:
    """What is left where `groups` of so many sets are still to be trained.

    Raises ValueError where a group is too large to try its training here, and where a training cannot be tried.
    """
    training_bytes = max((_bytes(model.d_model, count, training) for count, training in groups), default=0)
    largest = max((count for count, _ in groups), default=0)
    # states three times: as they are read, scaled, and in a stack
    memory = training_bytes + 4 * largest * 3 * reading.vectors * model.d_model
    disk = 2 * reading.sets * reading.vectors * model.d_model
    if training_bytes > TRIED_SHARE * memory_bytes():
        raise ValueError(
            f"its largest group takes {training_bytes / 1e9:,.1f} GB of memory to train, and this machine has {memory_bytes() / 1e9:,.1f}, "
            f"of which at most {TRIED_SHARE:.0%} are taken to try it; the run would take {memory / 1e9:,.1f} GB, and {disk / 1e9:,.1f} GB "
            "on disk. Ask for fewer sets at once or a smaller expansion"
        )
    try:
        step = max((_step_seconds(model.d_model, count, training) for count, training in groups), default=0.0)
        rate = _tokens_a_second(model, reading.length, max(reading.layers)) if reading.tokens else math.inf
    # torch says so where memory does not suffice, and a training where it runs away
    except (RuntimeError, FloatingPointError) as error:
        raise ValueError(f"it cannot be tried on this machine: {error}") from error
    return Forecast(
        tokens=reading.tokens,
        tokens_per_s=rate,
        steps=sum(training.steps for _, training in groups),
        seconds_a_step=step,
        disk_gb=disk / 1e9,
        memory_gb=memory / 1e9,
    )


def _bytes(d_model: int, sets: int, training: Training) -> int:
    """That training sets at once takes: weights with gradients and two moments, signs of pairs, and what a batch leaves."""
    n_bits = training.expansion * d_model
    return 4 * sets * (8 * d_model * n_bits + n_bits**2 + 6 * training.batch_size * n_bits)


def memory_bytes() -> int:
    """Of the device that trains."""
    if best_device().type == "cuda":
        return torch.cuda.get_device_properties(0).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
