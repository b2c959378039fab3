"""Features as SAEDashboard and Neuronpedia look at them: contexts with a value a token, histograms, logits.

What stands in the place of activations is the strength that the index keeps: of a bit the distance of its pre-activation from the
threshold where it fires, of an SAE's feature its value; 0 where it is silent. Burstiness ties on all tokens of a bit, and is never
above 0, which those programs take for silence. The start token, on which nothing is read, is left out.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np

from bae.exports.material import Interval, Material, Told
from bae.formats import logit_histograms
from bae.index.directions import Directions, Neighbour
from bae.index.query import Dictionary, Example
from bae.maps.atlas import dictionary_rows
from bae.names import layer_names
from bae.workspace import Workspace

NOTE_BITS = (
    "Values are distances of a bit's pre-activation from its threshold where it fires, as a share of the hidden state's length times "
    "sqrt(d); 0 where it is silent. A bit has no value of its own."
)
NOTE_VALUES = "Values are those of the dictionary's features in units of the scaled hidden state; 0 where it is silent."
NOTE_ALL = (
    "The start token is left out. Correlations with neurons and with other dictionaries were not measured: these lists are empty. "
    "Exported by BAE Explorer."
)
TOP_GROUP = -1.0
"""How SAEDashboard marks the contexts of the strongest tokens, which are of no interval."""
DIGITS = 4


@dataclass(frozen=True)
class Activation:
    """A context with how strongly the feature fires on each of its tokens."""

    tokens: list[str]
    values: list[float]
    peak: int
    """The token for which it was chosen."""
    low: float
    high: float
    share: float
    """Of the feature's tokens that lie between `low` and `high`; `TOP_GROUP` for the strongest contexts."""
    document: str
    context: int


@dataclass(frozen=True)
class Dashboard:
    """A feature with what those programs show of it. Lists are empty where the study does not know."""

    told: Told
    activations: list[Activation]
    promoted: list[tuple[str, float]]
    """Tokens with their logits, the highest first."""
    suppressed: list[tuple[str, float]]
    logit_heights: list[int]
    logit_values: list[float]
    near: list[Neighbour]
    row: list[float]
    """What the feature adds to the residual stream, in raw units."""

    def fields(self) -> dict:
        """What both programs call by the same names. Lists are empty where the study does not know."""
        feature = self.told.feature
        return {
            **self._alignment(),
            **{f"correlated_neurons_{name}": [] for name in ("indices", "l1", "pearson")},
            **{f"correlated_features_{name}": [] for name in ("indices", "l1", "pearson")},
            "neg_str": [text for text, _ in self.suppressed],
            "neg_values": [logit for _, logit in self.suppressed],
            "pos_str": [text for text, _ in self.promoted],
            "pos_values": [logit for _, logit in self.promoted],
            "frac_nonzero": feature.rate,
            "freq_hist_data_bar_heights": feature.histogram,
            "freq_hist_data_bar_values": _middles(feature.largest, len(feature.histogram)),
            "logits_hist_data_bar_heights": self.logit_heights,
            "logits_hist_data_bar_values": self.logit_values,
            "decoder_weights_dist": [],
            "vector": self.row,
        }

    def _alignment(self) -> dict:
        """The three dimensions of the residual stream that its row is largest on: numbers, values, shares of the row's L1 norm."""
        row = np.array(self.row)
        greatest = np.argsort(-row, kind="stable")[:3]
        shares = np.abs(row[greatest]) / max(np.abs(row).sum(), np.finfo(float).tiny)
        return {
            "neuron_alignment_indices": greatest.tolist(),
            "neuron_alignment_values": row[greatest].round(DIGITS).tolist(),
            "neuron_alignment_l1": shares.round(DIGITS).tolist(),
        }


def _middles(largest: float, bins: int) -> list[float]:
    """The middles of equal bins over [0, largest]."""
    return [round((bin + 0.5) * largest / bins, DIGITS) for bin in range(bins)]


def block(entry: Dictionary) -> int:
    """The number of the layer as TransformerLens and Neuronpedia count: `blocks.N`, one less than ours; 0 for the embeddings too."""
    return max(entry.layer - 1, 0)


def hook(entry: Dictionary) -> str:
    """Where its rows are to be added, by TransformerLens' name."""
    return layer_names(entry.layer)["hook"]


def notes(entry: Dictionary) -> str:
    """What a reader of the values must know."""
    return f"{NOTE_BITS if entry.magnitude == 'burstiness' else NOTE_VALUES} {NOTE_ALL}"


def dashboards(material: Material, workspace: Workspace, dictionary: str) -> Iterator[Dashboard]:
    """Every feature of a dictionary in turn; memory holds one at a time, and the rows of the dictionary."""
    entry = material.entry(dictionary)
    folder = material.index.file.parent
    looked = logit_histograms.known(folder, dictionary)
    directions = Directions(material.index, dictionary) if looked else None
    spread = logit_histograms.histograms(folder, dictionary) if looked else repeat((np.empty(0, int), np.empty(0)))
    rows = _raw_rows(workspace, entry)
    for key, (heights, middles) in zip(material.keys(dictionary, range(entry.n_features)), spread, strict=False):
        told = material.told(key)
        yield Dashboard(
            told=told,
            activations=_activations(told, material.intervals(key)),
            promoted=_pulls(directions, directions and directions.promoted(key.feature)),
            suppressed=_pulls(directions, directions and directions.suppressed(key.feature)),
            logit_heights=heights.tolist(),
            logit_values=middles.round(DIGITS).tolist(),
            near=directions.near(key.feature) if directions else [],
            row=[] if rows is None else rows[key.feature].tolist(),
        )


def _raw_rows(workspace: Workspace, entry: Dictionary) -> np.ndarray | None:
    """float32 [feature d_model]: what each feature adds to the residual stream; None where the checkpoint is gone or another one by now."""
    config = workspace.autoencoder_folder(entry.name) / "config.json"
    if not config.is_file():
        return None
    told = json.loads(config.read_text(encoding="utf-8"))
    if told["provenance"] != entry.provenance:
        return None
    return dictionary_rows(workspace, entry.name) / told.get("written_scaling", told["scaling"])["scale"]


def _pulls(directions: Directions | None, pulls) -> list[tuple[str, float]]:
    return [(directions.texts[pull.token], round(pull.logit, DIGITS)) for pull in pulls or ()]


def _activations(told: Told, intervals: Sequence[Interval]) -> list[Activation]:
    """The strongest contexts, then some of each interval; a context stands once."""
    strongest = told.groups.get("strongest", [])
    high = max((example.strength for example in strongest), default=0.0)
    found = {example.context_id: _activation(example, TOP_GROUP, high, TOP_GROUP) for example in strongest}
    for interval in intervals:
        for example in interval.examples:
            found.setdefault(example.context_id, _activation(example, interval.low, interval.high, interval.share))
    return list(found.values())


def _activation(example: Example, low: float, high: float, share: float) -> Activation:
    strength = dict(zip(example.positions, example.strengths, strict=True))
    tokens, end = [], 0
    for stop in example.ends[1:]:
        # of tokens that share a letter the first has it, and what lies between two belongs to the second: together they are the text
        tokens.append(example.text[end:stop])
        end = max(end, stop)
    values = [round(strength.get(position, 0.0), DIGITS) for position in range(1, len(example.starts))]
    bounds = (round(low, DIGITS), round(high, DIGITS), share)
    return Activation(tokens, values, example.peak - 1, *bounds, example.document, example.context_id)


def model_id(material: Material) -> str:
    """The model's name as those programs have it: small letters, digits, dots and dashes."""
    title = material.index.meta.get("model", "model").split(" (")[0]
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in ".-") else "-" for letter in Path(title).name.lower())
    return name.strip("-.") or "model"
