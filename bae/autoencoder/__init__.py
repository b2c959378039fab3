"""Autoencoders behind one protocol. Nothing outside this package asks which kind it has."""

from bae.autoencoder.binary import BinaryAutoencoder
from bae.autoencoder.protocol import Autoencoder, Pair, Pass
from bae.autoencoder.sparse import (
    BatchTopKAutoencoder,
    GatedAutoencoder,
    JumpReluAutoencoder,
    ReluAutoencoder,
    SparseAutoencoder,
    TopKAutoencoder,
    Transcoder,
    TwoPathAutoencoder,
)

KINDS = {
    cls.kind: cls
    for cls in (
        BinaryAutoencoder,
        ReluAutoencoder,
        TopKAutoencoder,
        GatedAutoencoder,
        BatchTopKAutoencoder,
        TwoPathAutoencoder,
        JumpReluAutoencoder,
        Transcoder,
    )
}
"""Every kind of dictionary, by the name its checkpoint gives it."""

__all__ = ["KINDS", "Autoencoder", "BinaryAutoencoder", "Pair", "Pass", "SparseAutoencoder"]
