"""Writing hidden states as a file of codes.

Codes come back bit by bit as they went in, at the default threshold; hidden states come back as the BAE reconstructs them. Vectors
beyond the norm limit of the BAE, a few in ten thousand, are stored as they are.
"""

from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bae.autoencoder.checkpoint import Provenance
from bae.compression.blocks import CODERS, pack
from bae.compression.container import CODINGS, MOST, RADII, Header, Writer, checksum, pack_prior
from bae.compression.dictionary import check_bae, decoded, dictionary_digest, encoded, made_block, mended
from bae.compression.measures import ErrorSum
from bae.compression.paths import check_target
from bae.compression.positions import ALL, Habits, check_threshold
from bae.compression.reading import CompressedStates
from bae.compression.vectors import Source, in_blocks
from bae.system.files import written_whole
from bae.system.progress import Progress


@dataclass(frozen=True)
class Options:
    """How to compress."""

    threshold: float = ALL
    """Burstiness above which a bit is stored, in bits, from -1 (nothing of the code is lost) to 0."""
    coding: str = "entropy"
    """`entropy`, or `positions`: the paper's list of indices."""
    radial: str = "none"
    """`norm` or `gain`: one byte a vector that mends the reconstruction's length."""
    block_vectors: int = 4096
    """What can be read alone, and what is in memory at a time."""

    def __post_init__(self):
        check_threshold(self.threshold)
        for field, allowed in (("coding", CODINGS), ("radial", RADII)):
            if getattr(self, field) not in allowed:
                raise ValueError(f"unknown {field} {getattr(self, field)!r}; there are {', '.join(allowed)}")
        if not 1 <= self.block_vectors <= MOST["block_vectors"]:
            raise ValueError(f"a block holds 1 to {MOST['block_vectors']:,} vectors; got {self.block_vectors}")


def compress(
    source: Source,
    autoencoder: nn.Module,
    provenance: Provenance,
    target: Path,
    options: Options | None = None,
    status: Path | None = None,
) -> CompressedStates:
    """Write the codes of a set of hidden states to `target`, whole or not at all, and open it.

    Raises ValueError for a dictionary that is no BAE, an empty set, vectors of another width or that are not finite.
    """
    options = options or Options()
    check_target(target)
    check_bae(autoencoder, provenance.name)
    if source.d_model != len(autoencoder.scaling.mean):
        raise ValueError(f"{provenance.name} reads vectors of {len(autoencoder.scaling.mean)} numbers; {source.name} has {source.d_model}")
    with written_whole(target) as draft, Progress("compressing", 2 * source.total, "vectors", status) as progress:
        spool = draft.with_name(f"{draft.name}.codes")
        counts, vectors = _spool(source, autoencoder, options, spool, progress)
        if not vectors:
            raise ValueError(f"{source.name} holds no vectors; there is nothing to compress")
        prior = pack_prior(counts)
        header = Header(
            dictionary=provenance.name,
            dictionary_digest=dictionary_digest(autoencoder),
            layer=provenance.layer,
            model=provenance.model,
            model_fingerprint=provenance.model_fingerprint,
            d_model=source.d_model,
            n_bits=len(counts),
            vectors=vectors,
            dtype=source.dtype,
            prior_bytes=len(prior),
            prior_checksum=checksum(prior).hex(),
            source=source.name,
            left_out=source.total - vectors if source.skips else 0,
            written_with={"constriction": version("constriction")},
            **asdict(options),
        )
        progress.skip(2 * (source.total - vectors))
        with draft.open("wb") as file:
            writer = Writer(file, header, prior)
            writer.close(_write_blocks(writer, header, Habits(counts, vectors, options.threshold), source, autoencoder, spool, progress))
    return CompressedStates.open(target)


def _spool(
    source: Source, autoencoder: nn.Module, options: Options, spool: Path, progress: Progress
) -> tuple[Int[np.ndarray, " bit"], int]:
    """Encode every vector, packed to bits, into a file; on how many each bit is on, and how many vectors there are."""
    counts, vectors = 0, 0
    with spool.open("wb") as file:
        for states in in_blocks(source, options.block_vectors):
            _check_finite(states, vectors, source.name)
            bits = encoded(autoencoder, states)
            counts = counts + bits.sum(0, dtype=np.int64)
            vectors += len(bits)
            file.write(np.packbits(bits, axis=1).tobytes())
            progress.advance(len(bits))
    return counts, vectors


def _check_finite(states: Float[Tensor, "token d_model"], before: int, name: str) -> None:
    # in fp32, which is what is encoded: a larger number of fp64 is none there
    finite = states.float().isfinite().all(-1)
    if not finite.all():
        row = before + int((~finite).nonzero()[0])
        raise ValueError(f"vector {row:,} of {name} holds NaN or infinity; leave such vectors out")


def _write_blocks(
    writer: Writer, header: Header, habits: Habits, source: Source, autoencoder: nn.Module, spool: Path, progress: Progress
) -> dict[str, object]:
    """All blocks; gives the errors of what will be restored, and how many vectors are stored as they are."""
    coder = CODERS[header.coding](habits)
    before, after, kept = ErrorSum(), ErrorSum(), 0
    with spool.open("rb") as file:
        for states in in_blocks(source, header.block_vectors):
            deviations = habits.deviations(_spooled(file, len(states), header))
            found = decoded(autoencoder, habits.restored(deviations))
            block = made_block(header, autoencoder, states, deviations, found)
            writer.block(pack(header, coder, block))
            within = np.setdiff1d(np.arange(len(states)), block.rows)
            before.add(states[within], found[within])
            after.add(states[within], mended(header, autoencoder, block, found)[within])
            kept += len(block.rows)
            progress.advance(len(states))
        if file.read(1):
            raise ValueError(f"{header.source} held fewer vectors when it was read again; nothing was written")
    figures = {"stored_as_they_are": kept}
    for name, errors in (("errors", after.errors()), ("errors_before_radial", before.errors())):
        figures[name] = None if errors is None else asdict(errors)
    return figures


def _spooled(file: BinaryIO, vectors: int, header: Header) -> Bool[np.ndarray, "token bit"]:
    """The next codes of a spool."""
    width = -(-header.n_bits // 8)
    data = file.read(vectors * width)
    if len(data) != vectors * width:
        raise ValueError(f"{header.source} held more vectors when it was read again; nothing was written")
    return np.unpackbits(np.frombuffer(data, np.uint8).reshape(vectors, width), axis=1, count=header.n_bits).astype(bool)
