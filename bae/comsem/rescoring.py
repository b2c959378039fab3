"""Labels that are there, held against their tests by an embedding instead of an LLM: every label of a study by one measure."""

from collections.abc import Sequence

from bae.comsem.embedding_judge import EmbeddingJudge
from bae.comsem.plan import Planner, Test
from bae.comsem.records import Records, RunRecord
from bae.comsem.score import Verdict, score
from bae.system.progress import Progress


def rescore(records: Records, planner: Planner, run: RunRecord, judge: EmbeddingJudge, progress: Progress) -> None:
    """Score the labels that stand for the features of a run; a feature without one is a failure with that reason.

    Scores are AUROCs alone: a similarity is no Yes. Stops where the run is paused or cancelled meanwhile.
    """
    shown, done = records.shown(run.subject), records.outcomes(run.id)
    progress.skip(len(done))
    for feature in run.features:
        if feature in done:
            continue
        if records.run(run.id).state != "running":
            return
        label, plan = shown.get(feature), planner.plan(feature)
        if label is None:
            records.keep_failure(run.id, feature, "it has no label that could be scored")
        elif plan is None:
            records.keep_failure(run.id, feature, "it occurs in too few sentences of the index to be tested")
        else:
            records.keep_rescore(run.id, label, judge.name, score(similar(judge, label.text, plan.tests), plan.occurrences))
        progress.advance(1)
    for own, other in records.control_pairs(run):
        tests = planner.strange_to(other.feature, planner.plan(own.feature))
        records.keep_control(run.id, own.feature, other.text, similar(judge, other.text, tests))


def similar(judge: EmbeddingJudge, text: str, tests: Sequence[Test]) -> list[Verdict]:
    """How near a label is to each of a feature's tests: no Yes and no No, but numbers that rank them."""
    similarities = judge.similarities(text, [test.sample for test in tests])
    return [Verdict(test.truth, None, similarity) for test, similarity in zip(tests, similarities, strict=True)]
