"""The compare page through the registry: figures that are there, missing, old, damaged or hostile, and what its button starts."""

import csv
import io
import json
import math
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from small_study import HOSTILE
from test_pages import said

from app import charts
from app.charts import Measured
from app.compare import figures as compare
from app.compare import table as compare_table
from app.compare.table import BY_METRIC, COLUMNS
from app.components.explain import MEANINGS
from bae.measures import reports
from bae.measures.reports import RatePoint, Report
from bae.names import TITLES
from bae.training import runs
from bae.workspace import Workspace

CARRIED = {"fvu": 0.203, "bits": 491.0, "l0": 85.2, "active_8192_tokens": 1813, "dense_share": 0.005, "dead": 0}
MEASURED = {
    "tokens": 65510, "fvu": 0.25, "l_r": 4.0, "l0": 80.0, "bits": 480.0, "active_8192_tokens": 1800, "dense_share": 0.01, "max_rate": 0.2,
    "max_top_k_rate": 0.03, "dead": 0, "cosine": 0.9, "shrinkage": 0.8, "support_bits": 480.0, "tree_bits": 450.0,
    "dense_over_1_percent": 0.2, "frozen": 0, "spectral_norm_samples": 1.0, "spectral_norm_samples_unit": 0.1,
    "spectral_norm_variables": 2.0, "spectral_norm_variables_unit": 0.2, "effective_rank": 400.0, "delta_ce": 0.1, "ce_score": 0.98,
    "ce": 3.0, "fvu_all": 0.1,
    "l0_deviations": 80.0, "l0_top_k": 10.0, "spliced_tokens": 8000, "probe_k1": 0.6, "probe_k5": 0.65, "probe_majority": 0.51,
}  # fmt: skip
KINDS = {"bae": ("binary", 2), "bae-seed-2": ("binary", 2), "topk": ("topk", 2), "bae-deep": ("binary", 3)}
PATIENCE_S = 30


@pytest.fixture
def empty(tmp_path) -> Workspace:
    """A study that is nothing but its recipe; the page needs no language model."""
    tables = "".join(f'[[autoencoder]]\nname = "{name}"\nkind = "{kind}"\nlayer = {layer}\n' for name, (kind, layer) in KINDS.items())
    (tmp_path / "recipe.toml").write_text(f"layers = [2, 3]\n{tables}")
    return Workspace.open(tmp_path)


@pytest.fixture
def carried(empty) -> Workspace:
    """The same with checkpoints and the figures that came with them."""
    for name, (kind, layer) in KINDS.items():
        add(empty, name, kind, layer)
    return empty


@pytest.fixture
def measured(carried) -> Workspace:
    """The same after `bae evaluate --rates`; `topk` has no bits, and FVUs differ."""
    for place, (name, (kind, _)) in enumerate(KINDS.items()):
        found = {**MEASURED, "fvu": 0.25 - 0.01 * place}
        evaluated(carried, name, **(found if kind == "binary" else {**found, "bits": None, "tree_bits": None}))
    points = [point(name, kind, bits=490.0) for name, (kind, _) in KINDS.items() if kind == "binary"]
    points += [point("topk", "topk", step, 190 - 10 * step, 0.2 + step / 20) for step in (0.5, 1.0, 2.0)]
    points += [point(f"pca-{layer}", "pca", step, 500 / step, step / 10) for layer in (2, 3) for step in (1.0, 2.0)]
    carried.rates_file.write_text(json.dumps(points))
    return carried


@pytest.fixture
def harvested(carried) -> Workspace:
    """Checkpoints, and the file that a finished harvest has."""
    for split in ("train", "held-out"):
        carried.harvest_folder(split).mkdir(parents=True)
        (carried.harvest_folder(split) / "scaling.safetensors").touch()
    yield carried
    runs.jobs(carried).stop(reports.JOB, grace=1)


def add(study: Workspace, name: str, kind: str = "binary", layer: int = 2, figures: object = CARRIED) -> None:
    folder = study.autoencoder_folder(name)
    folder.mkdir(parents=True)
    config = {"kind": kind, "n_features": 2304, "provenance": {"name": name, "layer": layer, "figures": figures}}
    (folder / "config.json").write_text(json.dumps(config))


def evaluated(study: Workspace, name: str, **figures: object) -> Path:
    file = study.evaluation_file(name)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(figures))
    return file


def point(name: str, kind: str, step: float | None = None, bits: float = 100.0, fvu: float = 0.2) -> dict:
    return {"name": name, "kind": kind, "step": step, "bits": bits, "fvu": fvu}


def report(name: str, layer: int = 2, **figures: float | None) -> Report:
    return Report(name, "binary", layer, 8, {}, figures)


def table(app) -> str:
    return next(element.value for element in app.html if "<table" in element.value and 'class="figures"' in element.value)


def winners(html: str) -> list[str]:
    """Cells that are marked as the best."""
    return re.findall(r'<td class="[^"]*\bbest\b[^>]*><span>([^<]*)', html)


def drawn(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def buttons(app) -> dict:
    return {button.key: button for button in app.button}


def until(holds) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


# what it says


def test_without_a_dictionary_it_says_what_makes_one(open_page, empty):
    app = open_page(empty, "compare")
    assert not app.exception and f"bae train --workspace {empty.folder.name}" in said(app) and "bae import" in said(app)
    assert not drawn(app) and not app.button


def test_before_anything_is_measured_it_shows_what_came_with_the_checkpoints(open_page, carried):
    app = open_page(carried, "compare")
    assert not app.exception and not app.error and not app.warning
    assert f"bae harvest --workspace {carried.folder.name}" in said(app) and "start:evaluate" not in buttons(app)
    html = table(app)
    assert "0.203*" in html and "491.0*" in html and not winners(html)
    assert f'title="Not measured here. bae evaluate --workspace {carried.folder.name} measures it."' in html
    assert len(drawn(app)) == 1, "no rates, but one figure against another"


def test_what_was_measured_here_replaces_what_came_along(open_page, measured):
    app = open_page(measured, "compare")
    assert not app.exception and not app.error and not app.warning
    html = table(app)
    assert "0.203" not in html and "0.250" in html and "*</span>" not in html and "–</span>" not in html
    assert winners(html) == ["0.230"], "of the three of layer 2, by the one figure in which they differ"
    assert [trace["name"] for trace in drawn(app)[0]["data"] if trace["showlegend"]] == ["PCA", "BAE", "Top-k SAE"]


def test_all_columns_have_a_hover_that_says_unit_range_direction_and_source(open_page, measured):
    html = table(open_page(measured, "compare", columns="all"))
    heads = html.split("</thead>")[0]
    assert heads.count('<th scope="col"') == len(COLUMNS)
    for column in COLUMNS:
        meaning = column.meaning
        assert f"Range: {meaning.span}." in meaning.hover or column.metric == "tokens"
        assert meaning.label.split()[0].replace("-", "&#8209;") in heads
    assert "Source: Chow and Liu 1968." in heads and "Better: near 1." in heads and "n/a" in html


def test_every_figure_of_the_evaluation_is_a_column():
    """And the explanations name the limits that the library has."""
    from bae.measures import evaluation, probing
    from bae.measures.rows import UNITS

    assert set(UNITS) - {"bits"} == set(BY_METRIC) - {"tokens"}, "`bits` of a BAE are its support bits"
    assert f"{evaluation.PAIRED_UP_TO:,}" in MEANINGS["tree_bits"].definition
    assert f"more than {evaluation.ACTIVE_MORE_THAN} times" in MEANINGS["active"].definition
    assert f"{evaluation.ACTIVE_TOKENS:,} held-out" in MEANINGS["active"].definition
    assert f"{evaluation.DENSE_ABOVE:.0%}".replace("%", " %") in MEANINGS["dense"].definition
    assert f"{probing.probe.__defaults__[1]} reviews" in MEANINGS["probe_k1"].definition


def test_a_row_leads_to_the_features_of_what_is_in_the_index(open_page, study):
    html = table(open_page(study, "compare"))
    assert '<a href="features?ae=bae-deep" target="_self"' in html and "ae=stranger" not in html and "stranger" in html


# what is best


def test_the_best_is_marked_within_a_layer_only():
    rows = [report("a", 2, fvu=0.2), report("b", 2, fvu=0.3), report("c", 3, fvu=0.1), report("d", 3, fvu=0.1)]
    assert compare_table.best(rows, BY_METRIC["fvu"]) == {"a"}, "those of layer 3 do not differ"
    assert compare_table.best([report("a", dead=0), report("b", dead=2)], BY_METRIC["dead"]) == {"a"}
    assert compare_table.best([report("a", ce_score=0.9), report("b", ce_score=0.8), report("c")], BY_METRIC["ce_score"]) == {"a"}
    assert compare_table.best([report("a", shrinkage=0.9), report("b", shrinkage=1.05)], BY_METRIC["shrinkage"]) == {"b"}
    assert compare_table.best([report("a", l0=1.0), report("b", l0=2.0)], BY_METRIC["l0"]) == set(), "no direction"


def test_what_looks_alike_is_best_together_and_what_came_along_does_not_compete():
    rows = [report("a", fvu=0.20301), report("b", fvu=0.20304), report("c", fvu=0.3), Report("d", "relu", 2, 8, {"fvu": 0.01}, {})]
    assert compare_table.best(rows, BY_METRIC["fvu"]) == {"a", "b"}


def test_rows_are_sorted_best_first_and_the_unmeasured_last():
    rows = [report("none"), report("low", ce_score=0.1), report("high", ce_score=0.9)]
    assert [row.name for row in compare_table.in_order(rows, BY_METRIC["ce_score"])] == ["high", "low", "none"]
    rows = [report("none"), report("b", fvu=0.2), report("a", fvu=0.1)]
    assert [row.name for row in compare_table.in_order(rows, BY_METRIC["fvu"])] == ["a", "b", "none"]
    assert compare_table.in_order(rows, None) == rows


# the address


@pytest.mark.parametrize(
    "params, allowed",
    [
        ({"layers": "2,9"}, "3"),
        ({"only": "bae,nobody"}, "topk"),
        ({"columns": "basic,magic"}, "reconstruction"),
        ({"sort": "fvu; drop table"}, "delta_ce"),
        ({"x": "<b>"}, "fvu"),
        ({"y": ""}, "fvu"),
        ({"log": "yes"}, "0"),
    ],
)
def test_a_wrong_address_is_named(open_page, measured, params, allowed):
    app = open_page(measured, "compare", **params)
    assert not app.exception and len(app.warning) == 1 and allowed in app.warning[0].value


def test_the_address_is_followed(open_page, measured):
    app = open_page(measured, "compare", layers="2", only="topk,bae-seed-2", columns="probing", sort="fvu", x="l0", y="ce_score", log="1")
    assert not app.exception and not app.warning
    html = table(app)
    assert html.index("topk") < html.index("bae-seed-2") and ">bae<" not in html and "bae-deep" not in html
    assert "Majority" in html and "FVU" not in html
    rates, against = drawn(app)
    assert rates["layout"]["xaxis"]["type"] == "log" and len(rates["data"]) == 3, "PCA of layer 2 beside both"
    assert against["layout"]["xaxis"]["title"]["text"] == "L0 (features a token)"


def test_choosing_writes_to_the_address(open_page, measured):
    app = open_page(measured, "compare", only="topk")
    app.button_group(key="url:columns").set_value(["probing", "cost"]).run()
    assert "".join(app.query_params["columns"]) == "cost,probing" and not app.exception
    app.button_group(key="url:layers").set_value(["3"]).run()
    assert "only" not in app.query_params and "bae-deep" in table(app) and "topk" not in table(app)


def test_all_columns_and_groups_of_them_take_turns(open_page, measured):
    app = open_page(measured, "compare", columns="all")
    app.button_group(key="url:columns").set_value(["all", "probing"]).run()
    assert "".join(app.query_params["columns"]) == "probing"
    app.button_group(key="url:columns").set_value(["probing", "all"]).run()
    assert "".join(app.query_params["columns"]) == "all"


# what is missing, old, damaged or hostile


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, 10**400])
def test_a_figure_that_is_no_number_is_not_shown_as_one(open_page, measured, nothing):
    evaluated(measured, "bae", **{**MEASURED, "delta_ce": nothing, "fvu": nothing})
    app = open_page(measured, "compare", columns="all", x="delta_ce")
    assert not app.exception and not app.error
    assert "nan" not in table(app).lower().split("</style>")[1] and "Not drawn, because one of the two figures is missing: ` bae `" in said(
        app
    )


def test_figures_of_a_replaced_checkpoint_are_left_out(open_page, measured):
    later = time.time() + 60
    os.utime(measured.autoencoder_folder("bae") / "config.json", (later, later))
    app = open_page(measured, "compare")
    assert (
        "Replaced since it was measured" in said(app)
        and "0.203*" in table(app)
        and "Not drawn until they are measured again: ` bae `" in said(app)
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fvu": "good"}', '{"fvu": [1]}', "null", "\x00"])
def test_a_damaged_evaluation_is_named_and_the_rest_is_shown(open_page, measured, text):
    measured.evaluation_file("bae").write_text(text)
    app = open_page(measured, "compare")
    assert not app.exception and len(app.error) == 1 and "evaluation/bae.json is damaged" in app.error[0].value
    assert "0.203*" in table(app) and "0.240" in table(app)


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "binary"}', '{"kind": 1, "n_features": 1, "provenance": {"layer": "x"}}'])
def test_a_damaged_checkpoint_is_named_and_the_rest_is_shown(open_page, measured, text):
    (measured.autoencoder_folder("bae") / "config.json").write_text(text)
    app = open_page(measured, "compare")
    assert not app.exception and "bae/config.json is damaged" in app.error[0].value and "topk" in table(app)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"name": "bae"}]', '[{"name": "a", "kind": "b", "step": null, "bits": "x", "fvu": 1}]']
)
def test_damaged_rates_are_named(open_page, measured, text):
    measured.rates_file.write_text(text)
    app = open_page(measured, "compare")
    assert not app.exception and len(app.error) == 1 and "rates.json" in app.error[0].value


def test_a_hostile_name_is_text(open_page, measured):
    name = '<img src=x onerror="alert(1)"> & `x`'
    add(measured, name, kind="<b>")
    app = open_page(measured, "compare")
    html = table(app)
    assert not app.exception and "<img" not in html and "&lt;img" in html and "<small>&lt;b&gt; · layer 2" in html
    assert all(
        "<img" not in str(trace.get(key)) for spec in drawn(app) for trace in spec["data"] for key in ("name", "text", "hovertemplate")
    )
    assert name in next(csv.reader(io.StringIO(compare_table.as_csv(reports.reports(measured)[0][-1:]).split("\n", 1)[1])))


# measuring


def test_the_button_starts_a_process_whose_failure_is_told(open_page, harvested):
    """The harvest is a sham, so the measuring that the button starts fails, with a message of the library."""
    app = open_page(harvested, "compare")
    assert "Nothing measured here yet" in said(app)
    app = buttons(app)["start:evaluate"].click().run()
    assert not app.exception
    job = runs.jobs(harvested).job(reports.JOB)
    assert job.command[1:] == ("-m", "bae", "evaluate", "--workspace", str(harvested.folder), "--rates")
    until(lambda: runs.jobs(harvested).job(reports.JOB).state != "running")
    app = open_page(harvested, "compare")
    assert not app.exception and "it failed" in said(app) and app.error and "start:evaluate" in buttons(app)


def test_without_training_states_the_rates_are_left_out(harvested):
    (harvested.harvest_folder("train") / "scaling.safetensors").unlink()
    assert "--rates" not in reports.start(harvested).command


def test_it_is_seen_running_with_its_log_and_is_stopped(open_page, harvested):
    program = f"import time; print({HOSTILE!r}, flush=True); time.sleep(60)"
    runs.jobs(harvested).start(reports.JOB, [sys.executable, "-c", program])
    until(lambda: runs.jobs(harvested).tail(reports.JOB))
    app = open_page(harvested, "compare")
    assert not app.exception and "so far" in said(app) and "start:evaluate" not in buttons(app)
    assert any(HOSTILE in code.value for code in app.code)
    app = buttons(app)["stop:evaluate"].click().run()
    assert not app.exception and runs.jobs(harvested).job(reports.JOB).return_code == -signal.SIGTERM
    assert "was stopped" in said(app) and "so far" not in said(app), "the page sees at once that it has ended"
    app = open_page(harvested, "compare")
    assert "was stopped" in said(app) and "start:evaluate" in buttons(app)


def test_a_second_start_is_refused_in_a_sentence(open_page, harvested):
    app = open_page(harvested, "compare")
    runs.jobs(harvested).start(reports.JOB, [sys.executable, "-c", "import time; time.sleep(60)"])
    app = buttons(app)["start:evaluate"].click().run()
    assert not app.exception and "already running" in said(app)


def test_a_damaged_record_of_the_job_is_named(open_page, harvested):
    runs.jobs(harvested).folder.mkdir()
    record = runs.jobs(harvested).folder / f"{reports.JOB}.json"
    record.write_text("nonsense")
    app = open_page(harvested, "compare")
    assert not app.exception and "is damaged" in app.error[0].value and "0.203*" in table(app)
    record.unlink()


# plain data


def test_points_become_lines_in_the_order_of_steps():
    points = [RatePoint("a", "gated", step, bits, 0.2) for step, bits in ((2.0, 5.0), (1.0, 4.0), (0.5, 9.0))]
    points += [RatePoint("pca-2", "pca", 1.0, 3.0, 0.1), RatePoint("b", "binary", None, 7.0, 0.2)]
    lines = compare.coded(points)
    assert [line.kind for line in lines] == ["pca", "binary", "gated"] and lines[-1].x == [9.0, 4.0, 5.0]
    figure = charts.rate_distortion(lines, log=True)
    assert [trace.mode for trace in figure.data] == ["lines+markers", "markers", "lines+markers"], "PCA of one step is still no dictionary"
    assert figure.data[0].line.dash == "dash" and figure.layout.xaxis.type == "log"


def test_seeds_of_a_kind_share_colour_and_legend_and_kinds_differ():
    figure = charts.scatter([Measured(name, kind, [1.0], [2.0]) for name, kind in (("a", "topk"), ("b", "topk"), ("c", "relu"))], "x", "y")
    assert figure.data[0].marker.color == figure.data[1].marker.color != figure.data[2].marker.color
    assert [trace.showlegend for trace in figure.data] == [True, False, True]
    assert len({(charts.KIND_COLOURS[kind], charts.KIND_SYMBOLS[kind]) for kind in TITLES}) == len(TITLES)
    assert len(set(compare_table.SIGNS.values())) == len(TITLES) == len(set(charts.KIND_COLOURS.values()))


def test_the_file_holds_all_figures():
    rows = list(csv.DictReader(io.StringIO(compare_table.as_csv([report("a", fvu=1 / 3, tree_bits=None)]))))
    assert float(rows[0]["fvu"]) == 1 / 3 and rows[0]["tree_bits"] == "" == rows[0]["delta_ce"] and rows[0]["measured_here"] == "1"
