"""Labels that come with the explorer: lists of contexts to be read, and what the readers said as one Parquet file.

    python -m bae.experiments.labels.maintainers lists WORKSPACE DICTIONARY FOLDER      # DICTIONARY-N.md, to be read
    python -m bae.experiments.labels.maintainers collect WORKSPACE FILE DICTIONARY=ANSWERS.json ...

A reader sees the ten strongest contexts of a feature and some near its threshold, and answers with a JSON object that maps the
feature's number to a phrase, or to null where nothing is in common. Labels are scored by the embedding judge as any other.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bae.comsem.embedding_judge import EmbeddingJudge
from bae.comsem.plan import Settings
from bae.comsem.rescoring import similar
from bae.comsem.score import score
from bae.comsem.work import open_index, planner_of, subject_of
from bae.experiments.labels.blind_reading import marked
from bae.features import meaning
from bae.index.query import Index
from bae.workspace import Workspace

FEATURES, A_LIST = 200, 100
STRONGEST, THRESHOLD = 10, 4
SOURCE = f"project maintainers, AI-assisted reading of {STRONGEST + THRESHOLD} contexts"


def most_often(index: Index, dictionary: str) -> list[int]:
    """The features that are most often among a token's top 10."""
    counts = np.array(index.column(dictionary, "top_count"))
    return np.argsort(-counts, kind="stable")[:FEATURES].tolist()


def reading(index: Index, dictionary: str, feature: int) -> str:
    """What a reader sees of a feature."""
    examples = index.examples(dictionary, feature)
    parts = [f"## Feature {feature}", ""]
    for group, count in (("strongest", STRONGEST), ("threshold", THRESHOLD)):
        parts += [f"- {group}: {marked(example, example.peak)}" for example in examples.get(group, [])[:count]]
    return "\n".join(parts)


def lists(workspace: str, dictionary: str, folder: str) -> None:
    """Write the lists, a hundred features each."""
    index = open_index(Workspace.open(Path(workspace)))
    features = most_often(index, dictionary)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, begin in enumerate(range(0, len(features), A_LIST)):
        text = "\n\n".join(reading(index, dictionary, feature) for feature in features[begin : begin + A_LIST])
        (Path(folder) / f"{dictionary}-{number}.md").write_text(text + "\n", encoding="utf-8")


def collect(workspace: str, file: str, *answers: str) -> None:
    """Put answers together, scored. Raises ValueError for a feature that was not on the lists."""
    index, judge = open_index(Workspace.open(Path(workspace))), EmbeddingJudge()
    rows = [row for answer in answers for row in _rows(index, judge, *answer.split("="))]
    told = {"source": SOURCE, "date": datetime.now(UTC).date().isoformat(), "judge": judge.name}
    pq.write_table(pa.Table.from_pylist([row | told for row in rows]), file)


def _rows(index: Index, judge: EmbeddingJudge, dictionary: str, answers: str) -> Iterator[dict]:
    labels = {int(feature): text for feature, text in json.loads(Path(answers).read_text(encoding="utf-8")).items() if text}
    if strange := sorted(set(labels) - set(most_often(index, dictionary))):
        raise ValueError(f"{answers} names features that nobody was asked about: {strange[:5]}")
    checkpoint = subject_of(index, dictionary).checkpoint
    planner = planner_of(index, dictionary, Settings(), meaning.context_embeddings(index))
    for feature, text in sorted(labels.items()):
        plan = planner.plan(feature)
        figures = json.dumps(asdict(score(similar(judge, text, plan.tests), plan.occurrences)))
        found = {"dictionary": dictionary, "checkpoint": checkpoint, "feature": feature, "text": text}
        yield found | {"occurrences": plan.occurrences, "score": figures}


if __name__ == "__main__":
    {"lists": lists, "collect": collect}[sys.argv[1]](*sys.argv[2:])
