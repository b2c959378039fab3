"""What the covariance penalty costs: a step with it against a step without, and against `torch.cov` under autograd; its exactness."""

import statistics

import numpy as np
import torch
from _steps import BATCH, SHAPES, alternated, made, ours, row, straightforward

from bae.autoencoder import Pair
from bae.features.bits import Bits
from bae.training.covariance import TILE, _counts, covariance_penalty

RATES, ROUNDS = (0.02, 0.04), 15


def rows() -> list[dict]:
    """Every shape and firing rate; the limits hold for the worst of them."""
    found, worst, errors = [], 0.0, 0
    for d_model, n_features in SHAPES:
        for rate in RATES:
            seconds = alternated(
                {
                    "ours": ours(d_model, n_features, rate),
                    "without": straightforward(d_model, n_features, rate, covariance=False),
                    "naive": straightforward(d_model, n_features, rate, covariance=True),
                },
                ROUNDS,
            )
            median = {name: statistics.median(times) for name, times in seconds.items()}
            low, _, high = (quarter / median["without"] for quarter in statistics.quantiles(seconds["ours"], n=4))
            ratio = median["ours"] / median["without"]
            worst = max(worst, ratio)
            at = f"d{d_model}_p{rate}"
            found += [
                row(f"covariance.step_ratio.{at}", ratio, "x", 1.6, "dense autograd step without the penalty", [low, high]),
                row(f"covariance.naive_ratio.{at}", median["naive"] / median["without"], "x"),
                row(f"covariance.step_ms.{at}", 1e3 * median["ours"], "ms"),
            ]
            errors += _sign_errors(made(d_model, n_features, rate)[0], d_model, rate)
    d_model, n_features = SHAPES[0]
    return [
        row("covariance.step_ratio", worst, "x", 1.6, "dense autograd step without the penalty"),
        row("covariance.sign_errors", errors, "signs", 0, "NumPy int64"),
        row("covariance.extra_mb", _extra_mb(d_model, n_features), "MB", None, f"d' x d' is {4 * n_features**2 / 1e6:.1f} MB"),
        *found,
    ]


def _sign_errors(autoencoder, d_model: int, rate: float) -> int:
    """Signs that differ from those of whole numbers, over all pairs of bits of one batch."""
    code = autoencoder(made(d_model, autoencoder.n_features, rate)[1]).code.detach()
    whole = code.numpy().astype(np.int64)
    expected = np.sign(BATCH * (whole.T @ whole) - np.outer(whole.sum(0), whole.sum(0)))
    bits, fired, errors = Bits(code), code.sum(0), 0
    for begin in range(0, code.shape[1], TILE):
        end = min(begin + TILE, code.shape[1])
        signs = torch.addr(_counts(bits, begin, end), fired[begin:end], fired, beta=BATCH, alpha=-1).sign()
        errors += int((signs.numpy() != expected[begin:end]).sum())
    return errors


def _extra_mb(d_model: int, n_features: int) -> float:
    """The most memory that the penalty, forward and backward, holds at a time beyond the code."""
    autoencoder, batch = made(d_model, n_features, RATES[0])
    code = autoencoder(Pair.same(batch).read).code.detach().requires_grad_()
    with torch.profiler.profile(profile_memory=True) as profile:
        covariance_penalty(code).backward()
    held = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak / 1e6
