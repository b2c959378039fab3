"""Table 3 and Fig. 9 of the paper: how small hidden states become as codes of a BAE, and what that costs.

    python -m bae.experiments.compression.experiment WORKSPACE        # keeps WORKSPACE/compression/results.parquet

Every BAE of a workspace, on held-out text: at several thresholds, with the length of reconstructions mended and not, beside PCA,
int8 and int4 (`bae.compression.baselines`) at the size of its file and at their own. Sizes are those of real files; errors those of
what comes back; delta-CE is what the language model loses when it runs on that.

Results are kept a dictionary at a time, so that a run that was stopped goes on. Another checkpoint of a name replaces its rows; other
settings, another model or other text replace all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import torch
import typer
from jaxtyping import Float
from torch import Tensor

from bae.cli.shared import plain_errors
from bae.compression.baselines import Basis, EntropyCoded, FixedLength, Rewriting
from bae.compression.dictionary import dictionary_digest
from bae.compression.measures import Errors, ErrorSum, sizes
from bae.compression.positions import ALL
from bae.compression.reading import CompressedStates, rewritten
from bae.compression.vectors import HarvestVectors
from bae.compression.writing import Options, compress
from bae.experiments.compression.job import lock_file
from bae.experiments.compression.results import Row, Settings, compressed_file, keep, read_rows, record_digest, same_run, table
from bae.model.language_model import LanguageModel
from bae.model.splicing import Splice, splice
from bae.reading.inspection import Lens
from bae.reading.lenses import load_lenses
from bae.states.harvest import HarvestConfig, HiddenStates, harvest
from bae.system.files import locked
from bae.system.progress import Progress
from bae.text import corpus
from bae.text.contexts import contexts
from bae.workspace import Workspace

STAGE = "compression"
"""Under which the workspace is told how far it is."""
CHUNK = 4096
SAME = 0.98
"""Share of the bits asked for from which a baseline is called one of the same size."""
BUSY = "the compression experiment is running in this workspace already; wait until it has ended, or stop it"


def run(workspace: Workspace, settings: Settings | None = None, model: LanguageModel | None = None) -> list[Row]:
    """Measure every BAE that is not yet kept.

    Raises ValueError where the workspace has no BAE for its model; BlockingIOError while another process runs it in this workspace.
    """
    with locked(lock_file(workspace), BUSY):
        return _run(workspace, settings or Settings(), model or LanguageModel.load(workspace.recipe.model))


def _run(workspace: Workspace, settings: Settings, model: LanguageModel) -> list[Row]:
    loaded = load_lenses(workspace.folder / "autoencoders", model)
    lenses = {name: lens for name, lens in loaded.usable.items() if lens.autoencoder.discrete}
    if not lenses:
        raise ValueError(f"{workspace.folder} has no BAE for {model.title}; only the bits of BAEs can be compressed")
    layers = sorted({lens.layer for lens in lenses.values()})
    held_out = _states(workspace, model, "held-out", layers, settings.vectors)
    train = _states(workspace, model, "train", layers, settings.fitted)
    harvests = {"held-out": record_digest(held_out), "train": record_digest(train)}
    about = {
        "harvests": harvests,
        "model": model.title,
        "model_fingerprint": model.fingerprint,
        "torch": f"{torch.__version__}, {torch.get_num_threads()} threads, {model.device.type}",
    }
    # rows of other settings, or of other text, cannot stand beside these
    rows = read_rows(workspace) if same_run(workspace, settings, model.fingerprint, harvests) else []
    known = {(row.dictionary, row.digest) for row in rows}
    with Progress(STAGE, len(lenses), "dictionaries", workspace.status_file(STAGE)) as progress:
        for name, lens in lenses.items():
            if (name, dictionary_digest(lens.autoencoder)) in known:
                progress.skip(1)
                continue
            alpha = loaded.provenance[name].options.get("entropy_weight")
            ways = list(_ways(workspace, settings, lens, loaded.provenance[name], held_out, train))
            spliced = _spliced(workspace, settings, model, lens, ways)
            anew = [_row(lens, alpha, way, splice) for way, splice in zip(ways, spliced, strict=True)]
            rows = [row for row in rows if row.dictionary != name] + anew
            keep(workspace, settings, rows, about)
            progress.advance(1)
    return rows


def _states(workspace: Workspace, model: LanguageModel, split: str, layers: Sequence[int], tokens: int) -> HiddenStates:
    """The workspace's own harvest of a split where it holds these layers of this model, else a smaller one that is made here."""
    own = workspace.harvest_folder(split)
    if (own / "scaling.safetensors").is_file():
        states = HiddenStates(own)
        if set(layers) <= set(states.layers) and states.record["fingerprint"] == model.fingerprint:
            return states
    recipe = workspace.recipe
    config = HarvestConfig(tuple(layers), recipe.sources, tokens, split, context_length=recipe.context_length, seed=recipe.seed)
    name = f"{split}-{'-'.join(map(str, layers))}-{tokens}-seed-{recipe.seed}"
    return harvest(model, config, workspace.folder / "compression" / "harvest" / name, workspace.status_file(STAGE))


@dataclass(frozen=True, eq=False)
class Way:
    """A way to write hidden states: its size and errors, and what it makes of any hidden state."""

    method: str
    bits: float
    vectors: int
    errors: Errors
    found: Callable[[Tensor], Tensor]
    file: CompressedStates | None = None


def _ways(workspace: Workspace, settings: Settings, lens: Lens, provenance, held_out: HiddenStates, train: HiddenStates) -> Iterator[Way]:
    files = [_compressed(workspace, lens, provenance, held_out, Options(threshold)) for threshold in settings.thresholds]
    files += [_compressed(workspace, lens, provenance, held_out, Options(radial=radial)) for radial in ("norm", "gain")]
    yield from files
    whole = files[settings.thresholds.index(ALL)]
    fitted, measured = Vectors(train, lens, settings.fitted), Vectors(held_out, lens)
    for method, baseline, bits in _baselines(fitted, measured, whole.bits):
        errors = ErrorSum()
        for part in measured:
            errors.add(part.float(), baseline.found(part))
        yield Way(method, bits, whole.vectors, errors.errors(), baseline.found)


@dataclass(frozen=True)
class Vectors:
    """What a dictionary reads of a harvest: gone through again and again, each time from disk, a shard in memory at a time."""

    states: HiddenStates
    lens: Lens
    most: int | None = None
    """As many parts as so many vectors fill; None: all."""

    def __iter__(self) -> Iterator[Float[Tensor, "_ d_model"]]:
        """In parts of at most `CHUNK`."""
        shards = self.states.all_pairs(self.lens.layer, self.lens.autoencoder)
        parts = (part.read for shard in shards for part in shard.split(CHUNK))
        return islice(parts, None if self.most is None else -(-self.most // CHUNK))


def _compressed(workspace: Workspace, lens: Lens, provenance, held_out: HiddenStates, options: Options) -> Way:
    """A file that is written and measured; that of the usual options is kept."""
    usual = options == Options()
    target = compressed_file(workspace, lens.name) if usual else workspace.folder / "compression" / f".{lens.name}.baec"
    states = compress(HarvestVectors(held_out, lens.layer, lens.autoencoder), lens.autoencoder, provenance, target, options)
    if not usual:
        target.unlink()
    method = "codes" if options.radial == "none" else f"codes, {options.radial}"
    bits = 8 * states.container.size / len(states)
    errors = Errors(**states.container.figures["errors"])
    return Way(method, bits, len(states), errors, lambda vectors: rewritten(states, lens.autoencoder, vectors), states)


def _baselines(
    fitted: Iterable[Tensor], measured: Iterable[Tensor], bits: float
) -> Iterator[tuple[str, EntropyCoded | FixedLength, float]]:
    """Every baseline with the bits that a vector takes; those that can be, at most `bits`."""
    principal, channels = Basis.principal(fitted), Basis.channels(fitted)
    pca = EntropyCoded.matched(principal, fitted, measured, bits)
    size = pca.length(measured)
    # the finest step has as many levels as are counted: vectors that are allowed more cannot have it
    how = "same size" if size >= SAME * bits else "finest step"
    yield f"PCA, entropy-coded, middles of levels, {how}", pca, size
    yield f"PCA, entropy-coded, means of levels, {how}", pca.with_means(fitted), size
    for each in (8, 4):
        kept = max(1, min(int(bits / each), len(channels.deviation)))
        for basis, words in ((principal, f"PCA int{each}, {kept} components"), (channels, f"int{each}, {kept} channels")):
            baseline = FixedLength.fit(basis, fitted, each, kept)
            yield f"{words}, same size", baseline, baseline.bits
        whole = FixedLength.fit(channels, fitted, each, len(channels.deviation))
        yield f"int{each}, all channels", whole, whole.bits


def _spliced(workspace: Workspace, settings: Settings, model: LanguageModel, lens: Lens, ways: Sequence[Way]) -> list[Splice]:
    """What every way costs the model, on the same held-out text."""
    recipe = workspace.recipe
    text = corpus.documents(recipe.sources, "held-out", recipe.seed)
    group = list(islice(contexts(model, text, length=recipe.context_length), settings.spliced_tokens // recipe.context_length + 1))
    scaling = lens.autoencoder.scaling
    # as harvests store hidden states, so that the model runs on what a file gives back
    rewritings = {
        str(number): Lens(way.method, lens.layer, Rewriting(lambda states, way=way: way.found(states.half()), scaling), None, 0)
        for number, way in enumerate(ways)
    }
    found = splice(model, rewritings, group)
    return [found[str(number)] for number in range(len(ways))]


def _row(lens: Lens, alpha: float | None, way: Way, spliced: Splice) -> Row:
    plain = 2 * len(lens.autoencoder.scaling.mean) * way.vectors
    told = {"threshold": None, "ratio_with_model": None, "bound": None, "entropy": None, "positions": None, "lost": None}
    size = way.bits * way.vectors / 8
    if way.file is not None:
        habits, found = way.file.habits, sizes(way.file.container, lens.autoencoder)
        told = {
            "threshold": way.file.header.threshold,
            "ratio_with_model": found.ratio_with_model,
            "bound": found.bound,
            "entropy": found.entropy,
            "positions": found.positions,
            "lost": habits.lost_bursts / max(1, int(habits.bursts.sum())),
        }
    errors = {name: value for name, value in asdict(way.errors).items() if name != "vectors"}
    return Row(
        dictionary=lens.name,
        digest=dictionary_digest(lens.autoencoder),
        layer=lens.layer,
        entropy_weight=alpha,
        method=way.method,
        vectors=way.vectors,
        bits=way.bits,
        size=size,
        ratio=size / plain,
        ce=spliced.ce,
        delta_ce=spliced.delta_ce,
        ce_score=spliced.ce_score,
        spliced_tokens=spliced.tokens,
        **told,
        **errors,
    )


def main(
    workspace: Annotated[Path, typer.Argument(help="The folder of the study.")],
    vectors: Annotated[int, typer.Option(help="Held-out hidden states, where the study holds none.")] = Settings.vectors,
    spliced_tokens: Annotated[int, typer.Option(help="Held-out tokens that the language model is run on.")] = Settings.spliced_tokens,
) -> None:
    """How small hidden states become as codes of every BAE of a study, and what that costs, as a table."""
    with plain_errors():
        settings = Settings(vectors=vectors, spliced_tokens=spliced_tokens)
        typer.echo("\n".join(table(run(Workspace.open(workspace), settings))))


if __name__ == "__main__":
    typer.run(main)
