"""`bae reproduce`: the paper's tables and figures. Thin, as `bae.cli.main` is; registered there."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bae.cli.shared import AsJson, Folder, plain_errors


def reproduce(
    items: Annotated[list[str] | None, typer.Argument(metavar="[ITEM]...", help="table1, ..., fig12; all, or none named, for all.")] = None,
    workspace: Folder = Path("workspace-reproduction"),
    recipe: Annotated[str, typer.Option(help="laptop, paper, paper-3b, or a TOML file.")] = "laptop",
    judge: Annotated[list[str] | None, typer.Option(help="Also ask this judge of the recipe, which costs money.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is left, how long it takes and what it leaves on disk.")] = False,
    report_only: Annotated[bool, typer.Option("--report-only", help="Run nothing; write the report of what is there.")] = False,
    folder: Annotated[Path | None, typer.Option("--report", help="Where the report goes; without, WORKSPACE/reproduction.")] = None,
    as_json: AsJson = False,
) -> None:
    """The paper's experiments, its numbers beside ours. Takes what a workspace holds, runs what is missing, resumes what was stopped."""
    with plain_errors():
        from bae.reproduction import making
        from bae.reproduction import recipe as recipes
        from bae.reproduction.items import asked

        wanted = asked(items or [])
        scene = making.scene(workspace, recipes.read(recipe), judge or ())
        left = making.plan(scene, wanted)
        if as_json and dry_run:
            typer.echo(json.dumps(_rows(left)))
            return
        _tell(left, err=as_json)
        if dry_run:
            return
        failed = {} if report_only else making.run(scene, left.steps, lambda words: typer.echo(words, err=True))
        found = making.report(scene, wanted, failed, left)
        files = making.write(found, folder or scene.folder)
        if as_json:
            typer.echo(json.dumps({"name": "reproduce", "files": list(map(str, files)), "failed": failed, "items": _standings(found)}))
        else:
            for section in found.sections:
                typer.echo(f"{section.title:10} {section.standing}" + (f": {section.damaged}" if section.damaged else ""))
            typer.echo("\n".join(map(str, files)))
        if failed:
            raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reproduce)


def _standings(found) -> dict[str, str]:
    return {section.name: section.standing for section in found.sections}


def _rows(left) -> list[dict]:
    return [
        {"item": name, "left": [vars(step.cost) | {"step": step.name, "command": step.command} for step in steps]}
        | ({"damaged": left.damaged[name]} if name in left.damaged else {})
        for name, steps in left.of_item.items()
    ]


def _tell(left, err: bool) -> None:
    """What is left, a line an item, and all of it, each step counted once."""
    from bae.numbers import duration
    from bae.reproduction.estimates import Cost

    def line(name: str, steps) -> str:
        costs: list[Cost] = [step.cost for step in steps]
        seconds, disk = sum(cost.seconds for cost in costs), sum(cost.disk_bytes for cost in costs)
        first = ", ".join(step.name for step in steps[:3]) + (f" and {len(steps) - 3} more" if len(steps) > 3 else "")
        return f"{name:8} {duration(seconds) if steps else '':>14} {disk / 1e9:>9.2f} GB  {first or 'nothing left'}"

    typer.echo(f"{'item':8} {'time, about':>14} {'disk':>12}  left to do", err=err)
    for name, steps in left.of_item.items():
        damaged = left.damaged.get(name)
        typer.echo(f"{name:8} {'':14} {'':12}  cannot be read: {damaged}" if damaged else line(name, steps), err=err)
    typer.echo(f"{line('in all', left.steps)}; steps that items share are counted once", err=err)
