"""Directions from examples, against loops; their controls; sides that tell nothing."""

import pytest
import torch

from bae.autoencoder import KINDS, BinaryAutoencoder
from bae.features.directions import raw_rows
from bae.reading.inspection import Lens
from bae.states.scaling import Scaling
from bae.steering import steered
from bae.steering.directions import (
    Examples,
    check_sides,
    difference_of_means,
    directions,
    directions_from_texts,
    feature_difference,
    greatest,
    read_examples,
)
from tests.conftest import prose

LAYER, FEATURES = 2, 24
GOOD, BAD = [prose(seed, 1) for seed in range(5)], [prose(seed, 1) for seed in range(5, 9)]


@pytest.fixture(scope="module")
def scaling(tiny_model) -> Scaling:
    """Centred and scaled as training has it, so that a row of W_out is not what is added."""
    states = at(tiny_model, prose(3))[1:].clone()
    return Scaling.measure(states.norm(dim=-1), [states])


@pytest.fixture(scope="module")
def bae(tiny_model, scaling) -> Lens:
    return Lens("bae", LAYER, BinaryAutoencoder(tiny_model.d_model, FEATURES, scaling, seed=1), None, 64)


def at(model, text: str, layer: int = LAYER) -> torch.Tensor:
    return model.hidden_states(torch.tensor([model.tokenize(text).ids]), [layer])[layer][0]


def loop_mean(model, lens, texts, at_token) -> torch.Tensor:
    means = []
    for text in texts:
        states = at(model, text, lens.layer).half().float()
        rows = states[1:] if at_token == "mean" else states[[-1 if at_token == "last" else at_token]]
        rows = rows[lens.autoencoder.scaling.keeps(rows)]
        means.append(lens.autoencoder.encode(rows).mean(0))
    return torch.stack(means).mean(0)


@pytest.mark.parametrize("at_token", ["last", "mean", 3, -2])
def test_h_D_is_that_of_a_loop(tiny_model, bae, at_token):
    good, bad = (read_examples(tiny_model, side, [LAYER], at_token) for side in (GOOD, BAD))
    found = feature_difference(bae, good, bad)
    expected = loop_mean(tiny_model, bae, GOOD, at_token) - loop_mean(tiny_model, bae, BAD, at_token)
    assert torch.allclose(found, expected, atol=1e-5) and found.any()
    assert not torch.allclose(found, -expected, atol=1e-3), "negative control: the other way round"


def test_the_paper_s_direction_and_its_controls(tiny_model, bae):
    good, bad = (read_examples(tiny_model, side, [LAYER], "mean") for side in (GOOD, BAD))
    whole = feature_difference(bae, good, bad)
    found = directions(bae, good, bad, kept=6, seed=3)
    values = found["features"].values
    assert (values != 0).sum() == 6 and values.abs()[values != 0].min() >= whole.abs()[values == 0].max()
    by_rows = sum(values[feature] * bae.autoencoder.W_out[feature] / bae.autoencoder.scaling.scale for feature in values.nonzero()[:, 0])
    assert torch.allclose(found["features"].vector, by_rows, atol=1e-5)
    length = found["features"].vector.norm()
    for method in ("sign", "random features", "random direction"):
        assert torch.allclose(found[method].vector.norm(), length, rtol=1e-5)
        assert torch.cosine_similarity(found[method].vector, found["features"].vector, dim=0) < 0.999
    assert set(found["sign"].values.tolist()) == {-1.0, 0.0, 1.0}
    assert sorted(found["random features"].values.tolist()) == sorted(values.tolist())
    means = [torch.stack([at(tiny_model, text)[1:].half().float().mean(0) for text in side]).mean(0) for side in (GOOD, BAD)]
    assert torch.allclose(found["difference of means"].vector, means[0] - means[1], atol=1e-3)
    again, other = (directions(bae, good, bad, kept=6, seed=seed) for seed in (3, 4))
    for method in found:
        assert torch.equal(again[method].vector, found[method].vector)
        assert torch.equal(other[method].vector, found[method].vector) == (not method.startswith("random"))


def test_a_direction_pushes_the_last_token(tiny_model, bae):
    good, bad = (read_examples(tiny_model, side, [LAYER]) for side in (GOOD, BAD))
    direction = difference_of_means(bae, good, bad)
    length, plain = len(tiny_model.tokenize(GOOD[0]).ids), at(tiny_model, GOOD[0])
    with steered(tiny_model, [direction.push(1.5)], length):
        moved = at(tiny_model, GOOD[0]) - plain
    assert torch.allclose(moved[-1], 1.5 * direction.vector, atol=1e-4) and not moved[:-1].any()


@pytest.mark.parametrize("kind", ["relu", "topk", "gated", "batchtopk", "twopath", "jumprelu", "transcoder"])
def test_directions_of_every_dictionary(tiny_model, scaling, kind):
    lens = Lens(kind, LAYER, KINDS[kind](tiny_model.d_model, FEATURES, scaling, seed=1), None, 64)
    good, bad = (read_examples(tiny_model, side, list({lens.place: 0, LAYER: 0})) for side in (GOOD, BAD))
    h_D = feature_difference(lens, good, bad)
    assert torch.allclose(directions(lens, good, bad, FEATURES)["features"].vector, h_D @ raw_rows(lens.autoencoder), atol=1e-4)
    read = torch.stack(
        [tiny_model.hidden_states(torch.tensor([tiny_model.tokenize(text).ids]), [lens.place])[lens.place][0, -1] for text in BAD]
    )
    from_texts = directions_from_texts(tiny_model, lens, GOOD, BAD, kept=FEATURES)
    assert torch.equal(from_texts["features"].vector, directions(lens, good, bad, FEATURES)["features"].vector)
    assert torch.equal(bad.states[lens.place], read.half().float()), "a Transcoder's code is that of what it reads"


def test_dropped_rows_are_left_out_and_nothing_left_is_said(tiny_model, bae):
    states = at(tiny_model, prose(2))[1:].half().float()
    limit = states.norm(dim=-1).median().item()
    strict = Lens("strict", LAYER, BinaryAutoencoder(32, FEATURES, Scaling(bae.autoencoder.scaling.mean, 1.0, limit), seed=1), None, 64)
    side = Examples({LAYER: states}, torch.arange(len(states)))
    kept = states[states.norm(dim=-1) <= limit]
    assert torch.allclose(
        difference_of_means(strict, side, Examples({LAYER: torch.zeros(2, 32)}, torch.arange(2))).vector, kept.mean(0), atol=1e-5
    )
    long = Examples({LAYER: states * 100}, side.text)
    with pytest.raises(ValueError, match="drops every bad example"):
        feature_difference(strict, side, long)


def test_sides_that_tell_nothing_are_refused(tiny_model, bae):
    check_sides(GOOD, BAD)
    for good, bad, match in (
        (GOOD[:1], BAD, "at least 2 good examples.*got 1"),
        (GOOD, [], "at least 2 bad examples.*got 0"),
        (GOOD, [*BAD, " \n"], "bad examples is blank"),
        (GOOD, GOOD[::-1], "same texts"),
    ):
        with pytest.raises(ValueError, match=match):
            check_sides(good, bad)
        with pytest.raises(ValueError, match=match):
            directions_from_texts(tiny_model, bae, good, bad)
    side = read_examples(tiny_model, GOOD, [LAYER])
    with pytest.raises(ValueError, match="mean codes are equal"):
        directions(bae, side, side)
    with pytest.raises(ValueError, match="at least 1 feature"):
        greatest(torch.ones(3), 0)
    for wrong, match in ((0, "no token 0"), (400, "no token 400"), ("first", "last, mean or a whole number"), (-400, "no token")):
        with pytest.raises(ValueError, match=match):
            read_examples(tiny_model, GOOD, [LAYER], wrong)
    with pytest.raises(ValueError, match=r"example 2 has .* tokens and .* reads 4,096"):
        read_examples(tiny_model, [GOOD[0], "sea " * 5000], [LAYER])
