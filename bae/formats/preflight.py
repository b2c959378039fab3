"""Which layer a dictionary fits, measured: a wrong layer by one loads, encodes and shows features, and is still wrong.

Reconstructs the states of every layer that one pass of the language model gives, and says how much is left unexplained at each.
Also what storing the weights in fp16 changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bae.autoencoder import Pair
from bae.formats.foreign import Foreign
from bae.measures.evaluation import unexplained
from bae.model.language_model import RESIDUAL, LanguageModel, place
from bae.names import layer_names
from bae.states.scaling import NORM_LIMIT
from bae.text import contexts
from bae.text.contexts import Context

TOKENS = 2048
"""Hidden states that the layers are compared on."""
CLEARLY = 0.95
"""A layer fits clearly better when it leaves less than this share of what another leaves unexplained."""
EXPLAINS_NOTHING = 1.0
"""The FVU of the mean hidden state."""
CHUNK = 1024


@dataclass(frozen=True)
class Fit:
    """How well a dictionary reconstructs the hidden states of one layer."""

    layer: int
    fvu: float
    """Fraction of variance unexplained, in [0, inf)."""
    read_limit: float
    """Norm above which what it reads was dropped: ten times the median. In raw units."""
    written_limit: float
    """The same of what it writes."""
    dropped: int


def fits(foreign: Foreign, model: LanguageModel, sample: Sequence[Context]) -> list[Fit]:
    """The fit at every layer of the model, from one pass over `sample`. Layer 0 has no MLP, so a transcoder starts at 1."""
    site = foreign.autoencoder.site
    layers = range(0 if site == RESIDUAL else 1, model.n_layers + 1)
    places = list(dict.fromkeys(chain.from_iterable((place(layer, site), layer) for layer in layers)))
    states = contexts.read(model, list(sample), places)
    return [_fit(foreign, model, layer, states[place(layer, site)], states[layer]) for layer in layers]


def _fit(foreign: Foreign, model: LanguageModel, layer: int, read: Tensor, written: Tensor) -> Fit:
    limits = [NORM_LIMIT * norms[norms.isfinite()].median().item() for norms in (read.float().norm(dim=-1), written.float().norm(dim=-1))]
    keep = (read.float().norm(dim=-1) <= limits[0]) & (written.float().norm(dim=-1) <= limits[1])
    read, written = read[keep].float(), written[keep].float()
    if foreign.before_gain:
        read = read / gain(model, layer)
    return Fit(layer, unexplained(foreign.autoencoder, [Pair(read, written)], CHUNK), *limits, dropped=int((~keep).sum()))


def gain(model: LanguageModel, layer: int) -> Float[Tensor, " d_model"]:
    """What the norm before the MLP of a block multiplies by. Raises ValueError where a 0 in it lets nothing be undone."""
    weight = model.model.model.layers[layer - 1].post_attention_layernorm.weight.detach().float().cpu()
    if (weight == 0).any():
        raise ValueError(f"the norm before the MLP of layer {layer} multiplies by 0, which cannot be undone")
    return weight


def table(found: Sequence[Fit], claimed: int | None) -> str:
    """The fits as lines, the claimed layer and the best one pointed at."""
    best = min(found, key=lambda fit: fit.fvu).layer

    def line(fit: Fit) -> str:
        said = [words for words, layer in (("the folder says this one", claimed), ("fits best", best)) if fit.layer == layer]
        return f"{fit.layer:>5}  {fit.fvu:>9.3f}  {layer_names(fit.layer)['hook']:26} {', '.join(said)}".rstrip()

    return "\n".join(["layer        FVU  TransformerLens' name", *map(line, found)])


def settled(found: Sequence[Fit], claimed: int | None, told: int | None, anyway: bool) -> Fit:
    """The layer to import at: the one that was told, else the one that the folder claims.

    Raises ValueError where that claim is missing, clearly beaten by another layer, or explains nothing at all, unless it is
    told by `--layer` or waved through by `anyway`.
    """
    by_layer, best = {fit.layer: fit for fit in found}, min(found, key=lambda fit: fit.fvu)
    layer = claimed if told is None else told
    if layer is None:
        raise ValueError(f"the folder does not say which layer it reads; layer {best.layer} fits best (FVU {best.fvu:.3f}): say --layer L")
    if layer not in by_layer:
        raise ValueError(f"it reads layer {layer}; this model has {found[0].layer} to {found[-1].layer} for it: say --layer L")
    chosen = by_layer[layer]
    if told is None and not anyway:
        _check_claim(chosen, best)
    return chosen


def _check_claim(claimed: Fit, best: Fit) -> None:
    way_out = f"say --layer {best.layer} to import it there, or --anyway to keep layer {claimed.layer}"
    if best.fvu < CLEARLY * claimed.fvu:
        raise ValueError(
            f"the folder says layer {claimed.layer}, where FVU is {claimed.fvu:.3f}; layer {best.layer} fits clearly better, with "
            f"{best.fvu:.3f}. It may count layers otherwise, or be of another model; {way_out}"
        )
    if claimed.fvu >= EXPLAINS_NOTHING:
        raise ValueError(
            f"it explains nothing at layer {claimed.layer} (FVU {claimed.fvu:.3f}, the mean alone has 1), nor at another layer: it was "
            f"made for another model or for states scaled otherwise; say --anyway to import it as it is"
        )


@dataclass(frozen=True)
class Rounding:
    """What fp16 weights change, on the same states."""

    fvu_before: float
    fvu_after: float
    changed: float
    """Firings that appear or vanish, as a share of all firings."""

    def __str__(self) -> str:
        return f"stored in fp16: FVU {self.fvu_before:.4f} -> {self.fvu_after:.4f}, {100 * self.changed:.3g} % of firings change"


@torch.inference_mode()
def round_weights(autoencoder: nn.Module, states: Pair) -> Rounding:
    """Round the weights to fp16, as a checkpoint stores them, in place, and measure what that changes.

    Raises ValueError where a weight does not fit into fp16.
    """

    def firings() -> Iterator[Tensor]:
        return (autoencoder.bits(autoencoder.encode(part.read)).bool() for part in states.split(CHUNK))

    fired, before = list(firings()), unexplained(autoencoder, [states], CHUNK)
    for name, weight in autoencoder.named_parameters():
        weight.copy_(weight.half().float())
        if not weight.isfinite().all():
            raise ValueError(f"{name} holds values beyond 65,504, which fp16 cannot store")
    changed = sum((old ^ new).sum().item() for old, new in zip(fired, firings(), strict=True))
    return Rounding(before, unexplained(autoencoder, [states], CHUNK), changed / max(1, sum(old.sum().item() for old in fired)))


def placed(foreign: Foreign, model: LanguageModel, fit: Fit) -> nn.Module:
    """The autoencoder for the layer that was settled on: what it reads after the norm's gain, and which tokens it may see."""
    autoencoder = foreign.autoencoder
    if foreign.before_gain:
        with torch.no_grad():
            autoencoder.W_in.div_(gain(model, fit.layer)[:, None])
    autoencoder.scaling = replace(autoencoder.scaling, norm_limit=fit.read_limit)
    if autoencoder.site != RESIDUAL:
        autoencoder.written_scaling = replace(autoencoder.scaling, norm_limit=fit.written_limit)
    return autoencoder
