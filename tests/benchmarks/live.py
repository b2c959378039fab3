"""Live text: 128 tokens to ranked features against a bare truncated forward pass over the same tokens, at layer 15."""

import statistics

import torch
from _steps import alternated, row

from bae.model.language_model import LanguageModel
from bae.reading.inspection import inspect, summarize
from bae.reading.lenses import load_lenses
from bae.text import corpus
from bae.workspace import DATA

TOKENS, ROUNDS = 128, 25
FOUR = ("bae", "relu", "topk", "gated")


def rows() -> list[dict]:
    """Bare, one dictionary, four, in turn; medians over rounds."""
    model = LanguageModel.load()
    lenses = load_lenses(DATA / "demo" / "autoencoders", model).usable
    four = {name: lenses[name] for name in FOUR}
    one = {"bae": lenses["bae"]}
    text = next(corpus.documents(("addresses",), "held-out")).text
    tokens = model.tokenize(text, TOKENS)
    ids, layers = torch.tensor([tokens.ids]), [lenses["bae"].layer]

    def read(chosen: dict) -> None:
        for found in inspect(model, chosen, tokens.text, TOKENS).values():
            summarize(found, found.lens.autoencoder.prior.rate)

    seconds = alternated({"bare": lambda: model.hidden_states(ids, layers), "one": lambda: read(one), "four": lambda: read(four)}, ROUNDS)
    bare = statistics.median(seconds["bare"])
    found = [row("live.bare_ms", 1000 * bare, "ms")]
    for name, limit in (("one", 1.15), ("four", 1.3)):
        low, _, high = statistics.quantiles(seconds[name], n=4)
        ratio = statistics.median(seconds[name]) / bare
        found.append(row(f"live.ratio_{name}", ratio, "x", limit, "bare truncated forward pass", [low / bare, high / bare]))
    return found
