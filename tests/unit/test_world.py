"""Two processes against one with the same batches: codes, gradients, losses and weights."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from bae.system import world
from tests.unit import two_ranks


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "tests.unit.two_ranks",
        str(folder),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return {kind: [load_file(folder / f"{kind}.{rank}.safetensors") for rank in (0, 1)] for kind in two_ranks.KINDS_TESTED}


@pytest.mark.parametrize("kind", two_ranks.KINDS_TESTED)
def test_two_ranks_give_the_result_of_one(of_two, kind):
    alone = two_ranks.train(kind)
    for rank in (0, 1):
        found = of_two[kind][rank]
        assert found.keys() == alone.keys()
        assert torch.equal(found["code"], alone["code"]), "the codes of the first batch"
        for name, tensor in alone.items():
            assert torch.allclose(found[name].double(), tensor.double(), rtol=0, atol=1e-9), name
    assert (alone["losses"][0] - alone["losses"][-1]).abs().max() > 1e-3, "twenty steps that change nothing would agree too"


def test_another_half_of_the_batch_would_be_noticed(of_two):
    """Negative control: a training on the first half of every batch is another one."""
    full = two_ranks.train("binary")
    original = world.own_part
    try:
        world.own_part = lambda rows: rows[: len(rows) // 2]
        half = two_ranks.train("binary")
    finally:
        world.own_part = original
    assert (full["losses"] - half["losses"]).abs().max() > 1e-3


def test_a_batch_that_cannot_be_split_is_refused(monkeypatch):
    monkeypatch.setattr(world, "size", lambda: 3)
    with pytest.raises(ValueError, match="multiple of 3"):
        world.own_part(torch.zeros(64, 2))
