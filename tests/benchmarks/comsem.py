"""Labelling against a judge that answers after half a second and fails one time in twenty, beside asking one call after the other."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from contextlib import closing
from pathlib import Path

import torch
from _steps import row

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from loopback_judge import Faults, Loopback
from small_index import make_index, n_tokens, sentences

from bae.comsem import prompts
from bae.comsem.openai_judge import OpenAIJudge
from bae.comsem.plan import Settings
from bae.comsem.records import Records
from bae.comsem.work import open_index, planner_of, subject_of
from bae.notebook.database import Notebook
from bae.workspace import Workspace

LATENCY_S, FEATURES, SEQUENTIAL = 0.5, 300, 3
FAULTS = Faults(busy=0.0125, error=0.0125, hang=0.0125, malformed=0.0125, hang_s=2.0)
PAPER = Settings(distinct=False, negatives=0, control=0)


def rows() -> list[dict]:
    """One feature after the other without faults; all features with faults, killed and resumed; all of them in batches."""
    with tempfile.TemporaryDirectory() as folder, Loopback(by_rote, FAULTS, latency_s=LATENCY_S) as server:
        study = _study(Path(folder), server.base_url)
        sequential = _sequentially(study)
        single = _labelled(study, PAPER, kill_after_s=6.0, server=server)
        batched = _labelled(study, Settings(distinct=False, negatives=0, control=0, batched=True), server=server)
        calls = FEATURES * (1 + PAPER.n_test)
    return [
        row("comsem.speedup", sequential / (single["seconds"] / FEATURES), "x", 20, "one call after the other, without faults"),
        row("comsem.calls_per_s", calls / single["seconds"], "calls/s"),
        row("comsem.lost", single["lost"] + batched["lost"], "features", 0),
        row("comsem.repeated", single["repeated"], "calls", 0),
        row("comsem.token_ratio", batched["tokens"] / single["tokens"], "1", 1 / 3, "one call a test"),
        row("comsem.tokens_per_feature", single["tokens"] / FEATURES, "tokens"),
        row("comsem.agreement", _agreement(single["verdicts"], batched["verdicts"]), "1"),
    ]


def by_rote(messages: list[dict]) -> str:
    """The same answer to the same question, asked alone or among others."""
    asked = messages[-1]["content"]
    if not asked.endswith(("Answer:", "Answers:")):
        return f"words like {zlib.crc32(asked.encode())}"
    verdicts = [zlib.crc32(question.encode()) % 3 > 0 for question in prompts.single_questions(asked)]
    if asked.endswith("Answers:"):
        return json.dumps(dict(zip(map(str, range(1, len(verdicts) + 1)), verdicts, strict=True)))
    return "Yes" if verdicts[0] else "No"


def _study(folder: Path, base_url: str) -> Workspace:
    """A workspace with an index of made-up sentences, every feature of which occurs often enough."""
    (folder / "recipe.toml").write_text('model = "embedded"\nlayers = [2]\n[[autoencoder]]\nname = "bae"\nkind = "binary"\nlayer = 2\n')
    (folder / "judges.toml").write_text(f'[judge.loopback]\nmodel = "loopback"\nbase_url = "{base_url}"\nmax_concurrency = 64\n')
    texts = sentences(2000)
    generator = torch.Generator().manual_seed(0)
    code = (torch.rand(n_tokens(texts), FEATURES, generator=generator) < 0.02).float()
    make_index(folder / "index" / "index-made", texts, {"bae": code}).close()
    (folder / "index" / "current").write_text("index-made\n")
    return Workspace.open(folder)


def _sequentially(study: Workspace) -> float:
    """Seconds a feature, one call after the other: the released way, on a server of its own that never fails."""

    async def ask() -> None:
        judge = OpenAIJudge("loopback", "loopback", "EMPTY", server.base_url)
        for feature in range(SEQUENTIAL):
            plan = planner.plan(feature)
            label = prompts.read_label((await judge.ask(prompts.label_request(plan.label_from))).text)
            for test in plan.tests:
                await judge.ask(prompts.verdict_request(test.sample, label))
        await judge.close()

    with closing(open_index(study)) as index, Loopback(by_rote, latency_s=LATENCY_S) as server:
        planner = planner_of(index, "bae", PAPER)
        began = time.perf_counter()
        asyncio.run(ask())
        return (time.perf_counter() - began) / SEQUENTIAL


def _labelled(study: Workspace, settings: Settings, server: Loopback, kill_after_s: float | None = None) -> dict:
    """Label all features in a process as the page does; where wanted, kill it on the way and start another."""
    records = Records(Notebook(study.notebook_file))
    with closing(open_index(study)) as index:
        run = records.add_run(subject_of(index, "bae"), "loopback", settings, range(FEATURES))
    command = [sys.executable, "-m", "bae", "label", "--workspace", str(study.folder)]
    began, answered_before = time.perf_counter(), set()
    if kill_after_s is not None:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(kill_after_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        answered_before = _requests(study, run)
        server_before = len(server.received)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    labels = [records.label(outcome.label) for outcome in records.outcomes(run).values() if outcome.label]
    later = [] if kill_after_s is None else server.received[server_before:]
    return {
        "seconds": seconds,
        "lost": FEATURES - len(labels),
        "repeated": sum(_worded(body) in answered_before for body in later),
        "tokens": _tokens(study, run),
        "verdicts": {(label.feature, n): v.yes for label in labels for n, v in enumerate(records.verdicts(label.id))},
    }


def _requests(study: Workspace, run: str) -> set[str]:
    """What has been asked and answered."""
    with closing(sqlite3.connect(study.notebook_file)) as connection:
        return {told for (told,) in connection.execute("select request ->> '$.messages[1][1]' from call where run = ?", (run,))}


def _worded(body: dict) -> str:
    return body["messages"][-1]["content"]


def _tokens(study: Workspace, run: str) -> int:
    with closing(sqlite3.connect(study.notebook_file)) as connection:
        return connection.execute("select sum(usage ->> '$.prompt_tokens') from call where run = ?", (run,)).fetchone()[0]


def _agreement(one: dict, other: dict) -> float:
    """Share of the tests on which two ways of asking give the same verdict."""
    both = one.keys() & other.keys()
    return sum(one[key] == other[key] for key in both) / len(both)
