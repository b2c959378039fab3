"""The figures of a workspace's dictionaries as `bae evaluate` prints and keeps them (DESIGN, section 6)."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice

from bae.autoencoder import checkpoint
from bae.measures.evaluation import evaluate, unexplained
from bae.measures.geometry import geometry
from bae.measures.probing import probe
from bae.model.language_model import LanguageModel
from bae.model.splicing import splice
from bae.reading.lenses import load_lenses
from bae.states.harvest import HiddenStates
from bae.system.files import write_json
from bae.text import corpus
from bae.text.contexts import contexts

SPLICED_TOKENS = 8192
UNITS = {
    "fvu": "1",
    "fvu_all": "1",
    "l_r": "raw units squared",
    "cosine": "1",
    "shrinkage": "1",
    "bits": "bits",
    "support_bits": "bits",
    "tree_bits": "bits",
    "l0": "features",
    "l0_deviations": "features",
    "l0_top_k": "features",
    "active_8192_tokens": "features",
    "dense_share": "1",
    "dense_over_1_percent": "1",
    "max_rate": "1",
    "max_top_k_rate": "1",
    "dead": "features",
    "frozen": "features",
    "spectral_norm_samples": "1",
    "spectral_norm_samples_unit": "1",
    "spectral_norm_variables": "1",
    "spectral_norm_variables_unit": "1",
    "effective_rank": "directions",
    "delta_ce": "nats",
    "ce_score": "1",
    "probe_k1": "1",
    "probe_k5": "1",
    "probe_majority": "1",
}
"""Every figure and its unit; `fvu_all` is the FVU over all tokens, those beyond the norm limit among them."""


def rows(workspace, names: Sequence[str], quick: bool = False) -> list[dict]:
    """Evaluate checkpoints of a workspace, as they lie on disk, on the held-out harvest; `quick` leaves the language model out.

    What is found is kept in `evaluation/NAME.json` for the pages. Raises FileNotFoundError without a held-out harvest,
    ValueError for a damaged checkpoint.
    """
    held_out = HiddenStates(workspace.harvest_folder("held-out"))
    figures = {name: _kept(workspace, name, _alone(workspace, name, held_out)) for name in names}
    if not quick:
        for name, more in _with_model(workspace, names).items():
            figures[name] = _kept(workspace, name, more)
    return [
        {"metric": f"{name}.{metric}", "value": found[metric], "unit": unit, "limit": None, "peer": None, "spread": None}
        for name, found in figures.items()
        for metric, unit in UNITS.items()
        if found.get(metric) is not None
    ]


def _kept(workspace, name: str, found: dict) -> dict:
    """Keep figures as soon as they are there, beside those of this checkpoint that were kept before."""
    file = workspace.evaluation_file(name)
    checkpoint_file = workspace.autoencoder_folder(name) / "weights.safetensors"
    fresh = file.is_file() and file.stat().st_mtime >= checkpoint_file.stat().st_mtime
    found = (json.loads(file.read_text(encoding="utf-8")) if fresh else {}) | found
    write_json(file, found)
    return found


def _alone(workspace, name: str, held_out: HiddenStates) -> dict:
    autoencoder, provenance = checkpoint.load(workspace.autoencoder_folder(name))
    found, _ = evaluate(autoencoder, held_out.all_pairs(provenance.layer, autoencoder))
    all_tokens = unexplained(autoencoder, held_out.all_pairs(provenance.layer, autoencoder, filtered=False))
    return asdict(found) | asdict(geometry(autoencoder.W_out)) | {"fvu_all": all_tokens}


def _with_model(workspace, names: Sequence[str]) -> dict[str, dict]:
    """What needs the language model: the loss with reconstructions in it, and sparse probing."""
    recipe = workspace.recipe
    model = LanguageModel.load(recipe.model)
    loaded = load_lenses(workspace.folder / "autoencoders", model)
    lenses = {name: loaded.usable[name] for name in names if name in loaded.usable}
    for name in names:
        if name in loaded.refused:
            print(f"left out of what needs the model: {loaded.refused[name]}", file=sys.stderr)
    if not lenses:
        return {}
    text = corpus.documents(recipe.sources, "held-out", recipe.seed)
    group = list(islice(contexts(model, text, length=recipe.context_length), SPLICED_TOKENS // recipe.context_length + 1))
    spliced, probed = splice(model, lenses, group), probe(model, lenses)
    return {
        name: {
            "delta_ce": spliced[name].delta_ce,
            "ce_score": spliced[name].ce_score,
            "ce": spliced[name].ce,
            "spliced_tokens": spliced[name].tokens,
            "probe_k1": probed[name].k1,
            "probe_k5": probed[name].k5,
            "probe_majority": probed[name].majority,
        }
        for name in lenses
    }
