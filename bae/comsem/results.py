"""What became of the features of a labelling run."""

from dataclasses import dataclass

from bae.comsem.records import Label, Records, RunRecord
from bae.comsem.score import Score
from bae.features.meaning import TITLE as CLOSENESS


@dataclass(frozen=True)
class Result:
    """What became of one feature of a run."""

    feature: int
    label: Label | None
    score: Score | None
    """This run's judge's; None where there is no label."""
    failure: str
    """Why there is none; empty otherwise."""

    @property
    def counts(self) -> bool:
        """Whether it enters the figures."""
        return self.score is not None and self.label.source == "judge"


def results_of(records: Records, run: RunRecord) -> list[Result]:
    """In the order in which features were done. A run that scored labels of others has the scores that it gave."""
    labels = {label.id: label for label in records.labels(run.subject)}
    told = [(outcome, labels.get(outcome.label)) for outcome in records.outcomes(run.id).values()]
    return [Result(outcome.feature, label, label and _score(records, run, label), outcome.failure) for outcome, label in told]


def _score(records: Records, run: RunRecord, label: Label) -> Score | None:
    return label.score if label.run == run.id else records.rescores(label.id).get(CLOSENESS)
