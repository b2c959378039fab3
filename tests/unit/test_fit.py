"""A dictionary that does not fit is told from one that does: by its layer, by its scaling, by its weights."""

import json
from dataclasses import replace

import pytest
import torch

from bae.autoencoder import BinaryAutoencoder, Pair
from bae.autoencoder.checkpoint import Provenance
from bae.measures import fit
from bae.measures.evaluation import unexplained
from bae.measures.fit import Fit, kept
from bae.measures.fitting import fits
from bae.model.language_model import LanguageModel
from bae.reading.inspection import Lens
from bae.states.scaling import Scaling
from bae.text.contexts import Context
from bae.training.refit import refit_decoder

LAYER = 2
WORDS = "sea harbor naval ship vote senate bill law film actor scene plot river stone bread winter".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def made(tiny_llama):
    """A model, sentences, and a lens whose decoder was solved for the states of one layer."""
    model = LanguageModel.load(str(tiny_llama), device="cpu")
    draw = torch.Generator().manual_seed(0)
    texts = [" ".join(WORDS[i] for i in torch.randint(len(WORDS), (12,), generator=draw)) for _ in range(150)]
    tokens = [model.tokenize(text) for text in texts]
    sample = [Context("made up", n, one.ids, one.spans, one.text) for n, one in enumerate(tokens)]
    states = torch.cat([model.hidden_states(torch.tensor([one.ids]), [LAYER])[LAYER][0, 1:] for one in tokens[:100]]).clone()
    scaling = Scaling.measure(states.norm(dim=-1), [states])
    autoencoder = BinaryAutoencoder(model.d_model, 64, scaling, seed=1)
    autoencoder.start_at(0.3, scaling.apply(states))
    refit_decoder(autoencoder, [Pair.same(states)])
    measured = unexplained(autoencoder, [Pair.same(states)], 512)
    assert measured < 0.6, "else nothing here says anything"
    lens = Lens("bae", LAYER, autoencoder, None, 64)
    told = Provenance("bae", LAYER, model.title, model.fingerprint, ("made up",), 64, 0, len(states), {}, {"fvu": measured})
    return model, sample[100:], lens, told


def fit_of(made, **changes) -> Fit:
    model, sample, lens, told = made
    figures = changes.pop("figures", told.figures)
    return fits(model, {"bae": replace(lens, **changes)}, {"bae": replace(told, figures=figures)}, sample, {"bae": "mark"})["bae"]


def test_the_right_layer_fits(made):
    found = fit_of(made)
    assert not found.off and found.measured == made[3].figures["fvu"] and found.tokens > 500


@pytest.mark.parametrize("layer", [0, 1, 3, 4])
def test_another_layer_is_off(made, layer):
    assert fit_of(made, layer=layer).off


def test_states_scaled_otherwise_are_off(made):
    autoencoder = made[2].autoencoder
    scaling = autoencoder.scaling
    autoencoder.scaling = replace(scaling, scale=3 * scaling.scale)
    try:
        assert fit_of(made).off
    finally:
        autoencoder.scaling = scaling


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("fvu", "measured", "off"),
    [
        (0.2, 0.2, False),
        (0.23, 0.2, False),
        (0.25, 0.2, True),
        (0.9, None, False),
        (1.0, None, True),
        (1.1, 0.99, True),
        (NAN, 0.2, True),
        (INF, None, True),
    ],
)
def test_where_the_line_is_drawn(fvu, measured, off):
    assert Fit(fvu, measured, 1000, "mark").off is off


def test_fits_are_kept_and_what_was_measured_before_stays(tmp_path):
    file = tmp_path / "fits.json"
    fit.keep(file, {"a": Fit(0.2, 0.2, 10, "one")})
    fit.keep(file, {"b": Fit(0.3, None, 10, "two")})
    assert kept(file) == {"a": Fit(0.2, 0.2, 10, "one"), "b": Fit(0.3, None, 10, "two")} and kept(tmp_path / "none") == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 3}', '{"a": {"fvu": 1}}'])
def test_a_damaged_file_is_named(tmp_path, text):
    file = tmp_path / "fits.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="damaged"):
        kept(file)


def test_other_weights_have_another_mark(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"layer": 2}))
    before = fit.mark(tmp_path)
    assert fit.mark(tmp_path) == before
    (tmp_path / "config.json").write_text(json.dumps({"layer": 13}))
    assert fit.mark(tmp_path) != before
