"""Hidden states as files of codes, and back."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import torch

from bae.compression import CompressedStates, FileVectors, Options, Sizes, TensorVectors, sizes
from bae.compression import compress as write
from bae.compression.measures import Errors
from bae.study.sets import as_states
from bae.study.sources import Sources


@dataclass(frozen=True)
class Compressed:
    """A file of codes that was made."""

    file: Path
    sizes: Sizes
    """Bytes of all of it and of its parts, beside fp16 and fp32."""
    errors: Errors | None
    """How far restored vectors are off; None where all are stored as they are."""

    def __repr__(self) -> str:
        return f"{self.file}: {self.sizes.vectors:,} vectors, {self.sizes.bits_a_vector:,.0f} bits each, {self.sizes.ratio:.2%} of fp16"


def compress(
    sources: Sources, dictionary: str, states: np.ndarray | torch.Tensor | str | PathLike[str], file: Path, options: Options
) -> Compressed:
    """What `Study.compress` returns."""
    lens = sources.lens(dictionary)
    vectors = _of_file(Path(states), file) if isinstance(states, str | PathLike) else TensorVectors(as_states(states))
    made = write(vectors, lens.autoencoder, sources.provenance(dictionary), file, options)
    errors = made.container.figures["errors"]
    return Compressed(file, sizes(made.container, lens.autoencoder), None if errors is None else Errors(**errors))


def _of_file(source: Path, target: Path) -> FileVectors:
    if source.exists() and source.resolve() == target.resolve():
        raise ValueError(f"{target} is what is to be compressed; give another name to write to")
    return FileVectors(source)


def decompress(sources: Sources, file: Path, dictionary: str | None, begin: int, end: int | None) -> np.ndarray:
    """What `Study.decompress` returns."""
    states = CompressedStates.open(file)
    name = dictionary or states.header.dictionary
    return torch.cat(list(states.vectors(sources.lens(name).autoencoder, name, begin, end))).numpy()
