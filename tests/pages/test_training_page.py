"""The training page through the registry: what it says of real curves and real jobs, and what its buttons start and stop."""

import json
import signal
import sys
import time
from os import kill
from pathlib import Path

import pytest
from small_study import HOSTILE
from test_pages import said

from app import charts
from app.charts import Line
from app.training import curves as training_curves
from bae.training import runs
from bae.workspace import Workspace

SLEEP = [sys.executable, "-c", "import time; print('asleep', flush=True); time.sleep(60)"]
PATIENCE_S = 30


@pytest.fixture
def empty(tmp_path) -> Workspace:
    """A study that is nothing but its recipe; the page needs no language model."""
    kinds = {"bae": "binary", "bae-deep": "binary", "topk": "topk"}
    tables = "".join(f'[[autoencoder]]\nname = "{name}"\nkind = "{kind}"\nlayer = 2\n' for name, kind in kinds.items())
    (tmp_path / "recipe.toml").write_text(f"layers = [2]\n{tables}")
    return Workspace.open(tmp_path)


@pytest.fixture
def trained(empty) -> Workspace:
    """The same with the curves of a BAE in two stages and of a Top-k SAE, the last line of which is being written."""
    log(empty, "bae", 0, [figures(step, entropy=900 - step, covariance=70.0, covariance_floor=50.0) for step in range(50, 501, 50)])
    log(empty, "bae", 1, [figures(step, entropy=400 - step, covariance=60.0, covariance_floor=50.0) for step in range(50, 101, 50)])
    log(empty, "topk", 0, [figures(step, l0=4.0) for step in range(50, 201, 50)] + [{"step": 200, "held_out_fvu": 0.2468}])
    with curve_of(empty, "topk", 0).open("a") as file:
        file.write('{"step": 250, "lo')
    return empty


@pytest.fixture
def harvested(empty) -> Workspace:
    """The same with the file that a finished harvest has, so that buttons are not disabled."""
    for split in ("train", "held-out"):
        empty.harvest_folder(split).mkdir(parents=True)
        (empty.harvest_folder(split) / "scaling.safetensors").touch()
    yield empty
    for file in runs.jobs(empty).folder.glob("*.json"):
        runs.jobs(empty).stop(file.stem, grace=1)


def figures(step: int, **others: float) -> dict:
    return {"step": step, "loss": 1 / step, "reconstruction": 0.5 / step, **others}


def curve_of(study: Workspace, name: str, stage: int) -> Path:
    return study.folder / "training" / name / f"stage-{stage}" / "curve.jsonl"


def log(study: Workspace, name: str, stage: int, rows: list[dict]) -> None:
    file = curve_of(study, name, stage)
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def buttons(app) -> dict:
    return {button.key: button for button in app.button}


def drawn(app) -> list[dict]:
    """What the page's charts hold."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_before_anything_it_says_what_to_do(open_page, empty):
    app = open_page(empty, "training")
    text = said(app)
    assert not app.exception and not app.error and not app.warning
    assert "There are no hidden states to train on yet" in text and f"bae harvest --workspace {empty.folder.name}" in text
    assert "No run has logged a curve" in text and text.count("2,500 steps") == 3
    assert all(buttons(app)[f"start:{name}"].disabled for name in ("bae", "bae-deep", "topk"))
    assert not buttons(app)["start:harvest"].disabled and not drawn(app)


def test_shipped_checkpoints_have_no_curve_and_can_be_trained(open_page, harvested):
    harvested.autoencoder_folder("bae").mkdir(parents=True)
    (harvested.autoencoder_folder("bae") / "config.json").write_text('{"provenance": {"figures": {"fvu": 0.31}}}')
    (harvested.folder / "status").mkdir()
    status = {"stage": "train other", "unit": "steps", "done": 9, "total": 9, "rate": 5.0, "seconds_left": 0.0, "updated": 1.0}
    harvested.status_file("train-other").write_text(json.dumps(status))
    app = open_page(harvested, "training")
    text = said(app)
    assert "Trained elsewhere, without a curve. Here: 2,500 steps · about 8 min 20 s" in text
    assert buttons(app)["start:bae"].label == "Train" and not buttons(app)["start:bae"].disabled
    assert "0.310" in text, "the figure of its checkpoint"


def test_curves_of_all_runs_are_drawn_and_stages_are_joined(open_page, trained):
    app = open_page(trained, "training")
    assert not app.exception and not app.error and not app.warning
    text = said(app)
    assert "600 of 2,500 steps" in text and "200 of 2,500 steps" in text and "0.247" in text
    lines = {(spec["layout"]["yaxis"].get("title", {}).get("text"), trace.get("name")) for spec in drawn(app) for trace in spec["data"]}
    assert {("bits", "bae"), ("features a token", "topk")} <= lines
    penalty = next(spec for spec in drawn(app) if len(spec["data"]) == 2 and spec["data"][1].get("name") == "bae, noise floor")
    assert [trace["line"]["dash"] for trace in penalty["data"]] == ["solid", "dot"]
    assert penalty["data"][0]["line"]["color"] == penalty["data"][1]["line"]["color"]
    assert "1.20 ×" in text and "Dynamics" in text


def test_the_address_chooses_runs_curves_and_axis(open_page, trained):
    app = open_page(trained, "training", runs="topk", show="loss", log="1")
    assert not app.warning and app.multiselect(key="url:runs").value == ["topk"]
    (spec,) = drawn(app)
    assert [trace["name"] for trace in spec["data"]] == ["topk"] and spec["layout"]["yaxis"]["type"] == "log"
    assert not drawn(open_page(trained, "training", runs="topk", show="entropy"))
    assert "Choose a run" in said(open_page(trained, "training", runs=""))


@pytest.mark.parametrize(
    "params, allowed",
    [
        ({"runs": "bae,nobody"}, "topk"),
        ({"show": "loss,magic"}, "held_out_fvu"),
        ({"log": "yes"}, "0"),
        ({"new": "1", "copy": "x"}, "bae-deep"),
    ],
)
def test_a_wrong_address_is_named(open_page, trained, params, allowed):
    app = open_page(trained, "training", **params)
    assert not app.exception and len(app.warning) == 1 and allowed in app.warning[0].value


def test_choosing_writes_to_the_address(open_page, trained):
    app = open_page(trained, "training")
    app.multiselect(key="url:runs").set_value(["topk"]).run()
    assert app.query_params["runs"] in ("topk", ["topk"]) and not app.exception


def test_a_job_is_seen_stopped_and_its_log_is_text(open_page, harvested):
    program = f"import time; print({HOSTILE!r}, flush=True); time.sleep(60)"
    job = runs.jobs(harvested).start("train-bae", [sys.executable, "-c", program])
    until(lambda: runs.jobs(harvested).tail("train-bae"))
    app = open_page(harvested, "training")
    assert not app.exception and "running" in markdown(app) and "starting" in said(app)
    assert any(HOSTILE in code.value for code in app.code) and HOSTILE not in said(app)
    app = buttons(app)["stop:bae"].click().run()
    assert not app.exception and runs.jobs(harvested).job("train-bae").state == "stopped"
    app = open_page(harvested, "training")
    assert "Its last words" in said(app) and buttons(app)["start:bae"].label == "Resume" and "stop:bae" not in buttons(app)
    assert runs.jobs(harvested).job("train-bae").return_code == -signal.SIGTERM and job.pid > 0


def test_killed_from_outside_it_can_be_resumed(open_page, harvested):
    job = runs.jobs(harvested).start("train-bae", SLEEP)
    kill(job.pid, signal.SIGKILL)
    until(lambda: runs.jobs(harvested).job("train-bae").state != "running")
    app = open_page(harvested, "training")
    assert "stopped" in markdown(app) and buttons(app)["start:bae"].label == "Resume" and not app.error


def test_the_button_starts_a_process_whose_failure_is_told(open_page, harvested):
    """The harvest is a sham, so the training that the button starts fails, with a message of the library."""
    app = open_page(harvested, "training")
    app = buttons(app)["start:topk"].click().run()
    assert not app.exception
    job = runs.jobs(harvested).job("train-topk")
    assert job.command[1:] == ("-m", "bae", "train", "--workspace", str(harvested.folder), "--name", "topk")
    until(lambda: runs.jobs(harvested).job("train-topk").state != "running")
    app = open_page(harvested, "training")
    assert "failed" in markdown(app) and "holds no harvest" in app.error[0].value and buttons(app)["start:topk"].label == "Resume"


def test_a_second_start_is_refused_in_a_sentence(open_page, harvested):
    app = open_page(harvested, "training")
    runs.jobs(harvested).start("train-bae", SLEEP)
    app = buttons(app)["start:bae"].click().run()
    assert not app.exception and "already running" in said(app)


def test_a_damaged_record_is_named(open_page, harvested):
    runs.jobs(harvested).folder.mkdir()
    record = runs.jobs(harvested).folder / "train-bae.json"
    record.write_text("nonsense")
    app = open_page(harvested, "training")
    assert not app.exception and "is damaged" in app.error[0].value
    record.unlink()


def test_a_damaged_checkpoint_is_named_where_its_figure_would_be(open_page, harvested):
    harvested.autoencoder_folder("bae").mkdir(parents=True)
    (harvested.autoencoder_folder("bae") / "config.json").write_text("{")
    app = open_page(harvested, "training")
    assert not app.exception and "damaged" in [element.value for element in app.markdown]


def test_a_run_is_added_by_the_form(open_page, harvested):
    app = open_page(harvested, "training", new="1", copy="topk")
    key = "toml:topk:3"
    assert 'name = "topk-2"' in app.text_area(key=key).value
    app.text_area(key=key).set_value(app.text_area(key=key).value + "l2_weight = 3\n").run()
    app = buttons(app)["add"].click().run()
    assert "The recipe was not changed" in said(app) and any("no option l2_weight; it has" in code.value for code in app.code)
    app.text_area(key=key).set_value('[[autoencoder]]\nname = "wide"\nkind = "topk"\nlayer = 2\nk = 8\n').run()
    app = buttons(app)["add"].click().run()
    assert not app.exception and [table["name"] for table in Workspace.open(harvested.folder).recipe.autoencoders][-1] == "wide"
    assert "start:wide" in buttons(open_page(harvested, "training"))


def test_a_run_is_added_and_trained_at_once(open_page, harvested):
    app = open_page(harvested, "training", new="1", copy="topk")
    app = buttons(app)["add-and-train"].click().run()
    assert not app.exception and "Not started" not in said(app)
    assert runs.jobs(harvested).job("train-topk-2").command[-1] == "topk-2"


def test_a_run_that_the_recipe_lost_still_has_its_curves(open_page, trained):
    log(trained, "<b>old & gone<i>", 0, [figures(50)])
    app = open_page(trained, "training")
    html = "".join(element.value for element in app.html)
    assert not app.exception and "&lt;b&gt;old" in html and "<b>old" not in html and "not in the recipe" in html


def test_runs_side_by_side_have_colours_of_their_own():
    names = [f"run-{number}" for number in range(16)]
    colours = {name: charts.RUN_COLOURS[number % len(charts.RUN_COLOURS)] for number, name in enumerate(names)}
    chosen = [names[0], names[7], names[14], names[1]]
    assert len({colours[name] for name in chosen}) == 2, "negative control: their own colours collide"
    given = training_curves.distinct(chosen, colours)
    assert len(set(given.values())) == 4 and given[names[0]] == colours[names[0]]


def test_a_logarithmic_axis_has_round_ticks():
    assert charts.log_ticks(0.2, 0.65) == [0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert charts.log_ticks(15, 1100) == [20, 50, 100, 200, 500, 1000] or len(charts.log_ticks(15, 1100)) <= 7
    assert charts.log_ticks(1e-9, 1e9)
    figure = charts.curves([Line("a", "#000000", [1], [0.0])], "", log=True, x_end=1)
    assert figure.layout.yaxis.type is None, "nothing positive has a logarithm"


def markdown(app) -> str:
    return "\n".join(str(element.value) for element in app.markdown)


def until(holds) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
