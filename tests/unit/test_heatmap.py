"""Heat maps of codes: every cell is the mean of the magnitudes that dense codes give."""

import numpy as np
import pytest
import torch
from small_index import make_index, n_tokens, sentences

from bae.index.columns import Columns
from bae.index.heatmap import FAINTEST, Table, block

TEXTS = sentences(60, seed=8)
NONE = np.empty(0, np.int64)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    draw = np.random.default_rng(2)
    bits = draw.random((n_tokens(TEXTS), 15)) < draw.choice([0.0, 0.02, 0.4, 1.0], 15)
    values = (draw.random((n_tokens(TEXTS), 9)) < 0.1) * draw.uniform(0.5, 3, 9)
    codes = {"bae": bits.astype(np.float32), "topk": values.astype(np.float32)}
    index = make_index(tmp_path_factory.mktemp("heat") / "index", TEXTS, {name: torch.from_numpy(code) for name, code in codes.items()})
    return {name: Columns(index, name) for name in codes}, codes


@pytest.mark.parametrize(
    ("tokens", "channels", "rows", "cells"), [((0, 300), (0, 15), 40, 6), ((17, 60), (3, 9), 100, 100), ((5, 6), (2, 3), 9, 9)]
)
def test_bits_are_drawn_by_their_burstiness(made, tokens, channels, rows, cells):
    columns, code = made[0]["bae"], made[1]["bae"]
    rate = code.mean(0)
    with np.errstate(divide="ignore"):
        on, off = np.log2(1 - rate), np.log2(rate)
    found = block(columns, Table("bits", on, off), NONE, tokens, channels, rows, cells)
    assert (found.tokens[0], found.tokens[-1], found.channels[0], found.channels[-1]) == (*tokens, *channels)
    assert found.magnitude.shape == (min(rows, tokens[1] - tokens[0]), min(cells, channels[1] - channels[0]))
    for row, column in np.ndindex(found.magnitude.shape):
        inside = range(found.tokens[row], found.tokens[row + 1])
        means = [
            np.mean([max(on[channel] if code[token, channel] else off[channel], FAINTEST) for token in inside])
            for channel in range(found.channels[column], found.channels[column + 1])
        ]
        assert found.magnitude[row, column] == pytest.approx(max(means), abs=1e-5)


def test_values_are_drawn_as_they_are(made):
    columns, code = made[0]["topk"], made[1]["topk"]
    found = block(columns, Table("value"), NONE, (10, 74), (0, 9), 64, 9)
    np.testing.assert_allclose(found.magnitude, code[10:74], rtol=1e-3)
    assert not np.allclose(found.magnitude, code[11:75]), "negative control: one token further is another picture"


@pytest.mark.parametrize(("tokens", "channels"), [((3, 3), (0, 2)), ((-1, 3), (0, 2)), ((0, 10**9), (0, 2)), ((0, 2), (0, 99))])
def test_a_range_that_is_not_there_is_named(made, tokens, channels):
    with pytest.raises(ValueError, match="the index has"):
        block(made[0]["bae"], Table("value"), NONE, tokens, channels, 4, 4)


def test_rescaled_values_are_drawn_by_their_deviations(made):
    columns, code = made[0]["topk"], made[1]["topk"]
    mean, deviation = code.mean(0), code.std(0)
    found = block(columns, Table("deviations", mean=mean, deviation=deviation), NONE, (0, 50), (2, 8), 50, 6)
    np.testing.assert_allclose(found.magnitude, ((code - mean) / deviation)[:50, 2:8], rtol=2e-3, atol=2e-3)


def test_tokens_left_out_count_in_no_mean(made):
    columns, code = made[0]["topk"], made[1]["topk"]
    unread = np.array([4, 5, 6, 7, 12])
    kept = np.setdiff1d(np.arange(8, 16), unread)
    found = block(columns, Table("value"), unread, (4, 16), (0, 9), 3, 9).magnitude
    assert np.isnan(found[0]).all(), "four tokens, all left out"
    expected = np.stack([code[kept[kept < 12]].mean(0), code[kept[kept >= 12]].sum(0) / 3])
    fires_unread = code[12] != 0
    np.testing.assert_allclose(found[1:, ~fires_unread], expected[:, ~fires_unread], rtol=1e-3)
