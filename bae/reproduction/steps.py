"""What must be done before there are numbers: each step is one command of this program that goes on where it was stopped.

A step that has nothing left is not there. Steps know what they take; nothing is done before they are run.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bae.comsem import configuration
from bae.reproduction import estimates, judged
from bae.reproduction.estimates import Cost
from bae.reproduction.holdings import RESCALED, Holding, Which, held, of_table
from bae.reproduction.recipe import JudgeColumn, Reproduction
from bae.training import runs
from bae.workspace import Workspace

HARVESTED, TRAINED, MEASURED, INDEXED, LABELLED, SCORED, ALONE = range(7)
"""Phases: a step needs those before it. What is measured by itself comes last."""
RAN = "ran.json"
L_R, COV = "l_r", "spectral_norm_variables"
"""The ||Cov|| of Table 1: of the d' x d' covariance of the rows of W_out, every row a variable with d observations."""


@dataclass(frozen=True)
class Step:
    """Something to do."""

    name: str
    """Tells it from others; items share steps."""
    command: str
    """What a person types to do it alone."""
    cost: Cost
    run: Callable[[], object]
    phase: int = ALONE


@dataclass(frozen=True)
class Scene:
    """A workspace, what is to be reproduced in it, and what it holds."""

    workspace: Workspace
    recipe: Reproduction
    asked: tuple[str, ...] = ()
    """Judges that cost money and may be asked."""

    @property
    def wanted(self) -> dict[Which, Mapping[str, object]]:
        """The dictionaries of the study and of more-bit decoding, with the tables that make them; each ReLU SAE rescaled, too."""
        study = self.recipe.study_recipe()
        tables = {of_table(table, study.seed): table for table in study.autoencoders}
        relu = {
            replace(which, row=RESCALED): {**table, "name": f"{table['name']}-rescaled", "rescaled": True}
            for which, table in tables.items()
            if which.row == "relu"
        }
        return tables | relu

    def holdings(self) -> dict[Which, Holding]:
        """The dictionaries that are there. Raises ValueError for a damaged record."""
        return held(self.workspace, [str(table["name"]) for table in self.recipe.study_recipe().autoencoders])

    @property
    def folder(self) -> Path:
        """Where the report lies, and what is kept besides."""
        return self.workspace.folder / "reproduction"

    def ran(self) -> dict[str, dict[str, str]]:
        """What this command has run here, by the name of the step: command, machine, date and seconds."""
        file = self.folder / RAN
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def told(self, words: str) -> str:
        """A command in this workspace."""
        return f"bae {words} --workspace {self.workspace.folder}"


# dictionaries


def dictionaries(scene: Scene, which: Callable[[Which], bool]) -> Iterator[Step]:
    """Harvest, training and evaluation of the wanted dictionaries that `which` picks."""
    there = scene.holdings()
    wanted = {one: table for one, table in scene.wanted.items() if which(one)}
    # what is rescaled has the weights, and so the figures, of the dictionary that it was made of
    own = [one for one in wanted if one.row != RESCALED]
    to_measure = [one for one in own if one in there and there[one].report.lacks(L_R)]
    yield from training(scene, which)
    if to_measure and not runs.harvested(scene.workspace):
        yield _harvest(scene)
    yield from (_rescale(scene, one) for one in wanted if one.row == RESCALED and one not in there)
    yield from (_evaluate(scene, there[one].name, one) for one in to_measure)
    yield from (_shape(scene, one) for one in own if one not in there or there[one].report.lacks(COV))


def training(scene: Scene, which: Callable[[Which], bool]) -> Iterator[Step]:
    """Harvest and training of the wanted dictionaries that `which` picks and that are not there."""
    there = scene.holdings()
    tables = [table for one, table in scene.wanted.items() if which(one) and one not in there and one.row != RESCALED]
    if tables and not runs.harvested(scene.workspace):
        yield _harvest(scene)
    yield from (_train(scene, table) for table in tables)


def _harvest(scene: Scene) -> Step:
    recipe, study = scene.recipe, scene.recipe.study_recipe()
    tokens = study.train_tokens + study.held_out_tokens
    deepest = max((layer for layer in study.layers if isinstance(layer, int)), default=recipe.blocks)
    places = len(study.layers) + len({table["layer"] for table in study.autoencoders if table["kind"] == "transcoder"})

    def run() -> None:
        from bae import pipeline

        grow(scene)
        pipeline.harvest_all(Workspace.open(scene.workspace.folder))

    cost = Cost(estimates.reading(tokens, recipe.parameters * deepest / recipe.blocks), estimates.FP16 * tokens * places * recipe.width)
    return Step("harvest", scene.told("harvest"), cost, run, HARVESTED)


def _train(scene: Scene, table: Mapping[str, object]) -> Step:
    def run() -> None:
        from bae.training import from_recipe

        grow(scene)
        from_recipe.train(Workspace.open(scene.workspace.folder), str(table["name"]))

    cost = Cost(estimates.training(table, scene.recipe.width), estimates.checkpoint_bytes(table, scene.recipe.width))
    return Step(f"train {table['name']}", scene.told(f"train --name {table['name']}"), cost, run, TRAINED)


def grow(scene: Scene) -> None:
    """Add the wanted tables to the workspace's recipe that it lacks; what it has stays as it is."""
    file, study = scene.workspace.folder / "recipe.toml", scene.recipe.study_recipe()
    for table in study.autoencoders:
        if table["name"] not in {own["name"] for own in Workspace.open(file.parent).recipe.autoencoders}:
            text = replace(study, autoencoders=(table,)).toml()
            runs.add(scene.workspace, text[text.index(runs.HEADER) :])


def _rescale(scene: Scene, which: Which) -> Step:
    def run() -> None:
        from bae.reproduction.derived import make_rescaled

        make_rescaled(scene.workspace, scene.holdings()[replace(which, row="relu")].name)

    return Step(
        f"rescale {scene.wanted[which]['name']}",
        scene.told("reproduce table1"),
        Cost(1.0, estimates.checkpoint_bytes({}, scene.recipe.width) / 7),
        run,
        phase=TRAINED,
    )


def _evaluate(scene: Scene, name: str, which: Which) -> Step:
    """Of a dictionary that came without figures: training tells its own."""

    def run() -> None:
        from bae.measures.rows import rows

        rows(scene.workspace, [name], quick=True)

    width, tokens = scene.recipe.width, scene.recipe.study_recipe().held_out_tokens
    inner = 4 * width * which.bits
    seconds = tokens * (8 * width * inner + inner**2) * estimates.seconds_a_product()
    return Step(f"evaluate {name}", scene.told(f"evaluate --quick --name {name}"), Cost(seconds), run, MEASURED)


def _shape(scene: Scene, which: Which) -> Step:
    def run() -> None:
        from bae.reproduction.derived import measure_shape

        measure_shape(scene.workspace, scene.holdings()[which].name)

    there = scene.holdings().get(which)
    name = there.name if there else scene.wanted[which]["name"]
    # the eigenvalues of two matrices d' x d'
    seconds = 2 * 4 * (4 * scene.recipe.width) ** 3 * estimates.seconds_a_product()
    return Step(f"shape of {name}", scene.told(f"evaluate --quick --name {name}"), Cost(seconds), run, MEASURED)


# index and judges


def index(scene: Scene, which: Callable[[Which], bool]) -> Iterator[Step]:
    """The index, where it lacks one of the dictionaries."""
    there = scene.holdings()
    missing = [one for one in scene.wanted if which(one) and (one not in there or not judged.indexed(scene.workspace, there[one]))]
    if not missing:
        return
    study, recipe = scene.recipe.study_recipe(), scene.recipe
    tokens = study.index_sentences * (study.shortest_sentence + study.longest_sentence) / 2
    count = len(there) + sum(one not in there for one in scene.wanted)
    seconds = estimates.reading(tokens, recipe.parameters) + count * (estimates.DICTIONARY_S + estimates.MAP_S)

    def run() -> None:
        from bae import pipeline

        pipeline.build_index(Workspace.open(scene.workspace.folder))

    yield Step("index", scene.told("index"), Cost(seconds, 40e6 + 10e6 * count), run, INDEXED)


def labels(scene: Scene, which: Callable[[Which], bool]) -> Iterator[Step]:
    """Labels of judges that can be asked and cost nothing, or were asked for by name; of one dictionary a row, the first seed."""
    there, known = scene.holdings(), configuration.judges(scene.workspace.folder)
    first = {(one.row, one.layer, one.bits): one for one in sorted(scene.wanted, key=lambda one: -one.seed) if which(one)}
    for judge in scene.recipe.judges:
        config = known.get(judge.name)
        if config is None or configuration.ready(config) or (config.paid and judge.name not in scene.asked):
            continue
        for one in first.values():
            asked = not judge.layers or one.layer in judge.layers
            if asked and (one not in there or not judged.done(scene.workspace, there[one], judge)):
                yield _label(scene, one, judge)


def _label(scene: Scene, which: Which, judge: JudgeColumn) -> Step:
    there = scene.holdings().get(which)
    name = there.name if there else str(scene.wanted[which]["name"])
    count = judge.features or round(0.8 * 4 * scene.recipe.width)
    each = estimates.EMBEDDING_S if judge.scores else estimates.reading(estimates.TOKENS_A_LABEL, scene.recipe.parameters)
    run = lambda: judged.ask(scene.workspace, scene.holdings()[which], judge)  # noqa: E731
    return Step(
        f"label {name} by {judge.name}",
        judged.command(scene.workspace, name, judge),
        Cost(count * each, 1e4 * count),
        run,
        SCORED if judge.scores else LABELLED,
    )


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Each step once, what others need before them."""
    once: dict[str, Step] = {}
    for step in steps:
        once.setdefault(step.name, step)
    return sorted(once.values(), key=lambda step: step.phase)
