"""What each of two processes runs for `test_world.py`: `torchrun -m tests.unit.two_ranks FOLDER`."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from bae.autoencoder import KINDS, Pair
from bae.states.scaling import Scaling
from bae.system import world
from bae.training.descent import FitConfig, TrainingState, step
from bae.training.objective import BinaryObjective, SparseObjective

D, F, BATCH, STEPS = 12, 40, 64, 20


def batches() -> list[torch.Tensor]:
    """The same hidden states on every rank, float64."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(BATCH, D, generator=generator, dtype=torch.float64) for _ in range(STEPS)]


def objective(kind: str):
    """With every term that is made of batch statistics."""
    if kind == "binary":
        return BinaryObjective(1e-2, 1e-3, warm_up=0.1, density_weight=0.1, density_cap=0.1)
    if kind == "debiased":
        return BinaryObjective(1e-2, 1e-3, covariance="debiased")
    return SparseObjective(l1_weight=1e-2)


def train(kind: str) -> dict[str, torch.Tensor]:
    """Twenty steps: the losses, then the weights, and the first step's gradients and code."""
    raw = Scaling(torch.zeros(D, dtype=torch.float64), 1.0, float("inf"))
    autoencoder = KINDS["binary" if kind == "debiased" else kind](D, F, raw, seed=1).double()
    if autoencoder.discrete:
        autoencoder.start_at(0.2, batches()[0])
    state = TrainingState.start(autoencoder)
    state.dead = torch.arange(F) < 4 if not autoencoder.discrete else None
    config = FitConfig(steps=STEPS, batch_size=BATCH, learning_rate=1e-2)
    found, losses = {}, []
    for number, batch in enumerate(batches()):
        loss = step(state, Pair.same(world.own_part(batch)), objective(kind), config)
        losses.append(torch.stack([loss.total.detach(), *(part.detach().double() for part in loss.parts.values())]))
        if number == 0:
            found |= {f"gradient.{name}": weight.grad.clone() for name, weight in autoencoder.named_parameters()}
            found["code"] = world.gather(loss.code.detach())
    width = max(map(len, losses))
    found["losses"] = torch.stack([torch.nn.functional.pad(line, (0, width - len(line))) for line in losses])
    found |= {f"weight.{name}": weight.contiguous() for name, weight in autoencoder.state_dict().items()}
    return found | {"silence": state.silence}


KINDS_TESTED = ("binary", "debiased", "relu", "topk", "batchtopk", "twopath")

if __name__ == "__main__":
    with world.joined():
        for kind in KINDS_TESTED:
            save_file(train(kind), Path(sys.argv[1]) / f"{kind}.{world.rank()}.safetensors")
