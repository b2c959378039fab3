"""Live text: 128 tokens to ranked features against a bare truncated forward pass over the same tokens."""

import statistics
import time

import torch

from bae import corpus
from bae.inspection import inspect, summarize
from bae.language_model import LanguageModel
from bae.lenses import load_lenses
from bae.workspace import DATA

TOKENS, ROUNDS = 128, 25


def rows() -> list[dict]:
    """Bare, one dictionary, all four, in turn; medians over rounds."""
    model = LanguageModel.load()
    lenses = load_lenses(DATA / "demo" / "autoencoders", model).usable
    one = {"bae": lenses["bae"]}
    text = next(corpus.documents(("addresses",), "held-out")).text
    tokens = model.tokenize(text, TOKENS)
    ids, layers = torch.tensor([tokens.ids]), [lenses["bae"].layer]

    def read(chosen: dict) -> None:
        for found in inspect(model, chosen, tokens.text, TOKENS).values():
            summarize(found, found.lens.autoencoder.prior.rate)

    sides = {"bare": lambda: model.hidden_states(ids, layers), "one": lambda: read(one), "four": lambda: read(lenses)}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(ROUNDS + 3):
        for name, run in sides.items():
            began = time.perf_counter()
            run()
            if number >= 3:
                seconds[name].append(time.perf_counter() - began)
    bare = statistics.median(seconds["bare"])
    found = [{"metric": "live.bare_ms", "value": 1000 * bare, "unit": "ms", "limit": None, "peer": None, "spread": None}]
    for name, limit in (("one", 1.15), ("four", 1.3)):
        low, _, high = statistics.quantiles(seconds[name], n=4)
        ratio = statistics.median(seconds[name]) / bare
        found.append(
            {
                "metric": f"live.ratio_{name}",
                "value": ratio,
                "unit": "x",
                "limit": limit,
                "peer": "bare truncated forward pass",
                "spread": [low / bare, high / bare],
            }
        )
    return found
