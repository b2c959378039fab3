"""Labels in a study: what features are called and by whom, a person's own, and a judge that is asked."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pandas as pd

from bae.comsem import work
from bae.comsem.own import keep_own
from bae.comsem.plan import Settings
from bae.comsem.records import Label
from bae.comsem.results import results_of
from bae.study.sources import Sources

COLUMNS = ("feature", "label", "source", "judge", "draft", "score", "created", "id")
FIGURES = ("score", "low", "high", "asked", "yes", "balanced_accuracy", "auroc", "vacuous")
"""Of `bae.comsem.score.Score`."""
SHARES = ("score", "low", "high", "balanced_accuracy", "auroc")
"""Those that may be missing."""


def table(labels: Sequence[Label]) -> pd.DataFrame:
    """Labels as rows, in their order."""
    rows = [
        (one.feature, one.text, one.source, one.judge, one.draft, None if one.score is None else one.score.score, one.created, one.id)
        for one in labels
    ]
    found = pd.DataFrame(rows, columns=COLUMNS)
    return found.assign(score=found["score"].astype(float), created=pd.to_datetime(found["created"], unit="s", utc=True))


def labels(sources: Sources, dictionary: str) -> pd.DataFrame:
    """The table of `Study.labels`."""
    shown = sources.shown_labels(dictionary)
    return table([shown[feature] for feature in sorted(shown)])


def label(sources: Sources, dictionary: str, feature: int, text: str) -> Label:
    """What `Study.label` keeps."""
    sources.check_feature(dictionary, feature)
    return keep_own(sources.records, sources.subject(dictionary), feature, text)


def asked(sources: Sources, dictionary: str, features: str | Sequence[int], judge: str, settings: Settings | None) -> work.Asked:
    """A labelling run as `Study.ask` wants it."""
    sources.entry(dictionary)
    text = features if isinstance(features, str) else ", ".join(map(str, features))
    return work.asked(sources.workspace, dictionary, text, judge, settings or Settings())


def ask(sources: Sources, wanted: work.Asked) -> pd.DataFrame:
    """Run it, and return the table of `Study.ask`."""
    run = wanted.queue(sources.records)
    # a notebook runs an event loop in the thread of its cells, where no other can be started
    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work.work, sources.workspace, lambda said: None)
        try:
            working.result()
        except KeyboardInterrupt:
            sources.records.set_state(run, "paused", "interrupted in Python")
            raise
    after = sources.records.run(run)
    if after.state != "done":
        raise RuntimeError(f"the run {run} is {after.state}: {after.reason or 'no reason was written down'}")
    rows = [
        {
            "feature": one.feature,
            "label": one.label and one.label.text,
            "failure": one.failure,
            **({name: getattr(one.score, name) for name in FIGURES} if one.score else {}),
        }
        for one in results_of(sources.records, after)
    ]
    found = pd.DataFrame(rows, columns=["feature", "label", *FIGURES, "failure"])
    return found.astype(dict.fromkeys(SHARES, float)).sort_values("feature", ignore_index=True)
