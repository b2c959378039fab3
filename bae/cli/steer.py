"""`bae steer ...`: experiments that push the residual stream and measure what comes of it. Thin, as `bae.cli.main` is."""

from pathlib import Path
from typing import Annotated

import typer

from bae.cli.shared import AsJson, Folder, plain_errors, report
from bae.workspace import Workspace

steer_app = typer.Typer(help="Push the residual stream of the model, and measure what that does.", no_args_is_help=True)


@steer_app.callback()
def steer() -> None:
    """Push the residual stream of the model, and measure what that does."""


@steer_app.command()
def evaluate(
    layer: Annotated[list[int], typer.Option(help="Where the push is read and added; several in turn.")],
    workspace: Folder = Path("workspace"),
    samples: Annotated[int, typer.Option(help="Reviews to read the direction from, and as many others to test it on.")] = 512,
    gammas: Annotated[str | None, typer.Option(help="Strengths with commas, 0,0.5,1; without, 0 to 3 in steps of 0.25.")] = None,
    seed: Annotated[int, typer.Option(help="Draws reviews, demonstrations and random controls.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Movie reviews (Fig. 6 of the paper): does a direction from examples do what 8 demonstrations do? Resumes what was stopped."""
    with plain_errors():
        from bae.experiments.movies import results as movie_results
        from bae.experiments.movies import steering as movie_steering
        from bae.experiments.movies import tables as movie_tables

        study = Workspace.open(workspace)
        strengths = movie_results.GAMMAS if gammas is None else movie_results.read_gammas(gammas)
        asked = [movie_results.Settings(one, samples, gammas=strengths, seed=seed) for one in dict.fromkeys(layer)]
        found = movie_steering.run_all(study, asked)
        if as_json:
            report("steer evaluate", [row for results in found for row in movie_results.rows(results)], as_json)
        else:
            for results in found:
                typer.echo("\n".join(movie_tables.summary(results)))


@steer_app.command()
def sweep(
    push: Annotated[str, typer.Option(help="What is pushed, as a link of the playground spells it: bae:12:add:0.5.")],
    workspace: Folder = Path("workspace"),
    prompts: Annotated[Path | None, typer.Option(help="A file with a prompt a line; without one, eight neutral ones.")] = None,
    how: Annotated[
        list[str] | None, typer.Option(help="A way of steering, or several: add, clamp, ablate ...; without, that of --push.")
    ] = None,
    strengths: Annotated[str | None, typer.Option(help="Numbers with commas, for every way; without, a usual grid for each.")] = None,
    later: Annotated[str | None, typer.Option(help="A dictionary of a later layer, to look at side effects there too.")] = None,
    tokens: Annotated[int, typer.Option(help="Tokens that are written behind each prompt.")] = 40,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest token; up to 2, in steps of 0.1.")] = 0.7,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Dose and response: push at every strength, and measure what that does to the output. Resumes what was stopped."""
    with plain_errors():
        from bae.steering import dose_report
        from bae.steering.dose_settings import NEUTRAL, read_amounts, read_prompts

        told = NEUTRAL if prompts is None else read_prompts(prompts.read_text(encoding="utf-8"))
        rest = {"max_tokens": tokens, "temperature": temperature, "seed": seed, "later": later}
        amounts = read_amounts(strengths or "")
        found = dose_report.run(Workspace.open(workspace), push, how or (), amounts, prompts=told, **rest)
        for one in found.skipped:
            typer.echo(f"Skipped: {one.skipped}.", err=True)
        report("steer sweep", dose_report.rows(found), as_json)
