"""From a table of a recipe to a trained checkpoint: architecture, objective, descent, evaluation on held-out text."""

import inspect
from collections.abc import Mapping
from dataclasses import asdict, fields
from itertools import islice
from typing import NamedTuple

import torch
from torch import nn

from bae.autoencoder import KINDS, checkpoint
from bae.evaluation import Evaluation, evaluate
from bae.harvest import HiddenStates
from bae.language_model import best_device
from bae.objective import BinaryObjective, SparseObjective
from bae.refit import refit_decoder
from bae.scaling import Scaling
from bae.training import FitConfig, fit, stream

SCALINGS = ("centred", "raw")
EXPANSION, FIRING_RATE = 4, 0.02
HELD_OUT_SAMPLE = 8192
START_BATCHES = 20
"""Batches on which the initial firing rate is set."""


def options_of(kind: str) -> dict[str, set[str]]:
    """The options that a table of this kind may have, by what they configure."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of autoencoder {kind!r}; there are {', '.join(KINDS)}")
    objective = BinaryObjective if kind == "binary" else SparseObjective
    return {
        "architecture": set(inspect.signature(KINDS[kind]).parameters) - {"d_model", "n_features", "scaling", "seed"},
        "objective": {field.name for field in fields(objective)},
        "descent": {field.name for field in fields(FitConfig)},
        "start": {"expansion", "scaling"} | ({"firing_rate"} if kind == "binary" else set()),
        "end": {"then"} | ({"refit"} if kind == "binary" else set()),
    }


def train(workspace, name: str) -> Evaluation:
    """Train the autoencoder `name` of a workspace's recipe on its harvest, evaluate it, and write its checkpoint.

    Goes on where an earlier run stopped. Raises ValueError for an option that its kind does not have, FileNotFoundError
    before the harvest.
    """
    table = dict(workspace.autoencoder_table(name))
    kind, layer, told = table["kind"], table["layer"], {key: v for key, v in table.items() if key not in ("name", "kind", "layer")}
    allowed = options_of(kind)
    unknown = sorted(set(told) - set().union(*allowed.values()))
    if unknown:
        known = sorted(set().union(*allowed.values()))
        raise ValueError(f"autoencoder {name}: a {kind} autoencoder has no option {', '.join(unknown)}; it has {', '.join(known)}")
    chosen = {group: {key: told[key] for key in names if key in told} for group, names in allowed.items()}

    train_states, held_out = (HiddenStates(workspace.harvest_folder(split)) for split in ("train", "held-out"))
    stages = _stages(kind, chosen, workspace.recipe.seed, plain=bool(told.get("plain")))
    autoencoder = _start(kind, layer, chosen, train_states, stages[0].descent)
    sample = next(stream(held_out, layer, autoencoder.scaling, min(HELD_OUT_SAMPLE, len(held_out)), seed=0))
    for number, stage in enumerate(stages):
        batches = stream(train_states, layer, autoencoder.scaling, stage.descent.batch_size, stage.descent.seed + number)
        folder = workspace.folder / "training" / name / f"stage-{number}"
        fit(autoencoder, batches, stage.objective, stage.descent, folder, workspace.status_file("train"), held_out=sample)
    autoencoder = autoencoder.cpu()
    autoencoder.scaling = autoencoder.scaling.to("cpu")
    if chosen["end"].get("refit"):
        refit_decoder(autoencoder, (train_states.kept(number, layer, autoencoder.scaling) for number in range(train_states.n_shards)))
    return _finish(autoencoder, workspace, name, table, train_states, held_out, stages)


def _start(kind: str, layer: int, chosen: Mapping, states: HiddenStates, config: FitConfig) -> nn.Module:
    start = {"expansion": EXPANSION, "scaling": "centred", "firing_rate": FIRING_RATE, **chosen["start"]}
    if start["scaling"] not in SCALINGS:
        raise ValueError(f"scaling is {' or '.join(SCALINGS)}; got {start['scaling']!r}")
    d_model = states.record["d_model"]
    scaling = states.scaling(layer) if start["scaling"] == "centred" else Scaling.raw(d_model)
    autoencoder = KINDS[kind](d_model, int(start["expansion"] * d_model), scaling, seed=config.seed, **chosen["architecture"])
    if kind == "binary" and autoencoder.encoder_bias and start["firing_rate"] is not None:
        first = islice(stream(states, layer, scaling, config.batch_size, config.seed + 1), START_BATCHES)
        autoencoder.start_at(start["firing_rate"], torch.cat(list(first)))
    device = best_device()
    autoencoder.scaling = scaling.to(device)
    return autoencoder.to(device)


class Stage(NamedTuple):
    """A descent and what it descends."""

    objective: BinaryObjective | SparseObjective
    descent: FitConfig


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


def _finish(
    autoencoder: nn.Module, workspace, name: str, table: Mapping, train_states: HiddenStates, held_out: HiddenStates, stages: list[Stage]
) -> Evaluation:
    # what is shipped is fp16: measure that
    autoencoder.half().float()
    shards = [held_out.kept(number, table["layer"], autoencoder.scaling) for number in range(held_out.n_shards)]
    evaluation, autoencoder.prior = evaluate(autoencoder, shards)
    record = train_states.record
    provenance = checkpoint.Provenance(
        name=name,
        layer=table["layer"],
        model=record["model"],
        model_fingerprint=record["fingerprint"],
        corpus=tuple(record["sources"]),
        context_length=record["context_length"],
        seed=stages[0].descent.seed,
        tokens_seen=sum(stage.descent.steps * stage.descent.batch_size for stage in stages),
        options={**table, "training_tokens": train_states.scaling(table["layer"]).tokens},
        figures=asdict(evaluation),
    )
    checkpoint.save(autoencoder, provenance, workspace.autoencoder_folder(name))
    return evaluation
