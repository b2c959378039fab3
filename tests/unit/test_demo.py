"""What ships: checkpoints that fit the packaged model and explain its hidden states of text that trained none of them."""

import pytest
import torch

from bae.autoencoder import Pair
from bae.measures.evaluation import evaluate
from bae.model.language_model import LanguageModel
from bae.reading.lenses import load_lenses
from bae.text import corpus
from bae.text.contexts import contexts, read
from bae.workspace import DATA, Recipe

DEMO = DATA / "demo"
NAMES = ("bae", "relu", "topk", "gated", "batchtopk", "transcoder", "bae-10", "topk-10", "bae-20", "topk-20")


@pytest.fixture(scope="module")
def model():
    return LanguageModel.load()


@pytest.fixture(scope="module")
def lenses(model):
    found = load_lenses(DEMO / "autoencoders", model)
    assert not found.refused
    return found


@pytest.fixture(scope="module")
def states(model, lenses):
    """States of reviews that are in no training split, at every place that a dictionary reads or writes."""
    group = list(contexts(model, (d for _, d in zip(range(60), corpus.documents(("reviews",), "held-out", seed=3), strict=False))))
    places = [place for lens in lenses.usable.values() for place in (lens.place, lens.layer)]
    return read(model, group, list(dict.fromkeys(places)))


def test_every_autoencoder_of_the_recipe_is_there_as_its_table_says(lenses):
    recipe = Recipe.read(DEMO / "recipe.toml")
    assert set(lenses.usable) == {table["name"] for table in recipe.autoencoders} == set(NAMES)
    for table in recipe.autoencoders:
        told = lenses.provenance[table["name"]]
        assert {key: told.options[key] for key in table} == dict(table), f"{table['name']} was made with another recipe"
        assert told.options["training_tokens"] >= 1_000_000 and told.tokens_seen >= told.options["training_tokens"]


def test_they_are_small_enough_to_be_committed():
    assert sum(file.stat().st_size for file in DEMO.rglob("*") if file.is_file()) < 55e6


@pytest.mark.parametrize("name", NAMES)
def test_they_explain_text_that_they_have_not_seen(lenses, states, name):
    lens = lenses.usable[name]
    autoencoder = lens.autoencoder
    read_states, written = states[lens.place], states[lens.layer]
    kept = autoencoder.scaling.keeps(read_states) & autoencoder.written_scaling.keeps(written)
    pair = Pair(read_states[kept], written[kept])
    figures, _ = evaluate(autoencoder, [pair])
    told = lenses.provenance[name].figures
    assert figures.fvu == pytest.approx(told["fvu"], abs=0.1) and figures.l0 == pytest.approx(told["l0"], rel=0.5)
    shuffled = torch.randperm(pair.read.shape[1], generator=torch.Generator().manual_seed(0))
    assert evaluate(autoencoder, [Pair(pair.read[:, shuffled], pair.written)])[0].fvu > 2 * figures.fvu, (
        "negative control: dimensions in another order are not explained"
    )
