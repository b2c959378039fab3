"""The `bae` command. Thin: reads options, calls one function, prints. Results go to standard output, progress to standard error."""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Annotated

import typer

from bae import pipeline
from bae.cli import compress as cli_compress
from bae.cli import export as cli_export
from bae.cli import reproduce as cli_reproduce
from bae.cli.entropy import entropy_app
from bae.cli.shared import AsJson, Folder, plain_errors, report
from bae.cli.steer import steer_app
from bae.system import launch
from bae.workspace import DATA, Workspace

BENCHMARKS = Path(__file__).parents[2] / "tests" / "benchmarks"

app = typer.Typer(help="Binary Autoencoders for language models: train, index, explore.", no_args_is_help=True, add_completion=False)
app.add_typer(steer_app, name="steer")
app.add_typer(entropy_app, name="entropy")
cli_compress.register(app)
cli_export.register(app)
cli_reproduce.register(app)


@app.command("app")
def explore(
    workspace: Annotated[Path | None, typer.Option(help="The folder of the study; without one, `workspace` or `workspace-MODEL`.")] = None,
    model: Annotated[str | None, typer.Option(help="A folder or a hub id; without one, the packaged model.")] = None,
    recipe: Annotated[str | None, typer.Option(help="For --model: a TOML file, or a name in data/recipes.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to serve on; without one, this machine only.")] = None,
    port: Annotated[int | None, typer.Option(help="First port to try; without one, 8501.")] = None,
) -> None:
    """Open the explorer, after making what it shows where that is missing."""
    with plain_errors():
        if recipe and not model:
            raise ValueError("a recipe needs a model to go with it: add --model")
        study = _own_study(workspace, model, recipe) if model else _demo_study(workspace)
        launch.serve(study, host, port)


def _demo_study(folder: Path | None) -> Workspace:
    study = Workspace.demo(folder or Path("workspace"))
    if not _is_whole(study):
        launch.start_index(study)
        typer.echo("The index is being built beside the server; its progress is on the page.")
    return study


def _is_whole(study: Workspace) -> bool:
    """Whether there is an index of this version with all that is found of one: what an older program built is built anew."""
    file = study.index_file()
    if file is None:
        return False
    from bae.index.query import Index
    from bae.maps import atlas

    try:
        Index(file).close()
    except ValueError:
        return False
    return not atlas.missing(study)


def _own_study(folder: Path | None, model: str, recipe: str | None) -> Workspace:
    # a folder is named by its full path, so that the study can be opened from anywhere
    model = str(Path(model).resolve()) if Path(model).is_dir() else model
    folder = folder or Path(f"workspace-{slug(model)}")
    study = Workspace.open(folder) if (folder / "recipe.toml").is_file() else Workspace.create(folder, recipe_file(recipe), model)
    if study.recipe.model != model:
        raise ValueError(f"{folder} is a study of {study.recipe.model}, not of {model}; give another --workspace")
    typer.echo(f"{pipeline.forecast(study)}\nKept in {study.folder}")
    study = pipeline.harvest_all(study)
    pipeline.train_all(study)
    if study.index_file() is None:
        pipeline.build_index(study)
    return study


def slug(model: str) -> str:
    """The last part of a model's name, fit for a folder: `meta-llama/Llama-3.2-1B` gives `llama-3.2-1b`."""
    return re.sub(r"[^a-z0-9.]+", "-", model.rstrip("/").rsplit("/", 1)[-1].lower()).strip("-.") or "model"


def recipe_file(recipe: str | None) -> Path:
    """The recipe of that name in data/recipes, else the file of that path. Raises ValueError that names what there is."""
    named = {path.stem: path for path in sorted((DATA / "recipes").glob("*.toml"))}
    path = named.get(recipe or "any-model", Path(recipe or ""))
    if not path.is_file():
        raise ValueError(f"there is no recipe {recipe!r}; give a TOML file, or one of {', '.join(named)}")
    return path


@app.command()
def harvest(workspace: Folder = Path("workspace"), as_json: AsJson = False) -> None:
    """Keep the hidden states that the recipe asks for. `torchrun -m bae harvest` shares the work over processes."""
    _stage("harvest", workspace, pipeline.harvest_all, as_json, together=True)


@app.command()
def train(
    workspace: Folder = Path("workspace"),
    name: Annotated[list[str] | None, typer.Option(help="One of the recipe, or several in one pass; without, all missing in turn.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how long it will take and how much memory; train nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train the recipe's autoencoders on the harvest. `torchrun -m bae train` splits every batch over processes."""

    if dry_run:
        return _forecast(workspace, name, as_json)

    def run(study: Workspace) -> None:
        if not name:
            return pipeline.train_all(study)
        from bae.training import from_recipe as recipe_training

        recipe_training.train_together(study, name)

    _stage("train", workspace, run, as_json, together=True)


@app.command()
def index(workspace: Folder = Path("workspace"), as_json: AsJson = False) -> None:
    """Build the index that the pages read. `torchrun -m bae index` shares the reading over processes."""
    _stage("index", workspace, pipeline.build_index, as_json, together=True)


@app.command()
def evaluate(
    workspace: Folder = Path("workspace"),
    name: Annotated[list[str] | None, typer.Option(help="An autoencoder, or several; without one, all.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what needs the language model.")] = False,
    rates: Annotated[bool, typer.Option("--rates", help="Also bits a token against FVU, beside PCA; needs the training harvest.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure dictionaries on held-out text."""
    with plain_errors():
        from bae.measures.rows import rows

        study = Workspace.open(workspace)
        there = study.autoencoder_names()
        if strange := [one for one in name or [] if one not in there]:
            raise ValueError(f"{workspace} has no autoencoder {strange[0]!r}; it has {', '.join(there) or 'none'}")
        if rates:
            from bae.experiments.dictionaries import rate_distortion

            rate_distortion.keep(study, name or there)
        report("evaluate", rows(study, name or there, quick), as_json)


@app.command()
def label(
    workspace: Folder = Path("workspace"),
    dictionary: Annotated[str | None, typer.Option(help="Whose features; without one, what waits in the queue is worked off.")] = None,
    features: Annotated[str, typer.Option(help="12, 40-60; or active; or active:200, the most often activated.")] = "active",
    judge: Annotated[str, typer.Option(help="embedded, embedding, gpt-4.1-mini, or one of judges.toml.")] = "embedded",
    batched: Annotated[bool, typer.Option("--batched", help="Ask all tests of a feature in one call.")] = False,
    negatives: Annotated[int, typer.Option(help="Tokens a feature is silent on, to be tested too.")] = 8,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it will ask; ask nothing.")] = False,
) -> None:
    """Ask a judge what features mean, and test what it says (ComSem)."""
    with plain_errors():
        from bae.comsem import work

        study = Workspace.open(workspace)
        if dictionary is not None:
            settings = work.Settings(batched=batched, negatives=negatives)
            said = work.ask_for(study, dictionary, features, judge, settings, dry_run)
            typer.echo(said)
        if not dry_run:
            work.work(study, typer.echo)


@app.command("import")
def import_dictionary(
    source: Annotated[str, typer.Argument(metavar="PATH", help="A folder or file of another project, or saelens:OWNER/REPO/SAE_ID.")],
    name: Annotated[str, typer.Option(help="What to call it here.")],
    workspace: Folder = Path("workspace"),
    layer: Annotated[int | None, typer.Option(help="The hidden state that it reads, where the folder is wrong or silent.")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Take the folder's word, even where another layer fits clearly better.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="In place of a dictionary of that name.")] = False,
) -> None:
    """Bring a dictionary of SAELens, sparsify, dictionary_learning or the released BAE code, after measuring which layer it fits."""
    with plain_errors():
        from bae.formats import importing

        study = Workspace.open(workspace)
        folder = importing.import_dictionary(study, source, name, layer=layer, anyway=anyway, replace=replace, say=typer.echo)
        typer.echo(f"import: {name} is in {folder}; `bae index` puts it on the pages")


@app.command()
def bench(name: Annotated[str, typer.Argument(help="A module of tests/benchmarks.")], as_json: AsJson = False) -> None:
    """Measure the explorer itself."""
    with plain_errors():
        names = sorted(path.stem for path in BENCHMARKS.glob("[a-z]*.py") if path.stem != "conftest")
        if name not in names:
            raise ValueError(f"there is no benchmark {name!r}; there are {', '.join(names) or 'none'}")
        sys.path.insert(0, str(BENCHMARKS))  # what benchmarks share lies beside them
        spec = spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        report(name, module.rows(), as_json)


def _stage(stage: str, folder: Path, run: Callable[[Workspace], object], as_json: bool, together: bool = False) -> None:
    with plain_errors(), _world() if together else nullcontext():
        study, began = Workspace.open(folder), time.monotonic()
        run(study)
        if int(os.environ.get("RANK", 0)):
            return  # one word for all ranks
        seconds = round(time.monotonic() - began, 1)
        told = {"name": stage, "workspace": str(study.folder), "seconds": seconds}
        typer.echo(json.dumps(told) if as_json else f"{stage}: done in {seconds} s")


def _forecast(folder: Path, names: list[str] | None, as_json: bool) -> None:
    with plain_errors():
        from bae.training import from_recipe as recipe_training

        study = Workspace.open(folder)
        missing = [table["name"] for table in study.recipe.autoencoders if table["name"] not in study.autoencoder_names()]
        found = [recipe_training.forecast(study, one) for one in names or missing]
        if as_json:
            typer.echo(json.dumps([vars(one) for one in found]))
            return
        for one in found:
            typer.echo(f"{one.name:20} {one.steps:>8,} steps   {one.seconds / 60:8.1f} min   {one.megabytes / 1000:6.2f} GB")
        typer.echo(f"{'together':20} {sum(o.steps for o in found):>8,} steps   {sum(o.seconds for o in found) / 60:8.1f} min")


def _world() -> AbstractContextManager:
    """The processes that `torchrun` started with this one, for stages that share their work."""
    if "WORLD_SIZE" not in os.environ:
        return nullcontext()  # alone: nothing to load torch for yet
    from bae.system import world

    return world.joined()
