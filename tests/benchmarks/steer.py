"""Steering against plain generation, a bit of the demo's BAE clamped at every token: whole texts, and the first token of one."""

import statistics

from _steps import alternated, row

from bae.model.generation import GenerationConfig, generate
from bae.model.language_model import LanguageModel
from bae.reading.lenses import load_lenses
from bae.steering import Clamp, generate_steered
from bae.text import corpus
from bae.workspace import DATA

PROMPT_TOKENS, TOKENS, ROUNDS = 128, 40, 15


def rows() -> list[dict]:
    """Plain and steered in turn; the median over rounds of their ratio."""
    model = LanguageModel.load()
    lens = load_lenses(DATA / "demo" / "autoencoders", model).usable["bae"]
    prompt = model.tokenize(next(corpus.documents(("addresses",), "held-out")).text, PROMPT_TOKENS).text
    steering = [Clamp(lens, 0, 1.0)]

    def write(tokens: int, steered: bool) -> None:
        config = GenerationConfig(max_tokens=tokens)
        pieces = generate_steered(model, prompt, steering, config) if steered else generate(model, prompt, config)
        "".join(pieces)

    whole = alternated({"plain": lambda: write(TOKENS, False), "steered": lambda: write(TOKENS, True)}, ROUNDS)
    first = alternated({"plain": lambda: write(1, False), "steered": lambda: write(1, True)}, ROUNDS)
    found = [row("steer.plain_ms_a_token", 1000 * statistics.median(whole["plain"]) / TOKENS, "ms")]
    for metric, seconds, limit in (("steer.overhead", whole, 1.05), ("steer.first_token_ratio", first, 1.1)):
        # within a round, so that what else the machine does meanwhile weighs on both sides
        ratios = [steered / plain for steered, plain in zip(seconds["steered"], seconds["plain"], strict=True)]
        low, median, high = statistics.quantiles(ratios, n=4)
        found.append(row(metric, median, "x", limit, "plain generation of the same prompt", [low, high]))
    return found
