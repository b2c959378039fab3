"""The page of dose and response: the form that asks, the job that measures, and what is shown of a sweep."""

import json
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from small_study import HOSTILE, N_FEATURES
from test_pages import said
from typer.testing import CliRunner

from app.dose import charts as dose_charts
from app.dose import shown as view_page
from app.dose import sweep as dose_view
from app.dose.charts import Curve as Drawn
from app.dose.charts import Panel
from app.services import playground
from bae.cli import main as cli
from bae.index.columns import Columns
from bae.index.query import Index
from bae.notebook.database import Notebook
from bae.reading.lenses import load_lenses
from bae.steering import dose_job, dose_report
from bae.steering.dose_results import Figure, Skipped, figure
from bae.steering.dose_settings import Curve, Settings
from bae.system.jobs import Jobs
from bae.workspace import Workspace

FEATURE = 5
PROMPTS = ("the sea", HOSTILE[:60], "مرحبا 🙂 bill")
SETTINGS = Settings(f"bae:{FEATURE}:add:1", (Curve("add", (0.5, 3.0)), Curve("flip", (1.0,))), PROMPTS, 6, later="bae-deep")


@pytest.fixture(scope="module")
def swept(study, tiny_model, tmp_path_factory):
    """A study with a sweep that is whole, and its settings."""
    found = Workspace.open(shutil.copytree(study.folder, tmp_path_factory.mktemp("swept") / "study"))
    settings = Settings(**{**vars(SETTINGS), "made_with": dose_job.made_with(found, SETTINGS)})
    dose_job.sweep(found, settings, tiny_model, load_lenses(found.folder / "autoencoders", tiny_model))
    return found, settings


@pytest.fixture
def own_study(study, tmp_path):
    """A copy that a test may change."""
    return Workspace.open(shutil.copytree(study.folder, tmp_path / "study"))


def texts(app) -> str:
    return "\n".join(element.value for element in app.html)


def test_the_form_says_what_a_sweep_comes_to_and_starts_it(open_page, own_study, monkeypatch):
    started = []
    monkeypatch.setattr(dose_job, "start", lambda study, name: started.append(name))
    app = open_page(own_study, "dose", push="topk:7:add:0.5", ways="add,clamp", at_add="0,0.5,1", at_clamp="0, 2", tokens="9")
    assert not app.exception and not app.error and not app.warning, said(app)
    # plain, two added (0 is plain), two clamped
    assert "5 points with the plain one, on 8 prompts" in said(app) and not started
    app.button(key="start:dose").click().run()
    assert not app.exception and started == [app.query_params["run"]]
    kept = dose_job.read_settings(dose_job.folder_of(own_study, started[0]))
    assert kept.points() == [("add", 0.5), ("add", 1.0), ("clamp", 0.0), ("clamp", 2.0)] and kept.max_tokens == 9
    assert kept.made_with.keys() == {"topk", "bae-deep"} and "0 of 4 points are measured" in said(app)


def test_the_address_of_a_feature_fills_the_form(open_page, study):
    app = open_page(study, "dose", ae="topk", feature="9")
    assert not app.exception and not app.warning
    assert app.number_input(key="dose:feature").value == 9 and app.selectbox(key="dose:dictionary").value == "topk"
    app.selectbox(key="dose:positions").set_value("generated").run()
    assert app.query_params["push"] == "topk:9:add:0.5:norms:generated"
    app.selectbox(key="dose:dictionary").set_value("bae").run()
    assert app.query_params["push"] == "bae:0:add:0.5:norms:generated" and not app.exception


def test_prompts_are_kept_and_stay_out_of_the_address(open_page, own_study):
    app = open_page(own_study, "dose", push="bae:3:add:0.5")
    app.text_area(key="kept:prompts").set_value("a secret\n\n  ship  \nship").run()
    assert not app.exception and "secret" not in str(dict(app.query_params)) and "on 2 prompts" in said(app)
    assert Notebook(own_study.notebook_file).text(app.query_params["prompts"]) == "a secret\n\n  ship  \nship"
    app.text_area(key="kept:prompts").set_value("  \n").run()
    assert not app.exception and "1 to 32 prompts" in said(app)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"push": "nothing:3:add:1"}, "bae-deep"),
        ({"push": f"bae:{N_FEATURES}:add:1"}, f"0 to {N_FEATURES - 1}"),
        ({"push": "<b>"}, "DICTIONARY:FEATURE:HOW:AMOUNT"),
        ({"at_add": "nan"}, "finite number"),
        ({"at_add": "much"}, "numbers with commas"),
        ({"at_add": ""}, "1 to 24 different strengths"),
        ({"at_clamp": ",".join(map(str, range(30)))}, "got 30"),
        ({"ways": "twist"}, "clamp"),
        ({"push": "bae:3:add:100000,topk:4:add:0.2", "at_scaled": "-20,1"}, "an amount is a finite number"),
        ({"tokens": "1000"}, "1 to 200"),
        ({"prompts": "unknown"}, "kept in this workspace"),
        ({"beyond": "bae"}, "bae-deep"),
        ({"run": "unknown"}, "kept in this workspace"),
        ({"run": "../.."}, "kept in this workspace"),
    ],
)
def test_what_cannot_be_is_named_with_what_is_allowed(open_page, study, params, told):
    app = open_page(study, "dose", **params)
    assert not app.exception
    assert told in "\n".join(element.value for element in (*app.warning, *app.error)), said(app)


def test_a_prompt_that_is_too_long_is_refused_before_anything_runs(open_page, own_study):
    name = Notebook(own_study.notebook_file).keep_text("sea " * 700)
    app = open_page(own_study, "dose", push="bae:3:add:1", prompts=name)
    assert not app.exception and "prompt 1 has" in said(app) and "at most 512" in said(app)
    assert not [button for button in app.button if button.key == "start:dose"]


def test_several_steps_are_scaled_together(open_page, study):
    app = open_page(study, "dose", push="bae:3:add:0.5,topk:4:add:0.2")
    assert not app.exception and not app.error and "multiplied by a factor" in said(app)
    assert [field.key for field in app.text_input] == ["url:at_scaled"]


def test_a_sweep_is_shown_with_its_texts(open_page, swept):
    study, settings = swept
    app = open_page(study, "dose", run=settings.id, point="add_3")
    assert not app.exception and not app.error and not app.warning, said(app)
    run = dose_job.read_run(study, settings.id)
    shown = texts(app)
    assert "<script" not in shown and "<img" not in shown and "&lt;img" in shown and "مرحبا" in shown and 'dir="auto"' in shown
    point = next(point for point in run.points if point.name == "add_3")
    verdict = dose_view.verdict(dose_view.view(run), dose_view.view(run).ways[0])
    assert verdict.split(".")[0] in said(app)
    assert [row for row in app.dataframe[0].value["feature"]] == [one.feature for one in point.own.most]
    assert app.selectbox(key="url:point").value == "add_3"
    other = open_page(study, "dose", run=settings.id, point="flip_1")
    assert not other.exception and list(other.dataframe[0].value["feature"]) != list(app.dataframe[0].value["feature"]), "control"
    wrong = open_page(study, "dose", run=settings.id, point="add_99")
    assert len(wrong.warning) == 1 and "add_3" in wrong.warning[0].value


def test_a_strength_that_was_skipped_is_shown_with_its_reason(open_page, swept, tmp_path):
    study, settings = swept
    study = Workspace.open(shutil.copytree(study.folder, tmp_path / "study"))
    assert "could not be measured" not in said(open_page(study, "dose", run=settings.id)), "control"
    why = Skipped("add", 3.0, "add at 3 pushes `hidden` states further than numbers go")
    (dose_job.folder_of(study, settings.id) / "add_3.json").write_text(json.dumps(why._asdict()))
    app = open_page(study, "dose", run=settings.id)
    assert not app.exception and not app.error and "1 of 3 strengths could not be measured" in said(app)
    assert "add at 3 pushes" in said(app) and "is measured" not in said(app) and "stands still" not in said(app)
    for name in ("add_0.5", "flip_1"):
        (dose_job.folder_of(study, settings.id) / f"{name}.json").write_text(json.dumps(why._asdict()))
    none = open_page(study, "dose", run=settings.id)
    assert not none.exception and "3 of 3 strengths could not be measured" in said(none)


def test_negative_strengths_are_left_of_0(swept):
    study, settings = swept
    run = dose_job.read_run(study, settings.id)
    way, back = run.points[0], replace(run.points[1], amount=-3.0)
    shown = dose_view.view(replace(run, points=(way, back)))
    assert shown.moved(back) == -back.moved / run.meta.norm < 0 < shown.moved(way)
    curve = view_page._curve(shown, shown.ways[0], "moved")
    assert list(curve.x) == sorted(curve.x) and curve.x[0] < 0 and curve.names[0] == "add_-3"
    assert "negative strengths left of 0" in view_page._axis_title(shown)
    assert "negative" not in view_page._axis_title(dose_view.view(run)), "control"
    drawn = dose_charts.multiples([curve], [Panel("KL", "", [[Figure(1.0, None, None)] * 2], None)], "x", None)
    assert drawn.layout.xaxis.type != "log"


def test_one_usual_value_for_the_page_and_the_command(study, tiny_model, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    lenses = load_lenses(study.folder / "autoencoders", tiny_model).usable
    index = Index(study.index_file())
    columns = Columns(index, "topk")
    index.close()
    fired = [feature for feature in range(N_FEATURES) if columns.counts[feature] > 1]
    for feature in fired[:5]:
        expected = np.quantile(columns.strengths(feature), 0.999)
        assert dose_report.usual_of(study, lenses["topk"], feature) == pytest.approx(expected) == playground.usual_value("topk", feature)
    assert any(columns.strengths(one).mean() < 0.99 * np.quantile(columns.strengths(one), 0.999) for one in fired), "control: no mean"
    assert dose_report.usual_of(study, lenses["bae"], 0) == 1


def test_without_an_index_the_usual_value_is_not_known(open_page, bare_study):
    app = open_page(bare_study, "dose", push="topk:1:add:0.5", ways="clamp")
    assert not app.exception and app.text_input(key="url:at_clamp").value == "0, 0.5, 1, 2, 4, 8"


def test_a_sweep_can_be_made_again_from_its_settings(open_page, swept):
    study, settings = swept
    app = open_page(study, "dose", run=settings.id)
    app.button(key="again").click().run()
    assert not app.exception and "run" not in app.query_params and not app.error and not app.warning
    assert "This sweep was made already" in said(app)
    app.button(key="start:dose").click().run()
    assert app.query_params["run"] == settings.id


def test_a_replaced_dictionary_is_told_of(open_page, swept, tmp_path):
    study, settings = swept
    study = Workspace.open(shutil.copytree(study.folder, tmp_path / "study"))
    config = study.autoencoder_folder("bae") / "config.json"
    config.write_text(config.read_text().replace('"seed": 0', '"seed": 7'))
    app = open_page(study, "dose", run=settings.id)
    assert not app.exception and any("was replaced since" in warning.value for warning in app.warning)


def test_a_damaged_point_is_named(open_page, swept, tmp_path):
    study, settings = swept
    study = Workspace.open(shutil.copytree(study.folder, tmp_path / "study"))
    (dose_job.folder_of(study, settings.id) / "add_3.json").write_text("{")
    app = open_page(study, "dose", run=settings.id)
    assert not app.exception and any("add_3.json is damaged" in error.value for error in app.error)


def test_a_job_measures_and_a_second_is_refused(swept, own_study):
    _, settings = swept
    settings = Settings(**{**vars(settings), "curves": (Curve("add", (0.5,)),), "prompts": ("the sea", "bill"), "max_tokens": 3})
    name = dose_job.keep(own_study, settings)
    dose_job.start(own_study, name)
    with pytest.raises(BlockingIOError, match="running already"):
        dose_job.start(own_study, name)
    jobs = Jobs(own_study.folder / "jobs")
    for _ in range(600):
        if (job := jobs.job(dose_job.JOB)).state != "running":
            break
        time.sleep(0.1)
    assert job.state == "done", jobs.tail(dose_job.JOB)
    assert dose_job.read_run(own_study, name).whole


def test_panels_draw_what_there_is():
    values = [[Figure(1.0, 0.5, 2.0), None, Figure(3.0, None, None)], [None, None, None]]
    curves = [
        Drawn("add", "Add <b>", [0, 1, 2], ["a", "b", "c"], ["0", "1", "2"], 2, [False, True, True]),
        Drawn("clamp", "Clamp", [0, 1, 2], [*"def"], [*"012"], None, [True] * 3),
    ]
    drawn_figure = dose_charts.multiples(
        curves, [Panel("KL", "nats", values, None), Panel("Perplexity", "", values, 2.0, log=True)], "x", "c"
    )
    drawn = [trace for trace in drawn_figure.data if trace.customdata is not None]
    assert [list(trace.x) for trace in drawn] == [[0, 2], [0, 2]] and drawn[0].name == "Add &lt;b&gt;"
    assert len(drawn_figure.layout.shapes) == 3, "a sweet spot in each panel, and the plain line where there is one"
    assert [trace.showlegend for trace in drawn] == [True, False]
    assert list(drawn[0].marker.symbol) == ["circle-open", "circle"]


def test_the_command_prints_the_same_figures(own_study, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("the sea\n\nbill\n", encoding="utf-8")
    asked = ["steer", "sweep", "--workspace", str(own_study.folder), "--push", f"bae:{FEATURE}:add:1", "--prompts", str(prompts)]
    done = CliRunner().invoke(cli.app, [*asked, "--strengths", "0.5,2", "--tokens", "3", "--json"])
    assert done.exit_code == 0, done.output
    told = {row["metric"]: row["value"] for row in json.loads(done.stdout.splitlines()[-1])["rows"]}
    run = dose_job.read_run(own_study, dose_job.run_names(own_study)[0])
    assert told["dose.add_2.kl"] == figure(run.points[1], "kl").value > told["dose.add_0.5.kl"] > told["dose.plain_0.kl"] == 0
    assert told["dose.skipped"] == 0
    warm = CliRunner().invoke(cli.app, [*asked, "--strengths", "0.5", "--temperature", "0.75"])
    assert warm.exit_code == 1 and "temperatures are those of the playground, 0, 0.1" in " ".join(warm.output.split())
    wrong = CliRunner().invoke(cli.app, [*asked, "--strengths", "much"])
    assert wrong.exit_code == 1 and "numbers with commas" in wrong.output
    assert len(dose_job.run_names(own_study)) == 1, "what was refused is not kept"
