"""The best decoder for given bits: ridge regression of hidden states on codes, in closed form, after training.

Descent with a surrogate gradient leaves the decoder a little behind the codes, which keep moving until the last step.
Codes, entropy and firing rates stay as they are; only the reconstruction gets better.
"""

from collections.abc import Iterable

import torch

from bae.autoencoder import Pair
from bae.features.bits import Bits

RIDGE_TOKENS = 30.0
"""Weight of the pull towards 0, in tokens: a bit that fired less often than this hardly gets a row."""
CHUNK_TOKENS = 512
"""Codes that are multiplied at a time: few enough to stay in the cache, which sums of scattered rows live on."""


@torch.inference_mode()
def refit_decoder(autoencoder, shards: Iterable[Pair]) -> None:
    """Replace W_out and b_out of a BAE by the least-squares solution over a stream of raw states.

    Memory holds a shard and two matrices of (n_features + 1) squared.
    """
    size = autoencoder.n_features + 1
    gram = torch.zeros(size, size, dtype=torch.float64)
    moment = torch.zeros(size, autoencoder.W_out.shape[1], dtype=torch.float64)
    for shard in shards:
        # counts of a shard are integers below 2**24 (or sums of few levels): float32 loses nothing
        of_shard = torch.zeros(size, size)
        for part in shard.read.split(CHUNK_TOKENS):
            code = torch.cat([autoencoder.encode(part), torch.ones(len(part), 1)], dim=1)
            sums = Bits(code).transposed_times if autoencoder.binary else code.T.matmul
            of_shard += sums(code)
            moment += sums(autoencoder.scaling.apply(part))
        gram += of_shard
    penalty = torch.full((size,), RIDGE_TOKENS, dtype=torch.float64)
    penalty[-1] = 0  # the bias is not pulled
    found = torch.linalg.solve(gram + penalty.diag(), moment).float()
    autoencoder.W_out.copy_(found[:-1])
    autoencoder.b_out.copy_(found[-1])
