"""`bae compress` and `bae decompress`: hidden states to a file of a BAE's codes, and back. Registered in `bae.cli.main`."""

from pathlib import Path
from typing import Annotated

import typer

from bae.cli.shared import Folder, plain_errors
from bae.workspace import Workspace

HARVEST = "harvest:"
"""How a harvest of the study is named where a file could be."""


def compress(
    source: Annotated[str, typer.Argument(metavar="VECTORS", help="A .npy or .safetensors file; or harvest:held-out, one of the study.")],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, .baec by custom.")],
    dictionary: Annotated[str, typer.Option(help="A BAE of the study.")],
    workspace: Folder = Path("workspace"),
    threshold: Annotated[float, typer.Option(help="Burstiness above which bits are stored: -1 loses none, 0 stores none.")] = -1.0,
    coding: Annotated[str, typer.Option(help="entropy, or positions: the paper's lists of indices.")] = "entropy",
    radial: Annotated[str, typer.Option(help="norm or gain: a byte a vector that mends the length of reconstructions.")] = "none",
    tensor: Annotated[str | None, typer.Option(help="Which tensor of a .safetensors file.")] = None,
) -> None:
    """Write hidden states as the codes of a BAE."""
    with plain_errors():
        from bae.autoencoder import checkpoint
        from bae.compression import Options, sizes
        from bae.compression import compress as write

        options = Options(threshold, coding, radial)
        study = Workspace.open(workspace)
        autoencoder, provenance = checkpoint.load(_folder(study, dictionary))
        vectors = _source(study, source, tensor, autoencoder, provenance.layer)
        if Path(source).exists() and Path(source).resolve() == target.resolve():
            raise ValueError(f"{target} is what is to be compressed; give another name to write to")
        states = write(vectors, autoencoder, provenance, target, options)
        found, figures = sizes(states.container, autoencoder), states.container.figures
        typer.echo(
            f"compress: {found.vectors:,} vectors in {found.file:,} bytes, {100 * found.ratio:.2f} % of fp16 "
            f"({100 * found.ratio_with_model:.1f} % with the model), {found.over_bound:.3f} times the bound of the codes"
        )
        for words in _told(states.habits.lost_bursts, states.header, figures):
            typer.echo(words)


def _folder(study: Workspace, dictionary: str) -> Path:
    there = study.autoencoder_names()
    if dictionary not in there:
        raise ValueError(f"{study.folder} has no dictionary {dictionary!r}; it has {', '.join(there) or 'none'}")
    return study.autoencoder_folder(dictionary)


def _source(study: Workspace, source: str, tensor: str | None, autoencoder, layer: int):
    from bae.compression import FileVectors, HarvestVectors
    from bae.compression.paths import check_source
    from bae.states.harvest import HiddenStates

    if not source.startswith(HARVEST):
        check_source(Path(source), f"a .npy or .safetensors file, or {HARVEST}SPLIT for a harvest of the study")
        return FileVectors(Path(source), tensor)
    states = HiddenStates(study.harvest_folder(source.removeprefix(HARVEST)))
    states.scaling(layer)  # an unfinished harvest is refused
    return HarvestVectors(states, layer, autoencoder)


def _told(lost: int, header, figures) -> list[str]:
    """What is lost, in sentences."""
    found = []
    if lost:
        found.append(f"  {lost:,} bits that leave their habit are not stored at this threshold; they come back wrong")
    if kept := figures["stored_as_they_are"]:
        found.append(f"  {kept:,} vectors are longer than the dictionary is made for and are stored as they are")
    if header.left_out:
        found.append(f"  {header.left_out:,} vectors of the harvest are not finite and are left out")
    after, before = figures["errors"], figures["errors_before_radial"]
    if after:
        mended = f" ({before['mse']:.4g} without the lengths mended)" if header.radial != "none" else ""
        found.append(f"  restored, they are off by a mean squared error of {after['mse']:.4g}{mended}, cosine {after['cosine']:.3f}")
    return found


def decompress(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `bae compress` wrote.")],
    target: Annotated[Path, typer.Argument(metavar="VECTORS", help="A .npy or .safetensors file to write.")],
    dictionary: Annotated[str | None, typer.Option(help="The BAE that it was written with; without one, that of its name.")] = None,
    workspace: Folder = Path("workspace"),
    begin: Annotated[int, typer.Option(help="First vector.")] = 0,
    end: Annotated[int | None, typer.Option(help="The vector behind the last; without one, to the end.")] = None,
    dtype: Annotated[str | None, typer.Option(help="float16 or float32; without one, the type that went in.")] = None,
) -> None:
    """Restore hidden states from a file of codes."""
    with plain_errors():
        from bae.autoencoder import checkpoint
        from bae.compression import CompressedStates
        from bae.compression import decompress as restore

        states = CompressedStates.open(source)
        name = dictionary or states.header.dictionary
        autoencoder, _ = checkpoint.load(_folder(Workspace.open(workspace), name))
        restore(states, autoencoder, target, name=name, begin=begin, end=end, dtype=dtype)
        first, last = states.span(begin, end)
        typer.echo(f"decompress: {last - first:,} of {len(states):,} vectors are in {target}")


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command()(compress)
    app.command()(decompress)
