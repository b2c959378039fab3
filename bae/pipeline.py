"""The way from a recipe to something to look at: harvest, train, index. Each stage goes on where an earlier run stopped.

Loads what a stage needs when it begins; the stages themselves live in their own modules.
"""

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

from bae.system.files import locked
from bae.workspace import Recipe, Workspace

if TYPE_CHECKING:
    from bae.model.language_model import Place

USUAL_STEPS = 2500
"""Steps of a training whose table names none (`bae.training.descent.FitConfig`); the forecast must not load torch to know it."""


def harvest_all(workspace: Workspace) -> Workspace:
    """Keep the hidden states that train the autoencoders and those that measure them. Gives the workspace with its layers settled."""
    from bae.model.language_model import LanguageModel
    from bae.states.harvest import HarvestConfig, harvest

    model = LanguageModel.load(workspace.recipe.model)
    workspace = workspace.settled(model.n_layers)
    recipe = workspace.recipe
    layers = (*recipe.layers, *_other_places(recipe))
    for split, tokens in (("train", recipe.train_tokens), ("held-out", recipe.held_out_tokens)):
        config = HarvestConfig(
            layers=layers,
            sources=recipe.sources,
            tokens=tokens,
            split=split,
            context_length=recipe.context_length,
            seed=recipe.seed,
        )
        harvest(model, config, workspace.harvest_folder(split), workspace.status_file("harvest"))
    return workspace


def _other_places(recipe: Recipe) -> "tuple[Place, ...]":
    """What is harvested besides hidden states, because an autoencoder of the recipe reads it."""
    from bae.autoencoder import KINDS
    from bae.model.language_model import place

    read = dict.fromkeys(place(table["layer"], KINDS[table["kind"]].site) for table in recipe.autoencoders)
    return tuple(where for where in read if where not in recipe.layers)


def train_all(workspace: Workspace) -> None:
    """Train every autoencoder of the recipe that is not there yet."""
    from bae.training import from_recipe as recipe_training

    there = workspace.autoencoder_names()
    for table in workspace.recipe.autoencoders:
        if table["name"] not in there:
            recipe_training.train(workspace, table["name"])


def build_index(workspace: Workspace) -> None:
    """Build the index of all dictionaries, bring in the labels that came with the study, and find out what pages show besides.

    Raises BlockingIOError while another process builds it.
    """
    from bae.comsem import shipped
    from bae.index import build
    from bae.maps import atlas
    from bae.measures import fitting
    from bae.system import world

    busy = f"another process is already building the index of {workspace.folder}; its progress is on the page"
    with locked(workspace.folder / "index" / "lock", busy) if world.rank() == 0 else nullcontext():
        build.build(workspace)
        if world.rank() == 0:
            shipped.bring_in(workspace)
            fitting.check_all(workspace)
            for name, reason in atlas.build_atlas(workspace, workspace.status_file("index")).items():
                print(f"no map of {name}: {reason}", file=sys.stderr)


def forecast(workspace: Workspace) -> str:
    """What the recipe will do, counted in tokens and steps: the time hangs on the machine, and the bars measure it."""
    recipe, there = workspace.recipe, workspace.autoencoder_names()
    steps = {table["name"]: sum(stage_steps(table)) for table in recipe.autoencoders if table["name"] not in there}
    training = f"{len(steps)} autoencoders, {sum(steps.values()):,} steps in all" if steps else "nothing, all autoencoders are there"
    return "\n".join(
        [
            f"Model    {recipe.model}, layers {', '.join(map(str, recipe.layers))}",
            f"Harvest  {recipe.train_tokens + recipe.held_out_tokens:,} tokens of {', '.join(recipe.sources)}",
            f"Train    {training}",
            f"Index    {recipe.index_sentences:,} sentences",
            "Each stage shows its rate and the time left, and goes on where it stopped when it is started again.",
        ]
    )


def stage_steps(table: Mapping) -> tuple[int, ...]:
    """Steps of each stage of an autoencoder's training, as its table asks for them."""
    own = int(table.get("steps", USUAL_STEPS))
    return (own, int(table["then"].get("steps", own))) if "then" in table else (own,)
