"""`bae app --model FOLDER` on a random Llama 3.2 in small: harvest, train, index, live text, by the commands that a person runs."""

import json
import os

import pytest
from typer.testing import CliRunner

from bae.cli.main import app
from bae.index.query import Index
from bae.model.language_model import LanguageModel
from bae.reading.inspection import inspect
from bae.reading.lenses import load_lenses
from bae.workspace import Recipe, Workspace
from tests.conftest import prose, write_jsonl

RECIPE = """
layers = "middle"
sources = [{source}]
train_tokens = 3000
held_out_tokens = 400
context_length = 32
index_sentences = 80
shortest_sentence = 4
longest_sentence = 24

[[autoencoder]]
name = "bae"
kind = "binary"
layer = "middle"
steps = 60
batch_size = 64
refit = true
then = {{ steps = 50, learning_rate = 1e-4, density_weight = 1e-3 }}

[[autoencoder]]
name = "topk"
kind = "topk"
layer = "middle"
k = 4
steps = 60
batch_size = 64
"""


@pytest.fixture(scope="module")
def arranged(tiny_llama, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole way")
    source = write_jsonl(folder / "text.jsonl", [prose(seed) for seed in range(150)])
    (folder / "recipe.toml").write_text(RECIPE.format(source=json.dumps(str(source))))
    return folder, ["app", "--model", str(tiny_llama), "--recipe", str(folder / "recipe.toml"), "--workspace", str(folder / "study")]


@pytest.fixture(scope="module")
def study(arranged):
    folder, command = arranged
    served = []
    patch = pytest.MonkeyPatch()
    patch.setattr(os, "execve", lambda *call: served.append(call))
    result = CliRunner().invoke(app, command)
    patch.undo()
    assert result.exit_code == 0, result.output
    assert len(served) == 1 and served[0][2]["BAE_WORKSPACE"] == str(folder / "study")
    assert "3,400 tokens" in result.output and "170 steps" in result.output, "what it will take is said first"
    return Workspace.open(folder / "study")


def test_index_and_dictionaries_are_there(study):
    index = Index(study.index_file())
    assert set(index.dictionaries()) == {"bae", "topk"} and index.dictionaries()["bae"].layer == 2
    assert index.features("bae", limit=200).total == 128
    assert sum(feature.count for feature in index.features("bae", limit=200).features) > 0


def test_live_text_reads_with_the_same_model(study):
    model = LanguageModel.load(study.recipe.model)
    lenses = load_lenses(study.folder / "autoencoders", model)
    assert not lenses.refused
    found = inspect(model, lenses.usable, "Senate vote bill law.")
    assert (found["bae"].top.feature[1:] >= 0).any() and found["bae"].code.shape[1] == 128


def test_a_second_start_computes_nothing(study, arranged, monkeypatch):
    monkeypatch.setattr(os, "execve", lambda *_: None)
    for name in ("fit", "evaluate"):
        monkeypatch.setattr(f"bae.training.from_recipe.{name}", lambda *_args, **_named: pytest.fail("trained again"))
    monkeypatch.setattr("bae.states.harvest._write_shard", lambda *_: pytest.fail("harvested again"))
    monkeypatch.setattr("bae.index.build._read_all", lambda *_: pytest.fail("indexed again"))
    result = CliRunner().invoke(app, arranged[1])
    assert result.exit_code == 0, result.output


def test_figures_of_the_checkpoint_are_those_of_evaluate(study):
    """The same numbers by the other way: from the checkpoint on disk, through `bae evaluate --json`."""
    result = CliRunner().invoke(app, ["evaluate", "--workspace", str(study.folder), "--name", "bae", "--json"])
    rows = {row["metric"]: row["value"] for row in json.loads(result.stdout)["rows"]}
    told = json.loads((study.autoencoder_folder("bae") / "config.json").read_text())["provenance"]["figures"]
    assert rows["bae.fvu"] == pytest.approx(told["fvu"], rel=1e-4) and rows["bae.active_8192_tokens"] == told["active_8192_tokens"]
    assert 0 < rows["bae.fvu"] < 1, "better than the mean"


def test_an_option_that_the_kind_lacks_is_named(arranged, tiny_llama):
    folder, command = arranged
    wrong = folder / "wrong.toml"
    wrong.write_text((folder / "recipe.toml").read_text().replace('kind = "topk"', 'kind = "topk"\nsurrogate = "clip"'))
    result = CliRunner().invoke(app, [*command[:4], str(wrong), "--workspace", str(folder / "other")])
    assert result.exit_code == 1 and "no option surrogate" in result.output and "revival_weight" in result.output


def test_the_second_stage_is_trained_and_said(study):
    told = json.loads((study.autoencoder_folder("bae") / "config.json").read_text())["provenance"]
    assert told["options"]["then"] == {"steps": 50, "learning_rate": 1e-4, "density_weight": 1e-3}
    assert told["tokens_seen"] == 110 * 64
    curve = (study.folder / "training" / "bae" / "stage-1" / "curve.jsonl").read_text()
    assert "excess_density" in curve


def test_a_recipe_with_a_second_stage_is_written_and_read_back(study):
    assert Recipe.parse(study.recipe.toml()) == study.recipe


def test_an_unknown_option_in_the_second_stage_is_named(arranged):
    folder, command = arranged
    wrong = folder / "wrong-then.toml"
    wrong.write_text((folder / "recipe.toml").read_text().replace("density_weight = 1e-3", "surrogate = 'clip'"))
    result = CliRunner().invoke(app, [*command[:4], str(wrong), "--workspace", str(folder / "third")])
    assert result.exit_code == 1 and "no option surrogate" in result.output


def test_a_second_stage_that_is_no_table_is_refused():
    recipe = RECIPE.format(source='"addresses"')
    assert Recipe.parse(recipe).autoencoders[0]["then"]["steps"] == 50
    with pytest.raises(ValueError, match="`then` is a table"):
        Recipe.parse(recipe.replace("then = { steps = 50, learning_rate = 1e-4, density_weight = 1e-3 }", "then = 3"))
