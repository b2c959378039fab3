"""The processes that train or harvest together (`torchrun`), and what they share. One process alone is a world of size 1.

A batch is split over the ranks in equal parts. Losses are those of the whole batch on every rank; gradients are each rank's
own share, so that they add up (`add_up`) to those of one process with the whole batch.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from jaxtyping import Float
from torch import Tensor, distributed


def size() -> int:
    """How many processes work together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this one, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


@contextmanager
def joined() -> Iterator[None]:
    """Join the world that `torchrun` has made, if it started this process; leave it afterwards."""
    if "WORLD_SIZE" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # one rank may write the tables of a large index while the others wait
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=timedelta(days=7))
    try:
        yield
    finally:
        distributed.destroy_process_group()


def wait() -> None:
    """Go on when every rank has come here."""
    if size() > 1:
        distributed.barrier()


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, share: Tensor) -> Tensor:
        return add_up(share.clone()) / size()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient / size()


def mean(share: Tensor) -> Tensor:
    """The mean over the ranks of what each has; its gradient is this rank's share."""
    return share if size() == 1 else _Mean.apply(share)


@torch.no_grad()
def add_up(tensor: Tensor) -> Tensor:
    """Replace `tensor` by its sum over the ranks."""
    if size() > 1:
        distributed.all_reduce(tensor)
    return tensor


@torch.no_grad()
def gather(rows: Float[Tensor, "row column"]) -> Float[Tensor, "all_rows column"]:
    """The rows of all ranks, in the order of the ranks."""
    if size() == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(size())]
    distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


@torch.no_grad()
def agree(module: torch.nn.Module) -> None:
    """Take over the weights of rank 0: other machines may have rounded the first ones differently."""
    if size() > 1:
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0)


def own_part(rows: Tensor) -> Tensor:
    """This rank's part of a batch that all ranks hold. Raises ValueError where it cannot be split evenly."""
    if len(rows) % size():
        raise ValueError(f"a batch of {len(rows)} cannot be split over {size()} processes; choose a multiple of {size()}")
    return rows.chunk(size())[rank()]
