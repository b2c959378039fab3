"""The commands under torchrun, and under kill -9: two processes share a study, a killed one goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from bae.states.harvest import HiddenStates
from bae.workspace import Workspace
from tests.conftest import prose, write_jsonl

RECIPE = """
model = {model}
layers = [2]
sources = [{source}]
train_tokens = 4000
held_out_tokens = 400
context_length = 32

[[autoencoder]]
name = "bae"
kind = "binary"
layer = 2
steps = 200
batch_size = 64
covariance_weight = 1e-4
save_minutes = 0.0
log_every = 10

[[autoencoder]]
name = "transcoder"
kind = "transcoder"
layer = 2
l1_weight = 1e-3
steps = 60
batch_size = 64
log_every = 10
"""
BAE = [sys.executable, "-m", "bae"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
SMALL_SHARDS = "tests.unit.small_shards"


@pytest.fixture
def study(tiny_llama, tmp_path):
    source = write_jsonl(tmp_path / "text.jsonl", [prose(seed) for seed in range(200)])
    return lambda name: begun(tmp_path / name, json.dumps(str(tiny_llama)), json.dumps(str(source)))


def begun(folder, model, source):
    folder.mkdir()
    (folder / "recipe.toml").write_text(RECIPE.format(model=model, source=source))
    return Workspace.open(folder)


def run(*command):
    # one thread, as torchrun gives each rank: sums are then of the same order
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return done


def test_two_processes_harvest_and_train_as_one_does(study):
    alone, together = study("alone"), study("together")
    run(sys.executable, "-m", SMALL_SHARDS, "harvest", "--workspace", str(alone.folder))
    run(*TORCHRUN, SMALL_SHARDS, "harvest", "--workspace", str(together.folder))
    one, two = (HiddenStates(place.harvest_folder("train")) for place in (alone, together))
    assert one.n_shards == two.n_shards == 5 and one.layers == [2, "mlp_input.2"]
    for number in range(one.n_shards):
        assert torch.equal(one.shard(number, 2), two.shard(number, 2)) and one.tokens(number).equals(two.tokens(number))
    assert torch.equal(one.scaling(2).mean, two.scaling(2).mean)

    run(*BAE, "train", "--workspace", str(alone.folder))
    run(*TORCHRUN, "bae", "train", "--workspace", str(together.folder))
    for name in ("bae", "transcoder"):
        curves = [
            [json.loads(line) for line in (place.folder / f"training/{name}/stage-0/curve.jsonl").read_text().splitlines()]
            for place in (alone, together)
        ]
        losses = [[line["loss"] for line in curve if "loss" in line] for curve in curves]
        assert losses[0] == pytest.approx(losses[1], rel=2e-2) and losses[0][-1] < losses[0][0]
        assert len(losses[0]) == len(losses[1]) and [line["step"] for line in curves[0]] == [line["step"] for line in curves[1]]


def test_killed_at_a_random_step_and_resumed_gives_bit_equal_weights(study):
    whole, killed = study("whole"), study("killed")
    run(*BAE, "harvest", "--workspace", str(whole.folder))
    (killed.folder / "harvest").symlink_to(whole.folder / "harvest")
    run(*BAE, "train", "--workspace", str(whole.folder), "--name", "bae")
    command = [*BAE, "train", "--workspace", str(killed.folder), "--name", "bae"]
    state = killed.folder / "training/bae/stage-0/state.safetensors"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not state.exists() and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL and not (killed.autoencoder_folder("bae") / "config.json").exists()
    step = int(load_file(state)["step"])
    assert 0 < step < 200, "killed in the middle, or nothing is shown"
    run(*command)
    one, other = (load_file(place.autoencoder_folder("bae") / "weights.safetensors") for place in (whole, killed))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_terminated_it_saves_before_it_ends(study):
    """The state is written on SIGTERM even when the next save is far off."""
    place = study("terminated")
    recipe = place.folder / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("save_minutes = 0.0", "save_minutes = 60.0").replace("steps = 200", "steps = 100000"))
    run(*BAE, "harvest", "--workspace", str(place.folder))
    process = subprocess.Popen([*BAE, "train", "--workspace", str(place.folder), "--name", "bae"], stderr=subprocess.DEVNULL)
    curve = place.folder / "training/bae/stage-0/curve.jsonl"
    while process.poll() is None and not curve.exists():
        time.sleep(0.01)
    process.terminate()
    assert process.wait(60) == -signal.SIGTERM
    assert int(load_file(curve.parent / "state.safetensors")["step"]) >= 10


def test_two_in_one_pass_are_what_they_are_alone(study):
    """And a dry run says what it will take, and writes nothing."""
    alone, together = study("alone"), study("together")
    table = '[[autoencoder]]\nname = "topk"\nkind = "topk"\nlayer = 2\nk = 4\nsteps = 50\nbatch_size = 64\n'
    for place in (alone, together):
        recipe = place.folder / "recipe.toml"
        recipe.write_text(recipe.read_text() + table)
    run(*BAE, "harvest", "--workspace", str(alone.folder))
    (together.folder / "harvest").symlink_to(alone.folder / "harvest")
    told = run(*BAE, "train", "--workspace", str(alone.folder), "--dry-run").stdout
    assert "bae" in told and "200 steps" in told and "310 steps" in told and not (alone.folder / "training").exists()
    for name in ("bae", "topk"):
        run(*BAE, "train", "--workspace", str(alone.folder), "--name", name)
    run(*BAE, "train", "--workspace", str(together.folder), "--name", "bae", "--name", "topk")
    for name in ("bae", "topk"):
        one, other = (load_file(place.autoencoder_folder(name) / "weights.safetensors") for place in (alone, together))
        assert all(torch.equal(one[key], other[key]) for key in one), name
    refused = subprocess.run(
        [*BAE, "train", "--workspace", str(together.folder), "--name", "bae", "--name", "transcoder"], capture_output=True, text=True
    )
    assert refused.returncode == 1 and "share a pass" in refused.stderr


def test_a_second_training_of_the_same_is_refused(study):
    place = study("twice")
    recipe = place.folder / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("steps = 200", "steps = 100000"))
    run(*BAE, "harvest", "--workspace", str(place.folder))
    command = [*BAE, "train", "--workspace", str(place.folder), "--name", "bae"]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while first.poll() is None and not (place.folder / "training/bae/stage-0/state.safetensors").exists():
        time.sleep(0.01)
    second = subprocess.run(command, capture_output=True, text=True, timeout=120)
    first.kill()
    first.wait()
    assert second.returncode == 1 and "another process" in second.stderr and "Traceback" not in second.stderr
