"""The movie experiment: no review in two sets, answers those of whole prompts read one by one, a stopped run goes on."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.stats import binomtest
from typer.testing import CliRunner

from bae.cli.main import app
from bae.experiments.movies import answers as movie_answers
from bae.experiments.movies import layers as movie_layers
from bae.experiments.movies import prompts as movie_prompts
from bae.experiments.movies import steering as movie_steering
from bae.experiments.movies.answers import answers, answers_to_long, begin
from bae.experiments.movies.job import elsewhere, expected_files, expected_seconds
from bae.experiments.movies.layers import right_by_layer
from bae.experiments.movies.prompts import Review, draw, label_tokens, prompt, prompts
from bae.experiments.movies.results import (
    GAMMAS,
    MEANS,
    PLAIN,
    PROMPTED,
    Point,
    Results,
    Settings,
    command,
    curves,
    lock_file,
    newest_first,
    read_gammas,
    results_files,
    rows,
    weights_digest,
)
from bae.experiments.movies.steering import run, run_all
from bae.experiments.movies.tables import summary, tables
from bae.experiments.movies.verdict import verdicts
from bae.steering import Add, steered
from bae.steering.directions import KEPT
from bae.system.files import locked
from bae.text import corpus
from bae.text.contexts import left_padded
from bae.workspace import Workspace
from tests.conftest import prose
from tests.pages.small_study import LAYER, make_study

LABELS = (" vote", " sea")
"""Of which the small tokenizer knows the first tokens apart."""
SETTINGS = Settings(LAYER, samples=6, shots=2, kept=8, gammas=(0.0, 1.0, 2.0), controls=2)


@pytest.fixture(autouse=True)
def labels(monkeypatch):
    monkeypatch.setattr(movie_prompts, "LABELS", LABELS)


@pytest.fixture
def study(tmp_path, tiny_llama) -> Workspace:
    return make_study(tmp_path / "study", tiny_llama)


def kept_results(workspace: Workspace) -> list[Results]:
    return newest_first(Results.read(file) for file in results_files(workspace))


def key(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def test_no_review_is_in_two_sets(monkeypatch):
    sets = draw(100, seed=3)
    found = [[key(review.text) for review in part] for part in (sets.test, sets.estimation, sets.demonstrations)]
    assert [len(part) for part in found] == [100, 100, movie_prompts.POOL]
    every = [text for part in found for text in part]
    assert len(set(every)) == len(every)
    assert sets == draw(100, seed=3) != draw(100, seed=4)

    # negative control: a review that stands in all splits under several ids, in other words of white space and signs, is taken once
    def everywhere(split, seed=0):
        for number in range(3000):
            text = f"Twice  told, {number}!" if split == "held-out" else f"twice told {number}"
            yield corpus.Document(f"{split}/{number}", text), 1.0

    monkeypatch.setattr(corpus, "scored_reviews", everywhere)
    sets = draw(50)
    texts = [key(review.text) for part in (sets.test, sets.estimation, sets.demonstrations) for review in part]
    assert len(set(texts)) == len(texts) == 100 + movie_prompts.POOL


def test_labels_are_signs_and_zeros_are_dropped():
    scores = {" ".join(document.text.split()): score for document, score in corpus.scored_reviews("held-out")}
    sets = draw(200)
    assert all(review.positive == (scores[review.text] > 0) and scores[review.text] for review in sets.test)
    assert 0.3 < sum(review.positive for review in sets.test) / 200 < 0.7


def test_the_prompt_is_that_of_the_paper(monkeypatch):
    monkeypatch.setattr(movie_prompts, "LABELS", (" negative", " positive"))
    shots = [Review("a genuinely moving drama .", True), Review("freakshow", False)]
    assert prompt(Review("a taste for the quirky", True), shots) == (
        "sentence: a genuinely moving drama . sentiment: positive\nsentence: freakshow sentiment: negative\n"
        "sentence: a taste for the quirky sentiment:"
    )


def test_no_query_is_among_its_demonstrations_nor_its_label_told():
    sets = draw(60)
    for query, text in zip(sets.estimation, prompts(sets.estimation, sets.demonstrations, 8), strict=True):
        lines = text.split("\n")
        assert len(lines) == 9 and lines[-1] == f"sentence: {query.text} sentiment:"
        assert all(query.text not in line for line in lines[:-1]) and len(set(lines)) == 9
    drawn = [text.rsplit("\n", 1)[0] for text in prompts(sets.test, sets.demonstrations, 8)]
    assert len(set(drawn)) == 60, "each query has its own"


def test_more_reviews_than_there_are():
    with pytest.raises(ValueError, match=r"1,\d\d\d different reviews for the test set; got samples = 5,000"):
        draw(5000)
    with pytest.raises(ValueError, match="at least 2"):
        draw(1)


def test_labels_that_begin_alike_are_refused(tiny_model, monkeypatch):
    negative, positive = label_tokens(tiny_model)
    assert [tiny_model.token_text(token) for token in (negative, positive)] == list(LABELS)
    monkeypatch.setattr(movie_prompts, "LABELS", (" vote", " vote a lot"))
    with pytest.raises(ValueError, match="do not tell the labels apart"):
        label_tokens(tiny_model)


@pytest.mark.parametrize("batch", [3, 128])
def test_answers_are_those_of_every_prompt_read_whole_and_alone(tiny_model, monkeypatch, batch):
    monkeypatch.setattr(movie_answers, "BATCH", batch)
    texts = [prose(seed, 1 + seed % 3) for seed in range(7)]
    begun = begin(tiny_model, texts)
    for push in (torch.zeros(32), torch.randn(32, generator=torch.Generator().manual_seed(0))):
        way = [Add(LAYER, push, strength=4.0, positions="last")] if push.any() else []
        for _ in range(2):  # what was read serves again
            found = answers(tiny_model, begun, way)
        for text, logits in zip(texts, found, strict=True):
            ids = tiny_model.tokenize(text).ids
            with steered(tiny_model, way, len(ids)), torch.inference_mode():
                whole = tiny_model.model(torch.tensor([ids])).logits[0, -1]
            assert torch.allclose(logits, whole, atol=1e-3)
    plain = answers(tiny_model, begun)
    assert torch.allclose(plain, answers_to_long(tiny_model, tiny_model.tokenize_each(texts), lambda _: None), atol=1e-3)
    assert not torch.allclose(found, plain, atol=0.1), "negative control: the push is seen"


def test_intervals_are_wilson_s():
    point = Point("bae", 1.0, 512, vocabulary=160, labels=300, answered=200, positive=20, said={})
    for of, right in (("vocabulary", 160), ("labels", 300)):
        interval = binomtest(right, 512).proportion_ci(0.95, method="wilson")
        assert point.interval(of) == pytest.approx((interval.low, interval.high)) and point.accuracy(of) == right / 512
        assert point.interval(of) != pytest.approx(tuple(binomtest(right, 512).proportion_ci(0.95, method="exact")), abs=1e-4)


def test_a_run_keeps_every_method_at_every_strength(study, tiny_model):
    results = run(study, SETTINGS, tiny_model)
    methods = {"bae", "bae, signs", "topk", "difference of means"}
    drawn = {f"bae, {kind} {number}" for kind in ("random features", "random direction") for number in (1, 2)}
    assert set(results.directions) == methods | drawn
    assert results.known() == {(PLAIN, 0.0), (PROMPTED, 0.0)} | {(method, gamma) for method in methods | drawn for gamma in (1.0, 2.0)}
    assert all(point.tested == 6 and point.vocabulary <= point.answered for point in results.points)
    told = results.directions
    for control in {"bae, signs"} | drawn:
        assert told[control]["length"] == pytest.approx(told["bae"]["length"], rel=1e-4)
    assert kept_results(study)[0] == results and 0.5 <= results.majority <= 1
    titles = curves(results)
    assert set(titles) == {PLAIN, PROMPTED, *methods, "bae, random features", "bae, random direction"}
    assert [len(points) for points in titles["bae, random direction"]] == [1, 2, 2], "strength 0 is the model as it is, for all"
    lines = tables(results)
    assert len(lines) == 2 * (len(titles) + 3) and all(line.count("|") == lines[0].count("|") for line in lines if line)
    status = json.loads(study.status_file("movie-steering").read_text())
    assert status["done"] == status["total"] == 1 + 8 * 2


def test_points_are_counted_as_a_loop_counts_them(study, tiny_model):
    results = run(study, SETTINGS, tiny_model)
    tested, tokens = draw(6).test, label_tokens(tiny_model)
    logits = answers(tiny_model, begin(tiny_model, prompts(tested)))
    point = next(point for point in results.points if point.method == PLAIN)
    assert point.labels == sum(
        (row[tokens[1]] > row[tokens[0]]).item() == review.positive for row, review in zip(logits, tested, strict=True)
    )
    assert point.vocabulary == sum(row.argmax().item() == tokens[review.positive] for row, review in zip(logits, tested, strict=True))
    assert point.answered == sum(row.argmax().item() in tokens for row in logits) and sum(point.said.values()) == 6


def test_tokens_that_read_alike_are_counted_together(tiny_model, monkeypatch):
    monkeypatch.setattr(tiny_model, "token_text", lambda token: "\N{REPLACEMENT CHARACTER}" if token < 3 else str(token))
    said = movie_steering._most_said(tiny_model, [0, 0, 1, 1, 2, 7, 7, 7, 7, 8])
    assert list(said.items()) == [("\N{REPLACEMENT CHARACTER}", 5), ("7", 4), ("8", 1)], "the most frequent first, none lost"


def test_padding_on_the_left_leaves_every_text_its_positions(tiny_model):
    ids, mask, positions = left_padded(tiny_model, [(1, 5, 6), (1, 9, 8, 7, 3)])
    bos = tiny_model.bos_id
    assert ids.tolist() == [[bos, bos, 1, 5, 6], [1, 9, 8, 7, 3]]
    assert mask.tolist() == [[0, 0, 1, 1, 1], [1] * 5] and positions.tolist() == [[0, 0, 0, 1, 2], [0, 1, 2, 3, 4]]


def test_the_file_of_a_run_is_known_without_the_model(study, tiny_model):
    settings = Settings(LAYER, samples=4, shots=1, kept=4, gammas=(1.0,), controls=0)

    def expected(asked=settings):
        return expected_files(study, asked, lambda name: weights_digest(study, name))

    results = run(study, settings, tiny_model)
    assert results.file in expected() == expected(replace(settings, gammas=(0.5,))) and len(expected()) == 2, "one of a stranger's model"
    assert results.file not in expected(replace(settings, seed=1)) and expected(Settings(LAYER + 7)) == [], "control"
    # fewer strengths than are asked for: some are still to be run
    assert not results.missing() and results.missing((0.5, 1.0)) == len(results.directions)
    # another dictionary at the layer makes another file, as it does when it is run
    shutil.copytree(study.autoencoder_folder("topk"), study.autoencoder_folder("another"))
    assert results.file not in expected() and run(study, settings, tiny_model).file in expected()
    # one of another model is no part of the run
    config = study.autoencoder_folder("another") / "config.json"
    config.write_text(config.read_text().replace(tiny_model.fingerprint, "1" * 32))
    assert results.file in expected() and run(study, settings, tiny_model).file == results.file
    # a damaged one neither
    config.write_text("{")
    assert results.file in expected()


class Stopped(RuntimeError):
    """Somebody ended the run."""


def test_a_stopped_run_goes_on_and_repeats_nothing(study, tiny_model, monkeypatch):
    made, stop_after = [], [5]
    counted = movie_steering.answers

    def count(*given):
        if len(made) == stop_after[0]:
            raise Stopped
        made.append(1)
        return counted(*given)

    reads = []
    examples = movie_steering.read_examples
    monkeypatch.setattr(movie_steering, "read_examples", lambda *given, **more: reads.append(1) or examples(*given, **more))
    monkeypatch.setattr(movie_steering, "answers", count)
    with pytest.raises(Stopped):
        run(study, SETTINGS, tiny_model)
    half = kept_results(study)
    assert len(half) == 1 and len(half[0].points) == 1 + 5
    stop_after[0] = 10**9
    whole = run(study, SETTINGS, tiny_model)
    assert len(made) == 1 + 8 * 2 and len(reads) == 2, "nothing was run twice"
    assert [point for point in whole.points if point in half[0].points] == half[0].points
    run(study, SETTINGS, tiny_model)
    assert len(made) == 17
    more = run(study, Settings(LAYER, samples=6, shots=2, kept=8, gammas=(0.5,), controls=2), tiny_model)
    assert len(made) == 17 + 8 and more.file == whole.file and more.settings["gammas"] == [0.0, 0.5, 1.0, 2.0]
    other = run(study, Settings(LAYER, samples=5, shots=2, kept=8, gammas=(1.0,), controls=0), tiny_model)
    assert other.file != whole.file and len(kept_results(study)) == 2, "negative control: another setting is another run"
    assert Results.read(whole.file) == more


def test_another_checkpoint_is_another_run(study, tiny_model):
    settings = Settings(LAYER, samples=4, shots=1, kept=4, gammas=(1.0,), controls=0)
    first = run(study, settings, tiny_model)
    weights = study.autoencoder_folder("topk") / "weights.safetensors"
    save_file({name: 0.5 * tensor if name == "W_out" else tensor for name, tensor in load_file(weights).items()}, weights)
    second = run(study, settings, tiny_model)
    assert second.file != first.file
    assert second.directions["topk"]["length"] == pytest.approx(0.5 * first.directions["topk"]["length"], rel=1e-3)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"gammas": ()}, "strengths"),
        ({"gammas": (float("nan"),)}, "finite"),
        ({"gammas": (-1.0,)}, "from 0 up"),
        ({"shots": 0}, "at least 1; got 0"),
    ],
)
def test_impossible_settings_are_named(wrong, match):
    with pytest.raises(ValueError, match=match):
        Settings(LAYER, **wrong)


def test_a_layer_without_a_dictionary_is_refused(study, tiny_model):
    with pytest.raises(ValueError, match=r"no dictionary of this workspace is at layer 4; there are some at \[2, 3\]"):
        run(study, Settings(4, samples=4), tiny_model)


# the command, and what is on disk


def test_the_command_runs_what_is_missing_and_prints_what_it_found(study):
    asked = ["steer", "evaluate", "--workspace", str(study.folder), "--layer", str(LAYER), "--samples", "4", "--gammas", "0,1"]
    first = CliRunner().invoke(app, asked)
    assert first.exit_code == 0, first.output
    assert "not told apart from difference of means" in first.stdout and f"--layer {LAYER} --samples 4 --gammas 0,1" in first.stdout
    file = results_files(study)[0]
    before = file.read_bytes()
    again = CliRunner().invoke(app, [*asked, "--layer", str(LAYER + 1), "--json"])
    told = json.loads(again.stdout)
    assert file.read_bytes() == before, "nothing was run again"
    assert told["name"] == "steer evaluate" and {row["layer"] for row in told["rows"]} == {LAYER, LAYER + 1}
    assert all(row["low"] <= row["value"] <= row["high"] and {"metric", "unit"} <= set(row) for row in told["rows"])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--layer", str(LAYER), "--layer", "4"], "no dictionary of this workspace is at layer 4"),
        (["--layer", str(LAYER), "--gammas", "0,x"], "strengths are numbers with commas"),
        (["--layer", str(LAYER), "--gammas", ""], "strengths are finite numbers from 0 up"),
        (["--layer", str(LAYER), "--gammas", "1,inf"], "strengths are finite numbers from 0 up"),
        (["--layer", str(LAYER), "--samples", "1"], "samples is at least 2; got 1"),
        (["--layer", str(LAYER), "--samples", "99999"], "different reviews for the test set"),
    ],
)
def test_what_cannot_be_run_is_told_before_anything_is(study, asked, told):
    found = CliRunner().invoke(app, ["steer", "evaluate", "--workspace", str(study.folder), *asked])
    assert found.exit_code == 1 and told in found.stderr and not results_files(study)


def test_two_runs_at_once_are_refused(study, tiny_model):
    settings = Settings(LAYER, samples=4, shots=1, kept=4, gammas=(1.0,), controls=0)
    with locked(lock_file(study)):
        assert elsewhere(study)
        with pytest.raises(BlockingIOError, match="running in this workspace already"):
            run(study, settings, tiny_model)
    assert not elsewhere(study) and run(study, settings, tiny_model).points


def test_what_is_kept_says_how_it_came_about(study, tiny_model):
    results = run(study, SETTINGS, tiny_model)
    assert results.command == f"bae steer evaluate --layer {LAYER} --samples 6 --gammas 0,1,2" and "no GPU" in results.machine
    assert results.directions[MEANS]["cosine"] == pytest.approx(1, abs=1e-5) and abs(results.directions["bae"]["cosine"]) <= 1
    assert command({**results.settings, "gammas": list(GAMMAS), "seed": 3}) == f"bae steer evaluate --layer {LAYER} --samples 6 --seed 3"
    assert read_gammas("0, 0.5,1") == (0.0, 0.5, 1.0) and Settings(LAYER).kept == KEPT
    assert expected_seconds([results], 12) == (2 * results.seconds, results) and expected_seconds([], 100)[1] is None
    assert len(rows(results)) == 2 * len(results.points) and any("best" in line for line in summary(results))
    results.file.with_suffix(".safetensors").unlink()
    before = results.file.read_bytes()
    assert run(study, SETTINGS, tiny_model) == results and results.file.read_bytes() == before, "a finished run needs no directions"
    results.file.write_bytes(before[:500])
    with pytest.raises(ValueError, match=r"movie-reviews-.* is damaged .* run `bae steer evaluate` again"):
        Results.read(results.file)


def test_no_layer_begins_where_another_cannot(study, tiny_model):
    with pytest.raises(ValueError, match="at layer 4"):
        run_all(study, [Settings(LAYER, samples=4), Settings(4, samples=4)], tiny_model)
    assert not results_files(study)


def test_the_runs_that_ship_are_whole_and_of_the_dictionaries_that_ship(tmp_path):
    study = Workspace.demo(tmp_path / "demo")
    found = [Results.read(file) for file in results_files(study)]
    assert {results.settings["layer"] for results in found} == {15, 20}
    for results in found:
        told = results.settings
        assert not results.missing() and told["samples"] == 512 and tuple(told["gammas"]) == GAMMAS
        assert told["dictionaries"] == {name: weights_digest(study, name) for name in told["dictionaries"]}
        assert results.command == command(told) and results.machine and results.date
        assert expected_files(study, Settings(told["layer"]), lambda name: weights_digest(study, name)) == [results.file]
        for point in results.points:
            assert point.tested == 512 and point.vocabulary <= point.answered and sum(point.said.values()) <= 512
        majority = max(results.majority, 1 - results.majority)
        assert 0.5 <= majority < 0.6 and all(verdicts(results, of) for of in ("vocabulary", "labels"))


def test_the_layers_are_steered_one_by_one(tiny_model, monkeypatch):
    sets = draw(8)
    good, bad = (
        torch.stack([tiny_model.hidden_states(torch.tensor([tiny_model.tokenize(text).ids]), [LAYER])[LAYER][0, -1] for text in texts])
        for texts in (prompts(sets.estimation, sets.demonstrations, 2), prompts(sets.estimation))
    )
    push = Add(LAYER, good.mean(0) - bad.mean(0), strength=1.0, positions="last")
    said = []
    for text in prompts(sets.test):
        ids = tiny_model.tokenize(text).ids
        with steered(tiny_model, [push], len(ids)), torch.inference_mode():
            said.append(tiny_model.model(torch.tensor([ids])).logits[0, -1].argmax().item())
    for labels in ((said[0], -1), (-1, said[0]), (-1, -1)):
        monkeypatch.setattr(movie_layers, "label_tokens", lambda _model, labels=labels: labels)
        found = right_by_layer(tiny_model, [1, LAYER], 8, shots=2)
        right = [token == labels[review.positive] for token, review in zip(said, sets.test, strict=True)]
        assert set(found) == {-1, 1, LAYER} and found[LAYER] == sum(right) / 8
        assert any(right) == (labels[sets.test[0].positive] == said[0])
