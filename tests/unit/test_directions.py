"""What rows point at: the logit lens against the model's own head, neighbours against a loop, and reading it back from files."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from small_index import make_index, n_tokens, sentences

from bae.autoencoder import BinaryAutoencoder, Transcoder
from bae.features import directions
from bae.features.directions import final_gain, lens_rows, nearest_rows, raw_rows, unembedding, write_directions, write_vocabulary
from bae.index.directions import Directions, directions_file, tokens_file, unembedding_file
from bae.index.query import Index
from bae.states.scaling import Scaling

FEATURES, ZERO = 40, 7
"""One row is all zeros."""


@pytest.fixture(scope="module")
def model(tiny_model):
    """The tiny Llama with a gain that is not 1, as trained models have."""
    generator = torch.Generator().manual_seed(3)
    before = final_gain(tiny_model).detach().clone()
    with torch.no_grad():
        final_gain(tiny_model).copy_(torch.rand(tiny_model.d_model, generator=generator) * 3 + 0.2)
    yield tiny_model
    with torch.no_grad():
        final_gain(tiny_model).copy_(before)


@pytest.fixture(scope="module")
def autoencoder(model):
    """A BAE with random rows on centred and scaled states."""
    scaling = replace(Scaling.raw(model.d_model), scale=0.037, mean=torch.randn(model.d_model))
    found = BinaryAutoencoder(model.d_model, FEATURES, scaling, seed=5)
    with torch.no_grad():
        found.W_out[ZERO] = 0
        found.W_out[11] = 2 * found.W_out[10]  # the same direction, another length
        found.W_out[12] = -found.W_out[10]
    return found.requires_grad_(False)


@pytest.fixture(scope="module")
def index(model, autoencoder, tmp_path_factory):
    """An index with the files of one of its two dictionaries beside it."""
    texts = sentences(12)
    code = (torch.rand(n_tokens(texts), FEATURES, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    index = make_index(tmp_path_factory.mktemp("directions") / "index", texts, {"bae": code, "other": code})
    write_vocabulary(model, index.file.parent)
    write_directions(autoencoder, model, index.file.parent, "bae")
    return index


@pytest.fixture(scope="module")
def found(index):
    """What was written, read back."""
    return Directions(index, "bae")


@torch.inference_mode()
def logits_by_hand(model, autoencoder, feature: int) -> torch.Tensor:
    """What a feature adds to the logits when it is added to the residual stream before the final norm, of which only the gain is left."""
    on, off = torch.zeros(1, FEATURES), torch.zeros(1, FEATURES)
    on[0, feature] = 1
    stream = torch.randn(model.d_model, generator=torch.Generator().manual_seed(1))
    row = (autoencoder.decode(on) - autoencoder.decode(off))[0]
    head = lambda state: model.model.lm_head(state * final_gain(model))  # noqa: E731
    return head(stream + row) - head(stream)


def test_promoted_and_suppressed_are_the_ends_of_the_models_own_logits(model, autoencoder, found):
    for feature in (0, 10, FEATURES - 1):
        logits = logits_by_hand(model, autoencoder, feature)
        for pulls, sign in ((found.promoted(feature), 1), (found.suppressed(feature), -1)):
            wanted = (sign * logits).sort(descending=True)
            assert len(pulls) == directions.TOP
            assert [pull.token for pull in pulls] == wanted.indices[: directions.TOP].tolist()
            np.testing.assert_allclose([sign * pull.logit for pull in pulls], wanted.values[: directions.TOP], rtol=2e-3, atol=2e-3)
            z = (logits - logits.mean()) / logits.std(correction=0)
            np.testing.assert_allclose([pull.z for pull in pulls], [z[pull.token].item() for pull in pulls], rtol=5e-3, atol=5e-3)


def test_without_the_gain_or_the_scale_it_would_be_another_lens(model, autoencoder, found):
    right = np.array([pull.logit for pull in found.promoted(3)])
    for wrong_rows in (raw_rows(autoencoder), autoencoder.W_out * final_gain(model)):
        wrong = lens_rows(wrong_rows, unembedding(model))["promoted_logit"][3]
        assert np.abs(wrong.numpy() - right).max() > 0.1


def test_a_transcoder_points_where_it_writes(model):
    read, written = (replace(Scaling.raw(model.d_model), scale=scale) for scale in (5.0, 0.25))
    transcoder = Transcoder(model.d_model, FEATURES, read, written_scaling=written)
    torch.testing.assert_close(raw_rows(transcoder), transcoder.W_out / 0.25)


def test_neighbours_are_those_of_a_loop(autoencoder, found):
    rows = autoencoder.W_out.double()
    for feature in (0, 10, 25):
        cosines = [
            (float(rows[feature] @ other / (rows[feature].norm() * other.norm())), -number)
            for number, other in enumerate(rows)
            if number not in (feature, ZERO)
        ]
        wanted = sorted(cosines, reverse=True)[: directions.NEAR]
        near = found.near(feature)
        np.testing.assert_allclose([one.cosine for one in near], [cosine for cosine, _ in wanted], atol=1e-5)
        assert [one.feature for one in near] == [-number for _, number in wanted]
    assert found.near(10)[0].feature == 11 and found.near(10)[0].cosine == pytest.approx(1)
    assert 12 not in [one.feature for one in found.near(10)], "the opposite direction is not near"


def test_a_row_of_zeros_points_nowhere_and_gives_no_nan(found):
    assert found.promoted(ZERO) == [] and found.suppressed(ZERO) == [] and found.near(ZERO) == []
    assert all(ZERO not in [one.feature for one in found.near(feature)] for feature in range(FEATURES))
    for token in (0, 5):
        z = found.promoters(token)
        assert np.isfinite(z).all() and z[ZERO] == 0


def test_any_token_is_answered_for_all_features(model, autoencoder, found):
    texts = [model.token_text(token) for token in range(len(found.texts))]
    assert found.texts == texts
    for token in (3, 100, len(texts) - 1):
        z = found.promoters(token)
        for feature in (0, 10, 39):
            logits = logits_by_hand(model, autoencoder, feature)
            assert z[feature] == pytest.approx(((logits[token] - logits.mean()) / logits.std(correction=0)).item(), abs=0.02)
    best = found.promoted(4)[0]
    assert found.promoters(best.token)[4] == pytest.approx(best.z, abs=0.02)
    assert found.promoters(found.suppressed(4)[0].token)[4] < -1, "a control: another token, another answer"
    with pytest.raises(IndexError, match="tokens are 0 to"):
        found.promoters(len(texts))


def test_tokens_are_found_by_what_they_say(found):
    (token,) = [number for number, text in enumerate(found.texts) if text == " sea"]
    assert token in found.tokens_of("sea") and found.tokens_of(" sea") == [token]
    assert found.tokens_of("no token says all of this") == []


def test_memory_is_bounded_and_the_answer_does_not_hang_on_it(monkeypatch, model, autoencoder):
    rows = raw_rows(autoencoder) * final_gain(model)
    whole = lens_rows(rows, unembedding(model)) | nearest_rows(raw_rows(autoencoder))
    monkeypatch.setattr(directions, "AT_ONCE", 3 * len(unembedding(model)))
    told = []
    parts = lens_rows(rows, unembedding(model), told.append)
    assert told == [3] * (FEATURES // 3) + [FEATURES % 3]
    monkeypatch.setattr(directions, "AT_ONCE", 1)
    parts |= nearest_rows(raw_rows(autoencoder))
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, msg=lambda text, name=name: f"{name}: {text}")


def test_fewer_rows_than_neighbours_are_all_named(autoencoder):
    few = nearest_rows(autoencoder.W_out[:4])
    assert few["near"].shape == (4, 3) and sorted(few["near"][0].tolist()) == [1, 2, 3]
    alone = nearest_rows(torch.zeros(5, 4))
    assert (alone["near"] == -1).all() and (alone["near_cosine"] == 0).all()


def test_features_are_told_of_once(model, autoencoder, tmp_path):
    told = []
    write_directions(autoencoder, model, tmp_path, "bae", told.append)
    assert sum(told) == FEATURES


def test_what_is_not_there_is_told_with_what_to_do(index, found):
    with pytest.raises(FileNotFoundError, match="bae index"):
        Directions(index, "other")
    with pytest.raises(IndexError, match=f"0 to {FEATURES - 1}"):
        found.promoted(FEATURES)
    with pytest.raises(IndexError):
        found.near(-1)
    assert directions_file(index.file.parent, "bae").is_file()


def test_damaged_files_are_told_with_what_to_do(index, model, autoencoder, tmp_path):
    folder = shutil.copytree(index.file.parent, tmp_path / "index")
    found = Directions(Index(folder / index.file.name), "bae")
    assert found.promoted(3) and found.near(3) and len(found.promoters(1)) == FEATURES
    whole = directions_file(folder, "bae").read_bytes()
    for damaged in (whole[:100], whole[:-10], b"", b"no arrays"):
        directions_file(folder, "bae").write_bytes(damaged)
        for ask in (found.promoted, found.near, found.promoters):
            with pytest.raises(ValueError, match=r"damaged.*bae index"):
                ask(1)
    save_file({"near": np.zeros(FEATURES, np.int32)}, directions_file(folder, "bae"))
    with pytest.raises(ValueError, match=r"damaged.*bae index"):
        found.suppressed(1)
    directions_file(folder, "bae").write_bytes(whole)
    unembedding_file(folder).write_bytes(b"")
    with pytest.raises(ValueError, match=r"damaged.*bae index"):
        found.promoters(1)
    for damaged in ("[", '{"a": 1}', "[1, 2]"):
        tokens_file(folder).write_text(damaged)
        with pytest.raises(ValueError, match=r"damaged.*bae index"):
            _ = Directions(Index(folder / index.file.name), "bae").texts
