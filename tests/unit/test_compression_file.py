"""The file of compressed hidden states: what goes in comes out, and no damaged or foreign file gives anything but a sentence."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bae.autoencoder import KINDS, BinaryAutoencoder
from bae.autoencoder.checkpoint import Provenance
from bae.compression import CompressedStates, FileVectors, Options, TensorVectors, blocks, compress, decompress, entropy_coding, sizes
from bae.compression.container import END, PRELUDE, TRAILER, Container, Header, Writer, checksum, pack_prior
from bae.compression.dictionary import encoded
from bae.compression.reading import rewritten
from bae.states.scaling import Scaling

WIDTH, BITS = 8, 24
TOLD = Provenance("bae", 3, "a model", "f" * 32, ("made up",), 64, 0, 100)


def made_states(n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(n, WIDTH, generator=generator) * torch.tensor([8.0, 4, 2, 1, 1, 0.5, 0.5, 0.5]) + 3).half()


def made_bae(seed: int = 0, bits_per_feature: int = 1) -> BinaryAutoencoder:
    states = made_states(2000).float()
    scaling = Scaling.measure(states.norm(dim=-1), [states])
    autoencoder = BinaryAutoencoder(WIDTH, BITS, scaling, seed=seed, bits_per_feature=bits_per_feature)
    autoencoder.start_at(0.2, scaling.apply(states))
    return autoencoder.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def bae() -> BinaryAutoencoder:
    return made_bae()


@pytest.fixture(scope="module")
def states() -> torch.Tensor:
    """With one massive activation."""
    found = made_states(100, seed=1)
    found[37] = 3000.0
    return found


@pytest.fixture
def file(tmp_path, bae, states) -> CompressedStates:
    """In blocks of 30, the last of 10."""
    return compress(TensorVectors(states), bae, TOLD, tmp_path / "states.baec", Options(block_vectors=30))


def restored(file: CompressedStates, bae, begin: int = 0, end: int | None = None) -> torch.Tensor:
    return torch.cat(list(file.vectors(bae, begin=begin, end=end)))


def test_codes_come_back_and_vectors_as_the_bae_reconstructs_them(file, bae, states):
    assert np.array_equal(np.concatenate(list(file.codes())), encoded(bae, states))
    found, others = restored(file, bae), [row for row in range(100) if row != 37]
    expected = bae.decode(bae.encode(states[others].float()))
    assert torch.allclose(found[others], expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(found[37], states[37].float()), "a massive activation is stored as it is"
    assert file.container.figures["stored_as_they_are"] == 1
    assert not torch.allclose(found[others], states[others].float(), atol=0.1), "negative control: reconstructions differ from the states"


def test_errors_in_the_file_are_those_of_what_comes_back(file, bae, states):
    found, others = restored(file, bae).double().numpy(), np.arange(100) != 37
    truth, found = states.double().numpy()[others], found[others]
    told = file.container.figures["errors"]
    assert told["vectors"] == 99 and told["mse"] == pytest.approx(((truth - found) ** 2).mean())
    assert told["fvu"] == pytest.approx(((truth - found) ** 2).sum() / ((truth - truth.mean(0)) ** 2).sum())
    cosines = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(truth, found, strict=True)]
    assert told["cosine"] == pytest.approx(np.mean(cosines))


@pytest.mark.parametrize(("begin", "end"), [(0, 1), (29, 31), (30, 60), (5, 95), (99, 100), (36, 38), (90, None)])
def test_any_range_is_read_alone(file, bae, begin, end):
    assert torch.equal(restored(file, bae, begin, end), restored(file, bae)[begin:end])


@pytest.mark.parametrize(("begin", "end"), [(-1, 5), (5, 5), (7, 3), (0, 101), (100, None)])
def test_a_range_beyond_the_file_is_refused(file, bae, begin, end):
    with pytest.raises(ValueError, match="vectors 0 to 99"):
        restored(file, bae, begin, end)


def test_only_the_blocks_of_a_range_are_read(file, bae, monkeypatch):
    asked = []
    read = Container.read
    monkeypatch.setattr(Container, "read", lambda self, block: asked.append(block) or read(self, block))
    restored(file, bae, 35, 61)
    assert asked == [1, 2]


def test_the_prior_is_counted_on_the_set(file, bae, states):
    assert file.habits.counts.tolist() == encoded(bae, states).sum(0).tolist() and file.habits.vectors == 100


@pytest.mark.parametrize("coding", ["entropy", "positions"])
@pytest.mark.parametrize("radial", ["none", "norm", "gain"])
@pytest.mark.parametrize("threshold", [-1.0, -0.3, 0.0])
def test_every_option_gives_what_is_told(tmp_path, bae, states, coding, radial, threshold):
    options = Options(threshold, coding, radial, block_vectors=64)
    file = compress(TensorVectors(states), bae, TOLD, tmp_path / "s.baec", options)
    found = restored(file, bae)
    assert torch.allclose(found, rewritten(file, bae, states), rtol=0.02, atol=0.05)
    mse = (found - states.float()).square().double()[torch.arange(100) != 37].mean().item()
    assert file.container.figures["errors"]["mse"] == pytest.approx(mse, rel=1e-4)
    wrong = (np.concatenate(list(file.codes())) != encoded(bae, states)).sum()
    assert wrong == file.habits.lost_bursts and (wrong > 0) == (threshold > -1)


def test_norms_are_mended_by_norm_and_the_error_by_gain(tmp_path, bae, states):
    plain, norm, gain = (
        compress(TensorVectors(states), bae, TOLD, tmp_path / f"{radial}.baec", Options(radial=radial))
        for radial in ("none", "norm", "gain")
    )
    of = lambda file: restored(file, bae).norm(dim=-1) / states.float().norm(dim=-1)  # noqa: E731
    assert of(norm).sub(1).abs().max() < 0.01 < of(plain).sub(1).abs().mean()
    before, after = (gain.container.figures[name]["mse"] for name in ("errors_before_radial", "errors"))
    assert after < before == pytest.approx(plain.container.figures["errors"]["mse"])
    assert norm.container.figures["errors"]["cosine"] == pytest.approx(plain.container.figures["errors"]["cosine"], abs=1e-6)


def test_sizes_add_up(file, bae):
    found = sizes(file.container, bae)
    assert found.file == file.container.path.stat().st_size and found.fp16 == 100 * WIDTH * 2 and found.fp32 == 2 * found.fp16
    assert found.model == 2 * (2 * WIDTH * BITS + BITS + WIDTH) and found.decoder == 2 * (WIDTH * BITS + WIDTH)
    assert found.ratio_with_model - found.ratio == pytest.approx(found.model / found.fp16)
    assert found.entropy < found.bound < found.file


def test_features_of_several_bits_come_back(tmp_path, states):
    bae = made_bae(bits_per_feature=2)
    file = compress(TensorVectors(states), bae, TOLD, tmp_path / "two.baec")
    assert file.header.n_bits == 2 * BITS
    expected = bae.decode(bae.encode(states[:30].float()))
    assert torch.allclose(restored(file, bae, 0, 30), expected, rtol=1e-5, atol=1e-5)


# damage


def test_a_file_cut_short_anywhere_is_refused(file, bae, tmp_path):
    whole = file.container.path.read_bytes()
    short = tmp_path / "short.baec"
    for length in range(len(whole)):
        short.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut short|damaged|holds no compressed"):
            restored(CompressedStates.open(short), bae)
    for added in (b"\0", whole):
        short.write_bytes(whole + added)
        with pytest.raises(ValueError, match=r"added|damaged"):
            restored(CompressedStates.open(short), bae)


def survivors(whole: bytes, place: Path, bae, expected: torch.Tensor) -> list[int]:
    """Bytes of which a change goes unnoticed and alters what comes back."""
    found = []
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        place.write_bytes(changed)
        try:
            vectors = restored(CompressedStates.open(place), bae)
        except ValueError:
            continue
        if not torch.equal(vectors, expected):
            found.append(at)
    return found


@pytest.mark.parametrize("coding", ["entropy", "positions"])
def test_no_changed_byte_gives_other_vectors(tmp_path, bae, states, coding, monkeypatch):
    file = compress(TensorVectors(states[:40]), bae, TOLD, tmp_path / "s.baec", Options(coding=coding, radial="gain", block_vectors=30))
    whole, expected = file.container.path.read_bytes(), restored(file, bae)
    assert survivors(whole, tmp_path / "changed.baec", bae, expected) == []

    # negative control: with checksums that hold for everything, damage goes through
    begin, length, _ = file.container.index[0]
    damaged = bytearray(whole)
    damaged[begin + length - 1] ^= 1
    (tmp_path / "changed.baec").write_bytes(damaged)
    monkeypatch.setattr(Container, "read", lambda self, block: bytes(damaged[(at := self.index[block])[0] : at[0] + at[1]]))
    assert not torch.equal(restored(CompressedStates.open(tmp_path / "changed.baec"), bae), expected)


def test_blocks_of_another_coder_are_found_out(file, bae, monkeypatch):
    """The file is whole, and the coder reads other bits: as another version of the library would."""
    decode = blocks.CODERS["entropy"].decode
    monkeypatch.setattr(blocks.CODERS["entropy"], "decode", lambda self, data, tokens: ~decode(self, data, tokens))
    with pytest.raises(ValueError, match="another coder"):
        restored(file, bae)


def test_an_index_of_another_file_is_found_out(file, bae, states, tmp_path):
    other = compress(TensorVectors(states + 1), bae, TOLD, tmp_path / "other.baec", Options(block_vectors=30))
    mine, theirs = (one.container.path.read_bytes() for one in (file, other))
    begin = file.container.index[0][0]
    at = other.container.index[0][0]
    (tmp_path / "mixed.baec").write_bytes(mine[:begin] + theirs[at:])
    with pytest.raises(ValueError, match="index is wrong"):
        CompressedStates.open(tmp_path / "mixed.baec")


def rewrite_header(file: CompressedStates, target: Path, **changes) -> Path:
    """The file with another header and everything else adjusted to it, as someone else's program might write it."""
    whole = file.container.path.read_bytes()
    magic, version, length, _ = PRELUDE.unpack_from(whole)
    told = json.loads(whole[PRELUDE.size : PRELUDE.size + length]) | changes
    text = json.dumps(told).encode()
    target.write_bytes(PRELUDE.pack(magic, version, len(text), checksum(text)) + text + whole[PRELUDE.size + length :])
    return target


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vectors": 0}, "vectors must be"),
        ({"vectors": "100"}, "vectors must be"),
        ({"coding": "magic"}, "unknown coding"),
        ({"dtype": "object"}, "unknown dtype"),
        ({"threshold": 3.0}, "threshold"),
        ({"n_bits": 2**40}, "n_bits must be a whole number from 1 to"),
        ({"block_vectors": 2**30}, "block_vectors must be"),
        ({"n_bits": 2**20, "block_vectors": 2**20}, "a block holds at most"),
        ({"more": 1}, "fields must be"),
        ({"threshold": "x"}, "threshold must be a number"),
        ({"n_bits": 2**21, "block_vectors": 1}, "n_bits must be a whole number from 1 to 1,048,576"),
        ({"prior_bytes": 2**49}, "its prior of .* bytes would end beyond it"),
        ({"model": 3}, "model must be a text"),
        ({"source": None}, "source must be a text"),
        ({"source": "\ud800"}, "cannot read"),
        ({"written_with": "x"}, "written_with must map"),
        ({"written_with": {"constriction": 1}}, "written_with must map"),
        ({"layer": "3"}, "layer must be a whole number"),
    ],
)
def test_a_header_that_says_nonsense_is_refused(file, tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        CompressedStates.open(rewrite_header(file, tmp_path / "odd.baec", **changes))


def rewrite_index(file: CompressedStates, target: Path, text: bytes) -> Path:
    """The file with another index, as someone else's program might write it."""
    whole = file.container.path.read_bytes()
    offset, size, _ = file.container.index[-1]
    header_checksum = PRELUDE.unpack_from(whole)[3]
    target.write_bytes(whole[: offset + size] + text + TRAILER.pack(len(text), checksum(header_checksum, text), END))
    return target


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: None, "figures may be"),
        (lambda told: told | {"more": 1}, "figures may be"),
        (lambda told: told | {"stored_as_they_are": "1"}, "stored_as_they_are must be a whole number"),
        (lambda told: told | {"errors": 5}, "errors must be vectors"),
        (lambda told: told | {"errors": {"mse": 1.0}}, "errors must be vectors"),
        (lambda told: told | {"errors": told["errors"] | {"mse": "small"}}, "the mse of errors must be a number"),
        (lambda told: told | {"errors_before_radial": told["errors"] | {"length": None}}, "the length of errors_before_radial"),
    ],
)
def test_figures_that_are_none_are_refused(file, tmp_path, change, words):
    blocks, figures = [list(one) for one in file.container.index], dict(file.container.figures)
    text = json.dumps({"blocks": blocks, "figures": change(figures)}).encode()
    with pytest.raises(ValueError, match=words):
        CompressedStates.open(rewrite_index(file, tmp_path / "odd.baec", text))
    # control: as they were, and without an FVU, they are read
    figures["errors"]["fvu"] = None
    text = json.dumps({"blocks": blocks, "figures": figures}).encode()
    assert CompressedStates.open(rewrite_index(file, tmp_path / "odd.baec", text)).container.figures == figures


@pytest.mark.parametrize("text", [b"[" * 100_000, b"{}", b"[]", b'{"blocks": [[Infinity, 1, ""]], "figures": {}}'])
def test_an_index_that_is_none_is_refused(file, tmp_path, text):
    with pytest.raises(ValueError, match="has an index that this program cannot read"):
        CompressedStates.open(rewrite_index(file, tmp_path / "odd.baec", text))


def test_a_forged_file_of_very_many_bits_is_opened_and_refused_without_its_models(file, bae, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(entropy_coding, "_group_probabilities", lambda rates: made.append(rates))
    n_bits, vectors = 2**18, 2**20
    prior = pack_prior(np.arange(n_bits))
    told = asdict(file.header) | {"n_bits": n_bits, "vectors": vectors, "block_vectors": 4096}
    told |= {"prior_bytes": len(prior), "prior_checksum": checksum(prior).hex()}
    forged = tmp_path / "forged.baec"
    with forged.open("wb") as out:
        writer = Writer(out, Header(**told), prior)
        for _ in range(vectors // 4096):
            writer.block(b"")
        writer.close(file.container.figures)
    opened = CompressedStates.open(forged)
    with pytest.raises(ValueError, match=r"tells of 262,144 bits and 8 numbers a vector; the dictionary mine has 24 and 8"):
        next(opened.vectors(bae, "mine"))
    assert not made
    # control: a block of what the dictionary wrote does need models
    with pytest.raises(TypeError):
        restored(file, bae)
    assert made


def test_a_foreign_version_and_a_foreign_file_are_named(file, tmp_path):
    whole = file.container.path.read_bytes()
    (tmp_path / "new.baec").write_bytes(whole[:8] + (2).to_bytes(2, "little") + whole[10:])
    with pytest.raises(ValueError, match="version 2 of the format; this program reads version 1"):
        CompressedStates.open(tmp_path / "new.baec")
    for other in (b"", b"PK\3\4", b"\x93NUMPY" + bytes(100)):
        (tmp_path / "x").write_bytes(other)
        with pytest.raises(ValueError, match="holds no compressed hidden states"):
            CompressedStates.open(tmp_path / "x")
    with pytest.raises(FileNotFoundError):
        CompressedStates.open(tmp_path / "nothing")


# what does not fit


def test_another_checkpoint_is_refused(file, bae):
    with pytest.raises(ValueError, match=r"dictionary bae at layer 3 of a model, whose weights differ from those of other"):
        next(file.vectors(made_bae(seed=5), "other"))
    same = made_bae()
    next(file.vectors(same, "same"))
    same.scaling = replace(same.scaling, scale=same.scaling.scale * 2)
    with pytest.raises(ValueError, match="weights differ"):
        next(file.vectors(same, "same"))


def test_a_dictionary_of_values_is_refused(tmp_path, states, bae):
    sae = KINDS["topk"](WIDTH, BITS, bae.scaling, k=4)
    with pytest.raises(ValueError, match="only the bits of a BAE can be compressed; bae is of the kind topk"):
        compress(TensorVectors(states), sae, TOLD, tmp_path / "x.baec")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_named_by_its_row(tmp_path, bae, states, value):
    states = states.clone()
    states[71, 3] = value
    with pytest.raises(ValueError, match="vector 71 of memory holds NaN or infinity"):
        compress(TensorVectors(states), bae, TOLD, tmp_path / "x.baec", Options(block_vectors=20))
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_an_empty_set_and_another_width_are_refused(tmp_path, bae, states):
    with pytest.raises(ValueError, match="no vectors"):
        compress(TensorVectors(states[:0]), bae, TOLD, tmp_path / "x.baec")
    with pytest.raises(ValueError, match="reads vectors of 8 numbers; memory has 5"):
        compress(TensorVectors(states[:, :5]), bae, TOLD, tmp_path / "x.baec")


@pytest.mark.parametrize(("later", "words"), [(50, "fewer"), (90, "fewer"), (101, "more"), (250, "more")])
def test_a_source_that_changes_meanwhile_is_found_out(tmp_path, bae, states, later, words):
    class Changing(TensorVectors):
        times = 0

        def __iter__(self):
            self.times += 1
            return iter([self.states if self.times == 1 else self.states.repeat(3, 1)[:later]])

    with pytest.raises(ValueError, match=f"held {words} vectors when it was read again"):
        compress(Changing(states), bae, TOLD, tmp_path / "x.baec", Options(block_vectors=30))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("n", [1, 2])
def test_one_vector_and_equal_vectors_are_valid(tmp_path, bae, states, n):
    same = states[:1].expand(n, -1).contiguous()
    for coding in ("entropy", "positions"):
        for radial in ("none", "norm"):
            file = compress(TensorVectors(same), bae, TOLD, tmp_path / "one.baec", Options(coding=coding, radial=radial))
            assert len(file) == n and file.habits.entropy_bits == 0 and file.container.figures["errors"]["fvu"] is None
            assert torch.allclose(restored(file, bae)[0], rewritten(file, bae, same)[0], rtol=1e-5)


def test_only_massive_vectors_are_valid(tmp_path, bae):
    huge = torch.full((3, WIDTH), 5000.0).half()
    file = compress(TensorVectors(huge), bae, TOLD, tmp_path / "h.baec", Options(radial="gain"))
    assert torch.equal(restored(file, bae), huge.float()) and file.container.figures["errors"] is None


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": -2.0}, {"threshold": 0.1}, {"coding": "zip"}, {"radial": "both"}, {"block_vectors": 0}, {"block_vectors": 2**21}],
)
def test_wrong_options_are_named(wrong):
    with pytest.raises(ValueError, match=r"lies between|there are|a block holds"):
        Options(**wrong)


# files of vectors


@pytest.mark.parametrize("ending", [".npy", ".safetensors"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.bfloat16, torch.float64])
def test_files_of_vectors_go_in_and_come_out(tmp_path, bae, states, ending, dtype):
    source, target = tmp_path / f"in{ending}", tmp_path / f"out{ending}"
    if ending == ".npy" and dtype == torch.bfloat16:
        pytest.skip("NumPy has no bfloat16")
    if ending == ".npy":
        np.save(source, states.to(dtype).numpy())
    else:
        save_file({"h": states.to(dtype)}, source)
    file = compress(FileVectors(source), bae, TOLD, tmp_path / "s.baec", Options(block_vectors=64))
    assert file.header.dtype == ("float16" if dtype == torch.float16 else "float32") and file.header.source == source.name
    decompress(file, bae, target, begin=10, end=90)
    found = torch.from_numpy(np.load(target)) if ending == ".npy" else load_file(target)["vectors"]
    assert found.dtype == getattr(torch, file.header.dtype) and torch.equal(found, restored(file, bae, 10, 90).to(found.dtype))


@pytest.mark.parametrize("dtype", [">f4", "<f2", ">f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_byte_order_are_read(tmp_path, states, dtype, order):
    np.save(tmp_path / "v.npy", np.array(states.numpy(), dtype=dtype, order=order))
    assert torch.equal(torch.cat(list(FileVectors(tmp_path / "v.npy"))).half(), states)


def test_files_that_hold_no_vectors_are_refused(tmp_path):
    wrong = {"shape": np.zeros(5), "whole": np.zeros((4, 3), int), "none": np.zeros((0, 3))}
    for name, array in wrong.items():
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(ValueError, match=r"matrix|no vectors"):
            FileVectors(tmp_path / f"{name}.npy")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "none.npy").read_bytes()[:20])
    (tmp_path / "cut.safetensors").write_bytes(b"123")
    for name in ("cut.npy", "cut.safetensors", "text.txt"):
        with pytest.raises(ValueError, match=r"cannot be read|end in"):
            FileVectors(tmp_path / name)
    np.save(tmp_path / "long.npy", np.zeros((4, 3), np.longdouble))
    with pytest.raises(ValueError, match="of 16, 32 or 64 bits"):
        FileVectors(tmp_path / "long.npy")
    np.savez(tmp_path / "archive.npz", np.zeros((4, 3), np.float32))
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    (tmp_path / "zip.npy").write_bytes(b"PK\3\4 and no archive")
    for name, head in (("bracket", "{'descr': '<f4', 'shape': (4, 3"), ("type", "{'descr': 5, 'fortran_order': False, 'shape': (4, 3)}"),
                       ("huge", "{'descr': '<f4', 'fortran_order': False, 'shape': (10**30, 3)}".replace("10**30", "1" + 30 * "0")),
                       ("deep", "-" * 9000 + "1")):  # fmt: skip
        (tmp_path / f"{name}.npy").write_bytes(b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head.encode() + bytes(48))
    for name in ("archive", "zip", "bracket", "type", "huge", "deep"):
        with pytest.raises(ValueError, match="cannot be read as a"):
            FileVectors(tmp_path / f"{name}.npy")
    np.save(tmp_path / "objects.npy", np.array([[{}]], dtype=object))
    with pytest.raises(ValueError, match="cannot be read"):
        FileVectors(tmp_path / "objects.npy")
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(2, 3)}, tmp_path / "two.safetensors")
    with pytest.raises(ValueError, match="name one of its tensors; it has a, b"):
        FileVectors(tmp_path / "two.safetensors")
    with pytest.raises(ValueError, match="no tensor 'c'"):
        FileVectors(tmp_path / "two.safetensors", "c")
    assert FileVectors(tmp_path / "two.safetensors", "b").total == 2


def test_targets_that_cannot_be_written_are_refused(file, bae, states, tmp_path):
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "folder.npy" / "mine").touch()
    for target, words in (("folder.npy", "is a folder"), ("x.txt", "must end in")):
        with pytest.raises(ValueError, match=words):
            decompress(file, bae, tmp_path / target)
    with pytest.raises(ValueError, match="is a folder"):
        compress(TensorVectors(states), bae, TOLD, tmp_path / "folder.npy")
    assert (tmp_path / "folder.npy" / "mine").exists()
    with pytest.raises(ValueError, match="unknown type 'int8'"):
        decompress(file, bae, tmp_path / "x.npy", dtype="int8")


def test_what_fp16_cannot_hold_is_refused_and_fp32_can(tmp_path, bae):
    states = torch.full((2, WIDTH), 90_000.0)
    file = compress(TensorVectors(states), bae, TOLD, tmp_path / "x.baec")
    with pytest.raises(ValueError, match="too much for float16; use float32"):
        decompress(file, bae, tmp_path / "x.npy", dtype="float16")
    decompress(file, bae, tmp_path / "x.npy")
    assert np.array_equal(np.load(tmp_path / "x.npy"), states.numpy())
