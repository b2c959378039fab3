"""The synthetic benchmark: its sets, its trainings side by side, going on after a stop, and that it finds what is known."""

import json
from dataclasses import replace

import pytest
import torch

from bae.autoencoder import BinaryAutoencoder, Pair
from bae.experiments.entropy import synthetic
from bae.experiments.entropy.synthetic import Group, GroupTraining, grouped, run, started
from bae.experiments.entropy.synthetic_sets import DirectionalSets
from bae.experiments.entropy.synthetic_settings import Settings, kept
from bae.states.scaling import Scaling
from bae.training.descent import FitConfig, TrainingState, step
from bae.training.objective import BinaryObjective
from bae.workspace import DATA, Workspace

SMALL = Settings(d_model=12, ranks=(0, 2, 3), expansions=(2,), samples=1024, steps=1500, batch_size=128, learning_rate=5e-3)


@pytest.fixture
def study(tmp_path) -> Workspace:
    return Workspace.create(tmp_path / "study", DATA / "recipes" / "workshop.toml")


def sets_of(settings: Settings) -> DirectionalSets:
    return DirectionalSets(settings.ranks, settings.d_model, settings.samples, settings.seed)


def never() -> bool:
    return False


def test_a_set_of_rank_r_is_sums_of_r_orthonormal_directions_by_fair_coins():
    sets = DirectionalSets((0, 3, 5), 16, 4000, seed=1)
    assert not sets.whole(0).any()
    for place, rank in ((1, 3), (2, 5)):
        basis, states = sets.basis[place, :rank], sets.whole(rank)
        assert torch.allclose(basis @ basis.T, torch.eye(rank), atol=1e-5)
        coins = states @ basis.T
        assert torch.allclose(coins, coins.round(), atol=1e-5) and set(coins.round().unique().tolist()) == {0, 1}
        assert torch.allclose(coins @ basis, states, atol=1e-5)
        assert coins.mean(0) == pytest.approx(torch.full((rank,), 0.5), abs=0.05)
        assert len(coins.round().unique(dim=0)) == 2**rank
    rows = torch.tensor([7, 0, 7])
    assert torch.allclose(sets.rows(rows)[2], sets.whole(5)[rows])


def test_a_set_is_the_same_whatever_stands_beside_it_and_another_with_another_seed():
    alone, beside = DirectionalSets((5,), 16, 100, seed=1), DirectionalSets((2, 5), 16, 100, seed=1)
    assert torch.equal(alone.whole(5), beside.whole(5))
    assert not torch.equal(alone.whole(5), DirectionalSets((5,), 16, 100, seed=2).whole(5))


@pytest.mark.parametrize("entropy_loss", [True, False])
def test_trained_side_by_side_each_comes_to_what_it_comes_to_alone(entropy_loss):
    """Against `bae.training.descent.step` on one BAE with the weights of Eq. (5)."""
    settings = replace(SMALL, steps=20, warm_up=0.25)
    group, sets = Group(2, entropy_loss, (2, 3)), sets_of(settings)
    training = GroupTraining(group, settings, sets, synthetic.Path("/nowhere"))
    alone = [BinaryAutoencoder(12, 24, Scaling.raw(12), surrogate="clip") for _ in group.ranks]
    for autoencoder, *weights in zip(alone, *started(group, settings, torch.device("cpu")), strict=True):
        for name, weight in zip(("W_in", "b_in", "W_out", "b_out"), weights, strict=True):
            getattr(autoencoder, name).data.copy_(weight.squeeze(0) if name[0] == "b" else weight)
    states = [TrainingState.start(autoencoder) for autoencoder in alone]
    shares = (settings.entropy_weight / 12, settings.covariance_weight / 12) if entropy_loss else (0.0, 0.0)
    objective = BinaryObjective(*shares, warm_up=settings.warm_up)
    descent = FitConfig(settings.steps, settings.batch_size, settings.learning_rate, settings.decay)
    for number in range(settings.steps):
        rows = torch.randint(
            sets.samples * 4 // 5, (settings.batch_size,), generator=torch.Generator().manual_seed(1_000_003 * settings.seed + number)
        )
        for rank, state in zip(group.ranks, states, strict=True):
            step(state, Pair.same(sets.whole(rank)[rows]), objective, descent)
        training._take_step()
    for autoencoder, fitted in zip(alone, training.fitted(), strict=True):
        assert torch.allclose(autoencoder.W_in, fitted.W_in, atol=2e-4) and torch.allclose(autoencoder.W_out, fitted.W_out, atol=2e-4)
        assert not torch.allclose(autoencoder.W_in, training.fitted()[0].W_in + 0.01, atol=2e-4), "negative control: a shift shows"


def test_a_training_that_was_stopped_goes_on_to_the_same_result(tmp_path):
    settings = replace(SMALL, steps=60)
    group, sets = Group(2, True, (0, 2, 3)), sets_of(settings)
    undisturbed = GroupTraining(group, settings, sets, tmp_path / "undisturbed")
    assert undisturbed.finish(lambda _: None, never)
    stopped = GroupTraining(group, settings, sets, tmp_path / "stopped")
    assert not stopped.finish(lambda _: None, lambda: stopped.step >= 37)
    assert stopped.step == 37
    gone_on = GroupTraining(group, settings, sets, tmp_path / "stopped")
    assert gone_on.step == 37 and gone_on.curve == stopped.curve and gone_on.seconds >= stopped.seconds
    assert gone_on.finish(lambda _: None, never)
    assert all(torch.equal(one, other) for one, other in zip(undisturbed.weights, gone_on.weights, strict=True))
    assert undisturbed.curve == gone_on.curve and len(gone_on.curve) == 3 * 40
    other = GroupTraining(replace(group, entropy_loss=False), settings, sets, tmp_path / "stopped")
    assert other.step == 0, "the state of another group is not taken up"


def test_a_run_finds_the_bits_that_were_put_in_and_without_the_entropy_terms_too_many(study):
    found = run(study, SMALL)
    rows = {(row["entropy_loss"], row["rank"]): row for row in found.results.rows}
    assert len(rows) == 6 and found.results.finished and found.curves.finished and found.peers.finished
    for rank in SMALL.ranks:
        with_loss, without = rows[True, rank], rows[False, rank]
        assert with_loss["marginal"] == pytest.approx(rank, abs=0.2) and with_loss["tree"] == pytest.approx(rank, abs=0.2)
        assert with_loss["patterns"] <= with_loss["tree"] + 1e-9 <= with_loss["marginal"] + 2e-9
        assert with_loss["marginal_low"] <= with_loss["marginal"] <= with_loss["marginal_high"]
        assert without["marginal"] > rank + 2 or not rank, "negative control: the terms are what makes it right"
    assert rows[True, 0]["fvu"] is None and rows[True, 0]["moving"] == 0, "a constant set: 0 bits, and no variance to explain"
    assert all(row["fvu"] < 0.02 for (_, rank), row in rows.items() if rank)
    assert [row["pca_rank"] for row in found.peers.rows] == list(SMALL.ranks)
    last = [row for row in found.curves.rows if row["step"] == SMALL.steps and row["entropy_loss"]]
    assert [row["marginal"] for row in last] == pytest.approx([rows[True, rank]["marginal"] for rank in SMALL.ranks])
    # what is there is not done again, and is found by whoever looks for it
    before = found.results.file.stat().st_mtime_ns
    assert run(study, SMALL).results.rows == found.results.rows and found.results.file.stat().st_mtime_ns == before
    assert [one.results.rows for one in kept(study).found] == [found.results.rows]
    assert kept(study).found[0].results.provenance["settings"] == json.loads(json.dumps(SMALL.__dict__))
    assert not found.results.file.with_suffix(".state").exists(), "the state of a run that is done is cleared away"


def test_a_run_that_was_stopped_keeps_whole_groups_and_goes_on(study, monkeypatch):
    settings = replace(SMALL, steps=40, ranks=(1, 2))
    finish = GroupTraining.finish
    monkeypatch.setattr(
        GroupTraining, "finish", lambda self, advance, _: finish(self, advance, lambda: not self.group.entropy_loss and self.step >= 15)
    )
    stopped = run(study, settings)
    assert [row["entropy_loss"] for row in stopped.results.rows] == [True, True] and not stopped.results.finished
    assert [one.results.finished for one in kept(study).found] == [False]
    monkeypatch.setattr(GroupTraining, "finish", finish)
    went_on = run(study, settings)
    assert [row["entropy_loss"] for row in went_on.results.rows] == [True, True, False, False]
    assert went_on.results.rows[:2] == stopped.results.rows and went_on.curves.finished


def test_no_runs_is_an_empty_list_and_a_damaged_one_is_named_beside_the_others(study):
    assert kept(study) == ([], [])
    whole = run(study, replace(SMALL, steps=4, ranks=(1,)))
    (study.folder / "entropy" / "synthetic-0123456789ab.parquet").write_bytes(b"PAR1 and no more")
    found, damaged = kept(study)
    assert [one.results.file for one in found] == [whole.results.file]
    assert len(damaged) == 1 and "synthetic-0123456789ab.parquet is damaged" in damaged[0]
    # what lies beside the results is part of the run
    whole.curves.file.unlink()
    found, damaged = kept(study)
    assert not found and len(damaged) == 2 and whole.curves.file.name in " ".join(damaged)


def test_groups_are_as_large_as_memory_allows():
    paper = Settings(d_model=2048, ranks=(0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512), expansions=(1, 16))
    for memory in (0.001, 30, 1000):
        groups = grouped(paper, memory)
        every = [(group.expansion, group.entropy_loss, rank) for group in groups for rank in group.ranks]
        assert sorted(every) == sorted((e, loss, r) for e in paper.expansions for loss in (True, False) for r in paper.ranks)
    assert len(grouped(paper, 1000)) == 4 and len(grouped(paper, 0.001)) == 44
    wide = [len(group.ranks) for group in grouped(paper, 30) if group.expansion == 16]
    assert max(wide) < 11 and max(wide) >= 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ranks": (0, 13)}, "rank 13 needs states of at least that width"),
        ({"ranks": ()}, "at least one of each"),
        ({"ranks": (-1,)}, "ranks are 0 or more"),
        ({"ranks": (2, 2)}, "named once"),
        ({"expansions": (0,)}, "expansions 1 or more"),
        ({"batch_size": 1}, "a batch is of 2 to 4095"),
        ({"batch_size": 900}, "four fifths"),
        ({"steps": 0}, "steps are 1 or more"),
        ({"warm_up": 2.0}, "shares in"),
        ({"entropy_weight": -1.0}, "weights 0 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(SMALL, **changes)


def test_a_training_that_runs_away_says_so(tmp_path):
    training = GroupTraining(Group(2, True, (2,)), SMALL, sets_of(SMALL), tmp_path / "state")
    training.weights[0].fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        training.finish(lambda _: None, never)
