"""Kill harvest, train, index, label and entropy at random moments, start them again, and compare with a run that was left alone.

    make kills                                                       # 20 kills of each, about half an hour
    python -m tests.faults.kill_jobs --kills 20 --jobs train index

Everything is real but small: a random Llama of four blocks, the commands that people use, SIGKILL to the process and all that it
started. Ends with 1 where a result was lost or differs. Two undisturbed runs are compared first, which must not differ, and one
of another seed, which must: else the comparison shows nothing.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import prose, save_tiny_llama, write_jsonl
from tests.faults.contents import contents, differences
from tests.unit.loopback_judge import Loopback

ROOT = Path(__file__).parents[2]
RECIPE = """
model = {model}
layers = [2]
sources = [{source}]
train_tokens = 40000
held_out_tokens = 2000
context_length = 64
index_sentences = 400
seed = {seed}

[[autoencoder]]
name = "bae"
kind = "binary"
layer = 2
expansion = 4
steps = 1500
batch_size = 64
firing_rate = 0.1
save_minutes = 0.02

[[autoencoder]]
name = "topk"
kind = "topk"
layer = 2
expansion = 4
k = 4
steps = 800
batch_size = 64
save_minutes = 0.02
"""
ENTROPY = """
windows = 600
positions = [1, 4, 16]
layers = [0, 1, 2, 3, 4]
seed = {seed}

[training]
steps = 400
batch_size = 64
"""
LABELLED = 24
BEFORE = {"harvest": (), "train": ("harvest",), "index": ("harvest", "train"), "label": ("harvest", "train", "index"), "entropy": ()}
"""What must be there before a job is tried."""
COMPARED = {"harvest": "harvest", "train": "autoencoders", "index": "index", "entropy": "entropy"}
"""Folders that hold what a job gives; labels are compared by what they say, since they are numbered as answers come."""
LABELS = """
select outcome.feature, outcome.failure, label.text, label.score, label.occurrences, verdict.number, verdict.role, verdict.truth,
       verdict.sample, verdict.yes, verdict.probability, verdict.answer
from outcome left join label on label.id = outcome.label left join verdict on verdict.label = label.id
order by outcome.feature, verdict.number
"""


@dataclass(frozen=True)
class Tried:
    """What became of one kind of job."""

    job: str
    kills: int
    in_time: int
    """Kills that met it at work; the others came when it had just ended."""
    lost: list[str]
    """What differed, a line a trial."""
    seconds: float
    """Of a run that is left alone."""


def main() -> int:
    """Try every job and print a table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each job")
    parser.add_argument("--jobs", nargs="+", choices=list(BEFORE), default=list(BEFORE))
    parser.add_argument("--seed", type=int, default=0, help="draws the moments")
    asked = parser.parse_args()
    moments = random.Random(asked.seed)
    found = []
    with tempfile.TemporaryDirectory(prefix="bae-kills-") as folder, Loopback() as judge:
        base = Base(Path(folder), judge.base_url)
        for job in asked.jobs:
            found.append(tried(base, job, asked.kills, moments))
            print(_line(found[-1]), flush=True)
    lost = sum(len(one.lost) for one in found)
    print(f"{sum(one.kills for one in found)} kills, {sum(one.in_time for one in found)} of them at work; {lost} results lost or different")
    return 1 if lost else 0


def _line(one: Tried) -> str:
    said = f"{one.job:8} {one.kills} kills, {one.in_time} at work, {len(one.lost)} lost or different; undisturbed {one.seconds:.1f} s"
    return "\n".join([said, *(f"    {line}" for line in one.lost)])


class Base:
    """Workspaces that have all that a job needs and not yet its result."""

    def __init__(self, folder: Path, judge: str):
        self.folder, self.judge = folder, judge
        self.model = save_tiny_llama(folder / "tiny-llama")
        self.source = write_jsonl(folder / "text.jsonl", [prose(seed, sentences=12) for seed in range(600)])

    def workspace(self, name: str, job: str, seed: int = 0) -> Path:
        """A fresh one, ready for a job. What jobs before it gave is made once and copied."""
        ready = self.folder / f"ready-{job}-{seed}"
        if not ready.is_dir():
            self._make(ready, job, seed)
        target = self.folder / name
        shutil.copytree(ready, target)
        return target

    def _make(self, ready: Path, job: str, seed: int) -> None:
        ready.mkdir()
        recipe = RECIPE.format(model=json.dumps(str(self.model)), source=json.dumps(str(self.source)), seed=seed)
        (ready / "recipe.toml").write_text(recipe, encoding="utf-8")
        (ready / "entropy.toml").write_text(ENTROPY.format(seed=seed), encoding="utf-8")
        (ready / "judges.toml").write_text(f'[judge.loopback]\nmodel = "loopback"\nbase_url = "{self.judge}"\n', encoding="utf-8")
        for stage in BEFORE[job]:
            subprocess.run(command(stage, ready), cwd=ROOT, env=environment(), check=True, capture_output=True)
        if job == "label":
            _queue(ready)


def _queue(workspace: Path) -> None:
    from bae.comsem.plan import Settings
    from bae.comsem.records import Records
    from bae.comsem.work import open_index, subject_of
    from bae.notebook.database import Notebook
    from bae.workspace import Workspace

    study = Workspace.open(workspace)
    with closing(open_index(study)) as index:
        subject = subject_of(index, "bae")
    Records(Notebook(study.notebook_file)).add_run(subject, "loopback", Settings(negatives=0, control=2), range(LABELLED))


def command(job: str, workspace: Path) -> list[str]:
    """As a person types it."""
    asked = ["entropy", "language", "--recipe", str(workspace / "entropy.toml")] if job == "entropy" else [job]
    return [sys.executable, "-m", "bae", *asked, "--workspace", str(workspace)]


def environment() -> dict[str, str]:
    """One thread: sums are then of the same order whatever else runs."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def tried(base: Base, job: str, kills: int, moments: random.Random) -> Tried:
    """Kill a job again and again, each time from the start, and let it end."""
    undisturbed = base.workspace(f"{job}-undisturbed", job)
    began = time.monotonic()
    expected = _result(_ended(base, job, undisturbed.name, begun=undisturbed), job)
    seconds = time.monotonic() - began
    lost = [f"two runs that were left alone differ in {path}" for path in differences(expected, _result(_ended(base, job, "again"), job))]
    if job != "label" and not differences(expected, _result(_ended(base, job, "other", seed=1), job)):
        lost.append("another seed gives the same: the comparison sees nothing")
    in_time = 0
    for number in range(kills):
        workspace = base.workspace(f"{job}-{number}", job)
        moment = moments.uniform(0, seconds)
        in_time += _killed(command(job, workspace), moment)
        found = _result(_ended(base, job, workspace.name, begun=workspace), job)
        lost += [f"killed after {moment:.2f} s: {path} differs" for path in differences(expected, found)]
        shutil.rmtree(workspace)
    return Tried(job, kills, in_time, lost, seconds)


def _result(workspace: Path, job: str) -> dict[str, str]:
    if job != "label":
        return contents(workspace / COMPARED[job])
    with closing(sqlite3.connect(workspace / "notebook.sqlite")) as notebook:
        rows = notebook.execute(LABELS).fetchall()
        asked = notebook.execute("select key, answer from call order by key").fetchall()
        state = notebook.execute("select state from run").fetchall()
    told = {"calls": hashlib.sha256(repr(asked).encode()).hexdigest(), "state": repr(state)}
    return told | {f"feature {row[0]}, test {row[5]}": repr(row) for row in rows}


def _ended(base: Base, job: str, name: str, seed: int = 0, begun: Path | None = None) -> Path:
    workspace = begun or base.workspace(f"{job}-{name}", job, seed)
    done = subprocess.run(command(job, workspace), cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{job} in {workspace} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return workspace


def _killed(asked: list[str], moment: float) -> bool:
    """Start a command, kill it and all that it started after so many seconds; whether it was still at work."""
    with _started(asked) as process:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode == -signal.SIGKILL


@contextmanager
def _started(asked: list[str]) -> Iterator[subprocess.Popen]:
    silent: dict[str, Callable | int] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(asked, cwd=ROOT, env=environment(), start_new_session=True, **silent) as process:
        yield process


if __name__ == "__main__":
    sys.exit(main())
