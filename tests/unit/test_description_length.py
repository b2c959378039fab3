"""Bits of a token under a corpus's habits: by hand, against a loop, and never without end."""

import math

import pytest
import torch

from bae.features.magnitude import Prior
from bae.reading.description_length import CorpusCode


def prior(counts: list[int], tokens: int) -> Prior:
    rate = torch.tensor(counts, dtype=torch.float64) / tokens
    return Prior(rate, rate, rate, tokens)


def by_loop(row: list[float], counts: list[int], tokens: int) -> float:
    q = [(count + 0.5) / (tokens + 1) for count in counts]
    return -sum(math.log2(1 - abs(h - p)) for h, p in zip(row, q, strict=True))


def test_by_hand():
    """Three tokens, of which one, three and none had the bit: q = 3/8, 7/8, 1/8."""
    code = CorpusCode.of(prior([1, 3, 0], 3))
    assert code.probability.tolist() == [3 / 8, 7 / 8, 1 / 8]
    found = code.bits(torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]))
    expected = [-math.log2(5 / 8) - 2 * math.log2(7 / 8), -math.log2(3 / 8) + 3 + 3]
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_a_fair_bit_costs_one_bit():
    assert CorpusCode.of(prior([5] * 7, 10)).bits(torch.ones(1, 7)).item() == pytest.approx(7)


def test_against_a_loop():
    draw = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 101, (300,), generator=draw).tolist()
    code = (torch.rand(40, 300, generator=draw) < 0.1).float()
    found = CorpusCode.of(prior(counts, 100)).bits(code)
    assert found.tolist() == pytest.approx([by_loop(row, counts, 100) for row in code.tolist()], rel=1e-9)
    other = CorpusCode.of(prior(counts, 1000)).bits(code)
    assert not torch.allclose(found, other), "negative control: another corpus, another price"


def test_the_usual_is_the_mean_over_the_corpus_itself():
    draw = torch.Generator().manual_seed(1)
    corpus = (torch.rand(500, 60, generator=draw) < torch.rand(60, generator=draw) ** 3).float()
    code = CorpusCode.of(Prior.of([corpus]))
    assert code.usual == pytest.approx(code.bits(corpus).mean().item(), rel=1e-6)
    assert code.usual < code.bits(1 - corpus).mean().item(), "what is unusual costs more"


def test_nothing_is_infinite_and_what_never_fired_costs_much():
    code = CorpusCode.of(prior([0, 1000], 1000))
    assert code.bits(torch.tensor([[1.0, 0.0]])).item() == pytest.approx(2 * math.log2(2002), rel=1e-9)
    assert code.bits(torch.tensor([[0.0, 1.0]])).item() < 0.01


@pytest.mark.parametrize("wrong", [torch.tensor([[0.0, 0.5, 1.0]]), torch.tensor([[0.0, 3.2, 0.0]]), torch.zeros(1, 6)])
def test_values_and_features_of_several_bits_are_refused(wrong):
    with pytest.raises(ValueError, match="3 features of one bit each"):
        CorpusCode.of(prior([1, 2, 3], 9)).bits(wrong)


def test_an_entropy_is_what_it_comes_near_to_for_its_own_corpus():
    """Independent bits, many tokens: the mean code length is their entropy, a little above."""
    draw = torch.Generator().manual_seed(2)
    rate = torch.rand(20, generator=draw)
    corpus = (torch.rand(20_000, 20, generator=draw) < rate).float()
    p = corpus.double().mean(0)
    entropy = -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)).sum().item() / math.log(2)
    usual = CorpusCode.of(Prior.of([corpus])).usual
    assert entropy < usual < entropy + 0.01
