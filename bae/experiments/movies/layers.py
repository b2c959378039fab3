"""At which layers is the answer already formed? The movie experiment without a dictionary, at every layer, at strength 1.

    python -m bae.experiments.movies.layers WORKSPACE 128

The difference of means between reviews behind 8 demonstrations and the same reviews behind none, added to the last token of others.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from bae.experiments.movies.answers import answers, begin
from bae.experiments.movies.prompts import draw, label_tokens, prompts
from bae.experiments.movies.results import Settings
from bae.model.language_model import LanguageModel
from bae.steering.directions import read_examples
from bae.steering.interventions import Add
from bae.system.progress import Progress
from bae.workspace import Workspace


def right_by_layer(
    model: LanguageModel, layers: Sequence[int], samples: int, shots: int = Settings.shots, seed: int = 0
) -> dict[int, float]:
    """Share of other reviews whose likeliest next token is their label, by layer; as it is without steering under -1."""
    sets, labels = draw(samples, seed), torch.tensor(label_tokens(model))
    texts = [prompts(sets.estimation, sets.demonstrations, each, seed) for each in (shots, 0)]
    total = sum(len(tokens.ids) for side in texts for tokens in model.tokenize_each(side))
    with Progress("reading examples", total, "tokens") as progress:
        good, bad = (read_examples(model, side, layers, advance=progress.advance) for side in texts)
    begun, wanted = begin(model, prompts(sets.test)), labels[[int(review.positive) for review in sets.test]]
    pushes = {-1: []} | {
        layer: [Add(layer, good.states[layer].mean(0) - bad.states[layer].mean(0), strength=1.0, positions="last")] for layer in layers
    }
    return {layer: (answers(model, begun, push).argmax(-1) == wanted).float().mean().item() for layer, push in pushes.items()}


def main(workspace: str, samples: str) -> None:
    """Print a row of every layer."""
    model = LanguageModel.load(Workspace.open(Path(workspace)).recipe.model)
    found = right_by_layer(model, range(1, model.n_layers + 1), int(samples))
    for layer, share in found.items():
        print(f"| {'none' if layer < 0 else layer} | {100 * share:.1f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
