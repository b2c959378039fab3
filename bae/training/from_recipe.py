"""From a table of a recipe to a trained checkpoint: architecture, objective, descent, evaluation on held-out text."""

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import islice
from typing import NamedTuple

import torch
from torch import nn

from bae.autoencoder import KINDS, Pair, checkpoint
from bae.measures.evaluation import Evaluation, evaluate
from bae.model.language_model import RESIDUAL, place
from bae.states.harvest import SHARD_TOKENS, HiddenStates
from bae.states.scaling import Scaling
from bae.system import world
from bae.system.files import locked
from bae.training.descent import BUFFER_SHARDS, FitConfig, Run, TrainingState, fit, step, stream
from bae.training.objective import BinaryObjective, SparseObjective
from bae.training.refit import refit_decoder
from bae.workspace import Workspace

SCALINGS = ("centred", "raw")
EXPANSION, FIRING_RATE = 4, 0.02
HELD_OUT_SAMPLE = 8192
PASS = ("layer", "site", "scaling", "batch_size", "seed")
WARM_UP_STEPS, MEASURED_STEPS = 3, 12
"""Of a forecast."""
START_BATCHES = 20
"""Batches on which the initial firing rate is set."""


def options_of(kind: str) -> dict[str, set[str]]:
    """The options that a table of this kind may have, by what they configure."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of autoencoder {kind!r}; there are {', '.join(KINDS)}")
    objective = BinaryObjective if kind == "binary" else SparseObjective
    return {
        "architecture": set(checkpoint.OPTIONS[kind]) - {"threshold" if kind == "batchtopk" else ""},
        "objective": {field.name for field in fields(objective)},
        "descent": {field.name for field in fields(FitConfig)},
        "start": {"expansion", "scaling"} | ({"firing_rate"} if kind == "binary" else set()),
        "end": {"then"} | ({"refit"} if kind == "binary" else set()),
    }


class Settings(NamedTuple):
    """What the table of an autoencoder asks for."""

    chosen: Mapping[str, Mapping]
    """Its options, by what they configure."""
    stages: "list[Stage]"


def settings(table: Mapping[str, object], seed: int = 0) -> Settings:
    """Check the options of a recipe's table, before there is any harvest. Raises ValueError for one that training would refuse."""
    name, kind = table["name"], table["kind"]
    told = {key: value for key, value in table.items() if key not in ("name", "kind", "layer")}
    allowed = options_of(kind)
    known = set().union(*allowed.values())
    unknown = sorted(set(told) - known)
    if unknown:
        raise ValueError(f"autoencoder {name}: a {kind} autoencoder has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    chosen = {group: {key: told[key] for key in names if key in told} for group, names in allowed.items()}
    if chosen["start"].get("scaling", "centred") not in SCALINGS:
        raise ValueError(f"autoencoder {name}: scaling is {' or '.join(SCALINGS)}; got {chosen['start']['scaling']!r}")
    _check_numbers(name, chosen)
    try:
        stages = _stages(kind, chosen, seed, plain=bool(told.get("plain")))
        # wide enough for any k that is a number; how wide it really is, the harvest decides
        KINDS[kind](8, max(4096, told.get("k") or 0), Scaling.raw(8), seed=seed, **chosen["architecture"])
    except TypeError as error:
        raise ValueError(f"autoencoder {name}: an option has a value of the wrong type: {error}") from error
    return Settings(chosen, stages)


def _check_numbers(name: str, chosen: Mapping[str, Mapping]) -> None:
    """Options that are numbers must be: whole ones where steps are counted, finite ones elsewhere, rates between 0 and 1."""
    types = {field.name: field.type for cls in (BinaryObjective, SparseObjective, FitConfig) for field in fields(cls)}
    for option, value in (item for group in ("objective", "descent") for item in chosen[group].items()):
        whole, number = type(value) is int, type(value) in (int, float) and math.isfinite(value)
        if (types[option] is int and not whole) or (types[option] is float and not number):
            raise ValueError(f"autoencoder {name}: {option} must be a {'whole ' if types[option] is int else ''}number; got {value!r}")
    expansion, rate = chosen["start"].get("expansion", EXPANSION), chosen["start"].get("firing_rate", FIRING_RATE)
    if type(expansion) not in (int, float) or not 0 < expansion < math.inf:
        raise ValueError(f"autoencoder {name}: expansion must be a number above 0; got {expansion!r}")
    if type(rate) not in (int, float) or not 0 < rate < 1:
        raise ValueError(f"autoencoder {name}: firing_rate must lie between 0 and 1; got {rate!r}")


def train(workspace, name: str) -> Evaluation:
    """Train the autoencoder `name` of a workspace's recipe on its harvest, evaluate it, and write its checkpoint.

    Goes on where an earlier run stopped. Raises ValueError for an option that its kind does not have, FileNotFoundError
    before the harvest.
    """
    (evaluation,) = train_together(workspace, [name])
    return evaluation


def train_together(workspace, names: Sequence[str]) -> list[Evaluation]:
    """Train several autoencoders in one pass over the data. They must read the same states in batches of the same order.

    Raises ValueError where they do not, and what `train` raises.
    """
    trainings = [Training.plan(workspace, name) for name in names]
    if len(trainings) > 1:
        _check_together(trainings)
    with ExitStack() as stack:
        if world.rank() == 0:
            for name in names:
                busy = f"{name} is being trained by another process; its curve is on the Training page"
                stack.enter_context(locked(workspace.folder / "training" / name / "lock", busy))
        for number in range(max(len(training.stages) for training in trainings)):
            runs = [training.run(number) for training in trainings if number < len(training.stages)]
            fit(runs, partial(_batches, trainings[0], number), workspace.status_file(f"train-{'+'.join(names)}"))
        return [training.finish() for training in trainings]


@dataclass(frozen=True)
class Forecast:
    """What a training will take, measured on a few steps with the real states; nothing is written."""

    name: str
    steps: int
    seconds: float
    """Of all steps at the rate of those measured; a BAE gets faster as its bits become rare."""
    megabytes: float
    """Weights, gradients, Adam's moments, a batch's codes, and the shards that are mixed in memory."""


def forecast(workspace, name: str) -> Forecast:
    """Take a few steps of a training and throw them away. Raises what `train` raises."""
    training = Training.plan(workspace, name)
    objective, descent = training.stages[0]
    state = TrainingState.start(training.autoencoder)
    took = []
    began = time.perf_counter()
    for batch in islice(_batches(training, 0, 0), WARM_UP_STEPS + MEASURED_STEPS):
        step(state, batch.map(lambda vectors: vectors.to(state.silence.device)), objective, replace(descent, steps=10**9))
        if state.silence.device.type == "cuda":
            torch.cuda.synchronize()
        took.append(time.perf_counter() - began)
        began = time.perf_counter()
    steps = sum(stage.descent.steps for stage in training.stages)
    d_model, width = training.autoencoder.W_in.shape
    weights = sum(weight.numel() for weight in training.autoencoder.parameters())
    sites = 1 if training.autoencoder.site == RESIDUAL else 2
    # a weight with its gradient and two moments; codes, pre-activations and their gradients; shards in fp16: as read, joined and mixed
    bytes_needed = 16 * weights + 4 * 6 * descent.batch_size * width + 3 * 2 * sites * BUFFER_SHARDS * SHARD_TOKENS * d_model
    return Forecast(name, steps, steps * statistics.median(took[WARM_UP_STEPS:]), bytes_needed / 1e6)


def _check_together(trainings: Sequence["Training"]) -> None:
    told = {training.name: training.pass_over_data() for training in trainings}
    if len(set(told.values())) > 1 or any(len(training.stages) > 1 for training in trainings):
        lines = "; ".join(f"{name} {dict(zip(PASS, values, strict=True))}" for name, values in told.items())
        raise ValueError(f"autoencoders share a pass over the data only with one stage and equal {', '.join(PASS)}; got {lines}")


def _batches(training: "Training", number: int, skip: int) -> Iterator[Pair]:
    descent = training.stages[number].descent
    return stream(training.train_states, training.layer, training.autoencoder, descent.batch_size, descent.seed + number, skip)


class Stage(NamedTuple):
    """A descent and what it descends."""

    objective: BinaryObjective | SparseObjective
    descent: FitConfig


@dataclass
class Training:
    """One autoencoder of a recipe, from its first weights to its checkpoint."""

    workspace: Workspace
    table: dict
    chosen: Mapping[str, Mapping]
    """The options of its table, by what they configure."""
    stages: list[Stage]
    train_states: HiddenStates
    held_out: HiddenStates
    autoencoder: nn.Module

    @classmethod
    def plan(cls, workspace: Workspace, name: str) -> "Training":
        """Check a table's options and make the autoencoder that training starts from."""
        table = dict(workspace.autoencoder_table(name))
        chosen, stages = settings(table, workspace.recipe.seed)
        train_states, held_out = (HiddenStates(workspace.harvest_folder(split)) for split in ("train", "held-out"))
        for states in (train_states, held_out):
            states.scaling(table["layer"])  # says so when the harvest is not finished
        autoencoder = _start(table["kind"], table["layer"], chosen, train_states, stages[0].descent)
        return cls(workspace, table, chosen, stages, train_states, held_out, autoencoder)

    @property
    def name(self) -> str:
        """As the recipe calls it."""
        return self.table["name"]

    @property
    def layer(self) -> int:
        """Where it reads and writes."""
        return self.table["layer"]

    def pass_over_data(self) -> tuple:
        """What decides which batches it sees, in the order of `PASS`."""
        descent = self.stages[0].descent
        return (self.layer, self.autoencoder.site, self.chosen["start"].get("scaling", "centred"), descent.batch_size, descent.seed)

    def run(self, number: int) -> Run:
        """One stage of it, ready to be fitted."""
        stage = self.stages[number]
        folder = self.workspace.folder / "training" / self.name / f"stage-{number}"
        sample = next(
            stream(self.held_out, self.layer, self.autoencoder, min(HELD_OUT_SAMPLE, self.held_out.kept(self.layer, self.autoencoder)), 0)
        )
        origin = {"options": self.table, "harvest": self.train_states.record}
        return Run(self.autoencoder, stage.objective, stage.descent, folder, sample, origin)

    def finish(self) -> Evaluation:
        """Evaluate what was trained and write its checkpoint."""
        autoencoder, provenance = self.autoencoder.cpu().eval(), self._provenance()
        if self.chosen["end"].get("refit"):
            refit_decoder(autoencoder, self.train_states.all_pairs(self.layer, autoencoder))
        # what is shipped is fp16: measure that
        autoencoder.half().float()
        evaluation, autoencoder.prior = evaluate(autoencoder, self.held_out.all_pairs(self.layer, autoencoder))
        if world.rank() == 0:
            provenance = replace(provenance, figures=asdict(evaluation))
            checkpoint.save(autoencoder, provenance, self.workspace.autoencoder_folder(self.name))
        world.wait()
        return evaluation

    def _provenance(self) -> checkpoint.Provenance:
        record = self.train_states.record
        return checkpoint.Provenance(
            name=self.name,
            layer=self.layer,
            model=record["model"],
            model_fingerprint=record["fingerprint"],
            corpus=tuple(record["sources"]),
            context_length=record["context_length"],
            seed=self.stages[0].descent.seed,
            tokens_seen=sum(stage.descent.steps * stage.descent.batch_size for stage in self.stages),
            options={**self.table, "training_tokens": self.train_states.scaling(self.layer).tokens},
        )


def _start(kind: str, layer: int, chosen: Mapping, states: HiddenStates, config: FitConfig) -> nn.Module:
    start = {"expansion": EXPANSION, "scaling": "centred", "firing_rate": FIRING_RATE, **chosen["start"]}
    d_model = states.record["d_model"]
    read_at = place(layer, KINDS[kind].site)
    measured = {where: states.scaling(where) if start["scaling"] == "centred" else Scaling.raw(d_model) for where in {read_at, layer}}
    another = {} if read_at == layer else {"written_scaling": measured[layer]}
    width = int(start["expansion"] * d_model)
    autoencoder = KINDS[kind](d_model, width, measured[read_at], seed=config.seed, **another, **chosen["architecture"])
    if kind == "binary" and autoencoder.encoder_bias and start["firing_rate"] is not None:
        first = islice(stream(states, layer, autoencoder, config.batch_size, config.seed + 1), START_BATCHES)
        autoencoder.start_at(start["firing_rate"], torch.cat([batch.read for batch in first]))
    # scaling stays where the shards are: batches are scaled before they go to the device
    return autoencoder.to("cuda" if torch.cuda.is_available() else "cpu")


def _stages(kind: str, chosen: Mapping, seed: int, plain: bool) -> list[Stage]:
    """The table's own stage, and one more with the options in `then`, which override the table's."""
    then = chosen["end"].get("then", {})
    allowed = options_of(kind)
    unknown = sorted(set(then) - allowed["objective"] - allowed["descent"])
    if unknown:
        raise ValueError(f"`then` changes the objective and the descent; it has no option {', '.join(unknown)}")
    objective_class = BinaryObjective if kind == "binary" else SparseObjective
    # the paper's plain form has no remedy for dead features
    usual = {"revival_weight": 0.0} if plain and kind != "binary" else {}
    stages = []
    for changes in [{}, then] if then else [{}]:
        objective, descent = (
            chosen[group] | {key: value for key, value in changes.items() if key in allowed[group]} for group in ("objective", "descent")
        )
        stages.append(Stage(objective_class(**usual | objective), FitConfig(**{"seed": seed} | descent)))
    return stages
