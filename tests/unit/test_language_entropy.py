"""Entropies of language-model states: which texts are read, rows that an undisturbed run gives, known sets, what does not fit."""

import json
import random
import time
from dataclasses import replace

import pytest
import torch

from bae.experiments.entropy import icl as icl_entropy
from bae.experiments.entropy import icl_prompts, state_sets
from bae.experiments.entropy import language as language_entropy
from bae.experiments.entropy import tokens as token_sets
from bae.experiments.entropy.results import Results, kept
from bae.experiments.entropy.set_training import Training
from bae.experiments.movies import prompts as movie_prompts
from bae.system.progress import read_status
from bae.text import corpus
from bae.workspace import Workspace
from tests.conftest import prose, write_jsonl

TRAINING = Training(steps=30, batch_size=16)
LANGUAGE = language_entropy.Settings(windows=40, positions=(1, 4, 8), layers=(0, 2), training=TRAINING)
ICL = icl_entropy.Settings(prompts=30, shots=(0, 2), layers=(0, 3), training=TRAINING)
TOKENS = token_sets.Settings(texts=64, ranks=(0, 1, 3), expansions=(1, 2), layer=3, words=(" sea", " vote"), training=TRAINING)


@pytest.fixture
def study(tmp_path, tiny_llama) -> Workspace:
    source = write_jsonl(tmp_path / "text.jsonl", [prose(seed, sentences=3) for seed in range(12)])
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"model = {json.dumps(str(tiny_llama))}\nlayers = [2]\nsources = [{json.dumps(str(source))}]\n", encoding="utf-8")
    return Workspace.create(tmp_path / "study", recipe)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(state_sets, "PART_TEXTS", 16)


@pytest.fixture
def movies(monkeypatch):
    def reviews(split, seed=0):
        for number in range(40):
            yield (
                corpus.Document(f"{split}/{number}", prose(1000 * len(split) + number, sentences=1)),
                random.Random(number).choice((-1.0, 1.0)),
            )

    monkeypatch.setattr(corpus, "scored_reviews", reviews)
    monkeypatch.setattr(movie_prompts, "LABELS", (" vote", " sea"))


def test_windows_are_those_of_documents_one_after_the_other(tiny_model, study):
    settings = language_entropy.settled(LANGUAGE, study, tiny_model)
    found = list(language_entropy.windows(tiny_model, settings))
    documents = [tiny_model.tokenize(document.text).ids[1:] for document in corpus.documents(study.recipe.sources)]
    expected = [(number, ids[start : start + 8]) for number, ids in enumerate(documents) for start in range(0, len(ids) - 7, 8)]
    assert [(text.group, text.ids[1:]) for text in found] == expected and {text.ids[0] for text in found} == {tiny_model.bos_id}
    once = list(language_entropy.windows(tiny_model, replace(settings, windows_a_document=1)))
    assert [text.group for text in once] == list(range(12)) and once[1] != found[1], "one of each document, and not only the first"


def test_a_run_gives_a_row_a_place(tiny_model, study):
    results = language_entropy.run(study, LANGUAGE, tiny_model)
    assert results.finished and [(row["layer"], row["position"]) for row in results.rows] == [
        (0, 1),
        (0, 4),
        (0, 8),
        (2, 1),
        (2, 4),
        (2, 8),
    ]
    for row in results.rows:
        assert 0 <= row["tree"] <= row["entropy"] <= 32 and row["entropy_low"] <= row["entropy"] <= row["entropy_high"]
        assert row["patterns"] <= row["log2_vectors"] == pytest.approx(5.3219, abs=1e-3)
        assert row["vectors"] == 40 and row["reconstruction"] > 0 and not row["constant"]
    (read,) = kept(study, "language").found
    assert read.rows == results.rows and read.provenance["fingerprint"] == tiny_model.fingerprint
    assert read.provenance["settings"]["layers"] == [0, 2] and read.provenance["versions"]["torch"] == torch.__version__
    assert read_status(study.status_file("entropy-language"))["done"] == 60


def test_reading_counts_as_work(tiny_model, study, monkeypatch):
    training, read, keep = [], language_entropy.read, Results.keep

    def slow(*given):
        time.sleep(0.2)
        return read(*given)

    monkeypatch.setattr(language_entropy, "read", slow)
    monkeypatch.setattr(Results, "keep", lambda self, rows, seconds: training.append(seconds) or keep(self, rows, seconds))
    results = language_entropy.run(study, LANGUAGE, tiny_model)
    assert len(training) == len(LANGUAGE.layers) and results.provenance["seconds"] >= sum(training) + 0.2


def test_a_killed_run_comes_to_the_same(tiny_model, study, tmp_path, monkeypatch):
    whole = language_entropy.run(study, LANGUAGE, tiny_model).rows
    other = Workspace.create(tmp_path / "other", study.folder / "recipe.toml")

    class Killed(BaseException):
        pass

    def killed(self, rows, seconds):
        keep(self, rows, seconds)
        raise Killed

    keep = Results.keep
    monkeypatch.setattr(Results, "keep", killed)
    with pytest.raises(Killed):
        language_entropy.run(other, LANGUAGE, tiny_model)
    monkeypatch.setattr(Results, "keep", keep)
    (begun,) = kept(other, "language").found
    assert not begun.finished and len(begun.rows) == 3
    assert language_entropy.run(other, LANGUAGE, tiny_model).rows == whole
    # negative control: another seed is another run, with other rows
    another = language_entropy.run(other, replace(LANGUAGE, seed=1), tiny_model)
    assert another.rows != whole and len(kept(other, "language").found) == 2


def test_demonstrations_of_fewer_shots_are_the_first_of_more_and_no_query_is_shown(movies):
    reviews = icl_prompts.draw(icl_prompts.MOVIES, 30)
    assert len(reviews.queries) == 30 and not {r.text for r in reviews.queries} & {r.text for r in reviews.pool}
    few, more = (reviews.prompts(30, shots, seed=0) for shots in (2, 4))
    for query, two, four in zip(reviews.queries, few, more, strict=True):
        shown, asked = two.rsplit("sentence:", 1)
        assert four.startswith(shown) and four.endswith(asked) and query.text in asked
    assert few != reviews.prompts(30, 2, seed=1)
    rounds = reviews.prompts(60, 2, seed=0)
    assert rounds[:30] == few and rounds[30] != rounds[0] and rounds[30].rsplit("sentence:", 1)[1] == rounds[0].rsplit("sentence:", 1)[1]


def test_the_last_state_of_prompts_and_what_is_answered(tiny_model, study, movies):
    results = icl_entropy.run(study, ICL, tiny_model)
    assert [(row["layer"], row["shots"]) for row in results.rows] == [(0, 0), (0, 2), (3, 0), (3, 2)]
    assert [row["constant"] for row in results.rows] == [True, True, False, False]
    assert [row["entropy"] for row in results.rows[:2]] == [0.0, 0.0] and results.rows[0]["scale"] is None
    assert all(row["entropy"] > 0 for row in results.rows[2:])
    (answered,) = kept(study, "icl-accuracy").found
    reviews, labels = icl_prompts.draw(icl_prompts.MOVIES, 30), movie_prompts.label_tokens(tiny_model)
    for row, shots in zip(answered.rows, (0, 2), strict=True):
        right = said = 0
        for query, prompt in zip(reviews.queries, reviews.prompts(30, shots, 0), strict=True):
            with torch.inference_mode():
                logits = tiny_model.model(torch.tensor([tiny_model.tokenize(prompt).ids])).logits[0, -1]
            right += bool(logits[labels[1]] > logits[labels[0]]) == query.positive
            said += int(logits.argmax()) == labels[query.positive]
        assert row["labels"] == right / 30 and row["vocabulary"] == said / 30
        assert row["labels_low"] < row["labels"] < row["labels_high"] and 0.5 <= row["majority"] < 1


def test_drawn_texts_have_the_entropy_they_are_drawn_with(tiny_model, study):
    results = token_sets.run(study, TOKENS, tiny_model)
    assert [(row["expansion"], row["rank"]) for row in results.rows] == [(e, r) for e in (1, 2) for r in (0, 1, 3)]
    by_rank = {row["rank"]: row for row in results.rows if row["expansion"] == 1}
    assert by_rank[0]["constant"] and by_rank[0]["entropy"] == by_rank[0]["texts_bits"] == 0
    assert by_rank[1]["texts_bits"] == pytest.approx(1, abs=0.1) and by_rank[3]["texts_bits"] == pytest.approx(3, abs=0.2)
    # r states at most: whole codes cannot hold more than the texts
    assert all(row["patterns"] <= row["texts_bits"] + 1e-6 for row in results.rows)
    drawn = token_sets.choices(replace(TOKENS, ranks=(1, 20)))
    assert token_sets.texts_bits(drawn) == pytest.approx(6), "64 different texts stop at log2 64"
    assert token_sets.texts_bits(drawn[:, :0]) == 0


def test_what_does_not_fit_is_said(tiny_model, study, movies):
    def refused(module, settings, words: str):
        with pytest.raises(ValueError, match=words):
            module.run(study, settings, tiny_model)

    refused(language_entropy, replace(LANGUAGE, windows=4000), "there are .* texts of this kind; got 4,000")
    refused(language_entropy, replace(LANGUAGE, positions=(5000,)), "positions 0 to 4,095; got 5,000")
    refused(language_entropy, replace(LANGUAGE, layers=(9,)), "layers 0 to 4; got")
    refused(language_entropy, replace(LANGUAGE, training=Training()), "fewer than a batch of 512")
    refused(icl_entropy, replace(ICL, shots=(0, 99)), "reviews to show; got 99 shots")
    refused(icl_entropy, replace(ICL, source="novels"), "no reviews 'novels'; give movie-reviews")
    refused(token_sets, replace(TOKENS, words=(" sea", " sea")), "two different words of one ordinary token")
    refused(token_sets, replace(TOKENS, words=(" sea", " unheard")), "' unheard' is")
    refused(token_sets, replace(TOKENS, ranks=(1, 4096)), "positions 0 to 4,095; got 4,096")
    for wrong in ({"windows": 1}, {"positions": ()}, {"positions": (0,)}, {"windows_a_document": 0}):
        with pytest.raises(ValueError):
            replace(LANGUAGE, **wrong)
    for module, wrong in ((ICL, {"shots": (-1,)}), (ICL, {"prompts": 1}), (TOKENS, {"ranks": (3, 1)}), (TOKENS, {"expansions": ()})):
        with pytest.raises(ValueError):
            replace(module, **wrong)
