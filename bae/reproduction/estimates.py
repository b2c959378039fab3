"""How long work takes before it is begun: multiplications and additions, and what one takes on this machine, measured now.

Constants were measured on two CPU cores (AMD Zen 3, no GPU, SmolLM2-135M, 2026-11-23) and count everything that is done besides products
as if it were products. They are good to about a factor of two. Time of judges elsewhere is not theirs to tell.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

PASSES = 7
"""Products of batch x d x d' that a step of training takes: three, the rest is what lies between them."""
TOKENS_A_LABEL = 3750
"""Tokens that the embedded judge reads for a feature: a label, 16 verdicts, and its part of the control."""
DICTIONARY_S, MAP_S = 15.0, 15.0
"""Of a dictionary in the index: its tables; its map of features."""
EMBEDDING_S = 0.5
"""Of a feature whose label is held against its tests by the embedding."""
STEERED_S = 1.9
"""A review of the movie experiment (`bae.experiments.movies.job.SECONDS_A_SAMPLE`), at 106 million parameters."""
SMALL = 2
"""So many times longer products take where matrices are as small as those of the entropy experiments."""
FP16 = 2


@dataclass(frozen=True)
class Cost:
    """What a step takes."""

    seconds: float
    disk_bytes: float = 0.0


@cache
def seconds_a_product() -> float:
    """One multiplication and addition, in products of the size that training a dictionary of SmolLM2 takes, on the device that trains."""
    import torch

    from bae.model.language_model import best_device

    device, threads = best_device(), torch.get_num_threads()
    left, right = torch.randn(512, 576, device=device), torch.randn(576, 2304, device=device)
    took = []
    # a thread alone: several wait for each other where something else runs, which is no measure of the machine
    torch.set_num_threads(1)
    for _ in range(12):
        began = time.perf_counter()
        (left @ right).sum().item()
        took.append(time.perf_counter() - began)
    torch.set_num_threads(threads)
    return min(took) / (512 * 576 * 2304) / (threads if device.type == "cpu" else 1)


def reading(tokens: float, parameters: float) -> float:
    """Seconds to read tokens with so many parameters."""
    return tokens * parameters * seconds_a_product()


def training(table: Mapping[str, object], width: int) -> float:
    """Seconds to train the dictionary of a recipe's table."""
    from bae.pipeline import stage_steps

    inner = float(table.get("expansion", 4)) * width * int(table.get("bits_per_feature", 1))
    products = PASSES * int(table.get("batch_size", 512)) * width * inner
    # the penalty on pairs looks at all of them
    pairs = int(table.get("batch_size", 512)) * inner**2 if table.get("covariance_weight") else 0.0
    return sum(stage_steps(table)) * (products + pairs) * seconds_a_product()


def checkpoint_bytes(table: Mapping[str, object], width: int) -> float:
    """On disk, with the state of its training: weights and two moments in fp32."""
    inner = float(table.get("expansion", 4)) * width * int(table.get("bits_per_feature", 1))
    return 2 * width * inner * (FP16 + 3 * 4)


def sets(count: int, vectors: int, width: int, expansion: int, steps: int, batch: int) -> Cost:
    """To train BAEs of so many sets of hidden states of an entropy experiment, and to keep the states."""
    bits = width * expansion
    products = count * steps * (PASSES * batch * width * bits + batch * bits**2)
    return Cost(SMALL * products * seconds_a_product(), FP16 * count * vectors * width)
