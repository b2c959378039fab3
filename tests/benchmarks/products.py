"""What oneDNN's products are worth on this processor: single products, and the model's forward pass, against torch's own."""

import statistics

import torch
from _steps import alternated, row
from torch import nn

from bae.model.language_model import LanguageModel
from bae.system import products

LAYER, TEXTS, ROUNDS = 15, ((1, 128), (16, 256)), 7
ROWS, D_IN, D_OUT = 2048, 576, 1536


def rows() -> list[dict]:
    """Alternating rounds of both sides in one process; medians. On a processor of Intel's both sides are one."""
    x, weight = torch.randn(ROWS, D_IN), torch.randn(D_OUT, D_IN)
    operations = 2 * ROWS * D_IN * D_OUT / 1e9
    found = _compared("product", lambda: products.linear(x, weight), lambda: nn.functional.linear(x, weight))
    found += [
        row(f"products.{name}_gflops", operations / one["value"] * 1e3, "GFLOP/s")
        for name, one in zip(("ours", "torch"), found[1:], strict=True)
    ]
    model = LanguageModel.load()
    for texts, length in TEXTS:
        ids = torch.randint(model.model.config.vocab_size, (texts, length))
        found += _compared(f"forward_{texts}x{length}", lambda ids=ids: model.hidden_states(ids, [LAYER]), _by_torch(model, ids))
    return found


def _by_torch(model: LanguageModel, ids: torch.Tensor):
    layers = [layer for layer in model.model.modules() if isinstance(layer, products.Linear)]

    def forward() -> None:
        for layer in layers:
            layer.__class__ = nn.Linear
        model.hidden_states(ids, [LAYER])
        for layer in layers:
            layer.__class__ = products.Linear

    return forward


def _compared(name: str, ours, torchs) -> list[dict]:
    seconds = alternated({"ours": ours, "torch": torchs}, ROUNDS)
    median = {side: statistics.median(times) for side, times in seconds.items()}
    ratios = sorted(one / other for one, other in zip(seconds["ours"], seconds["torch"], strict=True))
    return [
        row(f"products.{name}_ratio", median["ours"] / median["torch"], "x", 1.05, "torch", [ratios[0], ratios[-1]]),
        row(f"products.{name}_ms", 1e3 * median["ours"], "ms"),
        row(f"products.{name}_torch_ms", 1e3 * median["torch"], "ms"),
    ]
