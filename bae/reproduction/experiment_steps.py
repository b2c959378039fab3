"""Steps that stand alone: the experiments on entropies, the movie reviews, compression."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from bae.experiments.compression.results import read_rows
from bae.experiments.entropy import job as entropy_job
from bae.experiments.entropy.recipes import read_settings
from bae.experiments.entropy.results import Results as EntropyResults
from bae.experiments.entropy.results import kept as kept_entropy
from bae.experiments.movies import results as movie_results
from bae.reproduction import estimates
from bae.reproduction.estimates import Cost
from bae.reproduction.steps import Scene, Step
from bae.workspace import Workspace


def entropy_settings(scene: Scene, experiment: str) -> Any:
    """What the recipe asks for."""
    told = dict(scene.recipe.entropy[experiment])
    module = "synthetic_settings" if experiment == "synthetic" else experiment
    kind = import_module(f"bae.experiments.entropy.{module}").Settings
    return read_settings(kind, told.pop("recipe", None), told)


def finished(workspace: Workspace, experiment: str) -> list[EntropyResults]:
    """The finished runs of an experiment on entropies, newest first. Raises ValueError where there is none, and a file is damaged."""
    runs = kept_entropy(workspace, experiment)
    whole = [one for one in runs.found if one.finished]
    if runs.damaged and not whole:
        raise ValueError("; ".join(runs.damaged))
    return whole


def entropy(scene: Scene, experiment: str) -> Iterator[Step]:
    """An experiment on entropies that has no finished run here, of whatever settings."""
    if experiment not in scene.recipe.entropy or finished(scene.workspace, experiment):
        return

    def run() -> EntropyResults:
        settings, module = entropy_settings(scene, experiment), import_module(f"bae.experiments.entropy.{experiment}")
        if experiment != "synthetic":
            return module.run(scene.workspace, settings)
        from bae.model.language_model import best_device

        return module.run(scene.workspace, settings, best_device()).results

    recipe = scene.recipe.entropy[experiment].get("recipe")
    words = f"entropy {experiment}" + (f" --recipe {recipe}" if recipe else "")
    yield Step(f"entropy {experiment}", scene.told(words), _entropy_cost(scene, experiment), run)


def _entropy_cost(scene: Scene, experiment: str) -> Cost:
    settings, recipe = entropy_settings(scene, experiment), scene.recipe
    if experiment == "synthetic":
        seconds, _ = entropy_job.synthetic_seconds([], settings)
        return Cost(seconds, 1e8)
    training = settings.training
    if experiment == "language":
        tokens, sets, vectors, expansions = settings.windows * max(settings.positions), None, settings.windows, [training.expansion]
        sets = len(settings.layers) * len(settings.positions)
    elif experiment == "icl":
        # a demonstration of a movie review takes about 35 tokens
        tokens, vectors = sum(settings.prompts * 35 * (shots + 1) for shots in settings.shots), settings.prompts
        sets, expansions = len(settings.layers) * len(settings.shots), [training.expansion]
    elif experiment == "tokens":
        tokens, vectors = settings.texts * max(settings.ranks), settings.texts
        sets, expansions = len(settings.ranks), list(settings.expansions)
    else:
        language = settings.language
        # what the language experiment has read is not read again
        read = finished(scene.workspace, "language")
        tokens, vectors = 0 if read else language.windows * max(language.positions), language.windows
        sets, expansions = 2 * len(settings.positions), [training.expansion]
    each = [estimates.sets(sets, vectors, recipe.width, one, training.steps, training.batch_size) for one in expansions]
    return Cost(estimates.reading(tokens, recipe.parameters) + sum(one.seconds for one in each), max(one.disk_bytes for one in each))


def movies(scene: Scene) -> Iterator[Step]:
    """The movie reviews at each layer that has no finished run."""
    if scene.recipe.movies is None:
        return
    wanted = scene.recipe.movies
    finished = {results.settings["layer"] for results in movie_runs(scene.workspace) if results.directions and not results.missing()}
    for layer in wanted.layers:
        if layer not in finished:
            settings = movie_results.Settings(layer, wanted.samples)
            seconds = estimates.STEERED_S * wanted.samples * scene.recipe.parameters / 106e6
            run = lambda one=settings: import_module("bae.experiments.movies.steering").run(scene.workspace, one)  # noqa: E731
            words = f"steer evaluate --layer {layer} --samples {wanted.samples}"
            yield Step(f"movies at layer {layer}", scene.told(words), Cost(seconds, 1e6), run)


def movie_runs(workspace: Workspace) -> list[movie_results.Results]:
    """The runs that are kept, newest first. Raises ValueError for a damaged file."""
    return movie_results.newest_first(movie_results.Results.read(file) for file in movie_results.results_files(workspace))


def compression(scene: Scene) -> Iterator[Step]:
    """The compression of the study's BAEs, where nothing is kept."""
    if not scene.recipe.compression or read_rows(scene.workspace):
        return

    def run() -> None:
        module = import_module("bae.experiments.compression.experiment")
        module.run(scene.workspace, module.Settings(**scene.recipe.compression))

    told, baes = scene.recipe.compression, sum(which.row == "binary" for which in scene.wanted)
    # some fifteen ways to write, each spliced into the model
    seconds = baes * (60 + 15 * estimates.reading(told.get("spliced_tokens", 4096), scene.recipe.parameters))
    words = f"python -m bae.experiments.compression.experiment {scene.workspace.folder}"
    yield Step("compression", words, Cost(seconds, baes * told.get("vectors", 20_480) * 60), run)
