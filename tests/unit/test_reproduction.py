"""The way from a recipe to a report: what is left, doing it, a run that was stopped, damage to one item, and what files hold."""

import json
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest
from small_reproduction import make_recipe
from typer.testing import CliRunner

from bae.autoencoder import checkpoint
from bae.cli.main import app
from bae.comsem.plan import Settings
from bae.comsem.work import open_index, planner_of
from bae.maps import atlas
from bae.reproduction import experiment_steps, html, items, making, markdown, recipe, rows, steps
from bae.reproduction.derived import make_rescaled
from bae.reproduction.holdings import Which
from bae.reproduction.report import Report
from bae.workspace import Workspace

ASKED = ("table1", "table2", "fig2", "fig3", "fig5")


@pytest.fixture(scope="module")
def small(tiny_llama, tmp_path_factory):
    """The recipe, with a folder for the workspace."""
    folder = tmp_path_factory.mktemp("reproduction")
    return make_recipe(folder, tiny_llama), folder / "workspace"


@pytest.fixture(scope="module")
def ran(small):
    """A whole run that was stopped once, at its sixth step; with the names of the steps of each attempt."""
    found = making.scene(small[1], small[0])
    wanted = items.asked(ASKED)
    first = making.plan(found, wanted).steps
    with pytest.raises(KeyboardInterrupt):
        making.run(found, [*first[:6], replace(first[6], run=_stop)], lambda words: None)
    found = making.scene(small[1], small[0])
    second = making.plan(found, wanted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atlas, "build_atlas", lambda *_: {})  # maps of features take half a minute, and no table reads them
        failed = making.run(found, second.steps, lambda words: None)
    return found, [step.name for step in first], [step.name for step in second.steps], failed, second


def _stop():
    raise KeyboardInterrupt


@pytest.fixture
def copied(ran, tmp_path):
    """A scene in a copy that a test may damage."""
    shutil.copytree(ran[0].workspace.folder, tmp_path / "study")
    return replace(ran[0], workspace=Workspace.open(tmp_path / "study"))


def test_a_stopped_run_goes_on_with_what_is_left(ran):
    _, first, second, failed, _ = ran
    assert first[:6] == ["harvest", "train bae", "train relu", "train topk", "rescale relu-rescaled", "train bae-bits-2"]
    assert first.index("index") > first.index("train bae-bits-2"), "what an index holds is there before it is built"
    assert second == [name for name in first if name not in first[:6]] and not failed


def test_nothing_is_left_then_and_nobody_who_costs_money_was_asked(ran, copied):
    left = making.plan(ran[0], items.asked(ASKED))
    assert not left.steps and not left.damaged
    assert not any("label" in name for name in ran[1])
    # negative control: what is taken away is left again
    next((copied.workspace.folder / "entropy").glob("language-*.parquet")).unlink()
    assert [step.name for step in making.plan(copied, items.asked(ASKED)).steps] == ["entropy language"]


def test_what_was_run_is_kept_with_its_machine(ran):
    told = ran[0].ran()
    assert set(told) == set(ran[1])
    assert told["train bae"]["command"] == f"bae train --name bae --workspace {ran[0].workspace.folder}"
    assert "CPU cores" in told["train bae"]["machine"]


def test_a_rescaled_dictionary_is_the_same_but_for_its_magnitude(ran):
    folder = ran[0].workspace
    plain, rescaled = (checkpoint.load(folder.autoencoder_folder(name))[0] for name in ("relu", "relu-rescaled"))
    assert (plain.W_in == rescaled.W_in).all() and plain.magnitude().name != rescaled.magnitude().name == "rescaled value"
    with pytest.raises(ValueError, match="no values to rescale"):
        make_rescaled(folder, "bae")


def test_the_tables_hold_what_the_checkpoints_and_the_index_say(ran):
    found = ran[0]
    section = making.section(found, items.ITEMS["table1"])
    table = section.tables[0]
    at = {column.title + column.whose: place for place, column in enumerate(table.columns)}
    own = {row[1].text: row for row in table.rows if "ours: layer 2" in row[0].text}
    told = json.loads((found.workspace.autoencoder_folder("bae") / "config.json").read_text())["provenance"]["figures"]
    assert own["BAE"][at["L_rours"]].value == told["l_r"] and own["BAE"][at["FVUours"]].value == told["fvu"]
    assert own["ReLU SAE, rescaled"][at["L_rours"]] == own["ReLU SAE"][at["L_rours"]]
    measured = json.loads(found.workspace.evaluation_file("bae").read_text())
    assert own["BAE"][at["‖Cov‖ours"]].value == measured["spectral_norm_variables"]
    index = open_index(found.workspace)
    for name, kind in (("bae", "BAE"), ("relu-rescaled", "ReLU SAE, rescaled")):
        # an independent count: occurrences as labelling draws them
        counts = planner_of(index, name, Settings()).occurrences.counts
        assert own[kind][at["Act.ours"]].value == (counts > 8).sum() and own[kind][at["Act., more than 5ours"]].value == (counts > 5).sum()
    index.close()
    # half of the depth: beside layer 9 of 16, with the paper's numbers
    assert own["BAE"][0].text.startswith("Llama 3.2-1B, layer 9") and own["BAE"][at["Act.paper"]].value == 4675


def test_more_bits_have_a_row_and_a_count(ran):
    section = making.section(ran[0], items.ITEMS["table2"])
    one, two = (
        {c.title + c.whose: cell for c, cell in zip(section.tables[0].columns, section.tables[0].rows[n], strict=True)} for n in (0, 1)
    )
    assert two["L_rpaper"].value == 7.7e-3 and two["Act.paper"].value == 4195
    assert one["L_rours"].value != two["L_rours"].value is not None and two["Act.ours"].value is not None
    assert ran[0].holdings()[Which("binary", 2, 0, 2)].name == "bae-bits-2"
    assert section.tables[0].rows[2][2].value is None, "C = 3 was not trained"


def test_judges_that_were_not_asked_have_empty_columns_and_a_command(ran):
    section = making.section(ran[0], items.ITEMS["table1"])
    table = section.tables[1]
    empty = [place for place, column in enumerate(table.columns) if column.title.endswith("GPT-4.1-mini") and column.whose == "ours"]
    assert len(empty) == 4 and all(row[place].value is None for row in table.rows for place in empty)
    told = {one.what: one.command for one in section.missing}
    what = next(what for what in told if "GPT-4.1-mini" in what)
    assert "needs a key" in what and "--judge gpt-4.1-mini" in told[what] and "--dictionary bae" in told[what]
    assert not any("interpretable" in claim.says for claim in section.claims), "nothing is concluded of whom nobody asked"


def test_damage_to_one_item_is_that_items(copied):
    file = next((copied.workspace.folder / "entropy").glob("language-*.parquet"))
    file.write_bytes(b"no parquet")
    left = making.plan(copied, items.asked(ASKED))
    assert "damaged" in left.damaged["fig3"] and set(left.damaged) == {"fig3"}
    found = making.report(copied, items.asked(ASKED))
    told = {section.name: section for section in found.sections}
    assert told["fig3"].standing == "damaged" and str(file) in told["fig3"].damaged
    assert told["fig2"].measured and not told["fig2"].damaged and told["table1"].measured


def test_runs_of_another_model_are_not_taken(copied):
    for name in ("bae", "relu", "topk", "relu-rescaled", "bae-bits-2"):
        file = copied.workspace.autoencoder_folder(name) / "config.json"
        told = json.loads(file.read_text())
        told["provenance"]["model_fingerprint"] = "0" * 32
        file.write_text(json.dumps(told))
    section = making.section(copied, items.ITEMS["fig3"])
    assert "another language model" in section.damaged
    assert making.section(copied, items.ITEMS["fig2"]).measured, "states that are made come from no model"


def test_a_step_that_fails_stops_no_other_and_is_told(ran):
    found, _, _, _, plan = ran
    broken = replace(plan.steps[0], run=lambda: (_ for _ in ()).throw(ValueError("no room")))
    seen = []
    fine = replace(plan.steps[-1], run=lambda: seen.append(1))
    failed = making.run(replace(found, workspace=found.workspace), [broken, fine], lambda words: None)
    assert failed == {broken.name: "no room"} and seen == [1]
    told = making.report(found, items.asked(["table1"]), failed, making.Plan({"table1": (broken,)}, {}))
    assert any(one.what == f"{broken.name} failed: no room" for one in told.sections[0].missing)


class Checked(HTMLParser):
    """Every tag, attribute and text of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.links, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_files_say_the_same_and_stand_alone(ran, tmp_path):
    found = making.report(ran[0], items.asked([]))
    files = {file.name: file for file in making.write(found, tmp_path / "report")}
    assert Report.read(files["report.json"]) == found
    page = Checked(files["report.html"].read_text(encoding="utf-8"))
    assert "script" not in page.tags and all(link.startswith("#") for link in page.links) and files["report.html"].stat().st_size < 2e6
    assert "<script>alert(1)</script>" in "".join(page.texts), "shown as text"
    assert "script" in Checked("<script>x</script>").tags, "negative control"
    told = files["report.md"].read_text(encoding="utf-8")
    assert "<script>" not in told and "\\<script\\>" in told
    for line in told.splitlines():
        assert not line.startswith("| ") or line.endswith(" |"), line
    kept = pq.read_table(files["results.parquet"]).to_pylist()
    assert len(kept) == len(list(rows.rows(found))) and {row["item"] for row in kept} >= {*ASKED, "table3", "table4", "fig12"}
    score = [row for row in kept if row["measure"] == "Score, GPT-4.1" and row["item"] == "table4" and row["whose"] == "paper"]
    assert len(score) == 18 and max(row["value"] for row in score) == 0.574


def test_a_report_of_another_version_or_half_written_is_refused(ran, tmp_path):
    found = making.report(ran[0], items.asked(["table3"]))
    found.keep(tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps({**told, "format": 99}))
    with pytest.raises(ValueError, match="format 99"):
        Report.read(tmp_path / "report.json")
    (tmp_path / "report.json").write_text(json.dumps(told)[:200])
    with pytest.raises(ValueError, match="damaged"):
        Report.read(tmp_path / "report.json")


def test_the_command_says_what_is_left_then_does_it(ran, small, tmp_path):
    recipe_file = str(small[1].parent / "small.toml")
    runner = CliRunner()
    asked = ["reproduce", "fig2", "table1", "--recipe", recipe_file]
    fresh = runner.invoke(app, [*asked, "--workspace", str(tmp_path / "new"), "--dry-run"])
    assert fresh.exit_code == 0 and "harvest, train bae, train relu" in fresh.output and "in all" in fresh.output
    assert not (tmp_path / "new" / "harvest").exists(), "a dry run does nothing"
    done = runner.invoke(app, [*asked, "--workspace", str(small[1]), "--report", str(tmp_path / "out"), "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 0 and not told["failed"] and "agree" in told["items"]["fig2"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["report.html", "report.json", "report.md", "results.parquet"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["table9"], "there are all, table1"),
        (["--recipe", "desktop"], "laptop, paper"),
        (["--judge", "oracle"], "the recipe has no judge 'oracle'"),
        (["--recipe", "paper"], "is a study of"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(small, ran, asked, said):
    own = [] if "--recipe" in asked else ["--recipe", str(small[1].parent / "small.toml")]
    result = CliRunner().invoke(app, ["reproduce", *asked, *own, "--workspace", str(small[1])])
    assert result.exit_code == 1 and said in result.stderr and "Traceback" not in result.output


def test_the_recipes_that_come_with_the_program_can_be_read():
    for name in recipe.names():
        made = recipe.read(name)
        found = steps.Scene(None, made)
        assert found.wanted
        for experiment in made.entropy:
            assert experiment_steps.entropy_settings(found, experiment)
    assert {"laptop", "paper"} <= set(recipe.names())


def test_markdown_and_html_escape_alike():
    hostile = "a | b `c` <i>*d*</i> $x$ [l](javascript:1)\nnext"
    assert "\n" not in markdown.plain(hostile) and "<" not in markdown.plain(hostile).replace("\\<", "")
    assert markdown.code("a ` | b") == "`` a ` \\| b ``"
    assert html.CLASSES.keys() == {"agrees", "differs", "cannot be said"}
