"""Index build against a bare truncated forward pass over the same sentences, with every dictionary of the demo."""

import resource
import tempfile
import time
from pathlib import Path

from bae.contexts import batches
from bae.index.build import IndexConfig, build_index, chosen_contexts, shards
from bae.language_model import LanguageModel
from bae.lenses import load_lenses
from bae.workspace import DATA

SENTENCES = 2048


def rows() -> list[dict]:
    """Bare pass, build, bare pass; the build counts everything from choosing sentences to the finished file."""
    model = LanguageModel.load()
    lenses = load_lenses(DATA / "demo" / "autoencoders", model)
    config = IndexConfig(("addresses", "reviews"), SENTENCES)
    group = chosen_contexts(model, config)
    tokens = sum(len(context.ids) - 1 for context in group)
    layers = list(dict.fromkeys(lens.place for lens in lenses.usable.values()))

    def bare() -> float:
        began = time.perf_counter()
        for shard in shards(group):
            for batch in batches(shard):
                model.hidden_states(batch.ids, layers, batch.mask)
        return time.perf_counter() - began

    bare()
    before = bare()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        build_index(model, lenses.usable, lenses.provenance, config, Path(folder))
        build = time.perf_counter() - began
    after = bare()
    features = sum(lens.autoencoder.n_features for lens in lenses.usable.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = (before + after) / 2 / build
    spread = sorted([before / build, after / build])
    return [
        {"metric": "index.ratio", "value": ratio, "unit": "x", "limit": 0.8, "peer": "bare truncated forward pass", "spread": spread},
        {"metric": "index.tokens_per_s", "value": tokens / build, "unit": "tokens/s", "limit": None, "peer": None, "spread": None},
        {
            "metric": "index.features_per_minute",
            "value": 60 * features / build,
            "unit": "features/min",
            "limit": None,
            "peer": None,
            "spread": None,
        },
        {"metric": "index.peak_rss_mb", "value": peak, "unit": "MB", "limit": None, "peer": None, "spread": None},
    ]
