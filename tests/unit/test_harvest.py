"""A harvest holds what the model says of every context alone, whatever interrupted it."""

import errno
from pathlib import Path

import pyarrow as pa
import pytest
import torch

from bae.autoencoder import KINDS
from bae.states import harvest
from bae.states.harvest import HarvestConfig, HiddenStates
from bae.system.progress import read_status
from bae.text import corpus
from bae.text.contexts import contexts
from tests.conftest import prose, write_jsonl


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> str:
    return str(write_jsonl(tmp_path_factory.mktemp("corpus") / "text.jsonl", [prose(seed) for seed in range(30)]))


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(harvest, "SHARD_TOKENS", 300)


def config(source: str, **changes) -> HarvestConfig:
    return HarvestConfig(**{"layers": (1, 4), "sources": (source,), "tokens": 1000, "context_length": 32, **changes})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_vectors_are_those_of_every_context_alone(tiny_model, source, tmp_path):
    states = harvest.harvest(tiny_model, config(source), tmp_path / "h")
    stored = torch.cat([states.shard(number, 4) for number in range(states.n_shards)])
    cut = contexts(tiny_model, corpus.documents([source], "train"), length=32)
    alone = torch.cat([tiny_model.hidden_states(torch.tensor([context.ids]), [4])[4][0, 1:] for context in cut])[:1000]
    assert stored.shape == (1000, 32) and states.n_shards == 4
    assert torch.allclose(stored.float(), alone, rtol=2e-3, atol=2e-3)
    assert not torch.allclose(stored[1:].float(), alone[:-1], rtol=2e-3, atol=2e-3), "one token off must show"


def test_every_vector_knows_its_token_document_and_position(tiny_model, source, tmp_path):
    states = harvest.harvest(tiny_model, config(source), tmp_path / "h")
    table = pa.concat_tables([states.tokens(number).unify_dictionaries() for number in range(states.n_shards)])
    texts = {document.id: tiny_model.tokenize(document.text).ids for document in corpus.documents([source], "train")}
    rows = table.to_pylist()
    assert len(rows) == 1000
    for row in rows:
        assert texts[row["document"]][row["start"] + row["position"]] == row["token"]
        assert row["position"] > 0, "position 0 is the BOS"
    norms = torch.cat([states.norms(number, 1) for number in range(states.n_shards)])
    vectors = torch.cat([states.shard(number, 1) for number in range(states.n_shards)])
    assert torch.allclose(norms, vectors.float().norm(dim=-1))


def test_killed_and_resumed_is_undisturbed_bit_for_bit(tiny_model, source, tmp_path, monkeypatch):
    harvest.harvest(tiny_model, config(source), tmp_path / "undisturbed")
    write_shard = harvest._write_shard

    def killed_in_the_second(model, layers, shard, folder, number, *rest):
        if number == 1:
            raise KeyboardInterrupt
        write_shard(model, layers, shard, folder, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(harvest, "_write_shard", killed_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            harvest.harvest(tiny_model, config(source), tmp_path / "killed")
    first = (tmp_path / "killed" / "00000.safetensors").stat().st_mtime_ns
    with pytest.raises(FileNotFoundError, match="not finished"):
        HiddenStates(tmp_path / "killed").scaling(1)
    assert contents(tmp_path / "killed") != contents(tmp_path / "undisturbed")

    harvest.harvest(tiny_model, config(source), tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")
    assert (tmp_path / "killed" / "00000.safetensors").stat().st_mtime_ns == first, "a finished shard is not read again"


def test_another_seed_is_other_text(tiny_model, source, tmp_path):
    """Negative control of the comparison above: bytes do differ where the harvest does."""
    one = harvest.harvest(tiny_model, config(source, seed=0, tokens=300, sources=("reviews",)), tmp_path / "0")
    two = harvest.harvest(tiny_model, config(source, seed=1, tokens=300, sources=("reviews",)), tmp_path / "1")
    assert not torch.equal(one.shard(0, 1), two.shard(0, 1))


def test_a_full_disk_leaves_nothing_half_written(tiny_model, source, tmp_path, monkeypatch):
    save_file = harvest.save_file

    def full(tensors, path):
        if Path(path).name == "00001.safetensors":
            Path(path).write_bytes(b"half a shard")
            raise OSError(errno.ENOSPC, "No space left on device")
        save_file(tensors, path)

    with monkeypatch.context() as patch:
        patch.setattr(harvest, "save_file", full)
        with pytest.raises(OSError, match="No space left"):
            harvest.harvest(tiny_model, config(source), tmp_path / "h")
    assert sorted(path.name for path in (tmp_path / "h").iterdir()) == [
        "00000.parquet",
        "00000.safetensors",
        "00001.parquet",
        "harvest.json",
    ]
    states = harvest.harvest(tiny_model, config(source), tmp_path / "h")
    assert sum(len(states.shard(number, 1)) for number in range(states.n_shards)) == 1000


@pytest.mark.parametrize(
    "changes", [{"layers": (2,)}, {"tokens": 900}, {"seed": 5}, {"context_length": 16}, {"split": "index"}, {"unit": "sentence"}]
)
def test_another_config_is_refused_with_the_difference(tiny_model, source, tmp_path, changes):
    harvest.harvest(tiny_model, config(source, tokens=300), tmp_path / "h")
    with pytest.raises(ValueError, match=f"differs in.*{next(iter(changes))}"):
        harvest.harvest(tiny_model, config(source, **{"tokens": 300, **changes}), tmp_path / "h")


def test_the_same_config_again_reads_nothing(tiny_model, source, tmp_path, monkeypatch):
    harvest.harvest(tiny_model, config(source, tokens=300), tmp_path / "h")
    monkeypatch.setattr(harvest, "_write_shard", None)
    assert harvest.harvest(tiny_model, config(source, tokens=300), tmp_path / "h").n_shards == 1


def test_a_mistyped_corpus_can_be_put_right_in_the_same_folder(tiny_model, source, tmp_path):
    with pytest.raises(ValueError, match="no corpus"):
        harvest.harvest(tiny_model, config("adresses"), tmp_path / "h")
    assert harvest.harvest(tiny_model, config(source), tmp_path / "h").n_shards == 4


def test_text_that_ends_early_gives_what_there_is(tiny_model, source, tmp_path):
    states = harvest.harvest(tiny_model, config(source, tokens=10**6), tmp_path / "h", tmp_path / "status.json")
    kept = sum(len(states.shard(number, 1)) for number in range(states.n_shards))
    assert 1000 < kept < 10**6
    assert read_status(tmp_path / "status.json")["done"] == kept


def test_scaling_is_measured_on_what_is_stored(tiny_model, source, tmp_path):
    states = harvest.harvest(tiny_model, config(source), tmp_path / "h")
    scaling = states.scaling(4)
    kept = torch.cat([pair.read for pair in states.all_pairs(4, KINDS["relu"](32, 8, scaling))])
    assert len(kept) == scaling.tokens - scaling.dropped
    assert scaling.apply(kept).square().sum(-1).mean().item() == pytest.approx(32, rel=1e-3)
    assert not torch.allclose(scaling.mean, states.scaling(1).mean), "layers have scalings of their own"


def test_an_impossible_config_and_a_folder_without_a_harvest(source, tmp_path):
    with pytest.raises(ValueError, match="at least one token"):
        config(source, tokens=0)
    with pytest.raises(FileNotFoundError, match="bae harvest"):
        HiddenStates(tmp_path)
