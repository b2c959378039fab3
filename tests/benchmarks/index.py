"""Index build with four dictionaries of layer 15 against a bare truncated forward pass over the same sentences."""

import resource
import statistics
import tempfile
import time
from pathlib import Path

from _steps import row

from bae.index.build import IndexConfig, build_index, chosen_contexts, shards
from bae.model.language_model import LanguageModel
from bae.reading.lenses import load_lenses
from bae.text.contexts import batches
from bae.workspace import DATA

SENTENCES, ROUNDS = 2048, 3
FOUR = ("bae", "relu", "topk", "gated")


def rows() -> list[dict]:
    """Bare passes and builds in turn, medians; a build counts everything from choosing sentences to the finished file."""
    model = LanguageModel.load()
    loaded = load_lenses(DATA / "demo" / "autoencoders", model)
    lenses, provenance = ({name: found[name] for name in FOUR} for found in (loaded.usable, loaded.provenance))
    config = IndexConfig(("addresses", "reviews"), SENTENCES)
    group = chosen_contexts(model, config)
    tokens = sum(len(context.ids) - 1 for context in group)
    layers = list(dict.fromkeys(lens.place for lens in lenses.values()))

    def bare() -> float:
        began = time.perf_counter()
        for shard in shards(group):
            for batch in batches(shard):
                model.hidden_states(batch.ids, layers, batch.mask)
        return time.perf_counter() - began

    def build() -> float:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            build_index(model, lenses, provenance, config, Path(folder))
            return time.perf_counter() - began

    bare()
    bares, builds = zip(*((bare(), build()) for _ in range(ROUNDS)), strict=True)
    seconds = statistics.median(builds)
    features = sum(lens.autoencoder.n_features for lens in lenses.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = statistics.median(bares) / seconds
    spread = sorted([min(bares) / max(builds), max(bares) / min(builds)])
    return [
        row("index.ratio", ratio, "x", 0.8, "bare truncated forward pass", spread),
        row("index.tokens_per_s", tokens / seconds, "tokens/s"),
        row("index.features_per_minute", 60 * features / seconds, "features/min"),
        row("index.peak_rss_mb", peak, "MB"),
    ]
