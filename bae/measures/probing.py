"""Sparse probing (Gurnee et al. 2023): how well one feature, or five, tell the sentiment of the packaged movie reviews."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.linear_model import LogisticRegression

from bae.model.language_model import LanguageModel
from bae.reading.inspection import Lens
from bae.system.progress import Progress
from bae.text import corpus
from bae.text.contexts import Context, read

SHARD = 256
"""Reviews that are read at a time."""


class Probed(NamedTuple):
    """Accuracy on reviews that the probe was not fitted on, in [0, 1]."""

    k1: float
    """Of the best single feature."""
    k5: float
    """Of a logistic probe on the five best."""
    majority: float
    """Of always saying what is more frequent."""


def probe(model: LanguageModel, lenses: Mapping[str, Lens], fitted: int = 2000, tested: int = 800) -> dict[str, Probed]:
    """Probe every dictionary with reviews of the index split (to fit) and the held-out split (to test), neither of which trained it.

    Features are chosen by the difference of their class means, in deviations, on the reviews that fit the probe; codes are
    means over a review's tokens. Raises FileNotFoundError where the reviews are not installed.
    """
    sides = {}
    for split, size in (("index", fitted), ("held-out", tested)):
        reviews = list(islice(corpus.scored_reviews(split), size))
        labels = np.array([score > 0 for _, score in reviews])
        sides[split] = _mean_codes(model, lenses, [document.text for document, _ in reviews]), labels
    (fit_codes, fit_labels), (test_codes, test_labels) = sides["index"], sides["held-out"]
    majority = float(max(test_labels.mean(), 1 - test_labels.mean()))
    return {
        name: Probed(
            *(accuracy(fit_codes[name], fit_labels, test_codes[name], test_labels, k) for k in (1, 5)),
            majority,
        )
        for name in lenses
    }


def accuracy(
    fit_codes: Float[np.ndarray, "text feature"],
    fit_labels: Bool[np.ndarray, " text"],
    test_codes: Float[np.ndarray, "other feature"],
    test_labels: Bool[np.ndarray, " other"],
    k: int,
) -> float:
    """Of a logistic probe on the k features whose class means differ most."""
    difference = np.abs(fit_codes[fit_labels].mean(0) - fit_codes[~fit_labels].mean(0))
    deviation = fit_codes.std(0)
    best = np.argsort(-difference / np.where(deviation > 0, deviation, np.inf), kind="stable")[:k]
    scale = np.where(deviation[best] > 0, deviation[best], 1)
    classifier = LogisticRegression(max_iter=1000).fit(fit_codes[:, best] / scale, fit_labels)
    return float(classifier.score(test_codes[:, best] / scale, test_labels))


def _mean_codes(model: LanguageModel, lenses: Mapping[str, Lens], texts: Sequence[str]) -> dict[str, np.ndarray]:
    places = list(dict.fromkeys(lens.place for lens in lenses.values()))
    found: dict[str, list[np.ndarray]] = {name: [] for name in lenses}
    contexts = []
    for text in texts:
        tokens = model.tokenize(text, min(lens.context_length for lens in lenses.values()))
        contexts.append(Context("", 0, tokens.ids, tokens.spans, tokens.text))
    with Progress("probing", len(contexts), "reviews", None) as progress:
        for begin in range(0, len(contexts), SHARD):
            group = contexts[begin : begin + SHARD]
            states = read(model, group, places)
            lengths = [len(context.ids) - 1 for context in group]
            for name, lens in lenses.items():
                of_shard = states[lens.place].float().to(lens.autoencoder.W_in.device)
                code = lens.autoencoder.encode(of_shard) * lens.autoencoder.scaling.keeps(of_shard)[:, None]
                found[name] += [part.mean(0).cpu().numpy() for part in torch.split(code, lengths)]
            progress.advance(len(group))
    return {name: np.stack(codes) for name, codes in found.items()}
