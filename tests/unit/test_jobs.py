"""Jobs are processes: real ones here, started, ended, killed from outside, and found again by somebody who did not start them."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest
from safetensors.torch import load_file

from bae.system.jobs import Jobs
from bae.training import runs
from bae.workspace import Recipe, Workspace
from tests.conftest import prose, write_jsonl

PATIENCE_S = 30
SLEEP = [sys.executable, "-c", "import time; print('asleep', end='', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]
RECIPE = """# A comment that stays.
layers = [2]
sources = [{source}]
train_tokens = 3000
held_out_tokens = 400
context_length = 32

[[autoencoder]]
name = "bae"  # another one
kind = "binary"
layer = 2
steps = 40
batch_size = 64
log_every = 5
measure_every = 10

[[autoencoder]]
name = "topk"
kind = "topk"
layer = 2
k = 4
steps = 100_000
batch_size = 64
log_every = 5
save_minutes = 0
"""


@pytest.fixture
def jobs(tmp_path):
    """The jobs of an empty folder; what still runs at the end is killed."""
    found = Jobs(tmp_path / "jobs")
    yield found
    _kill_all(found)


def _kill_all(jobs: Jobs) -> None:
    for file in jobs.folder.glob("*.json"):
        jobs.stop(file.stem, grace=1)


def until(holds, what: str = "") -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.02)


def ended(jobs: Jobs, name: str) -> str:
    """How a job ended."""
    until(lambda: jobs.job(name).state != "running", f"the end of {name}")
    return jobs.job(name).state


def gone(pid: int) -> bool:
    """Whether a process has ended; an orphan waits in the table until the system's first process reaps it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def printed(jobs: Jobs, name: str, word: str) -> None:
    until(lambda: word in "".join(jobs.tail(name)), f"{word} in the log of {name}")


def test_what_ends_well_is_done(jobs):
    job = jobs.start("short", [sys.executable, "-c", "print('hello')"])
    assert psutil.Process(job.watcher_pid).pid != os.getpid()
    assert ended(jobs, "short") == "done"
    told = json.loads((jobs.folder / "short.json").read_text())
    assert told["return_code"] == 0 and told["started_at"] <= told["finished_at"] <= time.time()
    assert told["command"] == [sys.executable, "-c", "print('hello')"] and jobs.tail("short") == ["hello"]


def test_what_raises_has_failed_and_its_last_line_is_the_error(jobs):
    jobs.start("wrong", [sys.executable, "-c", "raise ValueError('no such layer')"])
    assert ended(jobs, "wrong") == "failed" and jobs.job("wrong").return_code == 1
    assert jobs.tail("wrong")[-1] == "ValueError: no such layer"


def test_a_running_job_is_seen_by_whoever_reads_the_folder(jobs):
    job = jobs.start("long", SLEEP)
    assert Jobs(jobs.folder).job("long").state == "running"
    assert os.getsid(job.pid) == job.watcher_pid != os.getsid(0), "a session of its own: no signal of ours reaches it"
    assert psutil.Process(job.pid).cmdline()[-1] == SLEEP[-1]


def test_two_jobs_of_one_name_are_refused_in_a_sentence(jobs):
    first = jobs.start("long", SLEEP)
    with pytest.raises(BlockingIOError, match="the job long is already running; stop it first"):
        jobs.start("long", SLEEP)
    assert jobs.job("long") == first and jobs.tail("long").count("asleep") <= 1
    jobs.start("other", SLEEP)
    assert jobs.job("other").state == "running", "another name is another job"


def test_stop_ends_it_and_it_can_be_started_again(jobs):
    job = jobs.start("long", SLEEP)
    assert jobs.stop("long").state == "stopped"
    assert not psutil.pid_exists(job.pid) and jobs.job("long").return_code == -signal.SIGTERM
    again = jobs.start("long", SLEEP)
    assert again.state == "running" and again.pid != job.pid
    printed(jobs, "long", "asleep")
    assert jobs.tail("long") == ["asleep"], "the lines of the run before are not those of this one"


def test_what_does_not_listen_is_killed_after_the_grace(jobs):
    job = jobs.start("deaf", STUBBORN)
    printed(jobs, "deaf", "deaf")
    began = time.monotonic()
    assert jobs.stop("deaf", grace=0.5).state == "stopped"
    assert 0.5 <= time.monotonic() - began < 10
    assert gone(job.pid)


def test_killed_from_outside_it_is_stopped(jobs):
    job = jobs.start("long", SLEEP)
    os.kill(job.pid, signal.SIGKILL)
    assert ended(jobs, "long") == "stopped" and jobs.job("long").return_code == -signal.SIGKILL


def test_killed_with_its_watcher_as_by_a_reboot_it_is_stopped(jobs):
    job = jobs.start("long", SLEEP)
    printed(jobs, "long", "asleep")
    os.killpg(job.watcher_pid, signal.SIGKILL)
    assert ended(jobs, "long") == "stopped"
    told = jobs.job("long")
    assert told.finished_at is None and told.return_code is None and jobs.tail("long") == ["asleep"]
    assert jobs.start("long", SLEEP).state == "running", "the lock went with the processes"


def test_a_job_whose_watcher_alone_was_killed_still_runs_and_can_be_stopped(jobs):
    job = jobs.start("long", SLEEP)
    os.kill(job.watcher_pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(job.watcher_pid), "the end of the watcher")
    assert jobs.job("long").state == "running"
    with pytest.raises(BlockingIOError):
        jobs.start("long", SLEEP)
    assert jobs.stop("long").state == "stopped" and gone(job.pid)


def test_a_number_that_another_process_has_now_is_not_the_job(jobs):
    """The negative control of all checks by number: our own process lives, and is not the job."""
    job = jobs.start("short", [sys.executable, "-c", ""])
    ended(jobs, "short")
    forgotten = replace(jobs.job("short"), pid=os.getpid(), watcher_pid=os.getpid(), return_code=None, finished_at=None)
    assert forgotten.state == "stopped"
    born = psutil.Process().create_time()
    assert replace(forgotten, process_started=born).state == "running"
    jobs._write("short", forgotten)
    jobs.stop("short", grace=0.1)
    assert psutil.Process().is_running() and job.pid != os.getpid(), "nobody else is signalled"


def test_no_zombie_stays_with_who_started_it(jobs):
    for number in range(3):
        jobs.start(f"short-{number}", [sys.executable, "-c", ""])
    until(lambda: not psutil.Process().children(), "the end of all children")


def test_it_outlives_who_started_it(jobs):
    starter = f"from pathlib import Path; from bae.system.jobs import Jobs; Jobs(Path({str(jobs.folder)!r})).start('orphan', {SLEEP!r})"
    subprocess.run([sys.executable, "-c", starter], check=True, timeout=PATIENCE_S)
    assert jobs.job("orphan").state == "running"
    assert jobs.stop("orphan").return_code == -signal.SIGTERM, "its end is written down although its starter is gone"


def test_a_command_that_does_not_exist_is_said(jobs):
    with pytest.raises(OSError, match="No such file"):
        jobs.start("nothing", ["/nowhere/at-all"])
    assert jobs.job("nothing") is None


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "a b"])
def test_a_name_is_a_file_of_the_folder(jobs, name):
    with pytest.raises(ValueError, match="a job's name is a file"):
        jobs.start(name, SLEEP)


def test_a_damaged_record_is_named(jobs):
    jobs.folder.mkdir()
    (jobs.folder / "bae.json").write_text("{")
    with pytest.raises(ValueError, match=r"bae\.json is damaged"):
        jobs.job("bae")
    (jobs.folder / "bae.json").unlink()


def test_a_progress_bar_is_one_line_of_the_tail(jobs):
    jobs.start("bar", [sys.executable, "-c", r"import sys; sys.stderr.write('1/3\r2/3\r3/3\n'); print('end')"])
    ended(jobs, "bar")
    assert sorted(jobs.tail("bar")) == ["3/3", "end"] and len(jobs.tail("bar", lines=1)) == 1


@pytest.fixture(scope="module")
def small(tmp_path_factory, tiny_llama) -> Workspace:
    """A workspace of the random model, harvested."""
    folder = tmp_path_factory.mktemp("training") / "study"
    folder.mkdir()
    source = write_jsonl(folder / "text.jsonl", [prose(seed) for seed in range(150)])
    text = f"model = {json.dumps(str(tiny_llama))}\n" + RECIPE.format(source=json.dumps(str(source)))
    (folder / "recipe.toml").write_text(text)
    study = Workspace.open(folder)
    assert not runs.harvested(study)
    runs.start_harvest(study)
    assert ended(runs.jobs(study), "harvest") == "done", runs.jobs(study).tail("harvest")
    assert runs.harvested(study)
    yield study
    _kill_all(runs.jobs(study))


def run_of(study: Workspace, name: str) -> runs.Run:
    return next(run for run in runs.runs(study) if run.name == name)


def test_a_training_goes_from_not_started_to_done(small):
    assert run_of(small, "bae").state == "not started" and run_of(small, "bae").stage_steps == (40,)
    job = runs.start(small, "bae")
    assert job.command[1:4] == ("-m", "bae", "train") and run_of(small, "bae").state == "running"
    assert ended(runs.jobs(small), "train-bae") == "done", runs.jobs(small).tail("train-bae")
    run = run_of(small, "bae")
    assert run.state == "done" and len(run.curves) == 1 and 0 < runs.figures(run)["fvu"] < 2
    assert runs.last_rate(small) > 0


def test_a_training_is_stopped_and_resumed_from_its_saved_state(small):
    runs.start(small, "topk")
    state = small.folder / "training" / "topk" / "stage-0" / "state.safetensors"
    until(state.exists, "the first saved state")
    until(lambda: runs.progress(small, run_of(small, "topk")), "a word of the process on how far it is")
    assert runs.progress(small, run_of(small, "topk"))["total"] == 100_000
    assert runs.jobs(small).stop("train-topk").state == "stopped" and run_of(small, "topk").state == "stopped"
    assert not run_of(small, "topk").elsewhere, "what the job itself said last is nobody else's word"
    saved = int(load_file(state)["step"])
    runs.start(small, "topk")
    until(lambda: runs.progress(small, run_of(small, "topk")), "a word of the resumed process")
    assert runs.progress(small, run_of(small, "topk"))["done"] >= saved > 0, "it did not begin at 0"
    runs.jobs(small).stop("train-topk")


def test_a_training_from_the_command_line_is_seen_and_not_started_twice(small):
    with subprocess.Popen([sys.executable, "-m", "bae", "train", "--workspace", str(small.folder), "--name", "topk"]) as process:
        until(lambda: run_of(small, "topk").elsewhere, "the training that nobody here started")
        assert run_of(small, "topk").state == "running" and not run_of(small, "bae").elsewhere
        with pytest.raises(BlockingIOError, match="topk is being trained by a process that was not started here"):
            runs.start(small, "topk")
        process.kill()


def test_a_training_that_cannot_work_fails_with_the_library_s_message(small, tmp_path):
    (tmp_path / "recipe.toml").write_text((small.folder / "recipe.toml").read_text())
    bare = Workspace.open(tmp_path)
    runs.start(bare, "bae")
    assert ended(runs.jobs(bare), "train-bae") == "failed"
    assert runs.jobs(bare).tail("train-bae")[-1].startswith("bae: ") and "holds no harvest" in runs.jobs(bare).tail("train-bae")[-1]
    with pytest.raises(ValueError, match="the recipe has no autoencoder 'nobody'; it has bae, topk"):
        runs.start(bare, "nobody")


def test_a_checkpoint_from_elsewhere_is_done_without_a_curve(small, tmp_path):
    (tmp_path / "recipe.toml").write_text((small.folder / "recipe.toml").read_text())
    folder = tmp_path / "autoencoders" / "bae"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"provenance": {"figures": {"fvu": 0.25}}}')
    run = run_of(Workspace.open(tmp_path), "bae")
    assert run.state == "done" and run.curves == () and runs.figures(run) == {"fvu": 0.25}


NEW = '[[autoencoder]]\nname = "relu"\nkind = "relu"\nlayer = 2\nl1_weight = 1e-3  # mine\n'


@pytest.fixture
def bare(tmp_path) -> Workspace:
    """A workspace that holds nothing but a recipe with comments."""
    (tmp_path / "recipe.toml").write_text(RECIPE.format(source='"addresses"'))
    return Workspace.open(tmp_path)


def test_a_table_is_appended_and_comments_stay(bare):
    before = (bare.folder / "recipe.toml").read_text()
    assert runs.add(bare, NEW) == "relu"
    after = (bare.folder / "recipe.toml").read_text()
    assert after.startswith(before.rstrip()) and after.endswith(NEW)
    assert [table["name"] for table in Recipe.parse(after).autoencoders] == ["bae", "topk", "relu"]
    assert not list(bare.folder.glob(".tmp-*"))


@pytest.mark.parametrize(
    "text, said",
    [
        (NEW.replace('"relu"\nkind', '"bae"\nkind'), "two autoencoders of a recipe have one name"),
        (NEW + "surrogate = 'clip'\n", "a relu autoencoder has no option surrogate; it has .*l1_weight"),
        (NEW + "steps = 0\n", "steps >= 1"),
        (NEW + "steps = 'many'\n", "whole number"),
        (NEW.replace("layer = 2", "layer = 3"), "layer 3, which is not harvested"),
        (NEW + "then = { k = 3 }\n", "no option k"),
        (NEW + "scaling = 'none'\n", "scaling is centred or raw"),
        (NEW.replace('"relu"\nkind', '"../relu"\nkind'), "letters, digits"),
        (NEW.replace('kind = "relu"', 'kind = "magic"'), "unknown kind 'magic'"),
        (NEW + NEW, "write one"),
        ("seed = 3\n" + NEW, "write one"),
        ("name = 'relu'", "write one"),
        ("", "write one"),
        ("[[autoencoder", "Expected"),
    ],
)
def test_a_wrong_table_is_refused_and_the_recipe_stays(bare, text, said):
    before = (bare.folder / "recipe.toml").read_bytes()
    with pytest.raises(ValueError, match=said):
        runs.add(bare, text)
    assert (bare.folder / "recipe.toml").read_bytes() == before


def test_a_new_run_does_not_go_on_from_an_old_state(bare):
    (bare.folder / "training" / "relu").mkdir(parents=True)
    with pytest.raises(ValueError, match="the name relu is taken"):
        runs.add(bare, NEW)


def test_a_template_is_a_table_that_can_be_added_as_it_is(bare):
    text = runs.template(bare.recipe, "topk")
    assert text.startswith("[[autoencoder]]") and "k = 4" in text
    assert runs.add(bare, text) == "topk-2"
    assert 'name = "topk-3"' in runs.template(Workspace.open(bare.folder).recipe, "topk")
