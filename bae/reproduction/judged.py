"""What judges make of a dictionary's features: the ComSem columns, each beside its control.

The control asks a judge about the same tests under another feature's label. A judge whose own figure is not above that of the control,
intervals apart, has not read the labels, and nothing is concluded from it.
"""

import contextlib
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from bae.comsem.plan import Settings
from bae.comsem.records import OPEN, Records, RunRecord
from bae.comsem.results import Result, results_of
from bae.comsem.score import CAPTION_MORE_THAN, Verdict, Z, auroc, pooled
from bae.comsem.work import ask_for, open_index, subject_of, work
from bae.index.query import Index
from bae.notebook.database import Notebook
from bae.reproduction.holdings import Holding
from bae.reproduction.recipe import JudgeColumn
from bae.workspace import Workspace


@dataclass(frozen=True)
class Span:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Judged:
    """What one judge said of one dictionary."""

    asked: int
    """Features of the run."""
    scores: tuple[float, ...]
    """Of each feature that has one: share of Yes; AUROC where the judge gives numbers alone."""
    own: Span | None
    """Balanced accuracy of all answers under the features' own labels; mean AUROC."""
    control: Span | None
    """The same under other features' labels; None where it was not asked."""
    run: str
    draft: bool
    finished: float

    @property
    def beaten(self) -> bool:
        """Whether own labels do better than those of others, intervals apart."""
        return bool(self.own and self.control and self.own.low > self.control.high)

    @property
    def interpretable(self) -> int:
        """FI#: features with a score above 0."""
        return sum(score > 0 for score in self.scores)

    @property
    def score(self) -> float | None:
        """Mean over features."""
        return mean(self.scores) if self.scores else None


@dataclass(frozen=True)
class Activated:
    """How many features of a dictionary are activated in the index."""

    algorithm: int
    """On more than n_I = 5 tokens (Algorithm 1)."""
    caption: int
    """On more than 8 (caption of Table 1)."""
    sentences: int


def indexed(workspace: Workspace, holding: Holding) -> bool:
    """Whether the index has this very checkpoint."""
    if workspace.index_file() is None:
        return False
    with contextlib.closing(open_index(workspace)) as index:
        return _has(index, holding)


def _has(index: Index, holding: Holding) -> bool:
    entry = index.dictionaries().get(holding.name)
    return entry is not None and entry.provenance.get("provenance", entry.provenance) == holding.provenance


def activated(workspace: Workspace, holding: Holding) -> Activated | None:
    """None before the index has the dictionary."""
    if workspace.index_file() is None:
        return None
    with contextlib.closing(open_index(workspace)) as index:
        if not _has(index, holding):
            return None
        counts = index.column(holding.name, "top_count")
        sentences = int(index.meta["contexts"])
    return Activated(sum(n > Settings().n_interpret for n in counts), sum(n > CAPTION_MORE_THAN for n in counts), sentences)


def chosen(counts: Sequence[int], judge: JudgeColumn) -> str:
    """Whom to ask about, as `bae label --features` has it: all activated ones, or some, spread evenly from the commonest to the rarest."""
    ranked = sorted((n for n in range(len(counts)) if counts[n] > Settings().n_interpret), key=lambda n: (-counts[n], n))
    if judge.features is None or judge.features >= len(ranked):
        return "active"
    return ", ".join(str(ranked[int((place + 0.5) * len(ranked) / judge.features)]) for place in range(judge.features))


def ask(workspace: Workspace, holding: Holding, judge: JudgeColumn) -> None:
    """Let a judge label, or go on with what it began. Raises ValueError with the reason where the run did not come to its end."""
    records = _records(workspace)
    begun = [run for run in _runs(workspace, holding, judge) if run.state in OPEN]
    if not begun:
        with contextlib.closing(open_index(workspace)) as index:
            features = chosen(index.column(holding.name, "top_count"), judge)
        ask_for(workspace, holding.name, features, judge.name, Settings())
    work(workspace)
    last = _runs(workspace, holding, judge)[-1]
    if last.state != "done":
        raise ValueError(f"{judge.name} did not finish with {holding.name}: {records.run(last.id).reason or last.state}")


def command(workspace: Workspace, dictionary: str, judge: JudgeColumn) -> str:
    """What a person types to fill the column for one dictionary."""
    features = "active" if judge.features is None else f"active:{judge.features}"
    told = {"workspace": workspace.folder, "dictionary": dictionary, "features": features, "judge": judge.name}
    return shlex.join(["bae", "label", *(word for name, value in told.items() for word in (f"--{name}", str(value)))])


def done(workspace: Workspace, holding: Holding, judge: JudgeColumn) -> bool:
    """Whether the judge has finished with this very checkpoint."""
    return any(run.state == "done" for run in _runs(workspace, holding, judge))


def judged(workspace: Workspace, holding: Holding, judge: JudgeColumn) -> Judged | None:
    """The finished run of most features, the newest among equals; None before there is one."""
    finished = [run for run in _runs(workspace, holding, judge) if run.state == "done"]
    if not finished:
        return None
    run, records = max(finished, key=lambda run: (len(run.features), run.created)), _records(workspace)
    results = [result for result in results_of(records, run) if result.score is not None]
    verdicts = records.control(run.id)
    if judge.scores:
        scores = [result.score.auroc for result in results if result.score.auroc is not None]
        own, control = _mean_span(scores), _auroc_span(verdicts)
    else:
        scores = [result.score.score for result in results if result.counts and result.score.score is not None]
        own, control = _pooled_span(_verdicts(records, results)), _pooled_span(verdicts)
    draft = any(result.label.draft for result in results)
    return Judged(len(run.features), tuple(scores), own, control, run.id, draft, run.finished or run.created)


def _records(workspace: Workspace) -> Records:
    return Records(Notebook(workspace.notebook_file))


def _runs(workspace: Workspace, holding: Holding, judge: JudgeColumn) -> list[RunRecord]:
    """Runs of the checkpoint that is there now, the oldest first; none where it is not in the index."""
    if not workspace.notebook_file.is_file() or not indexed(workspace, holding):
        return []
    with contextlib.closing(open_index(workspace)) as index:
        subject = subject_of(index, holding.name)
    return [run for run in _records(workspace).runs() if run.subject == subject and run.judge == judge.name]


def _verdicts(records: Records, results: Sequence[Result]) -> list[Verdict]:
    told = (verdict for result in results if result.counts for verdict in records.verdicts(result.label.id))
    return [Verdict(verdict.truth, verdict.yes, verdict.probability) for verdict in told]


def _pooled_span(verdicts: Sequence[Verdict]) -> Span | None:
    found = pooled(verdicts)
    return found and Span(found.value, found.low, found.high)


def _mean_span(values: Sequence[float]) -> Span | None:
    """A mean over features; None for fewer than two, whose spread is not known."""
    if len(values) < 2:
        return None
    half = Z * stdev(values) / math.sqrt(len(values))
    return Span(mean(values), mean(values) - half, mean(values) + half)


def _auroc_span(verdicts: Sequence[Verdict]) -> Span | None:
    """AUROC of all tests together, with the interval of Hanley and McNeil (1982)."""
    sides = [[one.probability for one in verdicts if one.truth is side and one.probability is not None] for side in (True, False)]
    area, (m, n) = auroc(*sides), map(len, sides)
    if area is None:
        return None
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (m * n)
    half = Z * math.sqrt(max(variance, 0.0))
    return Span(area, area - half, area + half)
