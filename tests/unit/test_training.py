"""Training is a function of its seed, also across a kill, and it learns."""

import json
from itertools import islice

import pytest
import torch

from bae.autoencoder import KINDS, BinaryAutoencoder, Pair
from bae.model.language_model import Place
from bae.states.harvest import HarvestConfig, harvest
from bae.training import descent as training
from bae.training.descent import FitConfig, Run, TrainingState, fit, step, stream
from bae.training.objective import BinaryObjective, SparseObjective
from tests.conftest import prose, write_jsonl

TRAINED = [kind for kind in KINDS if kind != "jumprelu"]


@pytest.fixture(scope="module")
def states(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("harvest")
    source = write_jsonl(folder / "text.jsonl", [prose(seed) for seed in range(60)])
    patch = pytest.MonkeyPatch()
    patch.setattr("bae.states.harvest.SHARD_TOKENS", 200)
    found = harvest(
        tiny_model, HarvestConfig((2, Place(2, "mlp_input")), (str(source),), tokens=1500, context_length=32), folder / "states"
    )
    patch.undo()
    return found


def run(states, folder, steps=40, kind="binary", seed=0, stop_after=None, **descent):
    autoencoder = make(states, kind, seed)
    config = FitConfig(**{"steps": steps, "batch_size": 64, "seed": seed, "save_minutes": 0, "log_every": 5, "measure_every": 10} | descent)
    held_out = next(stream(states, 2, autoencoder, 200, seed=77))
    one = Run(autoencoder, objective(kind), config, folder, held_out)
    fit([one], lambda skip: _killed_after(stream(states, 2, autoencoder, 64, seed, skip), stop_after))
    return autoencoder


def make(states, kind, seed=0):
    return KINDS[kind](32, 64, states.scaling(2), seed=seed)


def objective(kind):
    return BinaryObjective(1e-3, 1e-4) if kind == "binary" else SparseObjective(l1_weight=1e-2)


def _killed_after(batches, count):
    yield from islice(batches, count)
    if count is not None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", TRAINED)
def test_killed_and_resumed_is_bit_equal_to_undisturbed(states, tmp_path, kind):
    whole = run(states, tmp_path / "whole", kind=kind)
    with pytest.raises(KeyboardInterrupt):
        run(states, tmp_path / "killed", kind=kind, stop_after=27)
    resumed = run(states, tmp_path / "killed", kind=kind)
    for name, weight in whole.named_parameters():
        assert torch.equal(weight, dict(resumed.named_parameters())[name]), name
    assert (tmp_path / "whole/curve.jsonl").read_text() == (tmp_path / "killed/curve.jsonl").read_text()


def test_another_seed_gives_another_result(states, tmp_path):
    """Negative control: the equality above is not that of a training that does nothing."""
    one, other = run(states, tmp_path / "a"), run(states, tmp_path / "b", seed=1)
    assert not torch.equal(one.W_in, other.W_in)
    assert not torch.equal(one.W_in, BinaryAutoencoder(32, 64, states.scaling(2)).W_in)


def test_loss_falls(states, tmp_path):
    run(states, tmp_path, steps=200, learning_rate=5e-3)
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    losses = [row["reconstruction"] for row in curve if "loss" in row]
    assert losses[-1] < 0.7 * losses[0]
    assert [row["step"] for row in curve if "loss" in row] == list(range(5, 201, 5))
    assert [row["step"] for row in curve if "held_out_fvu" in row] == list(range(10, 201, 10))


def test_an_epoch_holds_every_kept_vector_once(states):
    autoencoder = make(states, "relu")
    kept = torch.cat([pair.read for pair in states.all_pairs(2, autoencoder)])
    size = 50
    batches = torch.cat([batch.read for batch in islice(stream(states, 2, autoencoder, size, seed=3), len(kept) // size)])
    expected = {tuple(row) for row in autoencoder.scaling.apply(kept).tolist()}
    assert {tuple(row) for row in batches.tolist()} <= expected
    assert len(batches.unique(dim=0)) == len(batches) - (len(kept) - len(kept.unique(dim=0)))


def test_batches_differ_between_epochs_and_repeat_for_a_seed(states):
    autoencoder = make(states, "relu")
    per_epoch = states.kept(2, autoencoder) // 64
    first = [batch.read for batch in islice(stream(states, 2, autoencoder, 64, seed=0), per_epoch + 3)]
    assert not torch.equal(first[0], first[per_epoch])
    again = next(stream(states, 2, autoencoder, 64, seed=0)).read
    assert torch.equal(first[0], again) and not torch.equal(first[0], next(stream(states, 2, autoencoder, 64, seed=9)).read)
    for skip in (1, per_epoch, per_epoch + 2):
        assert torch.equal(next(stream(states, 2, autoencoder, 64, 0, skip)).read, first[skip])


def test_too_few_vectors_are_said(states):
    with pytest.raises(ValueError, match="fewer than one batch"):
        next(stream(states, 2, make(states, "relu"), 100_000, 0))


def test_a_loss_that_is_not_a_number_stops_training(states, tmp_path):
    broken = iter([Pair.same(torch.full((64, 32), float("nan")))] * 10)
    with pytest.raises(FloatingPointError, match="learning rate"):
        fit([Run(make(states, "relu"), SparseObjective(), FitConfig(steps=10, log_every=1), tmp_path)], lambda skip: broken)


@pytest.mark.parametrize("change", [{"learning_rate": 1e-4}, {"kind": "relu"}, {"seed": 1}])
def test_the_state_of_another_training_is_not_taken_up(states, tmp_path, change):
    run(states, tmp_path, steps=10)
    with pytest.raises(ValueError, match="state of another training"):
        run(states, tmp_path, **{"steps": 10} | change)
    run(states, tmp_path, steps=10, save_minutes=5.0)


def test_weights_that_are_no_numbers_are_not_saved(states, tmp_path):
    """Neither at the end nor between two lines of the curve."""
    bad = Pair.same(torch.full((64, 32), float("nan")))
    good = list(islice(stream(states, 2, make(states, "relu"), 64, 0), 5))
    one = Run(make(states, "relu"), SparseObjective(), FitConfig(steps=7, batch_size=64, log_every=50), tmp_path)
    with pytest.raises(FloatingPointError, match="step 7"):
        fit([one], lambda skip: iter([*good, bad, bad]))
    assert not (tmp_path / "state.safetensors").exists()


def test_a_full_disk_keeps_the_last_state(states, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        run(states, tmp_path, steps=20, stop_after=10)
    before = (tmp_path / "state.safetensors").read_bytes()

    def full_disk(*_args, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training, "save_file", full_disk)
    with pytest.raises(OSError, match="No space"):
        run(states, tmp_path, steps=20)
    assert (tmp_path / "state.safetensors").read_bytes() == before
    assert not list(tmp_path.glob(".tmp-*"))


def test_silence_counts_tokens_since_a_feature_fired(states):
    autoencoder = KINDS["topk"](32, 64, states.scaling(2), k=1)
    state = TrainingState.start(autoencoder)
    for batch in islice(stream(states, 2, autoencoder, 64, 0), 3):
        loss = step(state, batch, SparseObjective(), FitConfig(batch_size=64))
    fired_last = (loss.code != 0).any(0)
    assert (state.silence[fired_last] == 0).all()
    assert set(state.silence[~fired_last].tolist()) <= {64, 128, 192} and (~fired_last).any()


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch_size": 1}, {"learning_rate": 0}, {"decay": 2}])
def test_impossible_descents_are_refused(wrong):
    with pytest.raises(ValueError, match="training needs"):
        FitConfig(**wrong)
