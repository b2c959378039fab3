"""The page on compression: the figures of a run, files that go out and come back, and what is wrong with those that do not."""

import io
import json
import shutil
import tempfile
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from safetensors.torch import load, save
from small_study import HOSTILE, LAYER
from test_pages import said

from app.compression import files, paper, ways
from app.services import compression
from app.services.compression import found, held_out, of_held_out, of_text, of_upload, opened, restored, usable
from bae.autoencoder import checkpoint
from bae.compression import Options
from bae.experiments.compression import job as compression_job
from bae.experiments.compression.experiment import run
from bae.experiments.compression.results import Settings, keep, read_rows, results_file
from bae.notebook.database import Notebook
from bae.reading.inspection import inspect
from bae.system.files import locked, write_json
from bae.system.jobs import Job
from bae.workspace import Workspace

SETTINGS = Settings(vectors=400, fitted=400, spliced_tokens=150, thresholds=(-1.0, -0.1, 0.0))
STATUS = {"stage": "compression", "unit": "dictionaries", "done": 0, "total": 2, "rate": 0.01, "seconds_left": 9.0}
NOTHING = lambda more, total: None  # noqa: E731


@pytest.fixture(scope="module")
def run_study(bare_study, tiny_model, tmp_path_factory):
    """A study in which the experiment was run."""
    copy = Workspace.open(shutil.copytree(bare_study.folder, tmp_path_factory.mktemp("compression") / "study"))
    run(copy, SETTINGS, tiny_model)
    return copy


@pytest.fixture
def own_study(run_study, tmp_path):
    """A copy that a test may change."""
    return Workspace.open(shutil.copytree(run_study.folder, tmp_path / "study"))


@pytest.fixture
def here(run_study, monkeypatch):
    """The services look at the study."""
    monkeypatch.setenv("BAE_WORKSPACE", str(run_study.folder))
    return run_study


def chart(app, key: str) -> dict:
    return next(json.loads(one.proto.spec) for one in app.get("plotly_chart") if key in one.proto.id)


def html(app) -> str:
    return "\n".join(element.value for element in app.html)


def npy(rows: torch.Tensor) -> bytes:
    file = io.BytesIO()
    np.save(file, rows.numpy())
    return file.getvalue()


# the figures


def test_before_a_run_the_page_offers_it(open_page, bare_study, monkeypatch):
    started = []
    monkeypatch.setattr(compression_job, "start", lambda _study, *asked: started.append(asked))
    app = open_page(bare_study, "compression")
    assert not app.exception and not app.error and "Nothing was measured" in said(app) and not app.dataframe
    assert app.code[0].value == "python -m bae.experiments.compression.experiment study --vectors 20480 --spliced-tokens 4096"
    assert "` bae `" in said(app) and "` topk `" not in said(app) and "About 23 min" in said(app)
    app.button(key="start:compression").click().run()
    assert started == [(20480, 4096)] and not app.exception


def test_the_job_is_the_command_and_its_defaults_are_the_experiments(bare_study, monkeypatch):
    started = []
    monkeypatch.setattr("bae.system.jobs.Jobs.start", lambda _jobs, name, command: started.append((name, command)))
    compression_job.start(bare_study, 30, 40)
    ((name, command),) = started
    assert name == "compression" and command[2:] == [
        "bae.experiments.compression.experiment", str(bare_study.folder), "--vectors", "30", "--spliced-tokens", "40",
    ]  # fmt: skip
    assert (Settings.vectors, Settings.spliced_tokens) == (compression_job.VECTORS, compression_job.SPLICED_TOKENS)


def test_the_figures_are_those_of_the_rows(open_page, here):
    rows = found().rows
    app = open_page(here, "compression", ae="bae-deep", threshold="-0.1", against="threshold", error="fvu")
    assert not app.exception and not app.error and not app.warning
    row = next(row for row in rows if (row.dictionary, row.method, row.threshold) == ("bae-deep", "codes", -0.1))
    told = {metric.label: metric.value for metric in app.metric}
    assert told["Bits a vector"] == f"{row.bits:,.1f}" and told["Delta-CE"] == f"{row.delta_ce:.3f}"
    table, everywhere = (frame.value for frame in app.dataframe)
    assert len(table) == len([one for one in rows if one.dictionary == "bae-deep"])
    assert set(everywhere["way"]) == {"bae", "bae-deep"}
    line = next(trace for trace in chart(app, "compression-errors")["data"] if trace["name"] == "bae-deep")
    assert line["x"] == ["-1", "-0.1", "0"] and line["y"][1] == pytest.approx(row.fvu)
    # negative control: another threshold has other figures
    other = open_page(here, "compression", ae="bae-deep", threshold="0")
    assert {metric.label: metric.value for metric in other.metric}["Bits a vector"] != told["Bits a vector"]


def test_sizes_are_bytes_a_vector_with_and_without_the_model(open_page, here):
    row = next(row for row in found().rows if (row.dictionary, row.method, row.threshold) == ("bae", "codes", -1.0))
    width = here_width("bae")
    points = {}
    for trace in chart(open_page(here, "compression", ae="bae"), "compression-sizes")["data"]:
        points |= {(trace["name"], name): value for name, value in zip(trace["y"], trace["x"], strict=True)}
    assert points["other ways", "fp16"] == 2 * width and points["other ways", "fp32"] == 4 * width
    assert points["with this dictionary", "this file"] == pytest.approx(row.size / row.vectors)
    weights = sum(weight.numel() for weight in usable()["bae"].autoencoder.parameters())
    assert points["and with it counted", "this file"] == pytest.approx((row.size + 2 * weights) / row.vectors)
    assert points["other ways", "Table 3's “before”"] == pytest.approx(69.24 * width, rel=0.001)
    without = chart(open_page(here, "compression", ae="bae", model="0"), "compression-sizes")["data"]
    assert "and with it counted" not in {trace["name"] for trace in without}


def here_width(name: str) -> int:
    return len(usable()[name].autoencoder.scaling.mean)


@pytest.mark.parametrize("against", ["size", "threshold", "layer", "alpha"])
@pytest.mark.parametrize("radial", ["none", "gain"])
def test_every_chart_is_drawn_or_says_why_not(open_page, here, against, radial):
    app = open_page(here, "compression", against=against, radial=radial)
    assert not app.exception and not app.warning
    drawn = any("compression-errors" in one.proto.id for one in app.get("plotly_chart"))
    # the dictionaries of the small study were not trained, so that no weight is known
    assert drawn is (against != "alpha") and ("do not say" in said(app)) is (against == "alpha")


def test_a_weight_of_0_is_left_out_of_the_logarithmic_axis_and_named(open_page, own_study):
    weights = {"bae": 0.0, "bae-deep": 0.01}
    keep(own_study, SETTINGS, [replace(row, entropy_weight=weights[row.dictionary]) for row in read_rows(own_study)], {})
    app = open_page(own_study, "compression", against="alpha")
    assert not app.exception and "Left out, for their weight is 0" in said(app) and "place for: ` bae `." in said(app)
    assert {trace["name"] for trace in chart(app, "compression-errors")["data"] if trace.get("name")} == {"bae-deep"}
    # control: another axis has both, and leaves nothing out
    app = open_page(own_study, "compression", against="layer")
    assert "Left out" not in said(app)
    assert {"bae", "bae-deep"} <= {trace.get("name") for trace in chart(app, "compression-errors")["data"]}


def test_the_note_on_the_papers_table_is_right():
    for megabytes, told in ((16_713, "69.2"), (6_713, "27.8")):
        assert f"{megabytes:,} MB" in paper.note() and f"{megabytes * 1e6 / (117_864 * 2048):.1f}" == told and told in paper.note()
    assert "about 134 are the model" in paper.note() and "(483 MB)" in paper.note()


def test_the_csv_has_every_row(here):
    lines = ways.as_csv(found().rows).splitlines()
    assert len(lines) == len(found().rows) + 1 and lines[0].startswith("dictionary,digest,layer")


@pytest.mark.parametrize(
    ("params", "allowed"),
    [
        ({"view": "<script>"}, "restore"),
        ({"ae": "topk"}, "bae-deep"),
        ({"threshold": "-0.7"}, "-0.1"),
        ({"radial": "both"}, "gain"),
        ({"error": "nothing"}, "mse"),
        ({"against": "time"}, "layer"),
        ({"model": "yes"}, "0"),
        ({"view": "make", "vectors": "0"}, "whole number from 1"),
        ({"view": "make", "source": "web"}, "upload"),
        ({"view": "make", "threshold": "1"}, "-0.05"),
        ({"view": "make", "coding": "zip"}, "positions"),
    ],
)
def test_a_wrong_address_is_named(open_page, run_study, params, allowed):
    app = open_page(run_study, "compression", **params)
    assert not app.exception and len(app.warning) == 1 and allowed in app.warning[0].value


def test_another_checkpoint_since_the_run_is_told(open_page, own_study, tiny_model):
    assert not open_page(own_study, "compression").warning
    folder = own_study.autoencoder_folder("bae")
    autoencoder, provenance = checkpoint.load(folder)
    with torch.no_grad():
        autoencoder.b_out += 1
    checkpoint.save(autoencoder, provenance, folder)
    app = open_page(own_study, "compression")
    assert not app.exception and len(app.warning) == 1 and "Replaced since this run: ` bae `" in app.warning[0].value
    assert app.button(key="start:compression").label == "Go on" and "--vectors 400" in app.code[0].value
    shutil.rmtree(folder)
    app = open_page(own_study, "compression")
    assert not app.warning and any("not in this workspace: ` bae `" in caption.value for caption in app.caption)


def test_damaged_results_are_named(open_page, own_study):
    results_file(own_study).write_bytes(b"PAR1 and nothing else")
    app = open_page(own_study, "compression")
    assert not app.exception and len(app.error) == 1 and "is damaged" in app.error[0].value


def test_foreign_words_in_the_rows_are_shown_and_not_run(open_page, own_study):
    file = results_file(own_study)
    table = pa.parquet.read_table(file)
    methods = [HOSTILE if method.startswith("int8") else method for method in table["method"].to_pylist()]
    table = table.set_column(table.column_names.index("method"), "method", pa.array(methods))
    told = json.loads(table.schema.metadata[b"provenance"]) | {"machine": HOSTILE, "model": f"\u202e{HOSTILE}\n🙂"}
    pa.parquet.write_table(table.replace_schema_metadata({"provenance": json.dumps(told)}), file)
    app = open_page(own_study, "compression")
    assert not app.exception and "<script" not in html(app) and "&lt;script&gt;" in html(app)
    assert all("<script" not in one.proto.spec and "<img" not in one.proto.spec for one in app.get("plotly_chart"))


# files


def test_held_out_vectors_go_out_and_come_back(here):
    told = []
    tell = lambda more, total: told.append((more, total))  # noqa: E731
    file = of_held_out("bae", 300, Options(), tell)
    assert (file.header.vectors, file.fits, file.lost) == (300, "bae", 0.0) and sum(more for more, _ in told) == 600
    states, lens = held_out("bae"), usable()["bae"]
    original = torch.cat([pair.read for pair in states.all_pairs(LAYER, lens.autoencoder, filtered=False)])[:300].float()
    back = load(restored("x.baec", file.data, tell))["vectors"]
    with torch.inference_mode():
        expected = lens.autoencoder.decode(lens.autoencoder.encode(original)).half()
    within = lens.autoencoder.scaling.keeps(original)
    assert (
        back.shape == original.shape
        and torch.equal(back[within], expected[within])
        and torch.equal(back[~within], original[~within].half())
    )
    assert sum(more for more, _ in told) == 900 and {total for _, total in told} == {300}
    error = (expected[within].double() - original[within].double()).square().mean().item()
    assert file.figures["errors"]["mse"] == pytest.approx(error, rel=0.01)
    # control: a threshold that stores nothing gives every vector as the same one, and says so
    none = of_held_out("bae", 300, Options(threshold=0.0), NOTHING)
    assert none.lost == 1 and len(load(restored("x.baec", none.data, NOTHING))["vectors"][within].unique(dim=0)) == 1


def test_a_text_is_its_hidden_states(here):
    text = "the naval ship of the senate"
    lens = usable()["bae"]
    file = of_text("bae", text, Options(), NOTHING)
    inspection = inspect(compression.language_model(), {"bae": lens}, text)["bae"]
    assert file.header.vectors == len(inspection.tokens.ids) - 1 and file.header.dtype == "float16"
    with torch.inference_mode():
        expected = lens.autoencoder.decode(inspection.code)[1:].half()
    back = load(restored("x.baec", file.data, NOTHING))["vectors"]
    read = inspection.read[1:]
    assert read.any() and torch.allclose(back[read].float(), expected[read].float(), atol=1e-2)


def test_vectors_that_are_brought(here):
    rows = torch.randn(7, here_width("bae"))
    one = of_upload("bae", f"../../{HOSTILE}.npy", npy(rows), "", Options(), NOTHING)
    two = of_upload("bae", "b.safetensors", save({"a": rows, "b": rows[:3].clone()}), "b", Options(), NOTHING)
    assert (one.header.vectors, two.header.vectors) == (7, 3) and one.header.source.startswith("../../<img")
    for name, data, tensor, reason in (
        ("a.npy", npy(rows[:, :5]), "", "reads vectors of"),
        ("a.npy", npy(rows[:0]), "", "a.npy holds no vectors"),
        ("a.npy", npy(torch.full_like(rows, torch.nan)), "", "NaN or infinity"),
        ("a.npy", b"no array", "", "a.npy cannot be read"),
        ("a.txt", b"1 2 3", "", ".safetensors; got a.txt"),
        ("a.safetensors", save({"a": rows, "b": rows.clone()}), "", "it has a, b"),
        ("a.npy", b"x" * (files.MOST_UPLOAD_MB * 1_000_000 + 1), "", "at most 32 MB"),
    ):
        with pytest.raises(ValueError, match=reason) as error:
            of_upload("bae", name, data, tensor, Options(), NOTHING)
        assert str(here.folder) not in str(error.value), "where files lie is nobody's business"
    assert not list((here.folder / "compression").glob(".tmp-*")), "nothing is left behind"


def test_the_same_vectors_under_another_name_tell_that_name(here):
    data = npy(torch.randn(7, here_width("bae")))
    sources = [of_upload("bae", name, data, "", Options(), NOTHING).header.source for name in ("one.npy", "two.npy")]
    assert sources == ["one.npy", "two.npy"]


def test_no_more_is_compressed_than_the_page_restores(open_page, here, monkeypatch):
    wide = here_width("bae")
    assert of_upload("bae", "few.npy", npy(torch.randn(6, wide)), "", Options(), NOTHING).header.vectors == 6
    monkeypatch.setattr(files, "MOST_RESTORED_BYTES", 5 * 4 * wide)
    with pytest.raises(ValueError, match=r"restores at most .* `bae compress` takes any number"):
        of_upload("bae", "few.npy", npy(torch.randn(6, wide)), "", Options(), NOTHING)
    with pytest.raises(ValueError, match=r"at most 10 vectors; got 11. `bae compress`"):
        of_held_out("bae", 11, Options(), NOTHING)
    app = open_page(here, "compression", view="make", ae="bae")
    assert not app.exception and not app.error and app.number_input[0].max == 10 and "This page takes the first 10 of" in said(app)
    assert "bae compress harvest:held-out" in said(app)


def test_nothing_is_written_beyond_the_workspace(here, monkeypatch):
    places = []
    true = tempfile.TemporaryDirectory

    def watched(*asked, **also):
        places.append(also["dir"])
        return true(*asked, **also)

    monkeypatch.setattr("app.compression.files.tempfile.TemporaryDirectory", watched)
    file = of_upload("bae", "/etc/passwd.npy", npy(torch.zeros(3, here_width("bae"))), "", Options(), NOTHING)
    restored("../../x", file.data, NOTHING)
    assert set(places) == {here.folder / "compression"} and len(places) == 2


def test_what_would_take_all_memory_is_refused(here, monkeypatch):
    file = of_held_out("bae", 300, Options(), NOTHING)
    assert restored("x", file.data, NOTHING)
    other = of_held_out("bae", 299, Options(), NOTHING)
    monkeypatch.setattr(files, "MOST_RESTORED_BYTES", 1000)
    with pytest.raises(ValueError, match="bae decompress"):
        restored("x", other.data, NOTHING)


def test_the_page_makes_a_file_and_restores_it(open_page, run_study):
    app = open_page(run_study, "compression", view="make", ae="bae", vectors="200", radial="gain")
    assert not app.exception and not app.error and not app.warning
    assert "Restored, against the original" in html(app) and "Without the lengths mended" in html(app)
    (button,) = app.get("download_button")
    assert button.proto.label.startswith("Download, ")
    data = of_held_out("bae", 200, Options(radial="gain"), NOTHING).data
    app = open_page(run_study, "compression", view="restore")
    assert "Bring a .baec file" in said(app)
    app.file_uploader(key="compression-file").upload("<b>`x`.baec", data).run()
    assert not app.exception and not app.error and "Every block is as it was written" in said_all(app)
    assert "its weights are here" in html(app) and "threshold -1, coding entropy, lengths gain" in html(app)
    assert app.get("download_button")[0].proto.label.startswith("Download the vectors")


def said_all(app) -> str:
    return said(app) + "\n".join(element.value for element in app.success)


def test_the_page_takes_a_text_and_vectors(open_page, run_study):
    name = Notebook(run_study.notebook_file).keep_text(HOSTILE)
    app = open_page(run_study, "compression", view="make", source="text", text=name, ae="bae")
    assert not app.exception and not app.error and "Bound of its codes" in html(app) and "Of so few vectors" in said(app)
    empty = open_page(run_study, "compression", view="make", source="text", text="")
    assert not empty.exception and "type at least one word" in said(empty) and not empty.get("download_button")
    app = open_page(run_study, "compression", view="make", source="upload", ae="bae")
    assert not app.exception and not app.get("download_button")
    app.file_uploader(key="compression-vectors").upload("<b>`x`.npy", npy(torch.randn(5, here_width("bae")))).run()
    assert not app.exception and not app.error and app.get("download_button")
    app.file_uploader(key="compression-vectors").upload("<b>`x`.npy", npy(torch.randn(5, 3))).run()
    assert not app.exception and "reads vectors of" in app.error[0].value and "``" in app.error[0].value


def test_without_a_harvest_the_page_says_what_to_do(open_page, bare_study):
    app = open_page(bare_study, "compression", view="make")
    assert not app.exception and "bae harvest --workspace study" in said(app) and not app.get("download_button")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:-40], "x.baec is cut short"),
        (lambda data: data[:10], "x.baec is cut short"),
        (lambda data: data[:-60] + bytes([data[-60] ^ 1]) + data[-59:], "checksum of its index is wrong"),
        (lambda data: data[: len(data) // 2] + b"?!" + data[len(data) // 2 + 2 :], "is wrong"),
        (lambda data: data[:8] + b"\x09\x00" + data[10:], "is of version 9 of the format"),
        (lambda data: b"GIF89a" + data, "holds no compressed hidden states"),
        (lambda data: b"", "holds no compressed hidden states"),
    ],
)
def test_a_file_that_is_not_right_is_told_in_a_sentence(open_page, run_study, here, change, reason):
    data = of_held_out("bae", 250, Options(), NOTHING).data
    app = open_page(run_study, "compression", view="restore")
    app.file_uploader(key="compression-file").upload("x.baec", change(data)).run()
    assert not app.exception and len(app.error) == 1 and reason in app.error[0].value and not app.get("download_button")
    assert str(run_study.folder) not in app.error[0].value
    # control: as it was written it is restored
    app.file_uploader(key="compression-file").upload("x.baec", data).run()
    assert not app.error and app.get("download_button")


def test_a_file_of_another_checkpoint_is_refused(open_page, own_study, here):
    data = of_held_out("bae", 150, Options(), NOTHING).data
    folder = own_study.autoencoder_folder("bae")
    autoencoder, provenance = checkpoint.load(folder)
    with torch.no_grad():
        autoencoder.b_out += 1
    checkpoint.save(autoencoder, provenance, folder)
    app = open_page(own_study, "compression", view="restore")
    app.file_uploader(key="compression-file").upload("x.baec", data).run()
    assert not app.exception and len(app.error) == 1 and "x.baec was written with the dictionary bae" in app.error[0].value
    assert "weights differ" in app.error[0].value and "not here" in html(app) and not app.get("download_button")
    shutil.rmtree(folder)
    app = open_page(own_study, "compression", view="restore")
    app.file_uploader(key="compression-file").upload("x.baec", data).run()
    assert not app.exception and "this workspace has bae-deep" in app.error[0].value


def test_a_file_finds_its_dictionary_under_another_name(own_study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(own_study.folder))
    file = of_held_out("bae", 150, Options(), NOTHING)
    own_study.autoencoder_folder("bae").rename(own_study.autoencoder_folder("renamed"))
    again = opened("x.baec", file.data)
    assert (again.fits, again.header.dictionary) == ("renamed", "bae") and restored("x.baec", file.data, NOTHING)


def test_a_run_by_hand_is_noticed(open_page, own_study):
    results_file(own_study).unlink()
    with locked(compression_job.lock_file(own_study)):
        app = open_page(own_study, "compression")
        assert not app.exception and "started by hand" in said(app) and not [one for one in app.button if one.key == "start:compression"]
    # control: as soon as it has ended, one can be started here
    app = open_page(own_study, "compression")
    assert "started by hand" not in said(app) and app.button(key="start:compression").label == "Start"


def test_a_run_that_goes_on_says_how_far_it_is(open_page, own_study, monkeypatch):
    job = Job(("python", "-m", "bae.experiments.compression.experiment", "x"), 1, 0.0, 1, 0.0, started_at=time.time() - 5)
    monkeypatch.setattr("bae.system.jobs.Job.state", "running")
    monkeypatch.setattr("bae.system.jobs.Jobs.job", lambda _jobs, name: job)
    monkeypatch.setattr("bae.system.jobs.Jobs.tail", lambda _jobs, name: ["compressing: 10%|<b>\x1b[A"])
    stopped = []
    monkeypatch.setattr("bae.system.jobs.Jobs.stop", lambda _jobs, name: stopped.append(name))
    results_file(own_study).unlink()
    write_json(own_study.status_file("compression"), STATUS | {"updated": time.time()})
    app = open_page(own_study, "compression")
    assert not app.exception and app.progress[0].proto.text.startswith("0 of 2 dictionaries are measured, about 3 min 20 s left")
    assert "compressing: 10%|<b> " in said(app) and "[A" not in said(app)
    write_json(own_study.status_file("compression"), STATUS | {"updated": time.time() - 60})
    assert open_page(own_study, "compression").progress[0].proto.text.startswith("Loading the model")
    app.button(key="stop:compression").click().run()
    assert stopped == ["compression"]
