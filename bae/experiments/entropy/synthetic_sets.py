"""Sets of states of known entropy: sums of orthonormal directions, each there or not by a fair coin (4.1)."""

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor


class DirectionalSets:
    """One set a rank, `states = coins @ basis`: r bits each. Only coins are kept; states are made for the rows that are asked for.

    A set is decided by seed and rank alone, whatever the other ranks are.
    """

    def __init__(self, ranks: tuple[int, ...], d_model: int, samples: int, seed: int, device: torch.device | str = "cpu"):
        widest = max(*ranks, 1)
        self.ranks, self.samples = ranks, samples
        basis, coins = torch.zeros(len(ranks), widest, d_model), torch.zeros(len(ranks), samples, widest, dtype=torch.uint8)
        for place, rank in enumerate(ranks):
            generator = torch.Generator().manual_seed(1_000_003 * seed + rank)
            basis[place, :rank] = torch.linalg.qr(torch.randn(d_model, rank, generator=generator)).Q.T
            coins[place, :, :rank] = torch.randint(2, (samples, rank), generator=generator, dtype=torch.uint8)
        self.basis: Float[Tensor, "rank coin d_model"] = basis.to(device)
        self.coins: UInt8[Tensor, "rank sample coin"] = coins.to(device)

    def rows(self, rows: Int[Tensor, " row"] | slice) -> Float[Tensor, "rank row d_model"]:
        """The same rows of every set."""
        return torch.bmm(self.coins[:, rows].float(), self.basis)

    def whole(self, rank: int) -> Float[Tensor, "sample d_model"]:
        """All states of the set of this rank."""
        place = self.ranks.index(rank)
        return self.coins[place].float() @ self.basis[place]
