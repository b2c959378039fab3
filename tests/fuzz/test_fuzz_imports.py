"""Files that other programs wrote, or forged: dictionaries to import, checkpoints, pickles, safetensors, corpora, labels, measurements."""

import io
import json
import pickle
import pickletools
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import hostile
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from fuzzing import Hang, Parser, check, fuzz, known
from hypothesis import strategies as st
from safetensors.torch import save

from bae.autoencoder import KINDS, checkpoint
from bae.comsem import shipped
from bae.comsem.score import Verdict, score
from bae.features.magnitude import Prior
from bae.formats import detect, hooks, safe_files
from bae.formats.foreign import Foreign
from bae.model.language_model import LanguageModel
from bae.states.scaling import Scaling
from bae.text import corpus

GOLDEN = Path(__file__).parents[1] / "data" / "foreign"
CONFIGS, WEIGHTS = ("cfg.json", "config.json"), ("sae_weights.safetensors", "sae.safetensors", "ae.pt")
LAYOUTS = sorted(
    str(file.parent.relative_to(GOLDEN)) for name in CONFIGS for file in [*GOLDEN.glob(f"*/{name}"), *GOLDEN.glob(f"sparsify/*/{name}")]
)
PLACE: dict[str, Path] = {}
"""Where the files of one input lie."""
CALLED: list[str] = []
"""What a pickle made us call: nothing, ever."""


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A folder for files, in memory where that is possible, and a checkpoint of ours as it should be."""
    memory = Path("/dev/shm")
    PLACE["folder"] = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    mine = KINDS["binary"](6, 10, Scaling(torch.zeros(6), 1.0, 100.0), seed=0)
    mine.prior = Prior(*(torch.full((10,), 0.1) for _ in range(3)), tokens=50)
    told = checkpoint.Provenance("mine", 1, "tiny", "0" * 32, ("text",), 64, 0, 50)
    PLACE["checkpoint"] = tmp_path_factory.mktemp("right") / "mine"
    checkpoint.save(mine, told, PLACE["checkpoint"])
    yield
    shutil.rmtree(PLACE["folder"])


def fresh() -> Path:
    """An empty folder."""
    shutil.rmtree(PLACE["folder"], ignore_errors=True)
    PLACE["folder"].mkdir()
    return PLACE["folder"]


def written(name: str, data: bytes) -> Path:
    """A file of its own: one that was mapped into memory must not be written over."""
    file = PLACE["folder"] / name
    file.unlink(missing_ok=True)
    file.write_bytes(data)
    return file


# dictionaries of others


@st.composite
def dictionaries(draw: Callable) -> tuple[str, dict, bytes | None]:
    """A layout, its config with something altered, and its weights: right (None), or broken."""
    layout = draw(st.sampled_from(LAYOUTS))
    config = config_of(layout)
    told = draw(hostile.altered(json.loads(config.read_text()), ("architecture", "k", "metadata", "trainer", "dict_class", "hook_name")))
    weights = draw(st.one_of(st.none(), st.none(), hostile.broken(weights_of(layout).read_bytes())))
    return layout, told, weights


def config_of(layout: str) -> Path:
    return next(file for name in CONFIGS if (file := GOLDEN / layout / name).is_file())


def weights_of(layout: str) -> Path:
    return next(file for name in WEIGHTS if (file := GOLDEN / layout / name).is_file())


def dictionary(given: tuple[str, dict, bytes | None]) -> Foreign:
    layout, told, weights = given
    folder = fresh() / "layers.1"
    shutil.copytree(GOLDEN / layout, folder)
    (folder / config_of(layout).name).write_text(json.dumps(told))
    if weights is not None:
        (folder / weights_of(layout).name).write_bytes(weights)
    return detect.read(str(folder))


def works(_given: object, found: Foreign) -> None:
    """It encodes and decodes hidden states of its width, and says nothing that is no text."""
    states = torch.randn(3, found.autoencoder.W_in.shape[0], generator=torch.Generator().manual_seed(0))
    assert found.autoencoder.decode(found.autoencoder.encode(states)).shape == states.shape
    assert found.layer is None or (type(found.layer) is int and found.layer >= 0)
    assert all(isinstance(text, str) for text in (found.layout, *found.corpus, *found.notes))


# pickles


class Call:
    """Pickled as a call of a function by its name."""

    def __init__(self, name: str, *told: object):
        self.name, self.told = name, told

    def __reduce__(self):
        return Named(self.name), self.told


class Named:
    """Pickled as a global of that name, whatever it is."""

    def __init__(self, name: str):
        self.name = name

    def __reduce__(self):
        return self.name


def notice(*told: object) -> None:
    """What a forged pickle wants to have called."""
    CALLED.append(str(told))


NAMES = (
    "os.system",
    "builtins.eval",
    "builtins.exec",
    "subprocess.Popen",
    f"{__name__}.notice",
    "torch.load",
    "numpy.load",
    "builtins.getattr",
)
GADGET = {"os.system": "touch /tmp/never", "builtins.eval": "1/0", "builtins.exec": "1/0"}
OPCODES = [operation.code.encode("latin-1") for operation in pickletools.opcodes]


def stack_global(name: str, argument: str) -> bytes:
    """A pickle that calls `name` with a text, in protocol 4."""
    module, _, attribute = name.rpartition(".")
    parts = [text.encode() for text in (module, attribute, argument)]
    strings = [b"\x8c" + bytes([len(part)]) + part for part in parts]
    return b"\x80\x04" + strings[0] + strings[1] + b"\x93" + strings[2] + b"\x85R."


PLAIN = hostile.values(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), hostile.texts(), st.binary(max_size=8))
)
ARRAYS = [
    pickle.dumps(told, protocol) for told in (np.arange(3.0), np.float32(2), np.array(["a", "bc"]), np.dtype("f4")) for protocol in (2, 4)
]

# torch warns of protocols that it does not write
pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")
PICKLES = st.one_of(
    hostile.among(ARRAYS).flatmap(hostile.broken),
    PLAIN.map(pickle.dumps),
    st.tuples(PLAIN, st.integers(0, 5)).map(lambda told: pickle.dumps(told[0], told[1])),
    st.sampled_from(NAMES).map(lambda name: stack_global(name, GADGET.get(name, "x"))),
    st.sampled_from(NAMES).flatmap(lambda name: hostile.broken(stack_global(name, "x"))),
    PLAIN.map(pickle.dumps).flatmap(hostile.broken),
    st.lists(hostile.among(OPCODES) | st.binary(max_size=5), max_size=20).map(b"".join),
)


def unpickled(data: bytes) -> object:
    return safe_files.plain_pickle(written("log.pkl", data))


def as_weights(data: bytes) -> bytes:
    """A pickle as torch keeps one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in {"data.pkl": data, "version": b"3", "byteorder": b"little"}.items():
            archive.writestr(f"archive/{name}", content)
    return out.getvalue()


def nothing_ran(_data: bytes, _found: object = None) -> None:
    assert not CALLED


# checkpoints of ours


@st.composite
def checkpoints(draw: Callable) -> tuple[dict, bytes | None]:
    """A config with something altered, and weights that are right (None), or broken."""
    folder = PLACE["checkpoint"]
    told = draw(hostile.altered(json.loads((folder / "config.json").read_text()), ("written_scaling", "kind", "format")))
    return told, draw(st.one_of(st.none(), st.none(), hostile.broken((folder / "weights.safetensors").read_bytes())))


def own(given: tuple[dict, bytes | None]) -> tuple:
    told, weights = given
    folder = fresh() / "mine"
    shutil.copytree(PLACE["checkpoint"], folder)
    (folder / "config.json").write_text(json.dumps(told))
    if weights is not None:
        (folder / "weights.safetensors").write_bytes(weights)
    return checkpoint.load(folder)


def reads(_given: object, found: tuple) -> None:
    autoencoder, provenance = found
    states = torch.randn(3, autoencoder.W_in.shape[0])
    assert autoencoder.decode(autoencoder.encode(states)).shape == states.shape
    assert isinstance(provenance, checkpoint.Provenance)


# single files

TENSORS = save({"a": torch.ones(2, 3), "b": torch.zeros(4, dtype=torch.int64)})
LENGTHS = st.sampled_from([0, 1, 7, 2**31, 2**63, 2**64 - 1]).map(lambda n: n.to_bytes(8, "little"))
HEADS = hostile.altered({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}, ("__metadata__",)).map(
    lambda told: json.dumps(told).encode()
)
SAFETENSORS = st.one_of(
    hostile.broken(TENSORS),
    st.tuples(LENGTHS, st.binary(max_size=60)).map(b"".join),
    HEADS.map(lambda head: len(head).to_bytes(8, "little") + head + bytes(24)),
)


@st.composite
def corpora(draw: Callable) -> tuple[str, bytes]:
    """A file of text to train on: its ending and its bytes."""
    kind = draw(st.sampled_from(corpus.LOCAL_KINDS))
    if kind == ".parquet":
        name = draw(st.sampled_from(["text", "text", "body"]))
        column = draw(st.sampled_from([["a", None, "b c"], [1, 2], [b"\xff"], [["a"]], []]))
        return kind, draw(hostile.broken(as_parquet({name: column})))
    told = draw(st.lists(hostile.values() | hostile.texts().map(lambda text: {"text": text}), max_size=3))
    whole = "\n".join(json.dumps(one) for one in told).encode()
    return kind, draw(st.one_of(st.just(whole), hostile.broken(whole), st.binary(max_size=40), st.just(b'{"text":' + b"[" * 5_000)))


def as_parquet(columns: dict) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), out)
    return out.getvalue()


def read_corpus(given: tuple[str, bytes]) -> list[corpus.Document]:
    kind, data = given
    return list(corpus.documents([str(written(f"texts{kind}", data))]))


def cut_into_sentences(_given: object, found: list[corpus.Document]) -> None:
    for document in found:
        assert isinstance(document.text, str) and document.text.strip()
        assert all(sentence == sentence.strip() and sentence for sentence in corpus.sentences(document.text))


LABELS = {
    **{"dictionary": "bae", "checkpoint": "0" * 16, "feature": 3, "text": "names of rivers", "date": "2026-11-24", "occurrences": 20},
    **{"source": "a reader", "judge": "a reader", "score": json.dumps(asdict(score([Verdict(True, True)], 3)))},
}
CELLS = st.one_of(st.none(), st.booleans(), st.integers(-3, 2**40), st.floats(), hostile.texts(), st.lists(hostile.texts(8), max_size=2))


def labels(told: dict) -> list:
    columns = {name: [value] for name, value in told.items()}
    return list(shipped._labels(written("labels.parquet", as_parquet(columns))))


def labels_of_bytes(data: bytes) -> list:
    return list(shipped._labels(written("labels.parquet", data)))


SAVED = st.one_of(
    PICKLES.map(as_weights),
    PICKLES,
    PLAIN.map(lambda told: as_weights(pickle.dumps({"a": told}, 2))),
    hostile.broken(as_weights(pickle.dumps({"a": 1}, 2))),
    st.sampled_from(LAYOUTS[:7]).flatmap(lambda layout: hostile.broken(weights_of(layout).read_bytes())),
)
HOOKS = [
    "blocks.",
    "hook_resid_post",
    ".hook_resid_pre",
    "hook_embed",
    "3",
    "٣",
    ".",
    "mlp.hook_in",
    "ln2.hook_normalized",
    "layers.",
    "model.",
    "h.",
    "9" * 30,
]
NUMBERED = [
    "blocks.{}.hook_resid_post",
    "blocks.{}.mlp.hook_in",
    "blocks.{}.hook_z",
    "layers.{}",
    "model.layers.{}",
    "transformer.h.{}",
    "{}",
]
PLACES = st.one_of(
    hostile.spelled(HOOKS, 5),
    st.tuples(st.sampled_from(NUMBERED), st.integers(0, 10**6).map(str) | st.sampled_from(["٣", "-1", "9" * 30, "", "1_0"])).map(
        lambda told: told[0].format(told[1])
    ),
)

PARSERS = known(
    Parser("dictionaries of others", dictionaries(), dictionary, (ValueError, FileNotFoundError), works, share=0.7),
    Parser("pickles", PICKLES, unpickled, (ValueError,), nothing_ran, nothing_ran, share=2, megabytes=64),
    Parser(
        "pickles as weights", SAVED, lambda data: safe_files.torch_weights(written("ae.pt", data)), (ValueError,), nothing_ran, nothing_ran
    ),
    Parser("safetensors", SAFETENSORS, lambda data: safe_files.tensors(written("w.safetensors", data)), share=1, megabytes=64),
    Parser(
        "configs (JSON)",
        st.one_of(
            hostile.values().map(lambda told: json.dumps(told).encode()),
            st.binary(max_size=30),
            st.just(b"[" * 9_000),
            hostile.broken(b'{"a": 1}'),
        ),
        lambda data: safe_files.json_object(written("cfg.json", data)),
        share=1,
    ),
    Parser("hook points", PLACES, hooks.transformer_lens, share=0.5),
    Parser("module names", PLACES, hooks.module, share=0.5),
    Parser("checkpoints", checkpoints(), own, holds=reads, share=0.7),
    Parser("corpora", corpora(), read_corpus, holds=cut_into_sentences, share=0.7),
    Parser("labels that came along", hostile.altered(LABELS, instead=CELLS), labels, share=0.3),
    Parser(
        "labels, broken files",
        st.just(as_parquet({name: [value] for name, value in LABELS.items()})).flatmap(hostile.broken),
        labels_of_bytes,
        share=0.3,
    ),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_refused_in_a_sentence_or_read(parser):
    check(parser)


@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_calls_nothing(name, tmp_path):
    """Each of these would do something if it were unpickled; each is refused by its name."""
    file = tmp_path / "log.pkl"
    file.write_bytes(stack_global(name, "x"))
    with pytest.raises(ValueError, match=f"asks for {name.rpartition('.')[0]}"):
        safe_files.plain_pickle(file)
    file.write_bytes(as_weights(stack_global(name, "x")))
    with pytest.raises(ValueError, match="no plain tensors"):
        safe_files.torch_weights(file)
    assert not CALLED


def test_a_pickle_changes_nothing_that_others_use(tmp_path):
    """One that may name a function could set the function's defaults: for whoever calls it next."""
    file, module = tmp_path / "log.pkl", b"numpy._core.numeric"
    # names _frombuffer, and lets its state be (None, {"__defaults__": (3,)})
    file.write_bytes(b"\x80\x02c" + module + b"\n_frombuffer\n(N}X\x0c\x00\x00\x00__defaults__K\x03\x85stb.")
    before = np._core.numeric._frombuffer.__defaults__
    assert safe_files.plain_pickle(file).__defaults__ == (3,), "negative control: it sets something"
    assert np._core.numeric._frombuffer.__defaults__ == before


@pytest.mark.parametrize("address", ["saelens:a/b/../../etc", "saelens:../../etc/passwd", "saelens:a/../x", "saelens:a"])
def test_an_address_leads_out_of_no_folder(address, monkeypatch):
    """What is no address is refused before anything is fetched."""
    monkeypatch.setattr(detect, "snapshot_download", lambda *_, **__: pytest.fail("it was fetched"))
    with pytest.raises(ValueError, match="is no address"):
        detect.read(address)


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    """Not even with a person at the terminal who could be asked."""
    folder, trace = tmp_path / "model", tmp_path / "trace"
    folder.mkdir()
    code = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (folder / "config.json").write_text(json.dumps({"model_type": "foreign", "auto_map": code, "architectures": ["Model"]}))
    (folder / "code.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    with pytest.raises(OSError, match="custom code"):
        LanguageModel.load(str(folder), device="cpu")
    assert not trace.exists()
    exec((folder / "code.py").read_text())
    assert trace.exists(), "negative control: it would have left a trace"


def test_a_reader_that_trusts_is_caught():
    """Negative controls: a pickle that may call, a reader that never ends, one that asks for a gigabyte, one that lets a KeyError out."""
    pickles = PARSERS[1]
    with pytest.raises(AssertionError, match="assert not"):
        fuzz(replace(pickles, inputs=st.just(stack_global(f"{__name__}.notice", "x")), read=lambda data: pickle.loads(data)), 5)
    assert CALLED
    CALLED.clear()

    def endless(_data: bytes) -> None:
        while True:
            pass

    with pytest.raises(Hang):
        fuzz(replace(pickles, read=endless, seconds=0.2), 5)
    with pytest.raises(MemoryError):
        fuzz(replace(pickles, read=lambda data: bytearray(2**30)), 5)
    with pytest.raises(KeyError):
        fuzz(replace(PARSERS[0], inputs=st.just({}), read=lambda told: told["architecture"]), 5)
