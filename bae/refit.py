"""The best decoder for given bits: ridge regression of hidden states on codes, in closed form, after training.

Descent with a surrogate gradient leaves the decoder a little behind the codes, which keep moving until the last step.
Codes, entropy and firing rates stay as they are; only the reconstruction gets better.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from bae.sparse_products import row_sums

RIDGE_TOKENS = 30.0
"""Weight of the pull towards 0, in tokens: a bit that fired less often than this hardly gets a row."""
CHUNK_TOKENS = 8192


@torch.inference_mode()
def refit_decoder(autoencoder, shards: Iterable[Float[Tensor, "_ d_model"]]) -> None:
    """Replace W_out and b_out of a BAE by the least-squares solution over a stream of raw hidden states.

    Memory holds one chunk and a matrix of (n_features + 1) squared in float64.
    """
    size = autoencoder.n_features + 1
    gram = torch.zeros(size, size, dtype=torch.float64)
    moment = torch.zeros(size, autoencoder.W_out.shape[1], dtype=torch.float64)
    for shard in shards:
        for part in shard.split(CHUNK_TOKENS):
            code = torch.cat([autoencoder.encode(part), torch.ones(len(part), 1)], dim=1)
            gram += row_sums(code.T, code)
            moment += row_sums(code.T, autoencoder.scaling.apply(part))
    penalty = torch.full((size,), RIDGE_TOKENS, dtype=torch.float64)
    penalty[-1] = 0  # the bias is not pulled
    found = torch.linalg.solve(gram + penalty.diag(), moment).float()
    autoencoder.W_out.copy_(found[:-1])
    autoencoder.b_out.copy_(found[-1])
