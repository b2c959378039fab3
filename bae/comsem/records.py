"""What labelling leaves in the notebook: runs, what became of each feature, labels with every verdict, which label is shown.

A label belongs to a checkpoint and not only to a name: a dictionary that was trained anew begins without labels.
"""

import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from bae.comsem.plan import Settings
from bae.comsem.score import Score, Verdict
from bae.notebook.database import Notebook

State = Literal["queued", "running", "paused", "done", "cancelled", "stopped"]
OPEN: tuple[State, ...] = ("queued", "running", "paused")
Source = Literal["judge", "person", "maintainers"]

SCHEMA = """
create table if not exists run (
    id text primary key, dictionary text not null, checkpoint text not null, judge text not null, settings text not null,
    features text not null, budget text not null, state text not null, reason text not null, created real not null, finished real
);
create table if not exists outcome (
    run text not null, feature integer not null, label integer, failure text not null, primary key (run, feature)
);
create table if not exists label (
    id integer primary key, dictionary text not null, checkpoint text not null, feature integer not null, text text not null,
    source text not null, judge text not null, draft integer not null, prompt_version text not null, run text, created real not null,
    occurrences integer, score text, provenance text not null
);
create index if not exists label_of_feature on label (dictionary, checkpoint, feature);
create table if not exists verdict (
    label integer not null, number integer not null, role text not null, truth integer not null, sample text not null,
    yes integer, probability real, answer text not null, call text not null, primary key (label, number)
);
create table if not exists control (
    run text not null, feature integer not null, label text not null, verdicts text not null, primary key (run, feature)
);
create table if not exists rescore (
    label integer not null, judge text not null, score text not null, created real not null, primary key (label, judge)
);
create table if not exists server (address text primary key, capabilities text not null);
create table if not exists shown (
    dictionary text not null, checkpoint text not null, feature integer not null, label integer not null,
    primary key (dictionary, checkpoint, feature)
);
"""


def checkpoint_of(provenance: Mapping) -> str:
    """What tells a dictionary's checkpoint from others of its name: a hash of where it comes from and what was measured."""
    return hashlib.sha256(json.dumps(provenance, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Subject:
    """The dictionary that is labelled."""

    dictionary: str
    checkpoint: str


@dataclass(frozen=True)
class RunRecord:
    """A labelling run as it was asked for, and how it stands."""

    id: str
    subject: Subject
    judge: str
    settings: Settings
    features: tuple[int, ...]
    budget: dict
    state: State
    reason: str
    """Why it stands still, as a sentence; empty while it goes well."""
    created: float
    finished: float | None


@dataclass(frozen=True)
class Outcome:
    """What became of one feature of a run: a label, or the reason why there is none."""

    feature: int
    label: int | None
    failure: str


@dataclass(frozen=True)
class VerdictRecord:
    """One test of a label: what was shown, what the judge said, and the call that holds the prompt word for word."""

    role: str
    truth: bool
    sample: Mapping
    yes: bool | None
    probability: float | None
    answer: str
    call: str


@dataclass(frozen=True)
class Label:
    """A label of a feature, where it comes from and how well it fits."""

    id: int
    subject: Subject
    feature: int
    text: str
    source: Source
    judge: str
    """The model that gave or scored it; empty for a person's."""
    draft: bool
    """Whether it must be marked "draft quality" wherever it is shown."""
    prompt_version: str
    run: str | None
    created: float
    occurrences: int | None
    score: Score | None
    provenance: Mapping = field(default_factory=dict)


class Records:
    """Labels and runs of a workspace. Any thread and any process may read and write."""

    def __init__(self, notebook: Notebook):
        self.notebook = notebook
        with notebook.connected() as connection:
            connection.executescript(SCHEMA)

    # runs ------------------------------------------------------------------------------------------------------------

    def add_run(self, subject: Subject, judge: str, settings: Settings, features: Iterable[int], budget: Mapping | None = None) -> str:
        """Put a run at the end of the queue; returns its id. Raises ValueError for no feature."""
        features = list(dict.fromkeys(features))
        if not features:
            raise ValueError("a labelling run needs at least one feature; select some")
        run = secrets.token_hex(6)
        row = (run, subject.dictionary, subject.checkpoint, judge, json.dumps(asdict(settings)), json.dumps(features))
        with self.notebook.connected() as connection:
            connection.execute(
                "insert into run values (?, ?, ?, ?, ?, ?, ?, 'queued', '', ?, null)", (*row, json.dumps(dict(budget or {})), time.time())
            )
        return run

    def runs(self) -> list[RunRecord]:
        """All runs, the oldest first."""
        with self.notebook.connected() as connection:
            return [_run(row) for row in connection.execute("select * from run order by created, id")]

    def run(self, name: str) -> RunRecord:
        """One run. Raises KeyError when there is none of this id."""
        with self.notebook.connected() as connection:
            row = connection.execute("select * from run where id = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(f"there is no labelling run {name!r} in this workspace")
        return _run(row)

    def set_state(self, run: str, state: State, reason: str = "", only_from: Sequence[State] = OPEN) -> bool:
        """Move a run on, from the given states alone: what was cancelled stays cancelled. Says whether it was moved."""
        finished = None if state in OPEN else time.time()
        marks = ", ".join("?" * len(only_from))
        with self.notebook.connected() as connection:
            moved = connection.execute(
                f"update run set state = ?, reason = ?, finished = ? where id = ? and state in ({marks})",
                (state, reason, finished, run, *only_from),
            )
            return moved.rowcount == 1

    def next_queued(self) -> RunRecord | None:
        """The run that has waited longest; None where none waits."""
        return next((run for run in self.runs() if run.state == "queued"), None)

    def requeue(self) -> None:
        """Let runs go on whose process was killed: to be called by the one process that labels, before it begins."""
        with self.notebook.connected() as connection:
            connection.execute("update run set state = 'queued' where state = 'running'")

    def outcomes(self, run: str) -> dict[int, Outcome]:
        """What became of the features of a run so far."""
        with self.notebook.connected() as connection:
            rows = connection.execute("select feature, label, failure from outcome where run = ? order by rowid", (run,)).fetchall()
        return {feature: Outcome(feature, label, failure) for feature, label, failure in rows}

    def forget_failures(self, run: str) -> None:
        """Let the features that failed be asked again when the run goes on."""
        with self.notebook.connected() as connection:
            connection.execute("delete from outcome where run = ? and label is null", (run,))

    def capabilities(self, server: str) -> dict | None:
        """What a judge's server was found to be able to do; None before it was asked."""
        with self.notebook.connected() as connection:
            row = connection.execute("select capabilities from server where address = ?", (server,)).fetchone()
        return row and json.loads(row[0])

    def keep_capabilities(self, server: str, told: Mapping) -> None:
        """Keep what a judge's server can do."""
        with self.notebook.connected() as connection:
            connection.execute("insert or replace into server values (?, ?)", (server, json.dumps(dict(told))))

    # labels ----------------------------------------------------------------------------------------------------------

    def keep_failure(self, run: str, feature: int, reason: str) -> None:
        """A feature of a run has no label, for this reason."""
        with self.notebook.connected() as connection:
            connection.execute("insert or replace into outcome values (?, ?, null, ?)", (run, feature, reason))

    def keep_label(self, label: Label, verdicts: Sequence[VerdictRecord] = ()) -> int:
        """Keep a label with its verdicts, all or nothing; returns its id. One of a run is also what became of the feature."""
        with self.notebook.connected() as connection:
            number = connection.execute(
                "insert into label values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    label.subject.dictionary,
                    label.subject.checkpoint,
                    label.feature,
                    label.text,
                    label.source,
                    label.judge,
                    int(label.draft),
                    label.prompt_version,
                    label.run,
                    label.created,
                    label.occurrences,
                    label.score and json.dumps(asdict(label.score)),
                    json.dumps(dict(label.provenance)),
                ),
            ).lastrowid
            connection.executemany(
                "insert into verdict values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, n, v.role, int(v.truth), json.dumps(dict(v.sample)), v.yes, v.probability, v.answer, v.call)
                    for n, v in enumerate(verdicts)
                ],
            )
            if label.run is not None:
                connection.execute("insert or replace into outcome values (?, ?, ?, '')", (label.run, label.feature, number))
            return number

    def control_pairs(self, run: RunRecord) -> list[tuple[Label, Label]]:
        """For the control: labels of a run, as many as its settings say, each with the next of them that is to stand in its place."""
        numbers = (outcome.label for outcome in self.outcomes(run.id).values() if outcome.label is not None)
        labels = sorted(map(self.label, numbers), key=lambda label: label.feature)[: run.settings.control]
        return [(own, other) for own, other in zip(labels, labels[1:] + labels[:1], strict=True) if own.text != other.text]

    def keep_control(self, run: str, feature: int, label: str, verdicts: Sequence[Verdict]) -> None:
        """What a run's judge said of a feature's tests under a label that is another's."""
        with self.notebook.connected() as connection:
            told = json.dumps([asdict(verdict) for verdict in verdicts])
            connection.execute("insert or replace into control values (?, ?, ?, ?)", (run, feature, label, told))

    def control(self, run: str) -> list[Verdict]:
        """All verdicts of a run's control."""
        with self.notebook.connected() as connection:
            rows = connection.execute("select verdicts from control where run = ? order by feature", (run,)).fetchall()
        return [Verdict(**told) for (verdicts,) in rows for told in json.loads(verdicts)]

    def keep_rescore(self, run: str | None, label: Label, judge: str, score: Score) -> None:
        """What another judge says of a label that is there. In a run, that is what became of the feature."""
        with self.notebook.connected() as connection:
            told = (label.id, judge, json.dumps(asdict(score)), time.time())
            connection.execute("insert or replace into rescore values (?, ?, ?, ?)", told)
            if run is not None:
                connection.execute("insert or replace into outcome values (?, ?, ?, '')", (run, label.feature, label.id))

    def rescores(self, label: int) -> dict[str, Score]:
        """The scores that other judges gave a label, by judge."""
        with self.notebook.connected() as connection:
            rows = connection.execute("select judge, score from rescore where label = ? order by created", (label,)).fetchall()
        return {judge: Score(**json.loads(told)) for judge, told in rows}

    def labels(self, subject: Subject, feature: int | None = None) -> list[Label]:
        """The labels of a dictionary, or of one of its features, the newest first."""
        where, values = ("", ()) if feature is None else (" and feature = ?", (feature,))
        with self.notebook.connected() as connection:
            rows = connection.execute(
                f"select * from label where dictionary = ? and checkpoint = ?{where} order by created desc, id desc",
                (subject.dictionary, subject.checkpoint, *values),
            ).fetchall()
        return [_label(row) for row in rows]

    def label(self, number: int) -> Label:
        """One label. Raises KeyError when there is none of this number."""
        with self.notebook.connected() as connection:
            row = connection.execute("select * from label where id = ?", (number,)).fetchone()
        if row is None:
            raise KeyError(f"there is no label {number} in this workspace")
        return _label(row)

    def verdicts(self, label: int) -> list[VerdictRecord]:
        """The tests of a label, in the order in which they were drawn."""
        with self.notebook.connected() as connection:
            rows = connection.execute(
                "select role, truth, sample, yes, probability, answer, call from verdict where label = ? order by number", (label,)
            ).fetchall()
        return [
            VerdictRecord(role, bool(truth), json.loads(sample), None if yes is None else bool(yes), probability, answer, call)
            for role, truth, sample, yes, probability, answer, call in rows
        ]

    def shown(self, subject: Subject) -> dict[int, Label]:
        """The label that stands for each feature: the one a person chose, else a person's own, else a judge's, else the maintainers'.

        Among equals the newest. Of drafts none stands before a label that is none.
        """
        best: dict[int, Label] = {}
        for label in sorted(self.labels(subject), key=_standing, reverse=True):
            best.setdefault(label.feature, label)
        return best | dict(self._chosen(subject))

    def _chosen(self, subject: Subject) -> Iterator[tuple[int, Label]]:
        with self.notebook.connected() as connection:
            rows = connection.execute(
                "select label.* from shown join label on label.id = shown.label where shown.dictionary = ? and shown.checkpoint = ?",
                (subject.dictionary, subject.checkpoint),
            ).fetchall()
        return ((label.feature, label) for label in map(_label, rows))

    def show(self, number: int) -> None:
        """Let this label stand for its feature."""
        label = self.label(number)
        with self.notebook.connected() as connection:
            connection.execute(
                "insert or replace into shown values (?, ?, ?, ?)",
                (label.subject.dictionary, label.subject.checkpoint, label.feature, number),
            )

    def delete_own(self, number: int) -> None:
        """Take back a person's own label; those of judges stay. Raises ValueError for one of those."""
        if self.label(number).source != "person":
            raise ValueError("only labels that people wrote can be deleted; what a judge said stays on record")
        with self.notebook.connected() as connection:
            connection.execute("delete from shown where label = ?", (number,))
            connection.execute("delete from label where id = ?", (number,))


def _standing(label: Label) -> tuple:
    """What decides which label stands for a feature; greater is better."""
    by_source = {"person": 2, "judge": 1, "maintainers": 0}
    return (not label.draft, by_source[label.source], label.created, label.id)


def _run(row: sqlite3.Row | tuple) -> RunRecord:
    name, dictionary, checkpoint, judge, settings, features, budget, state, reason, created, finished = row
    return RunRecord(
        name,
        Subject(dictionary, checkpoint),
        judge,
        Settings(**json.loads(settings)),
        tuple(json.loads(features)),
        json.loads(budget),
        state,
        reason,
        created,
        finished,
    )


def _label(row: sqlite3.Row | tuple) -> Label:
    number, dictionary, checkpoint, *middle, score, provenance = row
    feature, text, source, judge, draft, *rest = middle
    score = score and Score(**json.loads(score))
    return Label(number, Subject(dictionary, checkpoint), feature, text, source, judge, bool(draft), *rest, score, json.loads(provenance))
