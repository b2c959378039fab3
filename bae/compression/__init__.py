"""Hidden states as files of bits: the paper's positions (Appendix A.5), and the same bits at the length of their surprise."""

from bae.compression.measures import Errors, Sizes, sizes
from bae.compression.reading import CompressedStates, decompress
from bae.compression.vectors import FileVectors, HarvestVectors, TensorVectors
from bae.compression.writing import Options, compress

__all__ = [
    "CompressedStates",
    "Errors",
    "FileVectors",
    "HarvestVectors",
    "Options",
    "Sizes",
    "TensorVectors",
    "compress",
    "decompress",
    "sizes",
]
