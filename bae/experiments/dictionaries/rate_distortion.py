"""Bits a hidden state against what they leave unexplained: dictionaries beside PCA, each with its code's real length.

    bae evaluate --workspace WORKSPACE --rates        # keeps WORKSPACE/rates.json

Code lengths are cross-entropies on held-out text under frequencies counted on training text, so nothing that is not in the
prior comes free. A BAE costs its bits. An SAE costs which features fire, and their values, divided by a step and rounded to
levels that stand for their training mean; several steps give its curve. PCA is the peer: coordinates along the principal
axes, divided by a step and rounded.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bae.autoencoder import Autoencoder, Pair, checkpoint
from bae.measures.evaluation import fvu, unexplained
from bae.states.harvest import HiddenStates
from bae.system.files import write_json
from bae.system.progress import Progress
from bae.workspace import Workspace

FITTED_TOKENS = 131_072
"""Tokens of training text that frequencies are counted on."""
CHUNK_TOKENS = 4096
SAE_STEPS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""In the units of scaled hidden states."""
PCA_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0)
LEVELS = 512
"""Levels of a quantised number that have a frequency of their own, from -LEVELS / 2 up; those beyond are clipped."""


@dataclass(frozen=True)
class Point:
    """One way to write hidden states."""

    name: str
    kind: str
    step: float | None
    """Of the quantiser; None where there are no values."""
    bits: float
    """A token, held-out."""
    fvu: float


def points(autoencoder: Autoencoder, name: str, fitted: Sequence[Pair], held_out: Sequence[Pair]) -> Iterator[Point]:
    """What a dictionary costs and leaves: one point for a BAE, one a step for an SAE."""
    codes = lambda parts: (autoencoder.encode(part.read) for part in parts)  # noqa: E731
    support = Frequencies.of((autoencoder.bits(code) for code in codes(fitted)), 2)
    support_bits = sum(support.length(autoencoder.bits(code)) for code in codes(held_out)) / _tokens(held_out)
    if autoencoder.discrete:
        yield Point(name, autoencoder.kind, None, support_bits, unexplained(autoencoder, held_out, CHUNK_TOKENS))
        return
    fitted_values, held_out_values = (torch.cat([code[code != 0] for code in codes(parts)]) for parts in (fitted, held_out))
    for step in SAE_STEPS:
        levels = Frequencies.of([_levels(fitted_values, step)], LEVELS)
        value_bits = levels.length(_levels(held_out_values, step)) / _tokens(held_out)
        means = _level_means(fitted_values, step)
        rounded = lambda part, step=step, means=means: autoencoder.decode(_rounded(autoencoder.encode(part.read), step, means))  # noqa: E731
        yield Point(name, autoencoder.kind, step, support_bits + value_bits, fvu(held_out, rounded, CHUNK_TOKENS))


def pca_points(fitted: Sequence[Pair], held_out: Sequence[Pair], name: str = "pca") -> Iterator[Point]:
    """The same for coordinates along the principal axes of the training text, frequencies kept by axis."""
    mean = sum(part.written.double().sum(0) for part in fitted) / _tokens(fitted)
    covariance = sum((part.written.double() - mean).T @ (part.written.double() - mean) for part in fitted) / _tokens(fitted)
    scale = (len(mean) / covariance.trace()).sqrt()
    axes = torch.linalg.eigh(covariance)[1].float()

    def coordinates(part: Pair) -> Tensor:
        return (part.written.float() - mean.float()) * scale.float() @ axes

    for step in PCA_STEPS:
        quantised = lambda part, step=step: (coordinates(part) / step).round().clamp(-LEVELS // 2, LEVELS // 2 - 1)  # noqa: E731
        levels = Frequencies.of((quantised(part) + LEVELS // 2 for part in fitted), LEVELS)
        bits = sum(levels.length(quantised(part) + LEVELS // 2) for part in held_out) / _tokens(held_out)
        found = lambda part, step=step, q=quantised: q(part) * step @ axes.T / scale.float() + mean.float()  # noqa: E731
        yield Point(name, "pca", step, bits, fvu(held_out, found, CHUNK_TOKENS))


@dataclass(frozen=True)
class Frequencies:
    """How often each column of a table of levels takes each level; half a count more, so that no length is infinite."""

    bits: Float[Tensor, "column level"]
    """Length of every level, in bits."""

    @classmethod
    def of(cls, tables: Iterable[Float[Tensor, "_ column"] | Int[Tensor, "_ column"]], levels: int) -> "Frequencies":
        """Count a stream of tables. A single column may be given as a vector."""
        counts = None
        for table in tables:
            table = table[:, None] if table.dim() == 1 else table
            columns = table.shape[1]
            place = table.long() + torch.arange(columns) * levels
            found = torch.bincount(place.flatten(), minlength=columns * levels).view(columns, levels)
            counts = found if counts is None else counts + found
        smoothed = counts.double() + 0.5
        return cls(-(smoothed / smoothed.sum(-1, keepdim=True)).log2())

    def length(self, table: Tensor) -> float:
        """Bits that a table takes, all its rows and columns."""
        table = table[:, None] if table.dim() == 1 else table
        return self.bits.gather(1, table.long().T).sum().item()


def _levels(values: Float[Tensor, " value"], step: float) -> Int[Tensor, " value"]:
    """The level that each value falls on."""
    return ((values / step).round().clamp(-LEVELS // 2, LEVELS // 2 - 1) + LEVELS // 2).long()


def _level_means(values: Float[Tensor, " value"], step: float) -> Float[Tensor, " level"]:
    """What each level stands for: the mean of the training values that fall on it. A value that fires is never written as 0."""
    level = _levels(values, step)
    count, total = torch.bincount(level, minlength=LEVELS), torch.bincount(level, values.double(), LEVELS)
    nominal = (torch.arange(LEVELS) - LEVELS // 2) * step
    return torch.where(count > 0, total / count.clamp(min=1), nominal).float()


def _rounded(code: Float[Tensor, "token feature"], step: float, means: Float[Tensor, " level"]) -> Tensor:
    fires = code != 0
    rounded = torch.zeros_like(code)
    rounded[fires] = means[_levels(code[fires], step)]
    return rounded


def _tokens(parts: Sequence[Pair]) -> int:
    return sum(map(len, parts))


def _chunks(states: HiddenStates, layer: int, autoencoder: Autoencoder, tokens: int) -> list[Pair]:
    """The first tokens of a harvest, in parts."""
    parts = (part for shard in states.all_pairs(layer, autoencoder) for part in shard.split(CHUNK_TOKENS))
    return list(islice(parts, -(-tokens // CHUNK_TOKENS)))


def measure(workspace: Workspace, names: Sequence[str]) -> list[Point]:
    """Every dictionary of these names, and PCA at each of their layers."""
    train, held_out = (HiddenStates(workspace.harvest_folder(split)) for split in ("train", "held-out"))
    found, layers = [], set()
    with Progress("rates", len(names), "dictionaries") as progress:
        for name in names:
            autoencoder, provenance = checkpoint.load(workspace.autoencoder_folder(name))
            sides = [_chunks(states, provenance.layer, autoencoder, FITTED_TOKENS) for states in (train, held_out)]
            found += points(autoencoder, name, *sides)
            if provenance.layer not in layers:
                layers.add(provenance.layer)
                found += pca_points(*sides, name=f"pca-{provenance.layer}")
            progress.advance(1)
    return found


def keep(workspace: Workspace, names: Sequence[str]) -> None:
    """Measure these and keep the points for the pages, beside those of others that were measured before."""
    found = [asdict(point) for point in measure(workspace, names)]
    before = json.loads(workspace.rates_file.read_text(encoding="utf-8")) if workspace.rates_file.is_file() else []
    anew = {point["name"] for point in found}
    write_json(workspace.rates_file, [point for point in before if point["name"] not in anew] + found)
