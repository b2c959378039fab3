"""What a BAE does for a file: bits of hidden states, hidden states of bits, and what comes on top of bits."""

import hashlib

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from bae.compression import radial
from bae.compression.blocks import Block
from bae.compression.container import Header


def dictionary_digest(autoencoder: nn.Module) -> str:
    """What tells a dictionary from others: its weights and its scaling."""
    digest = hashlib.blake2b(digest_size=16)
    scaling = autoencoder.scaling
    for name, weight in [*sorted(autoencoder.named_parameters()), ("scaling.mean", scaling.mean)]:
        digest.update(f"{name}{tuple(weight.shape)}".encode())
        digest.update(weight.detach().float().cpu().contiguous().numpy().astype("<f4").tobytes())
    digest.update(f"{scaling.scale!r} {scaling.norm_limit!r} {autoencoder.bits_per_feature}".encode())
    return digest.hexdigest()


def check_bae(autoencoder: nn.Module, name: str) -> None:
    """Raise ValueError for a dictionary whose code is more than its bits."""
    if not autoencoder.discrete:
        raise ValueError(f"only the bits of a BAE can be compressed; {name} is of the kind {autoencoder.kind}, whose features have values")


@torch.inference_mode()
def encoded(autoencoder: nn.Module, states: Float[Tensor, "token d_model"]) -> Bool[np.ndarray, "token bit"]:
    """The bits of raw hidden states."""
    code = autoencoder.encode(states.float().to(autoencoder.W_out.device))
    return autoencoder.bits(code).bool().cpu().numpy()


@torch.inference_mode()
def decoded(autoencoder: nn.Module, bits: Bool[np.ndarray, "token bit"]) -> Float[Tensor, "token d_model"]:
    """Hidden states from bits, in raw units."""
    # a margin on the right side of 0 makes the bit, and C bits the value of their feature
    code = autoencoder.activation(torch.from_numpy(bits).to(autoencoder.W_out.device).float() - 0.5)
    return autoencoder.decode(code).cpu()


def made_block(
    header: Header, autoencoder: nn.Module, states: Tensor, deviations: Bool[np.ndarray, "token bit"], found: Float[Tensor, "token d_model"]
) -> Block:
    """What a file keeps of some hidden states, of which `found` is restored from their bits alone."""
    scaling = autoencoder.scaling.to("cpu")
    beyond = ~scaling.keeps(states)
    factors = None
    if header.radial != "none":
        # one that is stored as it is needs none, and would only widen the range of the others
        factors = radial.factors(header.radial, states.float(), found, scaling)
        factors = radial.Bytes.of(torch.where(beyond, factors[~beyond].median() if (~beyond).any() else 1.0, factors)).values
    rows = beyond.nonzero().squeeze(-1).numpy()
    return Block(deviations, factors, rows, states[beyond].float().numpy().astype(header.dtype))


def mended(header: Header, autoencoder: nn.Module, block: Block, found: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
    """Reconstructions as they are restored: lengths mended, the vectors in place that are stored as they are."""
    if block.factors is not None:
        found = radial.stretched(header.radial, found, block.factors, autoencoder.scaling.to("cpu"))
    found = found.clone()
    found[torch.from_numpy(block.rows)] = torch.from_numpy(block.kept.astype(np.float32))
    return found
