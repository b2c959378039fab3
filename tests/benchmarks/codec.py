"""The file of codes: its size against the entropy bound, and its speed in both directions, beside general compressors on the same bits.

Speeds are in MB of fp16 hidden states a second (576 numbers beside 2,304 bits). `codec.encode_mb_s` and `codec.decode_mb_s` are from
bits to a file and back; `codec.compress_mb_s` and `codec.restore_mb_s` the whole way of hidden states through a BAE of that shape.
"""

import lzma
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _codes import BLOCK, D_MODEL, codes, counted, rates, write_codes
from _steps import row

from bae.autoencoder import BinaryAutoencoder
from bae.autoencoder.checkpoint import Provenance
from bae.compression import TensorVectors, compress, decompress
from bae.compression.positions import positions_bytes
from bae.states.scaling import Scaling

N_BITS, VECTORS, ROUNDS = 2304, 100_000, 3
WHOLE_WAY = 20_480
PEER = "{} of the packed bits, {}"


def rows() -> list[dict]:
    """100,000 made-up codes; peers on the first block of 4,096, whose size a vector hardly hangs on how many there are."""
    blocks = list(codes(rates(N_BITS), VECTORS))
    habits = counted(blocks)
    bound = habits.code_length_bits / 8
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "codes.baec"
        encode = [_seconds(lambda: write_codes(file, blocks)) for _ in range(ROUNDS)]
        states = write_codes(file, blocks)
        decode = [_seconds(lambda: sum(map(len, states.codes()))) for _ in range(ROUNDS)]
        equal = all(np.array_equal(*pair) for pair in zip(blocks, states.codes(), strict=True))
        size, (way_in, way_back) = file.stat().st_size, _whole_way(Path(folder))
    megabytes = 2 * D_MODEL * VECTORS / 1e6
    found = [
        row("codec.ratio_to_entropy", size / bound, "x", 1.02, "-sum log2 q over all bits, q = (count + 1/2) / (n + 1)"),
        row("codec.ratio_to_marginal_entropy", 8 * size / habits.entropy_bits, "x", None, "n sum H(p)"),
        row("codec.wrong_codes", 0 if equal else 1, "sets", 0),
        row("codec.bits_a_vector", 8 * size / VECTORS, "bits"),
        _speed("codec.encode_mb_s", megabytes, encode),
        _speed("codec.decode_mb_s", megabytes, decode),
        row("codec.compress_mb_s", 2 * D_MODEL * WHOLE_WAY / 1e6 / way_in, "MB/s"),
        row("codec.restore_mb_s", 2 * D_MODEL * WHOLE_WAY / 1e6 / way_back, "MB/s"),
        row("codec.positions_ratio", positions_bytes(habits) / bound, "x", None, "the paper's indices, 16 bits each"),
    ]
    return found + _peers(blocks[0], bound * BLOCK / VECTORS)


def _peers(block: np.ndarray, bound: float) -> list[dict]:
    """Size and speeds of general compressors on packed bits, token by token and bit by bit."""
    packed = {"token by token": np.packbits(block, axis=1).tobytes(), "bit by bit": np.packbits(block.T, axis=1).tobytes()}
    peers: dict[str, tuple[Callable, Callable]] = {
        "zlib 6": (lambda data: zlib.compress(data, 6), zlib.decompress),
        "lzma 6": (lambda data: lzma.compress(data, preset=6), lzma.decompress),
    }
    megabytes = 2 * D_MODEL * len(block) / 1e6
    found = []
    for name, (shrink, grow) in peers.items():
        for order, data in packed.items():
            small = shrink(data)
            metric, peer = f"codec.{name.split()[0]}.{order.replace(' ', '_')}", PEER.format(name, order)
            found += [
                row(f"{metric}.ratio", len(small) / bound, "x", None, peer),
                _speed(f"{metric}.encode_mb_s", megabytes, [_seconds(lambda shrink=shrink, data=data: shrink(data))]),
                _speed(f"{metric}.decode_mb_s", megabytes, [_seconds(lambda grow=grow, small=small: grow(small))]),
            ]
    return found


def _whole_way(folder: Path) -> tuple[float, float]:
    """Seconds of compressing and of restoring random hidden states with a BAE whose bits fire at 2 %."""
    states = torch.randn(WHOLE_WAY, D_MODEL, generator=torch.Generator().manual_seed(0)).half()
    autoencoder = BinaryAutoencoder(D_MODEL, N_BITS, Scaling.raw(D_MODEL))
    autoencoder.start_at(0.02, states[:BLOCK].float())
    told = Provenance("made up", 1, "none", "0", (), 0, 0, 0)
    began = time.perf_counter()
    found = compress(TensorVectors(states), autoencoder, told, folder / "states.baec")
    way_in = time.perf_counter() - began
    return way_in, _seconds(lambda: decompress(found, autoencoder, folder / "states.npy"))


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _speed(metric: str, megabytes: float, seconds: list[float]) -> dict:
    spread = [megabytes / max(seconds), megabytes / min(seconds)] if len(seconds) > 1 else None
    return row(metric, megabytes / statistics.median(seconds), "MB/s", spread=spread)
