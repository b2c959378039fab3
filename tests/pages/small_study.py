"""A whole small study on disk: a random Llama, three dictionaries with random weights, a made-up corpus with hostile text, an index."""

import json
import random
from dataclasses import replace
from pathlib import Path

import torch

from bae.autoencoder import KINDS, BinaryAutoencoder, Pair, checkpoint
from bae.autoencoder.checkpoint import Provenance
from bae.index.build import build
from bae.measures import fit
from bae.measures.evaluation import evaluate
from bae.measures.fit import Fit
from bae.model.language_model import LanguageModel
from bae.states.scaling import Scaling
from bae.workspace import Workspace

HOSTILE = '<img src=x onerror="window.hacked=1"> & <script>window.hacked=1</script> [a](javascript:alert(1)) $x$ :material/home: `x`'
LAYER, N_FEATURES = 2, 64
FIGURES = {"fvu": 0.31, "bits": 12.5, "l0": 3.2, "active_8192_tokens": 40, "dense_share": 0.03, "dead": 2}


WORDS = "sea harbor naval ship vote senate bill law film actor scene plot river stone bread winter".split()  # noqa: SIM905


def texts(documents: int = 60) -> list[str]:
    """A corpus of made-up prose with a hostile sentence in every document."""
    draw = random.Random(0)
    sentence = lambda: " ".join(draw.choices(WORDS, k=draw.randint(5, 12))).capitalize() + "."  # noqa: E731
    return [f"{' '.join(sentence() for _ in range(5))} {HOSTILE} number {seed}." for seed in range(documents)]


def make_study(folder: Path, model_folder: Path) -> Workspace:
    """Make the study without its index."""
    folder.mkdir(parents=True)
    corpus = folder / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts()), encoding="utf-8")
    names = {"bae": "binary", "bae-deep": "binary", "topk": "topk"}
    layers = {"bae": LAYER, "bae-deep": LAYER + 1, "topk": LAYER}
    tables = "".join(f'[[autoencoder]]\nname = "{n}"\nkind = "{k}"\nlayer = {layers[n]}\n' for n, k in names.items())
    recipe = f"""
model = {json.dumps(str(model_folder))}
layers = [{LAYER}, {LAYER + 1}]
sources = [{json.dumps(str(corpus))}]
index_sentences = 120
shortest_sentence = 3
longest_sentence = 60
{tables}"""
    (folder / "recipe.toml").write_text(recipe, encoding="utf-8")
    model = LanguageModel.load(str(model_folder), device="cpu")
    ids = [model.tokenize(text).ids for text in texts()]
    for name, kind in names.items():
        layer = layers[name]
        states = torch.cat([model.hidden_states(torch.tensor([one]), [layer])[layer][0, 1:] for one in ids])
        # fresh storage outside inference mode
        states = states.clone()
        scaling = Scaling.measure(states.norm(dim=-1), [states])
        if kind == "binary":
            autoencoder = BinaryAutoencoder(model.d_model, N_FEATURES, scaling, seed=1)
            autoencoder.start_at(0.9, scaling.apply(states))
            usually_on = autoencoder.b_in[:2].clone()
            autoencoder.start_at(0.05, scaling.apply(states))
            with torch.no_grad():
                autoencoder.b_in[:2] = usually_on  # two bits that burst by silence
        else:
            autoencoder = KINDS["topk"](model.d_model, N_FEATURES, scaling, k=4, seed=1)
        _, autoencoder.prior = evaluate(autoencoder, [Pair.same(states)])
        provenance = Provenance(name, layer, model.title, model.fingerprint, (str(corpus),), 64, 0, len(states), {"steps": 0}, FIGURES)
        checkpoint.save(autoencoder, provenance, folder / "autoencoders" / name)
    wrong = replace(provenance, name="stranger", model="another model", model_fingerprint="0" * 32)
    checkpoint.save(autoencoder, wrong, folder / "autoencoders" / "stranger")
    study = Workspace.open(folder)
    # random dictionaries fit nothing; pages that say so are tested by themselves
    told = {name: Fit(FIGURES["fvu"], FIGURES["fvu"], 100, fit.mark(study.autoencoder_folder(name))) for name in names}
    fit.keep(study.fits_file, told)
    return study


def add_index(study: Workspace) -> None:
    """Build its index."""
    build(study)
