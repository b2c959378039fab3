"""Do a few loud tokens lead the lists of all bits? Different tokens among the ten strongest of many bits, by two rankings.

python -m bae.experiments.labels.leading_contexts WORKSPACE NAME ...      # needs the held-out harvest
"""

import sys
from collections import Counter
from pathlib import Path

import torch

from bae.autoencoder import checkpoint
from bae.states.harvest import HiddenStates
from bae.workspace import Workspace

TOKENS, STRONGEST = 40_000, 10
BITS = slice(100, 400)
"""Of the bits, the most frequent first: those that fire often enough to have a list, without the densest."""


@torch.inference_mode()
def shares(workspace: Workspace, name: str) -> dict[str, tuple[float, int]]:
    """By ranking: the share of places in the lists that are different tokens, and in how many lists the commonest token is."""
    autoencoder, provenance = checkpoint.load(workspace.autoencoder_folder(name))
    held_out = HiddenStates(workspace.harvest_folder("held-out"))
    states = torch.cat([pair.read for pair in held_out.all_pairs(provenance.layer, autoencoder)])[:TOKENS].float()
    bare = autoencoder.pre_activation(autoencoder.scaling.apply(states))
    bits = (bare >= 0).sum(0).argsort(descending=True)[BITS]
    found = {}
    for ranking, strength in (("bare distance", bare), ("share of the length", autoencoder.margin(states))):
        lists = strength[:, bits].topk(STRONGEST, dim=0).indices.flatten().tolist()
        found[ranking] = (len(set(lists)) / len(lists), Counter(lists).most_common(1)[0][1])
    return found


def main(workspace: str, *names: str) -> None:
    """Print a line a dictionary and ranking."""
    for name in names:
        for ranking, (share, most) in shares(Workspace.open(Path(workspace)), name).items():
            print(f"{name}, by {ranking}: {100 * share:.0f} % different tokens, the commonest in {most} of {BITS.stop - BITS.start} lists")


if __name__ == "__main__":
    main(*sys.argv[1:])
