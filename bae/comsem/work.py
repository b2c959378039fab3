"""The process that labels: takes one run after the other from the queue until none is left.

    bae label --workspace WORKSPACE

One such process works in a workspace at a time. A run that a killed process left goes on; one that is paused waits.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from bae.comsem import configuration
from bae.comsem.calls import Calls, Paused
from bae.comsem.configuration import JudgeConfig
from bae.comsem.estimate import Estimate, estimate
from bae.comsem.judge import Fatal, Judge
from bae.comsem.occurrences import Corpus, Occurrences
from bae.comsem.plan import Neighbours, Planner, Settings
from bae.comsem.records import Records, RunRecord, Subject, checkpoint_of
from bae.comsem.run import Labelling
from bae.comsem.selection import chosen
from bae.comsem.spending import Budget, BudgetSpent
from bae.index.codes import Codes
from bae.index.query import Index
from bae.notebook.database import Notebook
from bae.system.files import locked
from bae.system.progress import Progress
from bae.workspace import Workspace

PAUSE_ASKED_EVERY_S = 0.5
STATUS = "label"
LOCK = "labelling.lock"
"""Held by the process that labels, among the jobs of a workspace."""


def subject_of(index: Index, dictionary: str) -> Subject:
    """The dictionary of an index as labels belong to it. Raises ValueError that says which there are."""
    known = index.dictionaries()
    if dictionary not in known:
        raise ValueError(f"the index has no dictionary {dictionary!r}; it has {', '.join(known)}")
    return Subject(dictionary, checkpoint_of(known[dictionary].provenance))


def planner_of(index: Index, dictionary: str, settings: Settings, embeddings: np.ndarray | None = None) -> Planner:
    """What draws the samples of a dictionary's features; without embeddings, no negatives are near in meaning."""
    corpus = Corpus.of(index)
    near = None if embeddings is None else Neighbours(corpus, embeddings)
    return Planner(Occurrences(Codes(index, dictionary), corpus, settings.paper_topk), settings, near)


class Asked(NamedTuple):
    """A labelling run that somebody may want."""

    subject: Subject
    judge: str
    settings: Settings
    features: list[int]
    estimate: Estimate
    """What it would come to."""

    def queue(self, records: Records) -> str:
        """Put it at the end of the queue, which `work` works off; returns its id."""
        return records.add_run(self.subject, self.judge, self.settings, self.features)


def asked(workspace: Workspace, dictionary: str, features: str, judge: str, settings: Settings) -> Asked:
    """Which features a person means by `12, 40-60` or `active:200`, and what labelling them would ask. Nobody is asked yet.

    Raises ValueError for what there is not.
    """
    known = configuration.judges(workspace.folder)
    if judge not in known:
        raise ValueError(f"there is no judge {judge!r}; there are {', '.join(known)}")
    with contextlib.closing(open_index(workspace)) as index:
        subject, planner = subject_of(index, dictionary), planner_of(index, dictionary, settings)
        wanted = chosen(features, planner.occurrences.counts, settings.n_interpret)
        return Asked(subject, judge, settings, wanted, estimate(planner, wanted, settings))


def ask_for(workspace: Workspace, dictionary: str, features: str, judge: str, settings: Settings, dry_run: bool = False) -> str:
    """Put a run in the queue, or only say what it would ask. Raises ValueError for what there is not."""
    wanted = asked(workspace, dictionary, features, judge, settings)
    if dry_run:
        found = wanted.estimate
        tokens = f"{found.prompt_tokens:,} tokens of prompts ({found.shared_tokens:,} of instructions)"
        calls = f"{found.calls:,} calls, about {tokens} and {found.completion_tokens:,} of answers"
        return f"{found.features:,} features ({found.too_rare:,} more are too rare): {calls}"
    run = wanted.queue(Records(Notebook(workspace.notebook_file)))
    return f"{run}: {len(wanted.features):,} features of {dictionary} for {judge}"


def work(workspace: Workspace, say: Callable[[str], None] = print) -> None:
    """Work off the queue. Raises BlockingIOError while another process does."""
    busy = f"another process is already labelling in {workspace.folder}; what is queued is done by it"
    with locked(workspace.folder / "jobs" / LOCK, busy):
        records = Records(Notebook(workspace.notebook_file))
        records.requeue()
        while run := records.next_queued():
            if records.set_state(run.id, "running", only_from=("queued",)):
                _work_on(workspace, records, run)
                after = records.run(run.id)
                say(f"{run.id}: {after.state}{f', {after.reason}' if after.reason else ''}")


def _work_on(workspace: Workspace, records: Records, run: RunRecord) -> None:
    """One run, as far as it goes; why it stopped is written down."""
    try:
        index = _index(workspace, run)
        config = configuration.judges(workspace.folder)[run.judge]
        with contextlib.closing(index), Progress("label", len(run.features), "features", workspace.status_file(STATUS)) as progress:
            planner = planner_of(index, run.subject.dictionary, run.settings, _embeddings(workspace, index, run.settings))
            if config.kind == "embedding":
                from bae.comsem.embedding_judge import EmbeddingJudge
                from bae.comsem.rescoring import rescore

                rescore(records, planner, run, EmbeddingJudge(), progress)
            else:
                asyncio.run(_ask(workspace, records, run, planner, config, progress))
    except (Fatal, BudgetSpent, OSError, ValueError, KeyError) as reason:
        records.set_state(run.id, "stopped", reason.args[0] if isinstance(reason, KeyError) else str(reason), only_from=("running",))
    except Paused:
        pass  # whoever paused or cancelled it has written that down
    else:
        records.set_state(run.id, "done", only_from=("running",))


def open_index(workspace: Workspace) -> Index:
    """The newest index. Raises ValueError before there is one."""
    file = workspace.index_file()
    if file is None:
        raise ValueError("there is no index to draw samples from; run `bae index` first")
    return Index(file)


def _index(workspace: Workspace, run: RunRecord) -> Index:
    index = open_index(workspace)
    if subject_of(index, run.subject.dictionary) != run.subject:
        raise ValueError(f"{run.subject.dictionary} was trained anew since this run was asked for; start another one")
    return index


def _embeddings(workspace: Workspace, index: Index, settings: Settings) -> np.ndarray | None:
    """Of all contexts, for the negatives that are near in meaning; None where no negatives are wanted."""
    if not settings.negatives:
        return None
    from bae.features.meaning import context_embeddings  # loads torch

    return context_embeddings(index, workspace.status_file(STATUS))


async def _ask(workspace: Workspace, records: Records, run: RunRecord, planner: Planner, config: JudgeConfig, progress: Progress) -> None:
    judge = await _judge(workspace, records, config)
    asked = _Asked(records, run.id)
    try:
        async with Calls(workspace.notebook_file, judge, run.id, Budget(**run.budget), config.prices, config.limits, asked) as calls:
            await Labelling(records, calls, planner, run).work(progress)
    finally:
        await judge.close()


class _Asked:
    """Whether a run is to stand still; the notebook is asked twice a second and not before every call."""

    def __init__(self, records: Records, run: str):
        self.records, self.run, self._at, self._pause = records, run, -np.inf, False

    def __call__(self) -> bool:
        if time.monotonic() - self._at > PAUSE_ASKED_EVERY_S:
            self._at, self._pause = time.monotonic(), self.records.run(self.run).state != "running"
        return self._pause


async def _judge(workspace: Workspace, records: Records, config: JudgeConfig) -> Judge:
    """The judge of a configuration, ready to be asked. Raises Fatal where it cannot be reached."""
    if missing := configuration.ready(config):
        raise Fatal(missing)
    if config.kind == "embedded":
        from bae.comsem.embedded_judge import EmbeddedJudge
        from bae.model.language_model import LanguageModel

        return EmbeddedJudge(LanguageModel.load(workspace.recipe.model))
    return await _openai_judge(records, config)


async def _openai_judge(records: Records, config: JudgeConfig) -> Judge:
    """What the server can do is found out once and kept: it is part of what a call is known by."""
    from bae.comsem.openai_judge import Capabilities, OpenAIJudge

    server = f"{config.base_url} {config.model}"
    known = records.capabilities(server)
    if known is None:
        judge = OpenAIJudge.of(config)
        try:
            found = await judge.probe()
        finally:
            await judge.close()
        records.keep_capabilities(server, known := asdict(found))
    return OpenAIJudge.of(config, Capabilities(**known))
