"""How long the hidden states of a layer are: the unit that strengths compare in, between layers and models."""

import math
from collections.abc import Sequence

import torch

from bae.model.language_model import LanguageModel
from bae.reading.inspection import MAX_TOKENS
from bae.states.scaling import NORM_LIMIT, Scaling
from bae.text.contexts import Context, read


def rms_norm(model: LanguageModel, layer: int, texts: Sequence[str]) -> float:
    """`sqrt(mean |h|^2)` at a layer over the tokens of `texts`, in raw units; BOS and tokens beyond 10x the median norm left out.

    Raises ValueError where there is no token to measure.
    """
    contexts = [Context("", 0, tokens.ids, tokens.spans, tokens.text) for tokens in model.tokenize_each(texts, MAX_TOKENS)]
    norms = read(model, contexts, [layer])[layer].float().norm(dim=-1) if contexts else torch.empty(0)
    norms = norms[norms.isfinite()]
    if not len(norms):
        raise ValueError("the norm of a layer is measured over texts; there was no token to read")
    return norms[norms <= NORM_LIMIT * norms.median()].square().mean().sqrt().item()


def norm_under(scaling: Scaling) -> float:
    """The same as a dictionary's scaling tells it: `E|h|^2 = |mean|^2 + d / scale^2`, over the text that it was trained on.

    Raises ValueError for a scaling that was not measured (the paper's raw one, or that of an import): use `rms_norm`.
    """
    if not scaling.tokens:
        raise ValueError("the scaling of this dictionary was not measured on hidden states; measure the layer over texts instead")
    return math.sqrt(scaling.mean.double().square().sum().item() + len(scaling.mean) / scaling.scale**2)
