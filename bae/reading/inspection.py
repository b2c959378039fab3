"""Text -> ranked features: one forward pass for all dictionaries of all layers, then each dictionary's code of every token."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bae.features.magnitude import TOP_K, Magnitude, TopK
from bae.model.language_model import LanguageModel, Place, Tokens, place

MAX_TOKENS = 4096
AT_ONCE = 64
"""Codes of which magnitudes are taken together, where only one feature of them is wanted."""


@dataclass(frozen=True)
class Lens:
    """A dictionary ready to look through: where it reads, and how loudness is measured."""

    name: str
    layer: int
    autoencoder: torch.nn.Module
    magnitude: Magnitude
    context_length: int
    """Tokens that it was trained on; what lies beyond is shown greyed."""

    @property
    def place(self) -> int | Place:
        """Which state it reads."""
        return place(self.layer, self.autoencoder.site)


@dataclass(frozen=True)
class Inspection:
    """What one dictionary makes of one text. Row t is token t of `tokens`; row 0, the BOS, is left out of every figure."""

    lens: Lens
    tokens: Tokens
    code: Float[Tensor, "token feature"]
    margin: Float[Tensor, "token feature"]
    """Distance from the threshold (BAE) or pre-activation (SAE)."""
    read: Bool[Tensor, " token"]
    """False for the BOS and for tokens dropped because of their norm; those beyond the trained context are read, and greyed."""
    top: TopK

    def feature(self, feature: int) -> tuple[Float[Tensor, " token"], Bool[Tensor, " token"]]:
        """Magnitude of one feature on every token, and where it is activated. Raises ValueError for a feature that is not there."""
        _check(self.lens, feature)
        return self.lens.magnitude.of(self.code)[:, feature], self.lens.magnitude.activated(self.code)[:, feature] & self.read

    def column(self, feature: int) -> tuple[Float[Tensor, " token"], Float[Tensor, " token"]]:
        """Code of one feature on every token, and how strong it is: the margin of a bit, else the code. Raises what `feature` raises."""
        _check(self.lens, feature)
        return self.code[:, feature], (self.margin if self.lens.autoencoder.binary else self.code)[:, feature]


@dataclass(frozen=True, eq=False)
class SparseInspection:
    """What is worth keeping of an inspection: the codes that are not 0, and those that are activated by being 0.

    A dense one of 4,096 tokens and 2,304 features takes 75 MB, and this a few. Entries come feature by feature.
    """

    lens: Lens
    tokens: Tokens
    read: Bool[Tensor, " token"]
    top: TopK
    begins: Int[Tensor, " feature+1"]
    """Where the entries of each feature begin."""
    token: Int[Tensor, " entry"]
    code: Float[Tensor, " entry"]
    strength: Float[Tensor, " entry"]
    """The margin of a bit; the code itself of others."""

    @classmethod
    def of(cls, inspection: Inspection) -> "SparseInspection":
        """Of a dense one, which can be let go of then."""
        code, lens = inspection.code, inspection.lens
        kept = (code != 0) | lens.magnitude.activated(code)
        feature, token = kept.T.nonzero(as_tuple=True)
        begins = torch.searchsorted(feature, torch.arange(code.shape[1] + 1, device=feature.device))
        own = code[token, feature]
        strength = inspection.margin[token, feature] if lens.autoencoder.binary else own
        return cls(lens, inspection.tokens, inspection.read, inspection.top, begins, token.int(), own, strength)

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        tensors = [self.read, *self.top, self.begins, self.token, self.code]
        tensors += [] if self.strength is self.code else [self.strength]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def feature(self, feature: int) -> tuple[Float[Tensor, " token"], Bool[Tensor, " token"]]:
        """As `Inspection.feature`."""
        code, _ = self.column(feature)
        # magnitudes know whole codes only: of those that differ in this feature, one each is enough
        values, which = code.unique(return_inverse=True)
        told = [self._alone(part, feature) for part in values.split(AT_ONCE)]
        magnitude, activated = (torch.cat(parts) for parts in zip(*told, strict=True))
        return magnitude[which], activated[which] & self.read

    def _alone(self, values: Float[Tensor, " value"], feature: int) -> tuple[Tensor, Tensor]:
        codes = values[:, None].expand(-1, self.lens.autoencoder.n_features)
        magnitude = self.lens.magnitude
        return magnitude.of(codes)[:, feature].clone(), magnitude.activated(codes)[:, feature].clone()

    def column(self, feature: int) -> tuple[Float[Tensor, " token"], Float[Tensor, " token"]]:
        """As `Inspection.column`; the strength is NaN on tokens of which nothing was kept."""
        _check(self.lens, feature)
        own = slice(self.begins[feature], self.begins[feature + 1])
        token = self.token[own].long()
        code = self.code.new_zeros(len(self.read)).index_put((token,), self.code[own])
        strength = self.strength.new_full((len(self.read),), torch.nan).index_put((token,), self.strength[own])
        return code, strength


def _check(lens: Lens, feature: int) -> None:
    if not 0 <= feature < lens.autoencoder.n_features:
        raise ValueError(f"{lens.name} has features 0 to {lens.autoencoder.n_features - 1}; got {feature}")


@dataclass(frozen=True)
class FeatureSummary:
    """One feature's activations on a text."""

    feature: int
    peak: float
    """Its greatest magnitude."""
    peak_token: int
    count: int
    """Tokens that it is activated on."""
    rate: float
    """How often it fires in the corpus, in [0, 1]."""


@torch.inference_mode()
def inspect(model: LanguageModel, lenses: Mapping[str, Lens], text: str, max_tokens: int = MAX_TOKENS) -> dict[str, Inspection]:
    """Read `text` once and look at it through every lens.

    Raises ValueError when there is no text to read. A longer text is cut at `max_tokens`; `Tokens.dropped_tokens` says by how much.
    """
    if not text.strip():
        raise ValueError("there is no text to read; type at least one word")
    tokens = model.tokenize(text, max_tokens)
    states = model.hidden_states(torch.tensor([tokens.ids]), list(dict.fromkeys(lens.place for lens in lenses.values())))
    return {name: look(lens, tokens, states[lens.place][0]) for name, lens in lenses.items()}


def look(lens: Lens, tokens: Tokens, states: Float[Tensor, "token d_model"]) -> Inspection:
    """What one dictionary makes of the states of a text, BOS first, as they are at its place."""
    autoencoder = lens.autoencoder
    # as the harvest stores them, so that live text and index agree to the bit
    states = states.half().float()
    read = autoencoder.scaling.keeps(states)
    read[0] = False
    margin = autoencoder.margin(states)
    code = autoencoder.activation(margin)
    top = lens.magnitude.top(code, TOP_K)
    return Inspection(lens, tokens, code, margin, read, TopK(top.feature.where(read[:, None], -1), top.magnitude.where(read[:, None], 0.0)))


def summarize(inspection: Inspection, rate: Float[Tensor, " feature"]) -> list[FeatureSummary]:
    """The features among the top k of any token of a text, loudest first."""
    features, magnitudes = inspection.top
    tokens = torch.arange(len(features), device=features.device)[:, None].expand_as(features)
    found = features >= 0
    best: dict[int, tuple[float, int, int]] = {}
    for feature, magnitude, token in zip(features[found].tolist(), magnitudes[found].tolist(), tokens[found].tolist(), strict=True):
        peak, at, count = best.get(feature, (-float("inf"), -1, 0))
        best[feature] = (magnitude, token, count + 1) if magnitude > peak else (peak, at, count + 1)
    rows = [FeatureSummary(f, peak, at, count, rate[f].item()) for f, (peak, at, count) in best.items()]
    return sorted(rows, key=lambda row: (-row.peak, row.feature))
