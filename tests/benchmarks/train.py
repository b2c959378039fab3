"""The training step against what the machine's matrix products allow, against the straightforward step, and against other trainers.

Where the environment variable PEERS names a Python that has sae-lens and dictionary-learning installed, and VECTORS a
safetensors file with hidden states "x" [n, d], their own trainers run on them in turn with ours.
"""

import json
import os
import statistics
import subprocess
import time
from itertools import islice
from pathlib import Path

import torch
from _steps import BATCH, SHAPES, alternated, gemm_rate, ours, row, straightforward
from safetensors.torch import load_file

from bae.autoencoder import KINDS, Pair
from bae.states.scaling import Scaling
from bae.training.descent import FitConfig, TrainingState, step
from bae.training.objective import SparseObjective

RATES, ROUNDS = (0.02, 0.04), 15
KINDS_OF_PEERS = {"relu": "relu", "topk": "topk", "batchtopk": "batchtopk", "gated": "twopath"}
"""What the peers call a kind, and what we call it."""
WARM_UP, STEPS = 10, 60
L1_WEIGHT = 4e-3


def rows() -> list[dict]:
    """Everything; the peers only where they are there."""
    found = _steps_of_a_bae()
    if "PEERS" in os.environ and "VECTORS" in os.environ:
        found += _against_peers(os.environ["PEERS"], Path(os.environ["VECTORS"]))
    return found


def _against_peers(python: str, vectors: Path) -> list[dict]:
    """Milliseconds a step of each kind: ours, then each peer's, then ours again."""
    found = []
    for theirs, kind in KINDS_OF_PEERS.items():
        before = _our_step(kind, vectors)
        command = [
            python,
            "-W",
            "ignore",
            str(Path(__file__).parent / "_peer_trainers.py"),
            str(vectors),
            "--only",
            theirs,
            "--steps",
            str(STEPS),
        ]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ms = statistics.mean([before, _our_step(kind, vectors)])
        found.append(row(f"train.step_ms.{kind}", ms, "ms"))
        for peer in told["rows"]:
            ratio = peer["median_step_ms"] / ms
            found.append(row(f"train.speedup.{kind}.{peer['package']}", ratio, "x", 1.0, f"{peer['package']} {peer['version']}"))
    return found


def _our_step(kind: str, vectors: Path) -> float:
    x = load_file(vectors)["x"].float()
    scaling = Scaling.measure(x.norm(dim=-1), [x])
    torch.manual_seed(0)
    autoencoder = KINDS[kind](x.shape[1], 4 * x.shape[1], scaling)
    state, config = TrainingState.start(autoencoder), FitConfig(steps=10**6, batch_size=BATCH)
    objective = SparseObjective(l1_weight=0.0 if "topk" in kind else L1_WEIGHT, warm_up=0.0)
    batches = [Pair.same(scaling.apply(part)) for part in x.split(BATCH) if len(part) == BATCH]
    seconds = []
    for batch in islice(batches * 100, WARM_UP + STEPS):
        began = time.perf_counter()
        step(state, batch, objective, config)
        seconds.append(time.perf_counter() - began)
    return 1e3 * statistics.median(seconds[WARM_UP:])


def _steps_of_a_bae() -> list[dict]:
    """Dense-equivalent work is 5 products of n d d' for the reconstruction and 2 of n d'^2 for the penalty, forward and back."""
    found = []
    for d_model, n_features in SHAPES:
        for rate in RATES:
            seconds = alternated(
                {
                    "ours": ours(d_model, n_features, rate),
                    "naive": straightforward(d_model, n_features, rate, covariance=True),
                    "gemm": gemm_rate(d_model, n_features),
                },
                ROUNDS,
            )
            median = {name: statistics.median(times) for name, times in seconds.items()}
            work = 10 * BATCH * d_model * n_features + 4 * BATCH * n_features**2
            limit = 2 * BATCH * d_model * n_features / median["gemm"]
            low, _, high = (work / quarter / limit for quarter in reversed(statistics.quantiles(seconds["ours"], n=4)))
            at = f"d{d_model}_p{rate}"
            found += [
                row(f"train.gemm_fraction.{at}", work / median["ours"] / limit, "x", 0.8, "the encoder's product alone", [low, high]),
                row(f"train.vectors_per_s.{at}", BATCH / median["ours"], "vectors/s"),
                row(f"train.speedup_over_naive.{at}", median["naive"] / median["ours"], "x", None, "torch.cov under autograd"),
                row(f"train.gemm_gflops.{at}", limit / 1e9, "GFLOP/s"),
            ]
    fractions = [line["value"] for line in found if line["metric"].startswith("train.gemm_fraction")]
    return [row("train.gemm_fraction", min(fractions), "x", 0.8, "the encoder's product alone"), *found]
