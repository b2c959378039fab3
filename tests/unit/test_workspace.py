"""A recipe says what is wrong with it; a study's folder appears whole or not at all."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from bae import pipeline, workspace
from bae.cli.main import recipe_file, slug
from bae.system.files import locked
from bae.training.from_recipe import settings
from bae.workspace import DATA, Recipe, Workspace

GOOD = """
layers = [2, 3]
sources = ["addresses"]
train_tokens = 1_000

[[autoencoder]]
name = "bae"
kind = "binary"
layer = 2
entropy_weight = 1e-4

[[autoencoder]]
name = "topk"
kind = "topk"
layer = 3
k = 15
"""


def recipe_at(folder: Path, text: str = GOOD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    return folder / "recipe.toml"


def test_a_recipe_is_read_with_its_defaults():
    recipe = Recipe.parse(GOOD)
    assert (recipe.model, recipe.layers, recipe.sources, recipe.train_tokens) == ("embedded", (2, 3), ("addresses",), 1000)
    assert (recipe.index_sentences, recipe.shortest_sentence, recipe.longest_sentence) == (8192, 6, 32)
    assert recipe.autoencoders[0]["entropy_weight"] == 1e-4
    with pytest.raises(TypeError):
        recipe.autoencoders[0]["layer"] = 9
    with pytest.raises(FrozenInstanceError):
        recipe.seed = 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("layers = [2, 3]", "", "needs layers"),
        ("layers = [2, 3]", "layers = []", "must be a list of numbers"),
        ("layers = [2, 3]", "layers = [-1, 2, 3]", 'from 0 up, or "middle"'),
        ("layers = [2, 3]", 'layers = "top"', 'a list of numbers, or "middle"'),
        ("layers = [2, 3]", "layers = [true, 2, 3]", "must be a list of numbers"),
        ("train_tokens", "tokens", "unknown key tokens; a recipe has layers, model, sources"),
        ("1_000", '"many"', "train_tokens must be a whole number; got 'many'"),
        ("1_000", "0", "1 or more; got train_tokens = 0"),
        ('["addresses"]', "[]", "sources must be a list of texts"),
        ('["addresses"]', '"addresses"', "sources must be a list of texts"),
        ('kind = "topk"', 'kind = "quantum"', "unknown kind 'quantum'; there are binary, relu, topk, gated"),
        ("layer = 3", "layer = 7", r"layer 7, which is not harvested; layers are \[2, 3\]"),
        ("layer = 3\n", "", "needs name, kind and layer; .* lacks layer"),
        ('name = "topk"', 'name = "bae"', "have one name"),
        ('name = "topk"', 'name = "../topk"', "letters, digits"),
        ('name = "topk"', 'name = ".."', "does not start with a dot"),
        ("train_tokens = 1_000", "shortest_sentence = 40", "at most longest_sentence"),
        ("train_tokens = 1_000", "train_tokens =", "line 4"),
    ],
)
def test_a_wrong_recipe_names_its_file_and_what_is_allowed(tmp_path, old, new, message):
    assert old in GOOD and Recipe.parse(GOOD), "the text must be good but for the one change"
    path = recipe_at(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as refusal:
        Recipe.read(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("path", sorted((DATA / "recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_that_comes_along_is_good(path):
    recipe = Recipe.read(path)
    assert Recipe.parse(recipe.toml()) == recipe
    different = {(table["layer"], table["kind"], table.get("seed", recipe.seed)) for table in recipe.autoencoders}
    assert len(different) == len(recipe.autoencoders) >= 4 * len(recipe.layers)
    for table in recipe.autoencoders:
        settings(table, recipe.seed)


def test_toml_survives_what_is_hard_to_quote():
    recipe = Recipe(layers=(1,), autoencoders=(), model='a "quoted" \\ name\n\x7f 🙂', sources=("ü",))
    assert Recipe.parse(recipe.toml()) == recipe


def test_the_middle_is_settled_by_the_depth():
    text = GOOD.replace("[2, 3]", '"middle"').replace("layer = 2", 'layer = "middle"').replace("layer = 3", 'layer = "middle"')
    recipe = Recipe.parse(text)
    assert recipe.layers == ("middle",)
    for n_layers, middle in ((16, 8), (30, 15), (5, 2)):
        settled = recipe.settled(n_layers)
        assert settled.layers == (middle,) and {table["layer"] for table in settled.autoencoders} == {middle}
    assert settled.settled(30) == settled
    with pytest.raises(ValueError, match="layers 0 to 2; the recipe asks for 3"):
        Recipe.parse(GOOD).settled(2)


def test_a_study_is_created_and_opened(tmp_path):
    study = Workspace.create(tmp_path / "study", recipe_at(tmp_path / "r"))
    assert study == Workspace.open(tmp_path / "study")
    assert study.autoencoder_names() == () and study.index_file() is None
    assert study.harvest_folder("held-out") == study.folder / "harvest" / "held-out"
    with pytest.raises(ValueError, match="no autoencoder 'x'; it has bae, topk"):
        study.autoencoder_table("x")


def test_a_study_of_another_model_and_its_settled_layers_stay_on_disk(tmp_path):
    study = Workspace.create(tmp_path / "study", DATA / "recipes" / "any-model.toml", model="some/model")
    assert study.recipe.model == "some/model" and study.recipe.layers == ("middle",)
    settled = study.settled(16)
    assert Workspace.open(tmp_path / "study") == settled != study
    assert "some/model, layers 8" in pipeline.forecast(settled) and "10,000 steps" in pipeline.forecast(settled)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="not a study"):
        Workspace.create(tmp_path / "thesis", recipe_at(tmp_path / "r"))
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    assert Workspace.create(tmp_path / "empty", recipe_at(tmp_path / "r")).folder.name == "empty"


def test_a_wrong_recipe_makes_no_folder(tmp_path):
    with pytest.raises(ValueError, match="unknown key"):
        Workspace.create(tmp_path / "study", recipe_at(tmp_path / "r", "nonsense = 1\n" + GOOD))
    assert not (tmp_path / "study").exists()
    with pytest.raises(FileNotFoundError, match="holds no study"):
        Workspace.open(tmp_path / "study")


def test_dictionaries_come_in_the_recipe_s_order_then_the_imported(tmp_path):
    study = Workspace.create(tmp_path / "study", recipe_at(tmp_path / "r"))
    for name in ("zoo", "topk", "bae", "another", ".tmp-half"):
        study.autoencoder_folder(name).mkdir(parents=True)
        (study.autoencoder_folder(name) / "config.json").write_text("{}")
    study.autoencoder_folder("unfinished").mkdir()
    assert study.autoencoder_names() == ("bae", "topk", "another", "zoo")


def test_the_index_is_what_its_pointer_names(tmp_path):
    study = Workspace.create(tmp_path / "study", recipe_at(tmp_path / "r"))
    built = study.folder / "index" / "one" / "index.duckdb"
    for file in (built, tmp_path / "elsewhere" / "index.duckdb"):
        file.parent.mkdir(parents=True)
        file.touch()
    assert study.index_file() is None, "an index without a pointer is one that is being built"
    (study.folder / "index" / "current").write_text("one\n")
    assert study.index_file() == built
    (study.folder / "index" / "current").write_text("../../elsewhere")
    with pytest.raises(FileNotFoundError, match="bae index"):
        study.index_file()


def test_the_demo_is_copied_once(tmp_path, monkeypatch):
    recipe_at(tmp_path / "data" / "demo")
    shipped = tmp_path / "data" / "demo" / "autoencoders" / "bae"
    shipped.mkdir(parents=True)
    (shipped / "config.json").write_text("{}")
    (tmp_path / "data" / "demo" / "labels.parquet").write_text("labels")
    monkeypatch.setattr(workspace, "DATA", tmp_path / "data")
    study = Workspace.demo(tmp_path / "study")
    assert study.autoencoder_names() == ("bae",) and (study.folder / "labels.parquet").read_text() == "labels"
    (study.autoencoder_folder("bae") / "config.json").write_text('{"mine": 1}')
    Workspace.demo(tmp_path / "study")
    assert (study.autoencoder_folder("bae") / "config.json").read_text() == '{"mine": 1}'


def test_two_processes_do_not_build_one_index(tmp_path):
    with (
        locked(tmp_path / "index" / "lock", "already at work"),
        pytest.raises(BlockingIOError, match="already at work"),
        locked(tmp_path / "index" / "lock", "already at work"),
    ):
        pass
    with locked(tmp_path / "index" / "lock", "already at work"):
        pass


def test_harvest_all_settles_the_layers_and_goes_on(tmp_path, tiny_llama, monkeypatch):
    text = GOOD.replace("layers = [2, 3]", f'layers = "middle"\nmodel = "{tiny_llama}"\nheld_out_tokens = 200').replace(
        "addresses", "reviews"
    )
    text = text.replace("layer = 2", 'layer = "middle"').replace("layer = 3", 'layer = "middle"')
    study = Workspace.create(tmp_path / "study", recipe_at(tmp_path / "r", text))
    settled = pipeline.harvest_all(study)
    assert settled.recipe.layers == (2,) and Workspace.open(study.folder) == settled
    assert sorted(path.name for path in (study.folder / "harvest").iterdir()) == ["held-out", "train"]
    assert pipeline.harvest_all(settled) == settled


@pytest.mark.parametrize(
    ("model", "expected"),
    [("meta-llama/Llama-3.2-1B", "llama-3.2-1b"), ("/home/me/My Model/", "my-model"), ("../..", "model"), ("a/<b>&c", "b-c")],
)
def test_a_model_names_its_folder(model, expected):
    assert slug(model) == expected


def test_recipes_are_found_by_name_or_path(tmp_path):
    assert recipe_file(None).stem == "any-model" and recipe_file("llama-3.2-3b").stem == "llama-3.2-3b"
    assert recipe_file(str(recipe_at(tmp_path))) == tmp_path / "recipe.toml"
    with pytest.raises(ValueError, match=r"any-model, llama-3\.2-1b"):
        recipe_file("llama-9")
