"""The runs of the experiments on entropies, and what a new one will take."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.services.reading import language_model
from app.services.study import workspace
from app.services.turns import model_turn
from bae.experiments.entropy import job as entropy_job
from bae.experiments.entropy import results as entropy_results
from bae.experiments.entropy import synthetic_settings
from bae.experiments.entropy.results import Results, Runs
from bae.experiments.entropy.synthetic_settings import Kept
from bae.model.packaged import title_of
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.experiments.entropy.forecast import Forecast

OF_LAYERS = ("language", "icl", "tokens")
"""The experiments whose sets are hidden states of a language model at one layer each."""
ACCURACY = "icl-accuracy"
"""Where what was answered lies, beside the entropies."""
PASSES = 16
"""Of the model, about, that a forecast makes."""


def stamp() -> tuple[tuple[str, int], ...]:
    """Changes whenever a run has kept something more."""
    return tuple(sorted((file.name, file.stat().st_mtime_ns) for file in (workspace().folder / "entropy").glob("*.parquet")))


def kept(experiment: str) -> Runs[Results]:
    """Every run of an experiment, and what cannot be read of them."""
    return _kept(str(workspace().folder), experiment, stamp())


def accuracies(results: Results) -> Results | None:
    """What was answered in a run of in-context learning; None before that is known."""
    name = results.file.name.replace("icl", ACCURACY, 1)
    return next((one for one in kept(ACCURACY).found if one.file.name == name), None)


@st.cache_resource(max_entries=16, show_spinner=False)
def _kept(folder: str, experiment: str, stamp: tuple) -> Runs[Results]:
    return entropy_results.kept(Workspace.open(Path(folder)), experiment)


def synthetic() -> Runs[Results]:
    """Every run of the synthetic benchmark, its figures under the names that the other experiments have, peers among them."""
    runs = _synthetic(str(workspace().folder), stamp())
    return Runs([one for one, _ in runs.found], runs.damaged)


def curves(results: Results) -> list[dict]:
    """Bits along the steps of a run of the synthetic benchmark."""
    runs = _synthetic(str(workspace().folder), stamp())
    return next(kept.curves.rows for one, kept in runs.found if one.file == results.file)


@st.cache_resource(max_entries=4, show_spinner=False)
def _synthetic(folder: str, stamp: tuple) -> Runs[tuple[Results, Kept]]:
    found, damaged = synthetic_settings.kept(Workspace.open(Path(folder)))
    return Runs([(replace(kept.results, rows=_joined(kept)), kept) for kept in found], damaged)


RENAMED = {
    "marginal": "entropy",
    "marginal_low": "entropy_low",
    "marginal_high": "entropy_high",
    "marginal_bias": "entropy_bias",
    "renyi_2": "matrix_renyi",
    "samples": "vectors",
}


def _joined(kept: Kept) -> list[dict]:
    peers = {row["rank"]: row for row in kept.peers.rows}
    return [{RENAMED.get(name, name): value for name, value in {**row, **peers.get(row["rank"], {})}.items()} for row in kept.results.rows]


class SetsOfLayer(NamedTuple):
    """The sets that one run measured at one layer."""

    experiment: str
    results: Results
    layer: int
    rows: list[dict]


class Measured(NamedTuple):
    """What the kept runs tell of some layers of a model."""

    sets: list[SetsOfLayer]
    """By layer; of each, by experiment, the newest run first."""
    of_other_models: int
    """Runs that are left out."""
    damaged: list[str]
    """As `Runs` has them."""


def of_layers(layers: Collection[int], fingerprint: str) -> Measured:
    """Every set of hidden states of this model at these layers whose entropy a run has measured."""
    kept_of = {experiment: kept(experiment) for experiment in OF_LAYERS}
    runs = [(experiment, results) for experiment, found in kept_of.items() for results in found.found]
    own = [(experiment, results) for experiment, results in runs if results.provenance["fingerprint"] == fingerprint]
    sets = []
    for layer in sorted(layers):
        for experiment, results in own:
            # an experiment at one layer tells it in its settings, the others in their rows
            rows = [row for row in results.rows if row.get("layer", results.provenance["settings"].get("layer")) == layer]
            sets += [SetsOfLayer(experiment, results, layer, rows)] if rows else []
    return Measured(sets, len(runs) - len(own), [reason for found in kept_of.values() for reason in found.damaged])


def begun(experiment: str, asked: object, found: Sequence[Results]) -> Results | None:
    """The run that would go on with these settings, or is there already. The model is loaded where it decides what they leave open.

    Raises ValueError for what the model cannot do, OSError where it cannot be had.
    """
    if experiment == "synthetic":
        return entropy_job.begun(found, asked, None)
    if entropy_job.is_open(asked):
        asked = entropy_job.settled(workspace(), experiment, asked, language_model())
    return entropy_job.begun(found, asked, title_of(workspace().recipe.model))


def forecast(experiment: str, recipe: str | None, changes: Mapping[str, object]) -> "Forecast":
    """What a run will still take, measured now on this machine. Raises ValueError or OSError with what is wrong."""
    asked, model = entropy_job.settings(experiment, recipe, changes), language_model()
    with model_turn(PASSES):
        return entropy_job.forecast(workspace(), experiment, asked, model)
