"""Bits a hidden state against what they leave unexplained: dictionaries beside PCA, each with its code's real length.

    bae evaluate --workspace WORKSPACE --rates        # keeps WORKSPACE/rates.json

Code lengths are cross-entropies on held-out text under frequencies counted on training text, so nothing that is not in the
prior comes free. A BAE costs its bits. An SAE costs which features fire, and their values, divided by a step and rounded to
levels that stand for their training mean; several steps give its curve. PCA is the peer: coordinates along the principal
axes, divided by a step and rounded.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor

from bae.autoencoder import Autoencoder, Pair, checkpoint
from bae.compression.baselines import Basis, EntropyCoded
from bae.compression.levels import LEVELS, Frequencies, level_means, levels_of
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
    fitted_values, held_out_values = (torch.cat([code[code != 0] for code in codes(parts)])[:, None] for parts in (fitted, held_out))
    for step in SAE_STEPS:
        levels = Frequencies.of([levels_of(fitted_values, step)], LEVELS)
        value_bits = levels.length(levels_of(held_out_values, step)) / _tokens(held_out)
        means = level_means([fitted_values], step)[0]
        rounded = lambda part, step=step, means=means: autoencoder.decode(_rounded(autoencoder.encode(part.read), step, means))  # noqa: E731
        yield Point(name, autoencoder.kind, step, support_bits + value_bits, fvu(held_out, rounded, CHUNK_TOKENS))


def pca_points(fitted: Sequence[Pair], held_out: Sequence[Pair], name: str = "pca") -> Iterator[Point]:
    """The same for coordinates along the principal axes of the training text, frequencies kept by axis."""
    learned, measured = ([part.written for part in parts] for parts in (fitted, held_out))
    basis = Basis.principal(learned)
    scale = math.sqrt(len(basis.mean) / basis.deviation.double().square().sum().item())
    for step in PCA_STEPS:
        coded = EntropyCoded.fit(basis, learned, step / scale)
        found = lambda part, coded=coded: coded.found(part.written)  # noqa: E731
        yield Point(name, "pca", step, coded.length(measured), fvu(held_out, found, CHUNK_TOKENS))


def _rounded(code: Float[Tensor, "token feature"], step: float, means: Float[Tensor, " level"]) -> Tensor:
    fires = code != 0
    rounded = torch.zeros_like(code)
    rounded[fires] = means[levels_of(code[fires], step)]
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
