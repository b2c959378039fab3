"""The process that labels: from a queue in a notebook, over HTTP to a loopback judge, to labels; and what stops it."""

import subprocess
import sys
import threading
import zlib
from contextlib import closing
from pathlib import Path

import pytest
import torch
from loopback_judge import Faults, Loopback
from small_index import make_index, n_tokens, sentences
from typer.testing import CliRunner

from bae.cli.main import app
from bae.comsem.plan import Settings
from bae.comsem.records import Records, Subject
from bae.comsem.work import ask_for, open_index, subject_of, work
from bae.notebook.database import Notebook
from bae.system.files import locked
from bae.workspace import Workspace

TEXTS = sentences(120)
FEATURES = 12
PAPER = Settings(negatives=0, control=2)


@pytest.fixture
def server():
    with Loopback() as running:
        yield running


@pytest.fixture
def study(tmp_path, server) -> Workspace:
    """A workspace with a made-up index and one judge of its own."""
    (tmp_path / "recipe.toml").write_text('layers = [2]\n[[autoencoder]]\nname = "bae"\nkind = "binary"\nlayer = 2\n')
    (tmp_path / "judges.toml").write_text(f'[judge.loopback]\nmodel = "loopback"\nbase_url = "{server.base_url}"\n')
    code = (torch.rand(n_tokens(TEXTS), FEATURES, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    make_index(tmp_path / "index" / "index-made", TEXTS, {"bae": code}).close()
    (tmp_path / "index" / "current").write_text("index-made\n")
    return Workspace.open(tmp_path)


@pytest.fixture
def records(study) -> Records:
    return Records(Notebook(study.notebook_file))


def queued(study: Workspace, records: Records, settings: Settings = PAPER, judge: str = "loopback") -> str:
    with closing(open_index(study)) as index:
        return records.add_run(subject_of(index, "bae"), judge, settings, range(FEATURES))


def test_the_queue_is_worked_off_in_order(study, records, server):
    first, second = queued(study, records), queued(study, records, Settings(negatives=0, control=0, batched=True))
    said = []
    work(study, said.append)
    assert [line.split(":")[0] for line in said] == [first, second]
    assert all(records.run(run).state == "done" and len(records.outcomes(run)) == FEATURES for run in (first, second))
    labels = records.labels(records.run(first).subject)
    assert {label.text for label in labels} == {"words of the sea"} and all(label.score.score == 1.0 for label in labels)
    asked = len(server.received)
    third = queued(study, records)
    work(study, said.append)
    assert len(records.outcomes(third)) == FEATURES and len(server.received) == asked, "the same questions again cost nothing"


def test_only_one_process_works_at_a_time(study, records):
    queued(study, records)
    with locked(study.folder / "jobs" / "labelling.lock"), pytest.raises(BlockingIOError, match="already labelling"):
        work(study)


def test_what_a_killed_process_left_goes_on(study, records):
    run = queued(study, records)
    records.set_state(run, "running")
    work(study, lambda _: None)
    assert records.run(run).state == "done"


def test_killed_while_it_works_and_started_again(tmp_path, study, records, server):
    server.latency_s = 0.05
    run = queued(study, records)
    command = [sys.executable, "-m", "bae", "label", "--workspace", str(study.folder)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while server.answered < 20 and process.poll() is None:
            threading.Event().wait(0.01)
        process.kill()
    assert len(server.received) > 0
    work(study, lambda _: None)
    assert records.run(run).state == "done" and len(records.outcomes(run)) == FEATURES


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda study: (study.folder / "judges.toml").unlink(), "loopback"),
        (lambda study: (study.folder / "index" / "current").unlink(), "bae index"),
        (lambda study: [file.unlink() for file in (study.folder / "index" / "index-made" / "codes" / "bae").glob("*")], "no codes"),
    ],
)
def test_what_stops_a_run_is_written_down(study, records, spoil, reason):
    run = queued(study, records)
    spoil(study)
    work(study, lambda _: None)
    after = records.run(run)
    assert after.state == "stopped" and reason in after.reason


def test_a_dictionary_that_was_trained_anew_needs_a_new_run(study, records):
    run = records.add_run(Subject("bae", "an older one"), "loopback", PAPER, [1])
    work(study, lambda _: None)
    assert "trained anew" in records.run(run).reason


def test_a_bad_key_and_no_credit_stop_a_run_and_it_can_be_resumed(study, records):
    with Loopback(credit=15) as poor:
        (study.folder / "judges.toml").write_text(f'[judge.loopback]\nmodel = "loopback"\nbase_url = "{poor.base_url}"\n')
        run = queued(study, records)
        work(study, lambda _: None)
        after = records.run(run)
        assert after.state == "stopped" and "credit" in after.reason
        poor.credit = None
        assert records.set_state(run, "queued", only_from=("stopped",))
        work(study, lambda _: None)
        assert records.run(run).state == "done" and len(records.outcomes(run)) == FEATURES and poor.repeated == 0


def test_through_faults_no_feature_is_lost(study, records, server):
    server.faults = Faults(busy=0.1, error=0.1, malformed=0.05, closed=0.05)
    run = queued(study, records)
    work(study, lambda _: None)
    assert records.run(run).state == "done" and all(outcome.label for outcome in records.outcomes(run).values())
    assert sum(server.faulted.values()) > 0 and server.repeated == 0


def test_asked_for_on_the_command_line(study, records, server):
    told = ask_for(study, "bae", "0-3, 7", "loopback", PAPER, dry_run=True)
    assert told.startswith("5 features (0 more are too rare): ") and not records.runs() and not server.received
    asked = ["label", "--workspace", str(study.folder), "--dictionary", "bae", "--judge", "loopback", "--negatives", "0"]
    result = CliRunner().invoke(app, [*asked, "--features", "0-3"])
    assert result.exit_code == 0 and "done" in result.output
    assert records.runs()[0].features == (0, 1, 2, 3)
    for wrong, reason in ((["--judge", "oracle"], "oracle"), (["--features", "99"], "0 to 11"), (["--dictionary", "relu"], "relu")):
        result = CliRunner().invoke(app, [*asked, *wrong])
        assert result.exit_code == 1 and reason in result.output


def test_the_dry_run_counts_what_is_then_asked(study, records, server):
    server.reply = lambda messages: f"words like {zlib.crc32(messages[-1]['content'].encode())}"  # no two features share a question
    settings = Settings(negatives=0, control=0)
    calls = int(ask_for(study, "bae", "active", "loopback", settings, dry_run=True).split(": ")[1].split(" calls")[0])
    run = queued(study, records, settings)
    work(study, lambda _: None)
    with records.notebook.connected() as connection:
        (made,) = connection.execute("select count(*) from call where run = ?", (run,)).fetchone()
    assert made == calls


def test_embeddings_score_labels_that_are_there(study, records):
    """Sums to what any other judge leaves, but without a Yes or a No."""
    first = queued(study, records, Settings(negatives=0, control=0))
    work(study, lambda _: None)
    again = queued(study, records, Settings(control=2), judge="embedding")
    work(study, lambda _: None)
    assert records.run(again).state == "done", records.run(again).reason
    labels = records.labels(records.run(first).subject)
    for label in labels:
        (score,) = records.rescores(label.id).values()
        assert 0 <= score.auroc <= 1 and score.score is None and score.unclear == 0
    assert len(labels) == FEATURES
