"""Products on oneDNN are those of float64 to within rounding, with their gradients, and torch's own where oneDNN is of no use."""

import pytest
import torch
from torch import nn

from bae.system import products

SHAPES = [(300, 96, 128), (2, 150, 96, 128)]
"""Both above `WORTH_IT`."""


@pytest.fixture(params=[True, False], ids=["oneDNN", "torch"])
def faster(request, monkeypatch) -> bool:
    monkeypatch.setattr(products, "onednn_is_faster", lambda: request.param)
    return request.param


@pytest.fixture
def calls(monkeypatch) -> list[tuple[int, ...]]:
    """Shapes that reached oneDNN."""
    seen, forward = [], products._Linear.forward

    def watched(ctx, x, weight, bias):
        seen.append(tuple(x.shape))
        return forward(ctx, x, weight, bias)

    monkeypatch.setattr(products._Linear, "forward", staticmethod(watched))
    return seen


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("transposed", [False, True])
def test_values_and_gradients_are_those_of_float64(faster, calls, shape, transposed):
    *rows, d_in, d_out = shape
    weight = random(d_in, d_out).t() if transposed else random(d_out, d_in)
    given = [random(*rows, d_in), weight, random(d_out)]
    towards = random(*rows, d_out)
    found = [one.clone().requires_grad_() for one in given]
    exact = [one.double().requires_grad_() for one in given]
    ours, oracle = products.linear(*found), exact[0] @ exact[1].t() + exact[2]
    (ours * towards).sum().backward()
    (oracle * towards.double()).sum().backward()
    for one, other in zip([ours, *(each.grad for each in found)], [oracle, *(each.grad for each in exact)], strict=True):
        assert torch.allclose(one.double(), other, rtol=1e-4, atol=2e-3)
    assert bool(calls) is faster
    assert not torch.allclose(products.linear(found[0], found[1]).double(), oracle, rtol=1e-4, atol=2e-3), "a bias left out is seen"


def test_few_numbers_of_rows_reach_onednn():
    taken = {rows: products.rows_taken(rows) for rows in range(1, 5000)}
    assert all(rows <= padded <= max(rows * 9 / 8, rows + 15) for rows, padded in taken.items())
    assert len(set(taken.values())) < 60 < len(taken)
    assert products.rows_taken(512) == 512 and products.rows_taken(513) == 576


def test_stacks_are_multiplied_one_by_one(faster, calls):
    a, b = random(3, 130, 150), random(3, 150, 140)
    assert torch.allclose(products.bmm(a, b).double(), torch.bmm(a.double(), b.double()), atol=1e-3)
    assert len(calls) == 3 * faster


def test_what_is_small_or_of_another_precision_is_torchs(monkeypatch, calls):
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)
    for x, weight in ((random(4, 8), random(8, 8)), (random(300, 96).double(), random(128, 96).double())):
        assert torch.equal(products.linear(x, weight), nn.functional.linear(x, weight))
    assert not calls


def test_a_hastened_model_keeps_its_weights_and_answers(faster, calls):
    model = nn.Sequential(nn.Linear(96, 200), nn.ReLU(), nn.Linear(200, 96, bias=False))
    x, before, state = random(300, 96), None, {name: one.clone() for name, one in model.state_dict().items()}
    with torch.no_grad():
        before = model(x)
        products.hasten(model)
        after = model(x)
    assert torch.allclose(before, after, atol=1e-5) and len(calls) == 2 * faster
    assert all(torch.equal(one, state[name]) for name, one in model.state_dict().items())


@pytest.mark.parametrize(
    ("told", "wide", "expected"), [("AuthenticAMD", "AVX512", True), ("GenuineIntel", "AVX512", False), ("AuthenticAMD", "AVX2", False)]
)
def test_the_processor_decides(monkeypatch, tmp_path, told, wide, expected):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nvendor_id : {told}\n")
    monkeypatch.setattr(products, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: wide)
    assert products.onednn_is_faster.__wrapped__() is (expected and torch.backends.mkldnn.is_available())
