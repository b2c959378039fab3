"""`bae export ...`: a study as files for other people and programs; `bae open` unpacks an archive. Registered in `bae.cli.main`."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from bae.cli.shared import Folder, plain_errors
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.exports.material import Material
    from bae.notebook.kept import FeatureKey

MOST_TOLD = 12
"""Things left out of an archive that are told one by one."""


class _OlderForm(TyperGroup):
    """`bae export NAME FOLDER` is `bae export saelens NAME FOLDER`, as it was before there was anything else to export."""

    def parse_args(self, ctx, args):
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["saelens", *args]
        return super().parse_args(ctx, args)


export_app = typer.Typer(cls=_OlderForm, help="Write what a study holds for other people and other programs.", no_args_is_help=True)

Dictionary = Annotated[str, typer.Argument(help="A dictionary of the study.")]
NewFolder = Annotated[Path, typer.Argument(help="A new or empty folder.")]


@contextmanager
def _material(workspace: Path) -> Iterator[tuple[Workspace, "Material"]]:
    from bae.exports.material import Material

    study = Workspace.open(workspace)
    with Material.of(study) as material:
        yield study, material


@export_app.command()
def saelens(
    name: Dictionary,
    folder: NewFolder,
    workspace: Folder = Path("workspace"),
    layout: Annotated[str, typer.Option("--format", help="Whose layout to write: saelens.", hidden=True)] = "saelens",
) -> None:
    """Write a dictionary as a SAELens folder, scaling folded in. `bae export NAME FOLDER` does the same."""
    with plain_errors():
        from bae.formats import importing

        if layout != "saelens":
            raise ValueError(f"unknown format {layout!r}; there is saelens, and `bae export --help` lists what else can be written")
        for note in importing.export_dictionary(Workspace.open(workspace), name, folder):
            typer.echo(note)
        typer.echo(f"export: {name} is in {folder}")


@export_app.command()
def html(
    dictionary: Annotated[str | None, typer.Argument(metavar="[DICT]", help="A dictionary of the index.")] = None,
    features: Annotated[list[str] | None, typer.Argument(help="12 13 40-60; or active:20, the most often activated.")] = None,
    workspace: Folder = Path("workspace"),
    kept: Annotated[str | None, typer.Option("--list", help="In place of both: a kept list, by its name.")] = None,
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("features.html"),
) -> None:
    """Write features as one HTML file that needs nothing else: contexts painted, charts, labels, where it all comes from."""
    with plain_errors(), _material(workspace) as (study, material):
        from bae.exports import html as page

        wanted, title = _wanted(study, material, dictionary, features or [], kept)
        page.write(material, wanted, output, title, shlex.join(["bae", *sys.argv[1:]]))
        typer.echo(f"export: {len(wanted):,} features are in {output}, {output.stat().st_size / 1e6:,.1f} MB")


def _wanted(
    study: Workspace, material: "Material", dictionary: str | None, features: list[str], kept: str | None
) -> tuple[list["FeatureKey"], str]:
    """The features that a person means, and what they are called together."""
    if (dictionary is None) == (kept is None):
        raise ValueError("name a dictionary and features, as in `bae export html bae 12 13`, or a list, as in --list NAME")
    if kept is not None:
        return _kept(study, material, kept)
    import numpy as np

    from bae.comsem.plan import Settings
    from bae.comsem.selection import chosen

    entry = material.entry(dictionary)
    counts = np.array(material.index.column(dictionary, "top_count"))
    numbers = chosen(", ".join(features), counts, Settings().n_interpret)
    title = f"Feature {numbers[0]} of {entry.name}" if len(numbers) == 1 else f"{len(numbers):,} features of {entry.name}"
    return material.keys(dictionary, numbers), title


def _kept(study: Workspace, material: "Material", name: str) -> tuple[list["FeatureKey"], str]:
    from bae.notebook.database import Notebook
    from bae.notebook.lists import FeatureLists

    lists = FeatureLists(Notebook(study.notebook_file)) if study.notebook_file.is_file() else None
    found = lists and lists.named(name)
    if not found:
        there = ", ".join(repr(one.name) for one in lists.all()) if lists else ""
        raise ValueError(f"{study.folder} keeps no list {name!r}; it keeps {there or 'none'}")
    members = lists.members(found.id)
    wanted = material.here(members)
    if absent := len(members) - len(wanted):
        typer.echo(f"left out: {absent:,} of {len(members):,}, whose dictionary the index does not have, or has of another checkpoint")
    return wanted, found.name


@export_app.command()
def neuronpedia(
    name: Dictionary,
    folder: Annotated[Path, typer.Argument(help="Where MODEL/SOURCE is made.")],
    workspace: Folder = Path("workspace"),
    model: Annotated[str | None, typer.Option(help="Neuronpedia's id of the model; without one, its name in small letters.")] = None,
    source_set: Annotated[str | None, typer.Option("--set", help="Id of the source set; without one, the dictionary's name.")] = None,
    creator: Annotated[str, typer.Option(help="Id of a user of the Neuronpedia that reads it.")] = "bae-explorer",
) -> None:
    """Write a dictionary with its contexts and labels in the layout of Neuronpedia's exports."""
    with plain_errors(), _material(workspace) as (study, material):
        from bae.formats import neuronpedia as layout

        place = layout.write(material, study, name, folder, model, source_set, creator)
        typer.echo(f"export: {name} is in {place}; its source.jsonl says what the values are")


@export_app.command()
def saedashboard(name: Dictionary, folder: NewFolder, workspace: Folder = Path("workspace")) -> None:
    """Write a dictionary with its contexts as SAEDashboard's JSON."""
    with plain_errors(), _material(workspace) as (study, material):
        from bae.formats import saedashboard as layout

        files = layout.write(material, study, name, folder)
        typer.echo(f"export: {name} is in {files} files of {folder}; run_settings.json says what the values are")


@export_app.command()
def tables(folder: NewFolder, workspace: Folder = Path("workspace")) -> None:
    """Write the tables of the index as Parquet."""
    with plain_errors(), _material(workspace) as (_, material):
        from bae.exports import tables as layout

        typer.echo(f"export: {', '.join(layout.write(material, folder))} are in {folder}; bae/index/schema.py says what they hold")


@export_app.command()
def labels(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="To write: .csv or .parquet.")],
    workspace: Folder = Path("workspace"),
    dictionary: Annotated[list[str] | None, typer.Option(help="Whose labels, or several; without one, all.")] = None,
) -> None:
    """Write all labels with judges and scores. In a CSV a text that a spreadsheet would compute has an apostrophe before it."""
    with plain_errors(), _material(workspace) as (_, material):
        from bae.exports import labels as layout

        rows = layout.write(material, dictionary or list(material.dictionaries), output)
        typer.echo(f"export: {rows:,} rows are in {output}")


@export_app.command()
def archive(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, .zip by custom.")],
    workspace: Folder = Path("workspace"),
    with_states: Annotated[bool, typer.Option("--with-states", help="Also hidden states, and what stopped trainings go on from.")] = False,
) -> None:
    """Write everything of a study as one file, which `bae open` unpacks elsewhere."""
    with plain_errors():
        from bae.exports import archive as layout

        told = layout.write(Workspace.open(workspace), output, with_states)
        typer.echo(f"export: {len(told.files):,} files are in {output}, {output.stat().st_size / 1e6:,.0f} MB")
        if any(entry.path == layout.NOTEBOOK for entry in told.files):
            typer.echo("It holds the notebook: notes, lists, labels, what judges were asked, and every text that was typed. No keys.")
        _left_out(told.left_out)


def _left_out(left_out) -> None:
    for one in left_out[:MOST_TOLD]:
        typer.echo(f"left out: {one.what} ({one.why})")
    if len(left_out) > MOST_TOLD:
        typer.echo(f"left out: {len(left_out) - MOST_TOLD:,} more, which its manifest.json names")


def open_archive(
    source: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="What `bae export archive` wrote.")],
    folder: NewFolder,
) -> None:
    """Unpack a study and check it: every path, size and checksum, the recipe, the index, the notebook."""
    with plain_errors():
        from bae.exports.unpacking import unpack

        study, told = unpack(source, folder)
        names = ", ".join(study.autoencoder_names()) or "none"
        typer.echo(f"open: {told.study}, written {told.made} by {told.program}, is in {study.folder}; dictionaries: {names}")
        _left_out(told.left_out)
        model = "the packaged one" if study.recipe.model == "embedded" else f"{study.recipe.model}, which the archive does not hold"
        typer.echo(f"Its language model is {model}. `bae app --workspace {shlex.quote(str(folder))}` shows the study.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(export_app, name="export")
    app.command("open")(open_archive)
