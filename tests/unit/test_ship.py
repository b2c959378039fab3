"""What ships is rounded, measured after that, and still the dictionary that was trained."""

import numpy as np
import torch

from bae.experiments.dictionaries.ship import rounded


def test_rounding_is_to_the_nearest_number_with_free_last_bits():
    weight = torch.randn(20_000, generator=torch.Generator().manual_seed(0)) * 0.05
    found = rounded(weight).half().view(torch.int16).numpy()
    exact = weight.half().view(torch.int16).numpy().astype(np.int64)
    magnitude, sign = exact & 0x7FFF, exact & 0x8000
    expected = np.array([4 * ((int(m) + 2) // 4) for m in magnitude]) | sign
    assert (found.astype(np.int64) & 0xFFFF == expected & 0xFFFF).all() and not (found & 3).any()
    assert (exact & 3).any(), "negative control: without rounding the last bits are in use"


def test_the_relative_error_is_small():
    weight = torch.linspace(-4, 4, 10_001)
    kept = weight.abs() > 1e-3
    assert ((rounded(weight) - weight).abs() / weight.abs())[kept].max() <= 1 / 512 + 1 / 2048
