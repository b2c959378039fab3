"""What is found of a set, its bad inputs, and experiments as a person starts them: recipes, forecasts, the command."""

import json
import math
from dataclasses import replace
from importlib import import_module

import pyarrow
import pyarrow.parquet
import pytest
import torch
from typer.testing import CliRunner

from bae.cli.entropy import entropy_app
from bae.experiments.entropy import dynamics, set_entropy
from bae.experiments.entropy import language as language_entropy
from bae.experiments.entropy import recipes as entropy_recipes
from bae.experiments.entropy import tokens as token_sets
from bae.experiments.entropy.recipes import read_settings
from bae.experiments.entropy.results import Results, kept
from bae.experiments.entropy.set_entropy import SetOf, is_constant, measured, prepared
from bae.experiments.entropy.set_training import Training
from bae.workspace import Workspace
from tests.conftest import prose, write_jsonl

TRAINING = Training(steps=30, batch_size=16)
LANGUAGE = language_entropy.Settings(windows=40, positions=(1, 4, 8), layers=(0, 2), training=TRAINING)


@pytest.fixture
def study(tmp_path, tiny_llama) -> Workspace:
    source = write_jsonl(tmp_path / "text.jsonl", [prose(seed, sentences=3) for seed in range(12)])
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"model = {json.dumps(str(tiny_llama))}\nlayers = [2]\nsources = [{json.dumps(str(source))}]\n", encoding="utf-8")
    return Workspace.create(tmp_path / "study", recipe)


def states(vectors: int = 200, d_model: int = 8) -> torch.Tensor:
    return torch.randn(vectors, d_model, generator=torch.Generator().manual_seed(0))


def one(given: torch.Tensor):
    return prepared(SetOf({"layer": 3}, lambda: given), torch.arange(len(given)))


def test_a_row_is_what_a_loop_over_its_codes_gives(monkeypatch):
    kept_fits = []
    fit_sets = set_entropy.fit_sets
    monkeypatch.setattr(set_entropy, "fit_sets", lambda *given: kept_fits.extend(fit_sets(*given)) or kept_fits)
    given = states().half()
    (row,) = measured([one(given)], replace(TRAINING, expansion=2), 0, lambda steps: None)
    scaled, (fitted,) = one(given).scaled, kept_fits
    codes = [(state @ fitted.W_in + fitted.b_in >= 0).float() for state in scaled]
    rates = torch.stack(codes).double().mean(0).tolist()
    assert row["entropy"] == pytest.approx(-sum(p * math.log2(p) for rate in rates for p in (rate, 1 - rate) if p > 0), abs=1e-6)
    assert row["moving"] == sum(0 < rate < 1 for rate in rates)
    assert (row["always_on"], row["always_off"], row["frozen"]) == (rates.count(1.0), rates.count(0.0), None)
    assert row["tree_low"] < row["tree"] < row["tree_high"] and row["tree"] <= row["entropy"]
    raw = one(given).scaling.undo(torch.stack([code @ fitted.W_out + fitted.b_out for code in codes]))
    assert row["reconstruction"] == pytest.approx((raw - given.float()).square().mean().item(), rel=1e-4)
    error, spread = (raw - given.float())[160:], given[160:].float() - given[160:].float().mean(0)
    assert row["held_out_fvu"] == pytest.approx((error.square().sum() / spread.square().sum()).item(), rel=1e-4)
    assert row["expansion"] == 2 and row["vectors"] == 200 and row["pca_rank"] == 8


def test_frozen_bits_are_those_that_stand_still_here_and_not_in_the_sets_beside(monkeypatch):
    """Bits that read single numbers of the states: one that moves here, one alike here, one alike everywhere, one alike elsewhere."""
    here, there = states(), states() + 100
    here[:, 1], here[:, 2], there[:, 2], there[:, 3] = 2.0, 5.0, 5.0, 7.0

    def looking(stack, *_):
        fitted = []
        for own in (first, second):
            W_in, at = torch.zeros(8, 4), own.scaling.apply(torch.tensor([[0.0, 2.5, 4.5, 0.0, 0, 0, 0, 0]]))[0]
            W_in[[0, 1, 2, 3], [0, 1, 2, 3]] = 1.0
            fitted.append(set_entropy.Fitted(W_in, -at[:4], torch.zeros(4, 8), torch.zeros(8)))
        return fitted

    monkeypatch.setattr(set_entropy, "fit_sets", looking)
    first, second = one(here), one(there)
    rows = list(measured([first, second, one(torch.ones(9, 8))], TRAINING, 0, lambda steps: None))
    told = [[row[name] for name in ("moving", "always_on", "always_off", "frozen")] for row in rows]
    # of the first set bit 1 is off and on elsewhere, bit 2 is on in both; of the second bits 0, 1 and 3 are on and not so in the first
    assert told == [[2, 1, 1, 1], [0, 4, 0, 3], [0, 0, 0, 0]]
    (alone,) = measured([first], TRAINING, 0, lambda steps: None)
    assert alone["frozen"] is None and alone["always_off"] == 1, "negative control: with nothing beside it nothing can be told"


def test_the_origin_is_the_mean_or_the_first_state_that_is_kept():
    given = states()
    given[0] = 1e6
    labelled = SetOf({"layer": 3}, lambda: given)
    for origin, zero in (("mean", False), ("state", True)):
        found = prepared(labelled, torch.arange(len(given)), origin)
        assert (found.scaled[0] == 0).all().item() is zero
        assert torch.allclose(found.scaling.undo(found.scaled), given[1:], atol=1e-5)
        assert found.scaled.var(0, correction=0).sum().item() == pytest.approx(1, rel=1e-5)
    with pytest.raises(ValueError, match="one of mean, state; got 'median'"):
        Training(origin="median")


def test_bad_sets_are_refused_and_a_constant_one_is_valid():
    for given, words in (
        (states(0), "layer 3: .* an empty set"),
        (states(1), "layer 3: .* two vectors or more; got 1"),
        (torch.full((5, 8), torch.nan), "layer 3: none of its 5 vectors is finite"),
    ):
        with pytest.raises(ValueError, match=words):
            one(given)
    broken = states()
    broken[3, 2], broken[5] = torch.nan, 1e6
    assert one(broken).dropped == 2 and len(one(broken).scaled) == 198
    with pytest.raises(ValueError, match="1 of 5 vectors hold NaN"):
        one(torch.cat([torch.ones(4, 8), torch.full((1, 8), torch.nan)]))
    with pytest.raises(ValueError, match="2 of its vectors are over 10 times the median norm, and the others are all one"):
        one(torch.cat([torch.ones(6, 8), torch.full((2, 8), 1000.0)]))
    same = torch.full((50, 8), 3.25)
    (row,) = measured([one(same)], TRAINING, 0, lambda steps: None)
    assert row["constant"] and row["entropy"] == row["tree"] == row["fvu"] == 0 and row["scale"] is None
    # rounding of fp16 alone makes no information; a hundredth of the length does
    assert is_constant(same + 1e-4 * states(50)) and not is_constant(same + 0.03 * states(50))
    assert is_constant((1000 * same + 1e-4 * states(50)).half())


def test_a_set_that_varies_far_from_the_origin_is_not_constant():
    far = (torch.tensor([100.0] + 7 * [0.0]) + 0.01 * states(200)).half()
    spread = (far.double() - far.double().mean(0)).square().sum() / far.double().square().sum()
    # control: a share of the length cannot tell it from rounding
    assert spread < 2**-20 and not is_constant(far) and one(far).scaled is not None


def test_constant_sets_stand_beside_others_and_change_nothing():
    alone = list(measured([one(states())], TRAINING, 0, lambda steps: None))
    beside = list(measured([one(torch.ones(50, 8)), one(states())], TRAINING, 0, lambda steps: None))
    assert beside[1] == alone[0] and beside[0]["constant"]


def test_dynamics_follow_both_trainings(tiny_model, study, monkeypatch):
    monkeypatch.setattr(dynamics, "POINTS", 10)
    settings = dynamics.Settings(LANGUAGE, layer=2, positions=(1, 8), training=replace(TRAINING, entropy_weight=0.05, warm_up=0.5))
    results = dynamics.run(study, settings, tiny_model)
    assert results.finished and len(results.rows) == 2 * 2 * 10
    curves = {
        with_loss: [row for row in results.rows if row["entropy_loss"] == with_loss and row["position"] == 8] for with_loss in (True, False)
    }
    assert [row["step"] for row in curves[True]] == list(range(3, 31, 3))
    # the same until the entropy acts, then less of it
    assert [row["entropy"] for row in curves[True]][:5] != [] and curves[True][0]["entropy"] == pytest.approx(
        curves[False][0]["entropy"], rel=0.2
    )
    assert curves[True][-1]["entropy"] < curves[False][-1]["entropy"]
    assert dynamics.run(study, settings, tiny_model).rows == results.rows
    with pytest.raises(ValueError, match="one of those that are read"):
        dynamics.run(study, replace(settings, layer=1), tiny_model)
    for wrong in ({"positions": (5,)}, {"positions": ()}, {"training": TRAINING.without_entropy()}):
        with pytest.raises(ValueError):
            replace(settings, **wrong)


@pytest.mark.parametrize("recipe", sorted(entropy_recipes.RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_recipes_that_come_with_the_explorer_are_valid(recipe):
    module = import_module(f"bae.experiments.entropy.{recipe.stem.split('-')[0]}")
    assert read_settings(module.Settings, recipe.stem, {}) == read_settings(module.Settings, str(recipe), {"seed": None})


def test_recipes_say_what_is_wrong(tmp_path):
    def refused(text: str, words: str):
        (tmp_path / "r.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=words):
            read_settings(token_sets.Settings, str(tmp_path / "r.toml"), {})

    refused("text = 5", "unknown key text; there are texts, ranks")
    refused('ranks = "1,2"', "ranks must be a list of whole numbers; got '1,2'")
    refused("texts = true", "texts must be a whole number; got True")
    refused('words = [" sea"]', "words must be a list of 2 texts")
    refused("[training]\nsteps = 1.5", "training: steps must be a whole number")
    refused("texts = ", "r.toml: ")
    with pytest.raises(ValueError, match=r"there is no recipe 'nothing'.* tokens"):
        read_settings(token_sets.Settings, "nothing", {})
    found = read_settings(token_sets.Settings, "tokens", {"texts": 5, "training": {"steps": 7, "expansion": None}})
    assert (found.texts, found.training.steps, found.training.expansion) == (5, 7, 1)


def test_the_command_forecasts_runs_and_prints(study):
    called = CliRunner().invoke
    sizes = ["--workspace", str(study.folder), "--windows", "40", "--positions", "1,8", "--layers", "0,2"]
    small = study.folder / "small.toml"
    small.write_text("[training]\nbatch_size = 16\nsteps = 12\n", encoding="utf-8")
    sizes += ["--recipe", str(small)]
    told = json.loads(called(entropy_app, ["language", *sizes, "--dry-run", "--json"]).stdout)
    assert told["tokens"] == 40 * 9 and told["steps"] == 24 and told["seconds"] > 0 and not kept(study, "language").found
    ran = called(entropy_app, ["language", *sizes])
    assert ran.exit_code == 0 and "layer  2  position    8" in ran.stdout and "log2 5.3" in ran.stdout
    again = json.loads(called(entropy_app, ["language", *sizes, "--json"]).stdout)
    assert again["name"] == "entropy language" and len(again["rows"]) == 4 and again["model"]
    left = json.loads(called(entropy_app, ["language", *sizes, "--dry-run", "--json"]).stdout)
    assert left["tokens"] == left["steps"] == 0
    wrong = called(entropy_app, ["language", *sizes, "--positions", "1,two"])
    assert wrong.exit_code == 1 and "numbers are written with commas" in wrong.stderr
    assert called(entropy_app, ["language", *sizes, "--positions", "5000"]).exit_code == 1


def test_the_command_runs_the_benchmark_of_made_sets(study):
    small = study.folder / "small.toml"
    small.write_text("d_model = 8\nbatch_size = 16\n", encoding="utf-8")
    sizes = ["synthetic", "--workspace", str(study.folder), "--recipe", str(small), "--samples", "64", "--steps", "8"]
    sizes += ["--ranks", "0,2", "--expansions", "1"]
    assert json.loads(CliRunner().invoke(entropy_app, [*sizes, "--dry-run", "--json"]).stdout)["seconds"] > 0
    ran = CliRunner().invoke(entropy_app, sizes)
    assert ran.exit_code == 0 and ran.stdout.count("the entropy loss") == 4 and "r   2  without" in ran.stdout
    wrong = CliRunner().invoke(entropy_app, [*sizes, "--ranks", "0,9"])
    assert wrong.exit_code == 1 and "d_model is 8" in wrong.stderr


def test_results_that_are_none_are_refused_and_hide_no_others(study):
    file = study.folder / "entropy" / f"language-{'0' * 12}.parquet"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"no table")
    with pytest.raises(ValueError, match="is damaged"):
        Results.read(file)
    whole = Results(file.with_name(f"language-{'1' * 12}.parquet"), {"seconds": 0.0, "wanted": 1}, [])
    whole.keep([{"layer": 0}], 1.0)
    foreign = file.with_name(f"language-{'2' * 12}.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"layer": [0]}), foreign)
    broken = file.with_name(f"language-{'3' * 12}.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"layer": [0]}).replace_schema_metadata({"bae.provenance": "{"}), broken)
    found, damaged = kept(study, "language")
    assert [one.file for one in found] == [whole.file]
    assert all(wrong.name in told for wrong, told in zip((file, foreign, broken), damaged, strict=True))
    for wrong in (file, foreign, broken):
        wrong.unlink()
    assert kept(study, "language").damaged == [], "control: none is called damaged without a reason"


def test_rows_that_lack_what_is_measured_now_are_gone_on_with(study):
    """A run that an earlier version began: its rows have fewer columns, and later rows keep theirs."""
    begun = Results(study.folder / "entropy" / f"language-{'0' * 12}.parquet", {"seconds": 0.0, "wanted": 2}, [])
    begun.keep([{"layer": 0, "moving": 3}], 1.0)
    begun.keep([{"layer": 1, "moving": 4, "frozen": 2}], 1.0)
    assert Results.read(begun.file).rows == [{"layer": 0, "moving": 3, "frozen": None}, {"layer": 1, "moving": 4, "frozen": 2}]
