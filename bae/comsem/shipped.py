"""Labels that come with a study as a Parquet file: brought into its notebook when it is opened for the first time."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bae.comsem.records import Label, Records, Subject
from bae.comsem.score import Score
from bae.notebook.database import Notebook
from bae.workspace import Workspace

FILE = "labels.parquet"
COLUMNS = {"feature": int, "occurrences": int} | dict.fromkeys(
    ("dictionary", "checkpoint", "text", "source", "judge", "date", "score"), str
)
"""Of the file, and what is in them."""


def bring_in(workspace: Workspace) -> int:
    """Keep the labels of `labels.parquet` for dictionaries that have none of their maintainers yet; says how many.

    A label belongs to its checkpoint: those of one that was replaced are not shown.
    """
    file = workspace.folder / FILE
    if not file.is_file():
        return 0
    records, brought = Records(Notebook(workspace.notebook_file)), 0
    there: dict[Subject, bool] = {}
    for label, judge, score in _labels(file):
        if label.subject not in there:
            there[label.subject] = any(known.source == "maintainers" for known in records.labels(label.subject))
        if not there[label.subject]:
            records.keep_rescore(None, replace(label, id=records.keep_label(label)), judge, score)
            brought += 1
    return brought


def _labels(file: Path) -> list[tuple[Label, str, Score]]:
    """All of them, before any is kept. Raises ValueError where the file holds something else."""
    try:
        return [_label(row) for row in pq.read_table(file).to_pylist()]
    except (KeyError, TypeError, ValueError, RecursionError, OSError, pa.ArrowException) as error:
        raise ValueError(f"{file} holds no labels ({error}); delete it, or copy it again") from error


def _label(row: Mapping[str, object]) -> tuple[Label, str, Score]:
    wrong = [name for name, kind in COLUMNS.items() if type(row[name]) is not kind]
    score = json.loads(row["score"]) if "score" not in wrong else None
    if wrong or not isinstance(score, dict) or not all(value is None or isinstance(value, int | float) for value in score.values()):
        raise TypeError(f"what it says is of another type in {', '.join(wrong) or 'score'}")
    made = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC).timestamp()
    subject = Subject(row["dictionary"], row["checkpoint"])
    label = Label(
        0, subject, row["feature"], row["text"], "maintainers", "", False, "", None, made, row["occurrences"], None,
        {"how": row["source"], "date": row["date"]},
    )  # fmt: skip
    return label, row["judge"], Score(**score)
