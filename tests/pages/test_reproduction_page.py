"""The page of the reproduction: the workspace's report, the shipped one, none, a damaged one, and foreign text in it."""

import shutil

import pytest
from small_study import HOSTILE
from test_pages import said

from app.reproduction import charts
from app.services import reproduction
from bae.reproduction import making
from bae.reproduction.report import AGREES, DIFFERS, Cell, Claim, Column, Curve, Figure, Missing, Report, Section, Source, Table
from bae.workspace import Workspace

TABLE = Table(
    f"A table {HOSTILE}",
    (Column("Dictionary"), Column("Act.", "features", "paper", "{:,.0f}"), Column("Act.", "features", "ours", "{:,.0f}", "how many")),
    ((Cell(text=HOSTILE), Cell(5464.0), Cell(1849.0, 1836.0, 1860.0, seeds=3)), (Cell(text="BAE"), Cell(), Cell())),
    (f"A note {HOSTILE}",),
)
FIGURE = Figure(
    "Bits",
    "r",
    "bits",
    (Curve(HOSTILE, (1.0, 2.0), (1.0, 2.5), (0.9, 2.0), (1.1, 3.0)), Curve("without", (1.0,), (4.0,), dashed=True)),
    True,
)
MEASURED = Section(
    "table1",
    "Table 1",
    "5.3",
    f"Caption {HOSTILE}",
    scale=(("width", "2,048", HOSTILE),),
    tables=(TABLE,),
    figures=(FIGURE,),
    claims=(Claim(f"Says {HOSTILE}", AGREES, "1 < 2"), Claim("Another", DIFFERS, HOSTILE)),
    sources=(Source("BAE", f"bae train {HOSTILE}", "2 CPU cores", "2026-11-24T01:02:03+00:00", (0, 1)),),
    missing=(Missing(f"A judge {HOSTILE}", "bae label --judge gpt-4.1"),),
)
OTHERS = (
    Section("fig3", "Figure 3", "4.2", "Caption", missing=(Missing("No run", "bae entropy language"),)),
    Section("fig6", "Figure 6", "5.4", "Caption", damaged=f"no JSON {HOSTILE}"),
)


def report(title: str = "Ours") -> Report:
    return Report(title, "laptop", "study", "a small model", "2026-11-24T01:02:03+00:00", "2 CPU cores, no GPU", (MEASURED, *OTHERS))


@pytest.fixture
def own_study(bare_study, tmp_path):
    """A copy that a test may change."""
    return Workspace.open(shutil.copytree(bare_study.folder, tmp_path / "study"))


@pytest.fixture(autouse=True)
def shipped(monkeypatch, tmp_path):
    """Where the shipped report would be: none unless a test puts one there."""
    monkeypatch.setattr(reproduction, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "shipped"


def test_before_there_is_a_report_the_page_says_how_to_make_one(open_page, own_study):
    app = open_page(own_study, "reproduction")
    assert not app.exception and "no report yet" in said(app) and app.code[0].value == "bae reproduce --workspace study"


def test_the_workspaces_report_comes_first_and_the_shipped_one_is_named_as_such(open_page, own_study, shipped):
    making.write(report("Shipped"), shipped)
    app = open_page(own_study, "reproduction")
    assert not app.exception and "comes with the explorer and is not of this workspace" in said(app)
    assert len(app.get("download_button")) == 3
    making.write(report(), own_study.folder / "reproduction")
    app = open_page(own_study, "reproduction")
    assert "The report of this workspace" in said(app) and "comes with the explorer" not in said(app)


def test_the_overview_counts_verdicts(open_page, own_study):
    making.write(report(), own_study.folder / "reproduction")
    shown = said(open_page(own_study, "reproduction"))
    assert shown.count(">not measured<") == 1 and "cannot be read" in shown and ">1</span>" in shown
    assert "Claims of the paper that our numbers show" in shown, "verdicts explain themselves"


def test_an_item_shows_both_numbers_its_sources_and_what_is_missing(open_page, own_study):
    making.write(report(), own_study.folder / "reproduction")
    app = open_page(own_study, "reproduction", item="table1")
    shown = said(app)
    assert not app.exception and "5,464" in shown and "1,849 (1,836 to 1,860)" in shown
    assert "2 CPU cores" in shown and app.code[0].value == "bae label --judge gpt-4.1"
    assert len(app.get("plotly_chart")) == 1


def test_foreign_text_stays_text(open_page, own_study):
    making.write(report(), own_study.folder / "reproduction")
    app = open_page(own_study, "reproduction", item="table1")
    for block in app.get("html"):
        assert "<script" not in block.proto.body and "<img" not in block.proto.body
    assert any("&lt;script" in block.proto.body for block in app.get("html")), "it is there, escaped"
    damaged = open_page(own_study, "reproduction", item="fig6")
    assert not damaged.exception and "cannot be read" in damaged.error[0].value and "`" in damaged.error[0].value


def test_a_damaged_report_is_told_and_the_shipped_one_shown(open_page, own_study, shipped):
    making.write(report("Shipped"), shipped)
    (own_study.folder / "reproduction").mkdir()
    (own_study.folder / "reproduction" / "report.json").write_text("{", encoding="utf-8")
    app = open_page(own_study, "reproduction")
    assert not app.exception and "damaged" in app.error[0].value and "comes with the explorer" in said(app)


def test_an_item_that_is_not_there_is_named(open_page, own_study):
    making.write(report(), own_study.folder / "reproduction")
    app = open_page(own_study, "reproduction", item="table9")
    assert "table9" in app.warning[0].value and "table1" in app.warning[0].value and not app.exception


def test_a_figure_draws_every_curve_and_escapes_its_names():
    drawn = charts.figure(FIGURE)
    lines = [trace for trace in drawn.data if trace.hoverinfo != "skip"]
    assert len(drawn.data) == 3 and [list(line.y) for line in lines] == [[1.0, 2.5], [4.0]]
    assert "<img" not in lines[0].name and "&lt;img" in lines[0].name
    assert lines[1].line.color == lines[0].line.color and lines[1].line.dash == "dash" and drawn.layout.xaxis.type == "log"
