"""The page of the movie-review experiment: before it was run, a run that has not finished, what its numbers say, and points."""

import json
import shutil
from dataclasses import replace

import pytest
from small_study import HOSTILE, LAYER
from test_pages import said

from app.movies.said import visible
from bae.experiments.movies import job as movie_job
from bae.experiments.movies import prompts as movie_prompts
from bae.experiments.movies.results import GAMMAS as GAMMAS_OF_THE_PAGE
from bae.experiments.movies.results import MEANS, PLAIN, Results, Settings, results_files
from bae.experiments.movies.steering import run_all
from bae.workspace import Workspace

GAMMAS = (0.0, 1.0, 2.0)


@pytest.fixture(scope="module")
def run_study(bare_study, tiny_model, tmp_path_factory):
    """A study in which the experiment was run at two layers, with labels that the small tokenizer tells apart."""
    found = Workspace.open(shutil.copytree(bare_study.folder, tmp_path_factory.mktemp("movies") / "study"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(movie_prompts, "LABELS", (" vote", " sea"))
        asked = [Settings(layer, samples=6, shots=2, kept=8, gammas=GAMMAS, controls=2) for layer in (LAYER + 1, LAYER)]
        run_all(found, asked, tiny_model)
    return found


@pytest.fixture
def own_study(run_study, tmp_path):
    """A copy that a test may change."""
    return Workspace.open(shutil.copytree(run_study.folder, tmp_path / "study"))


def file_of(study: Workspace, layer: int = LAYER):
    return next(file for file in results_files(study) if file.name.startswith(f"movie-reviews-{layer}-"))


def change(study: Workspace, how) -> None:
    """Rewrite what was kept of the run at LAYER."""
    told = json.loads(file_of(study).read_text(encoding="utf-8"))
    how(told)
    file_of(study).write_text(json.dumps(told), encoding="utf-8")


def at_layer(study: Workspace) -> str:
    return file_of(study).stem.removeprefix("movie-reviews-")


def test_before_it_was_run_the_page_offers_to(open_page, bare_study, monkeypatch):
    started = []
    monkeypatch.setattr(movie_job, "start", lambda _study, *asked: started.append(asked))
    app = open_page(bare_study, "movies", layer=str(LAYER + 1), samples="64")
    assert not app.exception and not app.error and not app.warning and "has not been run in this workspace" in said(app)
    assert app.code[0].value == f"bae steer evaluate --workspace study --layer {LAYER + 1} --samples 64"
    assert "About 2 min" in said(app) and not app.dataframe
    app.button(key="start:movies").click().run()
    assert started == [(LAYER + 1, 64)] and not app.exception


def test_a_run_is_over_only_where_a_new_one_would_add_nothing(open_page, bare_study, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(movie_prompts, "LABELS", (" vote", " sea"))
    study = Workspace.open(shutil.copytree(bare_study.folder, tmp_path / "study"))

    def button():
        app = open_page(study, "movies", layer=str(LAYER), samples="4")
        assert not app.exception and not app.error
        return app.button(key="start:movies")

    asked = Settings(LAYER, samples=4, gammas=(0.0, 1.0), controls=3)
    run_all(study, [asked], tiny_model)
    assert not button().disabled and button().label == "Resume", "the page asks for more strengths"
    run_all(study, [replace(asked, gammas=GAMMAS_OF_THE_PAGE)], tiny_model)
    assert button().disabled
    shutil.copytree(study.autoencoder_folder("topk"), study.autoencoder_folder("another"))
    assert not button().disabled and button().label == "Start", "with a new dictionary it is another run"


def test_the_job_is_the_command(bare_study, monkeypatch):
    started = []
    monkeypatch.setattr("bae.system.jobs.Jobs.start", lambda _jobs, name, command: started.append((name, command)))
    movie_job.start(bare_study, 3, 32)
    ((name, command),) = started
    assert name == "movie-steering"
    assert command[2:] == ["bae", "steer", "evaluate", "--workspace", str(bare_study.folder), "--layer", "3", "--samples", "32"]


def test_the_page_shows_the_run_with_its_verdict(open_page, run_study):
    app = open_page(run_study, "movies", run=at_layer(run_study))
    assert not app.exception and not app.error and not app.warning
    assert "does not beat its controls" in said(app) and "None of the 6 ways to steer is above" in said(app)
    frame = app.dataframe[0].value
    results = Results.read(file_of(run_study))
    assert set(frame["name"]) >= {"BAE · bae", "BAE · bae, signs", "bae, random features", "Top-k SAE · topk", MEANS}
    plain = next(point for point in results.points if point.method == PLAIN)
    row = frame[frame["name"] == "no steering"].iloc[0]
    assert row["accuracy"] == pytest.approx(100 * plain.vocabulary / 6)
    labels = open_page(run_study, "movies", run=at_layer(run_study), of="labels").dataframe[0].value
    assert labels[labels["name"] == "no steering"].iloc[0]["accuracy"] == pytest.approx(100 * plain.labels / 6)
    assert "bae steer evaluate --layer 2" in said(app) and "no GPU" in said(app)


def test_the_verdict_follows_the_numbers(open_page, own_study):
    def many(told):
        """As if far more had been tested, and the BAE had been right on nearly all at strength 2."""
        for point in told["points"]:
            point |= {"tested": 600, "vocabulary": 590 if (point["method"], point["gamma"]) == ("bae", 2.0) else 60}

    change(own_study, many)
    app = open_page(own_study, "movies", run=at_layer(own_study))
    assert "beats its controls" in said(app) and "98.3 % at strength 2, against 10.0 % without" in said(app)
    assert "Above the model as it is: ` bae `" in said(app) and "5 other ways to steer are not" in said(app)
    other = open_page(own_study, "movies", run=at_layer(own_study), of="labels")
    assert "does not beat its controls" in said(other), "negative control: over the two labels nothing was changed for the better"


def test_a_run_that_has_not_finished_has_no_verdict(open_page, own_study):
    change(own_study, lambda told: told.update(points=told["points"][:4]))
    app = open_page(own_study, "movies", run=at_layer(own_study))
    assert not app.exception and "This run has not finished: 4 points are kept" in said(app) and "its controls** over" not in said(app)
    assert list(app.dataframe[0].value["name"]) == ["no steering", "demonstrations", "BAE · bae"], "others have no point of their own yet"
    change(own_study, lambda told: told.update(points=[], directions={}))
    app = open_page(own_study, "movies", run=at_layer(own_study))
    assert not app.exception and "Nothing is kept yet" in said(app)


def test_a_point_is_a_permalink(open_page, run_study):
    app = open_page(run_study, "movies", run=at_layer(run_study), method="bae:random-features", strength="2")
    html = "\n".join(element.value for element in app.html)
    assert not app.exception and not app.warning
    for draw in (1, 2):
        assert f"bae, random features {draw}, at 2" in html
    assert app.select_slider(key="url:strength").value == "2"
    results = Results.read(file_of(run_study))
    point = next(point for point in results.points if (point.method, point.gamma) == ("bae, random features 2", 2.0))
    token, count = next(iter(point.said.items()))
    assert f"<code>{visible(token)}</code>" in html and f"{count} <small" in html
    app.selectbox(key="url:method").set_value("topk").run()
    assert app.query_params["method"] in ("topk", ["topk"]) and "strength" not in app.query_params and not app.exception


@pytest.mark.parametrize(
    ("params", "allowed"),
    [
        ({"run": "nothing"}, f"{LAYER}-"),
        ({"of": "both"}, "labels"),
        ({"method": "<b>x</b>"}, "bae:signs"),
        ({"strength": "9"}, "2"),
        ({"curves": "bae,nothing"}, "difference-of-means"),
        ({"bands": "yes"}, "0"),
        ({"layer": "7"}, str(LAYER)),
        ({"samples": "1"}, "from 2 to 1000"),
    ],
)
def test_a_wrong_address_is_named(open_page, run_study, params, allowed):
    app = open_page(run_study, "movies", **params)
    assert not app.exception and len(app.warning) == 1 and allowed in app.warning[0].value


def test_foreign_text_is_shown_and_not_run(open_page, own_study):
    odd = f"{HOSTILE}\n\u202e🙂"

    def strange(told):
        told["settings"]["model"] = odd
        told["machine"] = odd
        for point in told["points"]:
            point["said"] = {odd: 3}

    change(own_study, strange)
    app = open_page(own_study, "movies", run=at_layer(own_study))
    html = "\n".join(element.value for element in app.html)
    assert not app.exception and "<script" not in html and "<img" not in html and "&lt;script&gt;" in html
    assert visible(" a\n\u202e") == "␣a⏎\N{REPLACEMENT CHARACTER}"


def test_a_damaged_file_is_named_and_the_rest_is_shown(open_page, own_study):
    file_of(own_study).write_text('{"points": [', encoding="utf-8")
    app = open_page(own_study, "movies")
    assert not app.exception and len(app.error) == 1 and "is damaged" in app.error[0].value and app.dataframe


def test_another_checkpoint_since_the_run_is_told(open_page, own_study):
    assert not open_page(own_study, "movies", run=at_layer(own_study)).warning
    with (own_study.autoencoder_folder("topk") / "weights.safetensors").open("ab") as weights:
        weights.write(b" ")
    app = open_page(own_study, "movies", run=at_layer(own_study))
    assert not app.exception and len(app.warning) == 1 and "Replaced or gone since this run: ` topk `" in app.warning[0].value
