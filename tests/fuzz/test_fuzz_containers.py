"""Files of compressed hidden states, and of vectors to compress: damaged, forged with right checksums, or asking for room they need not."""

import io
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import hostile
import numpy as np
import pytest
import torch
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st
from safetensors.torch import save

from app.compression import files
from bae.autoencoder import KINDS, checkpoint
from bae.compression import FileVectors, Options, TensorVectors, compress
from bae.compression.container import END, MAGIC, PRELUDE, TRAILER, VERSION, Container, Header, checksum, pack_prior
from bae.compression.entropy_coding import EntropyCoder
from bae.compression.figures import check_figures
from bae.compression.positions import Habits, PositionCoder
from bae.features.magnitude import Prior
from bae.states.scaling import Scaling

WIDTH, FEATURES, VECTORS = 4, 12, 40
PLACE: dict[str, Path] = {}
MADE: dict[tuple[str, str], bytes] = {}
"""Files as they should be, by their coding and what mends their lengths."""
BAE = KINDS["binary"](WIDTH, FEATURES, Scaling(torch.zeros(WIDTH), 1.0, 100.0), seed=0)


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A folder in memory where that is possible, and files as they should be."""
    memory = Path("/dev/shm")
    PLACE["folder"] = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    states = torch.randn(VECTORS, WIDTH, generator=torch.Generator().manual_seed(0))
    states[3] *= 1000
    BAE.prior = Prior.of([BAE.encode(states)])
    told = checkpoint.Provenance("mine", 1, "tiny", "0" * 32, ("text",), 64, 0, 50)
    for coding in ("entropy", "positions"):
        for radial in ("none", "gain"):
            made = tmp_path_factory.mktemp("made") / "made.baec"
            compress(TensorVectors(states), BAE, told, made, Options(-1.0, coding, radial, block_vectors=16))
            MADE[coding, radial] = made.read_bytes()
    yield
    shutil.rmtree(PLACE["folder"])


def written(name: str, data: bytes) -> Path:
    """A file of its own: one that was mapped into memory must not be written over."""
    file = PLACE["folder"] / name
    file.unlink(missing_ok=True)
    file.write_bytes(data)
    return file


def parts(data: bytes) -> tuple[dict, bytes, list[bytes], dict]:
    """Header, prior, blocks and index of a file as it should be."""
    _, _, length, _ = PRELUDE.unpack(data[: PRELUDE.size])
    header = json.loads(data[PRELUDE.size : PRELUDE.size + length])
    begin = PRELUDE.size + length
    size = TRAILER.unpack(data[-TRAILER.size :])[0]
    index = json.loads(data[-TRAILER.size - size : -TRAILER.size])
    return header, data[begin : begin + header["prior_bytes"]], [data[at : at + n] for at, n, _ in index["blocks"]], index


def forged(header: dict, prior: bytes, blocks: list[bytes], figures: object) -> bytes:
    """A file of these parts, all of its checksums right."""
    text = json.dumps(header).encode()
    out = io.BytesIO()
    out.write(PRELUDE.pack(MAGIC, VERSION, len(text), checksum(text)) + text + prior)
    told = []
    for block in blocks:
        told.append([out.tell(), len(block), checksum(block).hex()])
        out.write(block)
    index = json.dumps({"blocks": told, "figures": figures}).encode()
    out.write(index + TRAILER.pack(len(index), checksum(checksum(text), index), END))
    return out.getvalue()


@st.composite
def forgeries(draw: Callable) -> bytes:
    """A file whose checksums are right and whose contents may be anything."""
    header, prior, blocks, index = parts(MADE[draw(st.sampled_from(sorted(MADE)))])
    sizes = st.sampled_from([1, 15, 16, 17, 40, 2**20, 2**30, 2**50]) | st.integers(0, 60)
    if draw(st.booleans()):
        header = draw(hostile.altered(header))
    for name in draw(st.lists(st.sampled_from(["vectors", "n_bits", "d_model", "block_vectors"]), max_size=2)):
        header[name] = draw(sizes)
    match draw(st.integers(0, 4)):
        case 0:
            prior = draw(hostile.broken(prior))
        case 1:
            counts = draw(st.lists(st.sampled_from([0, 1, VECTORS, VECTORS + 1, 2**40, 2**63]), min_size=FEATURES, max_size=FEATURES))
            prior = pack_prior(np.array(counts, np.uint64))
        case 2:
            prior = draw(hostile.among(EMPTY))
    if draw(st.booleans()):
        blocks = [draw(hostile.broken(block)) for block in blocks]
    if draw(st.booleans()):
        blocks = draw(st.lists(st.sampled_from(blocks), max_size=4))
    if type(header.get("prior_bytes")) is int and draw(st.integers(0, 5)):
        header |= {"prior_bytes": len(prior), "prior_checksum": checksum(prior).hex()}
    return forged(header, prior, blocks, draw(hostile.altered(index["figures"])))


EMPTY = [pack_prior(np.zeros(bits, np.int64)) for bits in (1, FEATURES, 2**20)]
DAMAGED = st.integers(0, 3).flatmap(lambda which: hostile.broken(MADE[sorted(MADE)[which]]))


def read_as_a_page_does(data: bytes) -> tuple[Header, list]:
    """Open a file that somebody brought, and restore it as a page would."""
    states = files.watched(written("brought.baec", data), lambda more, total: None)
    states.check_fit(BAE, "mine")
    files.check_memory(states.header)
    return states.header, list(states.vectors(BAE, "mine"))


def as_many_as_it_says(_data: bytes, found: tuple[Header, list]) -> None:
    header, vectors = found
    assert sum(map(len, vectors)) == header.vectors and all(part.shape[1] == WIDTH for part in vectors)
    assert Header.parse(header.json()) == header


def opened(data: bytes) -> Container:
    return Container.open(written("brought.baec", data))


def header_reads_back(_data: bytes, found: Container) -> None:
    assert Header.parse(found.header.json()) == found.header
    json.dumps(asdict(found.header)).encode()


# codes


@st.composite
def coded(draw: Callable) -> tuple[Habits, np.ndarray, bytes | None]:
    """How often bits are on, some codes, and what is read: their own bytes (None), or others."""
    bits = np.array(draw(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=20)), dtype=bool)
    habits = Habits(bits.sum(0).astype(np.int64), len(bits))
    data = draw(st.none() | st.binary(max_size=64) | hostile.broken(PositionCoder(habits).encode(habits.deviations(bits))))
    return habits, bits, data


def decoded(coder: type, given: tuple[Habits, np.ndarray, bytes | None]) -> np.ndarray:
    habits, bits, data = given
    own = coder(habits)
    return habits.restored(own.decode(own.encode(habits.deviations(bits)) if data is None else data, len(bits)))


def bits_come_back(given: tuple[Habits, np.ndarray, bytes | None], found: np.ndarray) -> None:
    _, bits, data = given
    assert found.shape == bits.shape and (data is not None or np.array_equal(found, bits))


# vectors to compress


def as_npy(told: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, told)
    return out.getvalue()


MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4)
NPY = [as_npy(told) for told in (MATRIX, MATRIX.astype(np.float16), MATRIX.astype(">f8"), np.asfortranarray(MATRIX), MATRIX[0], MATRIX > 3)]
SHAPES = [
    "(3, 4)",
    "(10**9, 10**9)",
    "(-1, 4)",
    "(3, 0)",
    "(2**62, 2**62)",
    "((3,), 4)",
    "3",
    "(3.0, 4)",
    "[" * 300,
    "(3, 4" + " " * 2_000 + ")",
]
TYPES = ["<f4", "|O", "<f8", "<U9", "|V8", "<c8", "<f16", "[('a', '<f4')]", "<i8", "x"]


@st.composite
def npy(draw: Callable) -> tuple[str, bytes]:
    """A .npy file whose header says anything."""
    head = f"{{'descr': '{draw(st.sampled_from(TYPES))}', 'fortran_order': {draw(st.sampled_from(['False', 'True', '1', '__import__']))}, "
    head += f"'shape': {draw(st.sampled_from(SHAPES))}, }}"
    data = b"\x93NUMPY\x01\x00" + (len(head) + 1).to_bytes(2, "little") + head.encode() + b"\n" + bytes(48)
    return "v.npy", draw(st.one_of(st.just(data), hostile.broken(data), hostile.among(NPY), hostile.among(NPY).flatmap(hostile.broken)))


HEADS = hostile.altered({"v": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}}).map(lambda told: json.dumps(told).encode())
SAFE = save({"v": torch.arange(12.0).reshape(3, 4)})
VECTOR_FILES = st.one_of(
    npy(),
    hostile.broken(SAFE).map(lambda data: ("v.safetensors", data)),
    HEADS.map(lambda head: ("v.safetensors", len(head).to_bytes(8, "little") + head + bytes(48))),
    hostile.texts()
    .map(lambda name: (name.replace("/", "_").replace("\0", "_")[:50] or "v", SAFE))
    .filter(lambda told: told[0] not in (".", "..")),
)


def vectors(given: tuple[str, bytes]) -> list[torch.Tensor]:
    return list(FileVectors(written(*given)))


def rows_of_numbers(_given: object, found: list[torch.Tensor]) -> None:
    assert found and all(part.ndim == 2 and part.is_floating_point() for part in found)


PARSERS = known(
    Parser("compressed files, forged", forgeries(), read_as_a_page_does, holds=as_many_as_it_says, share=1.5, seconds=20),
    Parser("compressed files, damaged", DAMAGED, read_as_a_page_does, holds=as_many_as_it_says, share=1),
    Parser("headers of compressed files", forgeries(), opened, holds=header_reads_back, share=1.5, megabytes=64),
    Parser("figures of compressed files", hostile.values(), check_figures, share=1),
    Parser("entropy-coded bits", coded(), lambda given: decoded(EntropyCoder, given), holds=bits_come_back, share=1),
    Parser("positions of bits", coded(), lambda given: decoded(PositionCoder, given), holds=bits_come_back, share=1),
    Parser("vectors to compress", VECTOR_FILES, vectors, holds=rows_of_numbers, share=1.5, megabytes=64),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_refused_in_a_sentence_or_read(parser):
    check(parser)


def test_a_file_as_it_should_be_is_read():
    """What the forgeries are made of is read, else none of them would say anything."""
    for data in MADE.values():
        header, found = read_as_a_page_does(data)
        as_many_as_it_says(data, (header, found))
        again = forged(*parts(data)[:3], parts(data)[3]["figures"])
        assert torch.equal(torch.cat(read_as_a_page_does(again)[1]), torch.cat(found))


def test_a_reader_that_trusts_a_file_is_caught():
    """Negative controls: one that makes room for what a header says; one that restores other bits than went in."""

    def roomy(data: bytes):
        header, *_ = parts(data)
        np.zeros(header["vectors"], np.uint8)
        return read_as_a_page_does(data)

    greedy = replace(PARSERS[0], inputs=st.just(forged({"vectors": 2**33, "prior_bytes": 0}, b"", [], {})), read=roomy)
    with pytest.raises(MemoryError):
        fuzz(greedy, 5)
    with pytest.raises(AssertionError):
        fuzz(replace(PARSERS[4], read=lambda given: ~decoded(EntropyCoder, given)), 50)
