"""The experiments on the page of entropy: real runs on a small model, what is drawn and told of them, and the job that makes them."""

import json
import shutil
from dataclasses import asdict, replace

import pytest
from small_study import LAYER
from test_pages import said
from typer.main import get_command

from app.entropy.microscope_charts import Marks, by_shots, by_token
from app.services.microscope import CodeLengths
from bae.cli.entropy import entropy_app
from bae.experiments.entropy import dynamics, synthetic, synthetic_settings
from bae.experiments.entropy import forecast as entropy_forecast
from bae.experiments.entropy import icl as icl_entropy
from bae.experiments.entropy import job as entropy_job
from bae.experiments.entropy import language as language_entropy
from bae.experiments.entropy import tokens as token_sets
from bae.experiments.entropy.results import alone, kept
from bae.experiments.entropy.set_training import Training
from bae.experiments.movies import prompts as movie_prompts
from bae.system.progress import Progress
from bae.workspace import DATA, Workspace

TRAINING = Training(steps=12, batch_size=16)
LANGUAGE = language_entropy.Settings(windows=40, positions=(1, 2, 4), layers=(0, LAYER), windows_a_document=4, training=TRAINING)
VIEWS = ("synthetic", "language", "icl", "tokens", "dynamics")
CHARTS = {"synthetic": 3, "language": 1, "icl": 2, "tokens": 1, "dynamics": 2}


@pytest.fixture(scope="module")
def run_study(bare_study, tiny_model, tmp_path_factory):
    """A study in which every experiment was run."""
    found = Workspace.open(shutil.copytree(bare_study.folder, tmp_path_factory.mktemp("entropy") / "study"))
    synthetic.run(found, synthetic_settings.Settings(8, (0, 1, 3), (1, 2), samples=256, steps=40, batch_size=32))
    language_entropy.run(found, LANGUAGE, tiny_model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(movie_prompts, "LABELS", (" vote", " sea"))
        icl_entropy.run(found, icl_entropy.Settings(prompts=30, shots=(0, 2), layers=(0, 3), training=TRAINING), tiny_model)
    words = token_sets.Settings(texts=64, ranks=(0, 1, 3), expansions=(1, 2), layer=3, words=(" sea", " vote"), training=TRAINING)
    token_sets.run(found, words, tiny_model)
    dynamics.run(found, dynamics.Settings(LANGUAGE, layer=LAYER, positions=(1, 4), training=TRAINING), tiny_model)
    return found


@pytest.fixture
def own_study(run_study, tmp_path):
    """A copy that a test may change."""
    return Workspace.open(shutil.copytree(run_study.folder, tmp_path / "study"))


def drawn(app) -> list[dict]:
    """The figures of a page."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_draws_its_run_and_says_what_it_shows(open_page, run_study, view):
    app = open_page(run_study, "entropy", view=view)
    assert not app.exception and not app.error and not app.warning
    assert len(drawn(app)) == CHARTS[view]
    assert "Shows here." in said(app) or "Shows in part." in said(app) or "Does not show here." in said(app)
    (results,) = kept(run_study, view).found
    shown = [row for row in results.rows if view != "dynamics" or row["position"] == 1]
    assert len(app.dataframe[0].value) == len(shown)
    assert results.file.name in said(app) and "Run it" in said(app)


def test_what_is_drawn_is_what_was_measured(open_page, run_study):
    (results,) = kept(run_study, "language").found
    (figure,) = drawn(open_page(run_study, "entropy", view="language", lines="entropy,two_nn"))
    for layer in (0, LAYER):
        for estimate, label in (("entropy", "Entropy"), ("two_nn", "TwoNN")):
            (trace,) = [trace for trace in figure["data"] if trace["name"] == f"layer {layer}, {label}"]
            rows = sorted((row for row in results.rows if row["layer"] == layer), key=lambda row: row["position"])
            assert trace["y"] == pytest.approx([row[estimate] for row in rows])
            assert ("error_y" in trace) == (estimate == "entropy")
    without = drawn(open_page(run_study, "entropy", view="language", lines="entropy", bands="0"))[0]
    assert not any("error_y" in trace for trace in without["data"]) and len(without["data"]) < len(figure["data"])


def test_peers_of_the_synthetic_sets_stand_beside_their_bits(open_page, run_study):
    figure = drawn(open_page(run_study, "entropy", view="synthetic", lines="pca_rank", log="0"))[0]
    for trace in figure["data"]:
        if trace["name"].endswith("PCA rank") and len(trace["y"]) == 3:
            assert trace["y"] == [0, 1, 3]
    (line,) = [trace for trace in figure["data"] if trace["name"] == "H = r"]
    assert line["x"] == line["y"] == [0, 1, 3]
    none = open_page(run_study, "entropy", view="synthetic", lines="")
    assert not none.exception and "No estimate is chosen" in said(none)


def test_wrong_values_of_the_address_are_named(open_page, run_study):
    app = open_page(run_study, "entropy", view="language", run="<script>", lines="entropy,magic", ask_positions="1,x", ask_windows="-3")
    told = " ".join(warning.value for warning in app.warning)
    assert not app.exception and all(name in told for name in ("run", "lines", "ask_positions", "ask_windows"))
    assert not [button for button in app.button if button.key == "start:entropy"]


def test_a_damaged_file_is_named_and_hides_no_other_run(open_page, own_study):
    whole = kept(own_study, "tokens").found[0].file
    damaged = whole.with_name("tokens-0123456789ab.parquet")
    damaged.write_bytes(b"not Parquet")
    app = open_page(own_study, "entropy", view="tokens")
    assert not app.exception and drawn(app) and whole.name in said(app)
    (told,) = [warning.value for warning in app.warning]
    assert "1 file is left out" in told and damaged.name in told and "is damaged" in told
    whole.write_bytes(b"nor this")
    app = open_page(own_study, "entropy", view="tokens")
    assert not app.exception and not drawn(app) and "2 files are left out" in app.warning[0].value and "has not been run" in said(app)
    answered = kept(own_study, "icl-accuracy").found[0].file
    answered.write_bytes(b"nor that")
    app = open_page(own_study, "entropy", view="icl")
    assert not app.exception and answered.name in app.warning[0].value and "is not kept of this run" in said(app)


def test_how_bits_stand_is_in_the_table_and_runs_that_lack_it_are_shown(open_page, own_study):
    (results,) = kept(own_study, "language").found
    app = open_page(own_study, "entropy", view="language", lines="entropy,tree")
    frame = app.dataframe[0].value
    for name in ("moving", "always_on", "always_off", "frozen", "tree_low", "tree_high"):
        assert frame[name].tolist() == [row[name] for row in results.rows]
    varying = [row for row in results.rows if not row["constant"]]
    assert varying and all(row["moving"] + row["always_on"] + row["always_off"] == row["expansion"] * 32 for row in varying)
    assert all(row["frozen"] <= row["always_on"] + row["always_off"] for row in varying)
    assert sum("error_y" in trace for trace in drawn(app)[0]["data"]) == 2 * 2, "both estimates have intervals, at two layers"
    # as an earlier version kept it
    later = ("always_off", "frozen", "tree_low", "tree_high")
    earlier = replace(results, rows=[{name: one for name, one in row.items() if name not in later} for row in results.rows])
    earlier.keep([], 0.0)
    app = open_page(own_study, "entropy", view="language", lines="entropy,tree")
    assert not app.exception and not app.warning and not set(later) & set(app.dataframe[0].value.columns)
    assert app.dataframe[0].value["moving"].tolist() == [row["moving"] for row in results.rows]
    assert sum("error_y" in trace for trace in drawn(app)[0]["data"]) == 2


def test_runs_that_come_with_the_explorer_are_shown(open_page, own_study):
    shutil.rmtree(own_study.folder / "entropy")
    shutil.copytree(DATA / "demo" / "entropy", own_study.folder / "entropy")
    app = open_page(own_study, "entropy", view="synthetic")
    assert not app.exception and not app.error and not app.warning
    assert len(drawn(app)) == 3 and len(app.dataframe[0].value) == len(kept(own_study, "synthetic").found[0].rows)


# beside the code lengths of a text


def test_entropies_of_sets_stand_beside_code_lengths_with_their_run(open_page, run_study):
    app = open_page(run_study, "entropy")
    assert not app.exception and not app.error
    html = "".join(element.proto.body for element in app.get("html"))
    for experiment, layer in (("language", LAYER), ("icl", 3), ("tokens", 3)):
        (results,) = kept(run_study, experiment).found
        assert f'href="entropy?view={experiment}&amp;run={results.file.stem[-12:]}"' in html
        own = [row for row in results.rows if row.get("layer", 3) == layer]
        assert own and all(f": {row['entropy']:,.1f}<" in html for row in own)
    (figure,) = drawn(app)
    (marks,) = [trace for trace in figure["data"] if trace["name"] == f"layer {LAYER} · sets"]
    rows = {row["position"]: row["entropy"] for row in kept(run_study, "language").found[0].rows if row["layer"] == LAYER}
    assert dict(zip(marks["x"], marks["y"], strict=True)) == pytest.approx(rows)
    # control: a text of fewer tokens has no place for the later positions
    short = CodeLengths("bae", LAYER, ("the", "sea"), (3.0, None), 2.0)
    traces = by_token([short], [Marks(LAYER, "a run", list(rows), list(rows.values()))]).data
    assert [list(trace.x) for trace in traces if trace.name == f"layer {LAYER} · sets"] == [[1, 2]]
    shots = by_shots((0, 1, 2), [[short]] * 3, [Marks(LAYER, "a run", [0, 2, 5], [7.0, 8.0, 9.0])]).data
    assert [list(trace.y) for trace in shots if trace.name == f"layer {LAYER} · sets"] == [[7.0, 8.0]]


def test_without_a_run_of_this_model_the_microscope_says_how_to_get_one(open_page, bare_study, own_study):
    app = open_page(bare_study, "entropy")
    assert not app.exception and f"No run has measured sets of hidden states of this model at layers {LAYER}, 3" in said(app)
    for experiment in ("language", "icl", "tokens"):
        (results,) = kept(own_study, experiment).found
        results.provenance["fingerprint"] = "0" * 32
        results.keep([], 0.0)
    app = open_page(own_study, "entropy")
    assert not app.exception and "because they are of another model: 3 runs" in said(app)
    kept(own_study, "icl").found[0].file.write_bytes(b"<script>")
    app = open_page(own_study, "entropy")
    assert not app.exception and "1 file is left out" in app.warning[0].value and "another model: 2 runs" in said(app)


def test_a_run_that_was_stopped_says_so(open_page, own_study):
    (results,) = kept(own_study, "language").found
    results.provenance["wanted"] += 4
    results.keep([], 0.0)
    app = open_page(own_study, "entropy", view="language")
    assert "6 of 10 rows are there" in said(app) and not app.exception


# the job


@pytest.mark.parametrize("view", VIEWS)
def test_without_a_run_the_command_is_named_and_started(open_page, bare_study, view, monkeypatch):
    started = []
    monkeypatch.setattr("bae.system.jobs.Jobs.start", lambda _jobs, name, command: started.append((name, command)))
    app = open_page(bare_study, "entropy", view=view, ask_steps="123")
    assert not app.exception and not app.error and not drawn(app) and f"bae entropy {view} --workspace study" in said(app)
    assert app.code[-1].value.endswith("--steps 123")
    app.button(key="start:entropy").click().run()
    ((name, command),) = started
    assert name == entropy_job.JOB and command[1:6] == ["-m", "bae", "entropy", view, "--workspace"] and command[-2:] == ["--steps", "123"]


def test_commands_have_the_options_that_are_chosen():
    commands = get_command(entropy_app).commands
    assert set(entropy_job.SIZES) == set(commands)
    for experiment, command in commands.items():
        allowed = {option for parameter in command.params for option in parameter.opts}
        assert {f"--{size.option}" for size in entropy_job.SIZES[experiment]} <= allowed
        assert not entropy_job.recipes(experiment) or "--recipe" in allowed
        assert {"--workspace", "--seed", "--dry-run", "--json"} <= allowed and ("--source" in allowed) == (experiment == "icl")
    assert "--ranks" not in {option for parameter in commands["language"].params for option in parameter.opts}


@pytest.mark.parametrize("experiment", VIEWS)
def test_sizes_reach_the_settings(experiment):
    for size in entropy_job.SIZES[experiment]:
        usual = entropy_job.value(entropy_job.settings(experiment, None, {}), size)
        other = (1, 3) if size.many else 1000
        changes = {size.option: other}
        if experiment == "dynamics" and size.option == "positions":
            changes = {size.option: (1, 16)}
        changed = entropy_job.value(entropy_job.settings(experiment, None, changes), size)
        assert changed == changes[size.option] != usual


def test_sizes_that_cannot_be_run_are_told(open_page, bare_study):
    app = open_page(bare_study, "entropy", view="dynamics", ask_positions="3")
    assert not app.exception and any("of those that are read" in error.value for error in app.error)
    assert not [button for button in app.button if button.key == "start:entropy"]


def test_a_run_is_known_by_its_settings(run_study, tiny_model):
    found = kept(run_study, "language").found
    settled = language_entropy.settled(LANGUAGE, run_study, tiny_model)
    assert entropy_job.begun(found, settled, tiny_model.title) is found[0]
    # left open it is other layers than those that were read, and what is open is no run at all
    open_layers = replace(settled, layers=())
    assert entropy_job.is_open(open_layers) and not entropy_job.is_open(settled)
    assert entropy_job.begun(found, open_layers, tiny_model.title) is None
    others = entropy_job.settled(run_study, "language", open_layers, tiny_model)
    assert others.layers != settled.layers and entropy_job.begun(found, others, tiny_model.title) is None
    assert entropy_job.begun(found, replace(settled, windows=41), tiny_model.title) is None
    assert entropy_job.begun(found, settled, "another-model") is None


def test_a_run_that_is_whole_cannot_be_started_again(open_page, run_study):
    sizes = {"ask_windows": "40", "ask_positions": "1,2,4", "ask_layers": f"0,{LAYER}", "ask_steps": "12"}
    (found,) = kept(run_study, "language").found
    asked = entropy_job.settings("language", None, {"windows": 40, "positions": (1, 2, 4), "layers": (0, LAYER), "steps": 12})
    # the page has no field for the batch, so its training is another
    assert asked.training.batch_size != TRAINING.batch_size
    assert not open_page(run_study, "entropy", view="language", recipe="none", **sizes).button(key="start:entropy").disabled
    whole = replace(found, provenance={**found.provenance, "settings": json.loads(json.dumps(asdict(asked)))})
    whole.provenance["settings"]["sources"] = list(run_study.recipe.sources)
    other = whole.file.with_name("language-000000000000.parquet")
    replace(whole, file=other).keep([], 0.0)
    try:
        app = open_page(run_study, "entropy", view="language", recipe="none", **sizes)
        assert app.button(key="start:entropy").disabled and "is there already, whole" in said(app)
    finally:
        other.unlink()


def test_an_emptied_list_shows_what_it_asks_for(open_page, bare_study):
    app = open_page(bare_study, "entropy", view="language", ask_positions="", ask_layers="")
    shown = {box.label: box.placeholder for box in app.text_input}
    assert "1,2,4,8,16,32,64,128,256" in shown.values() and "0,5,10,15,20,25" in shown.values()
    assert app.code[-1].value.endswith("--recipe language")
    bare = open_page(bare_study, "entropy", view="language", recipe="none", ask_layers="")
    assert "evenly spaced" in {box.placeholder for box in bare.text_input}


@pytest.mark.parametrize("experiment", VIEWS)
def test_every_size_has_a_largest(experiment):
    for size in entropy_job.SIZES[experiment]:
        over = size.most + 1
        with pytest.raises(ValueError, match=f"^{size.option} .*at most {size.most:,}; got {over:,}"):
            entropy_job.settings(experiment, None, {size.option: (over,) if size.many else over})
        if size.many:
            with pytest.raises(ValueError, match=f"^{size.option} are at most 64 numbers; got 65"):
                entropy_job.settings(experiment, None, {size.option: tuple(range(1, 66))})


def test_what_is_too_large_to_try_is_refused_before_it_is_tried(open_page, run_study, monkeypatch):
    tried = []
    monkeypatch.setattr(entropy_forecast, "_step_seconds", lambda *given: tried.append(given) or 0.1)
    monkeypatch.setattr(entropy_forecast, "memory_bytes", lambda: 10_000)
    sizes = {"recipe": "none", "ask_windows": "700", "ask_positions": "1,2", "ask_layers": "1"}
    app = open_page(run_study, "entropy", view="language", **sizes)
    app.button(key="forecast:entropy").click().run(timeout=60)
    assert not app.exception and not tried and any("GB of memory to train" in error.value for error in app.error)
    monkeypatch.setattr(entropy_forecast, "memory_bytes", lambda: 10**12)

    def without_room(*given):
        raise RuntimeError("can't allocate memory")

    monkeypatch.setattr(entropy_forecast, "_step_seconds", without_room)
    app = open_page(run_study, "entropy", view="language", **sizes)
    app.button(key="forecast:entropy").click().run(timeout=60)
    assert not app.exception and any("can't allocate memory" in error.value for error in app.error)


def test_prompts_are_counted_by_a_sample(run_study, tiny_model, monkeypatch):
    monkeypatch.setattr(movie_prompts, "LABELS", (" vote", " sea"))
    monkeypatch.setattr(icl_entropy, "SAMPLED", 4)
    made = []
    texts = icl_entropy.texts
    monkeypatch.setattr(icl_entropy, "texts", lambda *given: made.append(texts(*given)) or made[-1])
    told = icl_entropy.forecast(run_study, icl_entropy.Settings(prompts=900, shots=(0, 1), layers=(3,), training=TRAINING), tiny_model)
    assert [len(prompts) for prompts in made] == [4, 4]
    assert told.tokens == pytest.approx(sum(900 * len(text.ids) / 4 for prompts in made for text in prompts), abs=2)


def test_how_long_is_measured_for_the_model_of_the_study(open_page, run_study):
    app = open_page(
        run_study, "entropy", view="language", recipe="none", ask_windows="700", ask_positions="1,2", ask_layers="1", ask_steps="30"
    )
    app.button(key="forecast:entropy").click().run(timeout=120)
    assert not app.exception and "About " in said(app) and "30 steps of" in said(app)
    wrong = open_page(run_study, "entropy", view="language", recipe="none", ask_layers="99")
    wrong.button(key="forecast:entropy").click().run()
    assert not wrong.exception and any("cannot be run" in error.value for error in wrong.error)


def test_the_synthetic_run_takes_as_long_as_the_last_one_did(run_study):
    found = kept(run_study, "synthetic").found
    asked = synthetic_settings.Settings(8, (0, 1, 3), (1, 2), samples=256, steps=40, batch_size=32)
    seconds, by = entropy_job.synthetic_seconds(found, asked)
    assert by is found[0] and seconds == pytest.approx(found[0].provenance["seconds"])
    twice = synthetic_settings.Settings(8, (0, 1, 3), (1, 2), samples=256, steps=80, batch_size=32)
    assert entropy_job.synthetic_seconds(found, twice)[0] == pytest.approx(2 * seconds)
    assert entropy_job.synthetic_seconds([], asked)[1] is None


def test_what_somebody_started_by_hand_is_followed(open_page, own_study):
    with alone(own_study, "language"):
        with Progress("reading windows", 100, "tokens", entropy_job.status_file(own_study, "language")) as progress:
            progress.advance(40)
        assert entropy_job.elsewhere(own_study) == "language"
        app = open_page(own_study, "entropy", view="tokens")
        assert not app.exception and "started by hand" in said(app) and "Another of these experiments runs" in said(app)
        assert "40 of 100 tokens" in app.get("progress")[0].proto.text
        with pytest.raises(BlockingIOError, match="language"):
            entropy_job.start(own_study, "tokens", None, {})
    # what was told a moment ago is of no process that goes on
    assert entropy_job.elsewhere(own_study) is None
