"""Fig. 12 and 29 to 34 of the paper: reconstruction loss against entropy along training, with the entropy terms and without.

    bae entropy dynamics --workspace WORKSPACE            # keeps WORKSPACE/entropy/

On the language states of one layer at some positions, which `bae entropy language` reads too: with the same windows, layers and
positions they are read once for both. Every BAE is trained twice from the same weights on the same batches, the second time with both
weights at 0. As in the paper, loss and entropy are those of the training batch; the entropy of a batch is at most that of its bits.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from bae.experiments.entropy import forecast as entropy_forecast
from bae.experiments.entropy import language as language_entropy
from bae.experiments.entropy.forecast import Forecast
from bae.experiments.entropy.results import Results, alone, begun
from bae.experiments.entropy.set_entropy import Prepared, SetOf, fitted_sets, prepared
from bae.experiments.entropy.set_training import Training
from bae.experiments.entropy.state_sets import StateSets
from bae.model.language_model import LanguageModel
from bae.system.progress import Progress
from bae.workspace import Workspace

EXPERIMENT = "dynamics"
STAGE = f"entropy-{EXPERIMENT}"
POINTS = 400
"""Steps that are kept of a training, evenly spaced, the last among them."""


@dataclass(frozen=True)
class Settings:
    """What is trained."""

    language: language_entropy.Settings = field(default_factory=language_entropy.Settings)
    """What is read; its training is not used."""
    layer: int | None = None
    """One of those that are read; None: the middle one of them."""
    positions: tuple[int, ...] = (1, 16, 256)
    """Some of those that are read."""
    seed: int = 0
    training: Training = field(default_factory=Training)

    def __post_init__(self):
        if missing := set(self.positions) - set(self.language.positions):
            raise ValueError(f"positions are of those that are read, {list(self.language.positions)}; got {sorted(missing)}")
        if not self.positions:
            raise ValueError("at least one position is needed")
        if not self.training.entropy_weight:
            raise ValueError("the first of the two trainings needs an entropy_weight above 0")


def settled(settings: Settings, workspace: Workspace, model: LanguageModel) -> Settings:
    """The settings with what was left open filled in. Raises ValueError for a layer that is not read."""
    language = language_entropy.settled(settings.language, workspace, model)
    layer = sorted(language.layers)[len(language.layers) // 2] if settings.layer is None else settings.layer
    if layer not in language.layers:
        raise ValueError(f"the layer is one of those that are read, {list(language.layers)}; got {layer}")
    return replace(settings, language=language, layer=layer)


def run(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Results:
    """Read and train all that is not yet kept.

    Raises what `language_entropy.run` raises; BlockingIOError while another experiment
    runs in this workspace.
    """
    with alone(workspace, EXPERIMENT):
        return _run(workspace, settings, model or LanguageModel.load(workspace.recipe.model))


def _run(workspace: Workspace, settings: Settings, model: LanguageModel) -> Results:
    settings = settled(settings, workspace, model)
    results = begun(workspace, EXPERIMENT, settings, model, wanted=2 * len(settings.positions) * len(points(settings.training)))
    if results.finished:
        return results
    with results.timed():
        sets = language_entropy.read(workspace, settings.language, model)
    states = _prepared(settings, sets)
    with Progress("training BAEs", 2 * settings.training.steps, "steps", workspace.status_file(STAGE)) as progress:
        for training in (settings.training, settings.training.without_entropy()):
            if _there(results, training):
                progress.skip(training.steps)
                continue
            began = time.monotonic()
            rows = list(_curve(states, training, settings.seed, progress))
            results.keep(rows, time.monotonic() - began)
    return results


def points(training: Training) -> list[int]:
    """The steps that are kept."""
    count = min(POINTS, training.steps)
    return [training.steps * number // count for number in range(1, count + 1)]


def _prepared(settings: Settings, sets: StateSets) -> list[Prepared]:
    groups = sets.groups()
    named = [
        SetOf({"layer": settings.layer, "position": position}, partial(sets.states, settings.layer, position))
        for position in settings.positions
    ]
    found = [prepared(one, groups, settings.training.origin) for one in named]
    if constant := [one.labels for one in found if one.scaled is None]:
        raise ValueError(f"a constant set has nothing to train: {constant[0]}")
    return found


def _curve(states: list[Prepared], training: Training, seed: int, progress: Progress) -> Iterator[dict[str, object]]:
    told, wanted = [], set(points(training))
    fitted_sets(
        states, training, seed, progress.advance, lambda step, error, bits: told.append((step, error, bits)) if step in wanted else None
    )
    for number, one in enumerate(states):
        for step, error, bits in told:
            yield {
                **one.labels,
                "entropy_loss": training.entropy_weight > 0,
                "step": step,
                "reconstruction": error[number].item() / one.scaling.scale**2,
                "unexplained": error[number].item() * one.scaled.shape[1],
                "entropy": bits[number].item(),
            }


def forecast(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Forecast:
    """What `run` will still take."""
    model = model or LanguageModel.load(workspace.recipe.model)
    settings = settled(settings, workspace, model)
    results = begun(workspace, EXPERIMENT, settings, model, wanted=1)
    left = [training for training in (settings.training, settings.training.without_entropy()) if not _there(results, training)]
    groups = [(len(settings.positions), training) for training in left]
    return entropy_forecast.measure(model, language_entropy.to_read(workspace, settings.language, model), groups)


def _there(results: Results, training: Training) -> bool:
    return results.has(entropy_loss=training.entropy_weight > 0)


def line(row: Mapping[str, object]) -> str:
    """A row in words."""
    loss = "with" if row["entropy_loss"] else "without"
    found = f"{row['entropy']:8,.1f} bits, unexplained {row['unexplained']:.3f}"
    return f"position {row['position']:>4}  {loss} the entropy loss  step {row['step']:>6}  {found}"
