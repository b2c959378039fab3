"""Labels that come with a study as a Parquet file: brought into its notebook when it is opened for the first time."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from bae.comsem.records import Label, Records, Subject
from bae.comsem.score import Score
from bae.notebook.database import Notebook
from bae.workspace import Workspace

FILE = "labels.parquet"


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


def _labels(file: Path) -> Iterator[tuple[Label, str, Score]]:
    """Raises ValueError where the file holds something else."""
    try:
        for row in pq.read_table(file).to_pylist():
            made = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC).timestamp()
            subject = Subject(row["dictionary"], row["checkpoint"])
            label = Label(
                0, subject, row["feature"], row["text"], "maintainers", "", False, "", None, made, row["occurrences"], None,
                {"how": row["source"], "date": row["date"]},
            )  # fmt: skip
            yield label, row["judge"], Score(**json.loads(row["score"]))
    except (KeyError, TypeError, OSError) as error:
        raise ValueError(f"{file} holds no labels ({error}); delete it, or copy it again") from error
