"""A reproduction in small: a random Llama, a study that trains in seconds, a recipe of its own; nobody is asked."""

import json
from pathlib import Path

from bae.reproduction import recipe as recipes
from bae.reproduction.recipe import Reproduction
from tests.conftest import prose, write_jsonl

STUDY = """
model = {model}
layers = [2]
sources = [{source}]
train_tokens = 2000
held_out_tokens = 300
context_length = 32
index_sentences = 60
shortest_sentence = 4
longest_sentence = 24

[[autoencoder]]
name = "bae"
kind = "binary"
layer = 2
steps = 30
batch_size = 64

[[autoencoder]]
name = "relu"
kind = "relu"
layer = 2
steps = 30
batch_size = 64

[[autoencoder]]
name = "topk"
kind = "topk"
layer = 2
k = 4
steps = 30
batch_size = 64
"""
RECIPE = """
title = "A test <b>&amp;</b>"
study = {study}
blocks = 4
width = 32
parameters = 50_000

[[autoencoder]]
name = "bae-bits-2"
kind = "binary"
layer = 2
bits_per_feature = 2
steps = 30
batch_size = 64

[[judge]]
name = "gpt-4.1-mini"
title = "GPT-4.1-mini"

[[judge]]
name = "nobody"
title = "<script>alert(1)</script>"

[entropy.language]
windows = 40
positions = [1, 4]
layers = [1, 2]
training = {{ steps = 20, batch_size = 16 }}

[entropy.synthetic]
d_model = 8
ranks = [0, 1, 2]
expansions = [1]
samples = 400
steps = 60
batch_size = 64
"""


def make_recipe(folder: Path, model: Path) -> Reproduction:
    """Write corpus, study and recipe."""
    source = write_jsonl(folder / "text.jsonl", [prose(seed) for seed in range(120)])
    study = folder / "study.toml"
    study.write_text(STUDY.format(model=json.dumps(str(model)), source=json.dumps(str(source))), encoding="utf-8")
    file = folder / "small.toml"
    file.write_text(RECIPE.format(study=json.dumps(str(study))), encoding="utf-8")
    return recipes.read(str(file))
