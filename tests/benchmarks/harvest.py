"""Harvest against a bare truncated forward pass over the same contexts: what storing, and keeping tokens beside vectors, costs."""

import resource
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch

from bae.model.language_model import LanguageModel
from bae.states.harvest import HarvestConfig, harvest
from bae.text import corpus
from bae.text.contexts import contexts

LAYER, LENGTH, TOKENS, ROUNDS = 15, 256, 32_768, 3


def rows() -> list[dict]:
    """Alternating rounds of both sides over the same text; medians."""
    model = LanguageModel.load()
    group = list(islice(contexts(model, corpus.documents(("addresses",), "train"), length=LENGTH), TOKENS // (LENGTH - 1) + 16))
    full = torch.tensor([context.ids for context in group if len(context.ids) == LENGTH])[: TOKENS // (LENGTH - 1) + 1]
    ratios, rates = [], []
    for number in range(ROUNDS + 1):
        began = time.perf_counter()
        for batch in full.split(16):
            model.hidden_states(batch, [LAYER])
        bare = full.numel() / (time.perf_counter() - began)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            found = harvest(model, HarvestConfig((LAYER,), ("addresses",), TOKENS, context_length=LENGTH), Path(folder) / "h")
            # positions run through the model count on both sides: a BOS for every LENGTH - 1 tokens kept
            ours = len(found) * LENGTH / (LENGTH - 1) / (time.perf_counter() - began)
        if number:  # the first round warms up
            ratios.append(ours / bare)
            rates.append(ours)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spread = [min(ratios), max(ratios)]
    return [
        {
            "metric": "harvest.ratio",
            "value": statistics.median(ratios),
            "unit": "x",
            "limit": 0.92,
            "peer": "bare truncated forward pass",
            "spread": spread,
        },
        {
            "metric": "harvest.tokens_per_s",
            "value": statistics.median(rates),
            "unit": "tokens/s",
            "limit": None,
            "peer": None,
            "spread": None,
        },
        {"metric": "harvest.peak_rss_mb", "value": peak, "unit": "MB", "limit": None, "peer": None, "spread": None},
    ]
