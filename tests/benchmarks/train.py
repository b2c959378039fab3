"""The training step against what the machine's matrix products allow, against the straightforward step, and against other trainers.

Where PEERS names a Python that has sae-lens and dictionary-learning installed, their own trainers run in turn with ours.
"""

import statistics

from _steps import BATCH, SHAPES, alternated, gemm_rate, ours, row, straightforward

RATES, ROUNDS = (0.02, 0.04), 15


def rows() -> list[dict]:
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
