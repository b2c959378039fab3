"""Text to ranked features: equal to doing each step alone, one pass for all dictionaries."""

import pytest
import torch

from bae.autoencoder import KINDS, Pair
from bae.measures.evaluation import evaluate
from bae.model.language_model import Place, place
from bae.reading.inspection import Lens, SparseInspection, inspect, summarize
from bae.states.scaling import Scaling

TEXT = "Senate vote bill law. Ship harbor \U0001f44b\U0001f3fd sea."


@pytest.fixture(scope="module")
def lenses(tiny_model):
    found = {}
    for layer, kind in ((1, "binary"), (3, "relu"), (3, "topk"), (3, "transcoder")):
        where = place(layer, KINDS[kind].site)
        states = tiny_model.hidden_states(torch.randint(5, 200, (40, 20), generator=torch.Generator().manual_seed(0)), [where])[where]
        states = states.flatten(0, 1)
        autoencoder = KINDS[kind](tiny_model.d_model, 48, Scaling.measure(states.norm(dim=-1), [states]))
        if kind == "binary":
            autoencoder.start_at(0.1, autoencoder.scaling.apply(states))
        _, autoencoder.prior = evaluate(autoencoder, [Pair.same(states)])
        found[kind] = Lens(kind, layer, autoencoder, autoencoder.magnitude(), 32)
    return found


def test_equals_each_step_alone(tiny_model, lenses):
    found = inspect(tiny_model, lenses, TEXT)
    for lens in lenses.values():
        one = found[lens.name]
        states = tiny_model.hidden_states(torch.tensor([one.tokens.ids]), [lens.place])[lens.place][0].half().float()
        assert torch.equal(one.code, lens.autoencoder.encode(states))
        assert not one.read[0] and (one.top.feature[0] == -1).all(), "the BOS is never read"
        assert torch.equal(one.top.feature[1:], lens.magnitude.top(one.code).feature[1:])


def test_one_pass_serves_all(tiny_model, lenses, monkeypatch):
    calls = []
    original = tiny_model.hidden_states
    monkeypatch.setattr(tiny_model, "hidden_states", lambda *args: calls.append(args) or original(*args))
    inspect(tiny_model, lenses, TEXT)
    assert len(calls) == 1 and set(calls[0][1]) == {1, 3, Place(3, "mlp_input")}


def test_summary_counts_what_the_top_lists_hold(tiny_model, lenses):
    found = inspect(tiny_model, lenses, TEXT)["binary"]
    rows = summarize(found, found.lens.autoencoder.prior.rate)
    listed = [f for row in found.top.feature.tolist() for f in row if f >= 0]
    assert {row.feature: row.count for row in rows} == {f: listed.count(f) for f in set(listed)}
    assert [row.peak for row in rows] == sorted((row.peak for row in rows), reverse=True)
    for row in rows:
        magnitude, activated = found.feature(row.feature)
        assert magnitude[row.peak_token].item() == pytest.approx(row.peak) and activated[row.peak_token]


def test_a_token_over_the_norm_limit_is_not_read(tiny_model, lenses):
    strict = Scaling(torch.zeros(tiny_model.d_model), 1.0, norm_limit=0.0)
    lens = lenses["relu"]
    lens.autoencoder.scaling, kept = strict, lens.autoencoder.scaling
    found = inspect(tiny_model, {"relu": lens}, TEXT)["relu"]
    lens.autoencoder.scaling = kept
    assert not found.read.any() and (found.top.feature == -1).all()
    assert inspect(tiny_model, {"relu": lens}, TEXT)["relu"].read[1:].all()


@pytest.mark.parametrize("text", ["", "   \n\t "])
def test_nothing_to_read_is_said(tiny_model, lenses, text):
    with pytest.raises(ValueError, match="type at least one word"):
        inspect(tiny_model, lenses, text)


@pytest.mark.parametrize(
    "text",
    ["\x00\x00", "<script>alert(1)</script>", "שלום עולם", "a\u200bb\u200d", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "x" * 100_000],
)
def test_odd_texts_are_read(tiny_model, lenses, text):
    found = inspect(tiny_model, lenses, text, max_tokens=64)["binary"]
    assert len(found.tokens.ids) <= 64 and found.code.isfinite().all()
    assert "".join(found.tokens.text[p.start : p.end] for p in found.tokens.pieces()) in text
    assert (found.tokens.dropped_tokens > 0) == (len(text) > 1000)


def test_feature_out_of_range(tiny_model, lenses):
    with pytest.raises(ValueError, match="0 to 47"):
        inspect(tiny_model, lenses, TEXT)["relu"].feature(48)


def test_what_is_kept_of_an_inspection_says_the_same_in_less_memory(tiny_model, lenses):
    for one in inspect(tiny_model, lenses, TEXT * 4).values():
        kept, dense = SparseInspection.of(one), one.code.numel() * 2 * one.code.element_size()
        # half of the features of a random ReLU or Transcoder fire
        assert kept.size < (0.7 if one.lens.name in ("binary", "topk") else 1.1) * dense
        for feature in range(48):
            (magnitude, activated), (code, strength) = one.feature(feature), one.column(feature)
            again, same = kept.feature(feature), kept.column(feature)
            assert torch.equal(again[0], magnitude) and torch.equal(again[1], activated) and torch.equal(same[0], code)
            told = one.lens.magnitude.activated(one.code)[:, feature] | (code != 0)
            assert torch.equal(same[1][told], strength[told]) and same[1][~told].isnan().all(), "what is not kept is not made up"
        with pytest.raises(ValueError, match="features 0 to 47"):
            kept.feature(48)
