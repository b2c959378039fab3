"""Magnitudes against loops over single numbers."""

import math

import pytest
import torch

from bae.features.magnitude import Burstiness, Prior, RescaledValue, Value


def random_bits(tokens: int, rates: list[float], seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(tokens, len(rates), generator=generator) < torch.tensor(rates)).float()


def top_by_sorting(magnitude: list[float], activated: list[bool], k: int) -> list[int]:
    return sorted((f for f, on in enumerate(activated) if on), key=lambda f: (-magnitude[f], f))[:k]


def test_prior_of_a_stream_equals_that_of_the_whole():
    code = torch.rand(1000, 7, generator=torch.Generator().manual_seed(1)).mul(5).relu() * random_bits(1000, [0.3] * 7)
    prior = Prior.of(code.split(77))
    assert prior.tokens == 1000
    assert torch.allclose(prior.rate, torch.tensor([sum(bool(v) for v in column) / 1000 for column in code.T.tolist()]))
    assert torch.allclose(prior.mean, code.mean(0)) and torch.allclose(prior.deviation, code.std(0, unbiased=False), atol=1e-5)


def test_prior_of_nothing_is_refused():
    with pytest.raises(ValueError, match="empty"):
        Prior.of([])


def test_burstiness_is_the_distance_from_the_prior_in_bits():
    """A bit with prior 1/4: on, log2(3/4) = -0.415; off, log2(1/4) = -2."""
    code = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    found = Burstiness(Prior.of([code])).of(code)
    assert found.flatten().tolist() == pytest.approx([math.log2(3 / 4), -2, -2, -2])


def test_a_bit_bursts_where_it_differs_from_its_rounded_prior():
    code = random_bits(500, [0.1, 0.9, 0.0, 1.0])
    prior = Prior.of([code])
    rounded = prior.rate.round()
    assert torch.equal(Burstiness(prior).activated(code), code != rounded)
    assert (code[:, 1] == 0).any(), "the often-on bit bursts by being silent somewhere, or the test shows nothing"


@pytest.mark.parametrize("rates", [[0.02, 0.3, 0.7, 0.02, 0.5, 0.9, 0.1], [0.25] * 9, [0.6, 0.4]])
def test_top_k_of_bits_is_a_sort_with_ties_to_the_lower_index(rates):
    code = random_bits(200, rates)
    magnitude = Burstiness(Prior.of([code]))
    top = magnitude.top(code, 3)
    loudness, activated = magnitude.of(code), magnitude.activated(code)
    for row in range(len(code)):
        expected = top_by_sorting(loudness[row].tolist(), activated[row].tolist(), 3)
        assert [f for f in top.feature[row].tolist() if f >= 0] == expected
        assert top.magnitude[row][: len(expected)].tolist() == pytest.approx([loudness[row, f].item() for f in expected])


def test_plain_topk_would_break_ties_otherwise():
    """Negative control: without the tie rule, equal magnitudes come in an order that no sort gives."""
    code = torch.ones(1, 2304)
    assert code.topk(10).indices.tolist() != [list(range(10))]
    assert Value().top(code).feature.tolist() == [list(range(10))]


def test_a_silent_bit_and_a_speaking_one_that_tie_go_to_the_lower_index():
    """Rates 0.6 and 0.4: silence of the first and speech of the second are equally loud."""
    prior = Prior(torch.tensor([0.6, 0.4]), torch.tensor([0.6, 0.4]), torch.ones(2), 10)
    assert Burstiness(prior).top(torch.tensor([[0.0, 1.0]])).feature.tolist() == [[0, 1]]


def test_top_k_of_values_with_ties_zeros_and_negatives():
    code = torch.tensor([[0.0, 2.0, 2.0, -1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 3.0, 0.0, 0.0]])
    top = Value().top(code, 3)
    assert top.feature.tolist() == [[1, 2, 4], [3, -1, -1]]
    assert Value().top(code, 5).feature.tolist() == [[1, 2, 4, 3, -1], [3, -1, -1, -1, -1]], "zero is never activated"


def test_rescaled_values_have_mean_0_and_deviation_1():
    code = torch.rand(400, 5, generator=torch.Generator().manual_seed(3)) * torch.tensor([1.0, 10, 100, 0.1, 5])
    found = RescaledValue(Prior.of([code])).of(code)
    assert torch.allclose(found.mean(0), torch.zeros(5), atol=1e-3) and torch.allclose(
        found.std(0, unbiased=False), torch.ones(5), atol=1e-3
    )
    assert RescaledValue(Prior.of([code])).top(code, 1).feature.unique().numel() > 1, (
        "after rescaling the loud channel no longer wins always"
    )
    assert Value().top(code, 1).feature.flatten().tolist().count(2) > 350, "before it, the loud channel nearly always does"
