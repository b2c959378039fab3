"""Put trained dictionaries among those that come with the explorer, small enough for a repository.

    python -m bae.experiments.dictionaries.ship WORKSPACE FOLDER bae-15-0=bae topk-10-0=topk-10

Git packs fp16 weights badly: their last bits are noise. Two bits of the mantissa less (a relative error of 1/512 at most) make
a packed checkpoint an eighth smaller. What that does to the codes is said, and the figures that ship are of the rounded weights.
"""

import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from bae.autoencoder import checkpoint
from bae.measures.evaluation import evaluate
from bae.states.harvest import HiddenStates
from bae.workspace import Workspace

DROPPED_BITS = 2


def rounded(weight: Tensor) -> Tensor:
    """The nearest fp16 numbers whose last bits are 0. A carry moves on into the exponent, as it should."""
    unit = 1 << DROPPED_BITS
    return ((weight.half().view(torch.int16) + unit // 2) & -unit).view(torch.float16).float()


@torch.no_grad()
def round_weights(autoencoder: nn.Module) -> None:
    """Round all weights in place."""
    for weight in autoencoder.parameters():
        weight.copy_(rounded(weight))


def ship(workspace: Workspace, name: str, folder: Path) -> str:
    """Write one dictionary of a workspace as `folder`, measured anew on the held-out harvest; says what rounding changed."""
    autoencoder, provenance = checkpoint.load(workspace.autoencoder_folder(name))
    round_weights(autoencoder)
    held_out = HiddenStates(workspace.harvest_folder("held-out"))
    found, autoencoder.prior = evaluate(autoencoder, held_out.all_pairs(provenance.layer, autoencoder))
    options = {**provenance.options, "name": folder.name}
    shipped = replace(provenance, name=folder.name, options=options, figures=asdict(found))
    checkpoint.save(autoencoder, shipped, folder)
    before = provenance.figures
    return f"{folder.name}: FVU {before['fvu']:.4f} -> {found.fvu:.4f}, L0 {before['l0']:.2f} -> {found.l0:.2f}"


def main(workspace: str, folder: str, *names: str) -> None:
    """Ship every NAME=AS."""
    study = Workspace.open(Path(workspace))
    for name, target in (pair.split("=") for pair in names):
        print(ship(study, name, Path(folder) / target))


if __name__ == "__main__":
    main(*sys.argv[1:])
