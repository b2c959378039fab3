"""The server starts where it can and says where; what a person got wrong is told in a sentence."""

import os
import socket
import sys
from contextlib import closing

import duckdb
import pytest
from small_index import make_index, sentences
from typer.testing import CliRunner

from bae import pipeline
from bae.cli.main import app
from bae.system import launch
from bae.workspace import DATA, Workspace

HERE = "127.0.0.1"


@pytest.fixture
def busy():
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def study(tmp_path) -> Workspace:
    return Workspace.create(tmp_path / "study", DATA / "recipes" / "any-model.toml")


@pytest.fixture
def served(monkeypatch) -> list:
    """What would have become the server."""
    calls = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call))
    return calls


def test_a_busy_port_moves_to_the_next_free_one(busy):
    found = launch.free_port(HERE, busy)
    assert busy < found < busy + launch.PORTS_TRIED
    with socket.socket() as server:
        server.bind((HERE, found))
        with pytest.raises(OSError, match="in use"), socket.socket() as second:
            second.bind((HERE, busy))


def test_a_free_port_is_taken_as_it_is(busy):
    free = launch.free_port(HERE, busy)
    assert launch.free_port(HERE, free) == free


def test_every_port_busy(busy, monkeypatch):
    monkeypatch.setattr(launch, "PORTS_TRIED", 1)
    with pytest.raises(OSError, match=f"no port from {busy} to {busy} is free"):
        launch.free_port(HERE, busy)


@pytest.mark.parametrize(("host", "port", "error"), [(HERE, 70_000, ValueError), (HERE, 0, ValueError), ("192.0.2.1", 8501, OSError)])
def test_what_cannot_be_served_on(host, port, error):
    with pytest.raises(error):
        launch.free_port(host, port)


def test_the_move_is_told(study, busy, served, capsys):
    launch.serve(study, port=busy)
    printed = capsys.readouterr().out
    (program, command, environment) = served[0]
    port = command[command.index("--server.port") + 1]
    assert f"Port {busy} is busy" in printed and f"http://localhost:{port}" in printed and int(port) > busy
    assert program == sys.executable and environment["BAE_WORKSPACE"] == str(study.folder)


def test_no_move_is_not_told(study, busy, served, capsys):
    launch.serve(study, port=launch.free_port(HERE, busy))
    assert "busy" not in capsys.readouterr().out


def test_this_machine_only_unless_asked():
    assert "--server.allowedHosts" not in launch.server_command(HERE, 8501)
    command = launch.server_command("0.0.0.0", 8501)
    assert command[command.index("--server.address") + 1] == "0.0.0.0"
    assert command[command.index("--server.allowedHosts") + 1] == "*"


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["harvest", "--workspace", "/nowhere"], "/nowhere holds no study"),
        (["evaluate", "--workspace", "/nowhere"], "/nowhere holds no study"),
        (["bench", "speed"], "no benchmark 'speed'"),
        (["app", "--recipe", "any-model"], "add --model"),
        (["app", "--model", "some/model", "--recipe", "nope"], "any-model, llama-3.2-1b, llama-3.2-3b"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1 and message in result.output.replace("\n", " ")
    assert "Traceback" not in result.output and list(tmp_path.iterdir()) == []


def test_our_own_mistakes_keep_their_traceback(study, monkeypatch):
    """Negative control: only what a person can put right is told in a sentence."""
    monkeypatch.setattr(pipeline, "harvest_all", lambda _study: {}["missing"])
    assert isinstance(run("harvest", "--workspace", str(study.folder)).exception, KeyError)


def test_a_model_goes_through_every_stage_once(tmp_path, monkeypatch, served, tiny_llama):
    monkeypatch.chdir(tmp_path)
    stages = []
    monkeypatch.setattr(pipeline, "harvest_all", lambda study: stages.append("harvest") or study.settled(4))
    monkeypatch.setattr(pipeline, "train_all", lambda study: stages.append("train"))
    monkeypatch.setattr(pipeline, "build_index", lambda study: stages.append("index"))
    result = run("app", "--model", str(tiny_llama))
    assert result.exit_code == 0, result.output
    assert stages == ["harvest", "train", "index"] and len(served) == 1
    assert "550,000 tokens of addresses, reviews" in result.output and "10,000 steps" in result.output
    assert Workspace.open(tmp_path / "workspace-tiny-llama").recipe.layers == (2,)
    refused = run("app", "--model", "other/model", "--workspace", "workspace-tiny-llama")
    assert refused.exit_code == 1 and "is a study of" in refused.output


def test_the_demo_builds_its_index_beside_the_server(tmp_path, monkeypatch, served, study):
    started = []
    monkeypatch.setattr(launch, "start_index", started.append)
    monkeypatch.setattr(Workspace, "demo", lambda _folder: study)
    assert run("app").exit_code == 0
    assert started == [study] and len(served) == 1
    make_index(study.folder / "index" / "one", sentences(3), {}).close()
    (study.folder / "index" / "current").write_text("one")
    assert run("app").exit_code == 0
    assert started == [study], "an index that is there is not built again"
    with closing(duckdb.connect(study.folder / "index" / "one" / "index.duckdb")) as connection:
        connection.execute("update meta set value = '1' where key = 'version'")
    assert run("app").exit_code == 0
    assert started == [study, study], "but one of an older program is"


def test_the_index_process_leaves_a_log(study, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    process = launch.start_index(study)
    assert process.wait(10) == 0
    assert study.log_file("index").read_text() == f"-m bae index --workspace {study.folder}\n"
