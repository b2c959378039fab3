"""What judges have been asked and have answered, read from the notebook: word for word, what it came to, and how fast it went.

Writes nothing; `bae.comsem.calls` keeps the answers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bae.comsem.calls import SCHEMA, spent
from bae.comsem.judge import Usage
from bae.notebook.database import Notebook

LATEST = 400
"""Calls from which a pace is told."""
PAUSE_S = 60.0
"""A longer silence between two answers was a pause, and says nothing about the pace."""


@dataclass(frozen=True)
class Call:
    """An answered call."""

    judge: str
    messages: tuple[tuple[str, str], ...]
    """Role and content of each, as they were sent."""
    answer: str
    """As it came."""
    usage: Usage
    seconds: float
    """From the question to the answer."""
    created: float


class CallLog:
    """The answered calls of a workspace."""

    def __init__(self, notebook: Notebook):
        self.notebook = notebook
        with notebook.connected() as connection:
            connection.executescript(SCHEMA)

    def call(self, key: str) -> Call | None:
        """The call that a verdict names; None where it is not in this notebook."""
        found = self._calls("key = ?", key)
        return found[0] if found else None

    def label_calls(self, runs: Sequence[str], feature: int) -> list[Call]:
        """How these runs asked for the label of a feature, the oldest first."""
        marks = ", ".join("?" * len(runs))
        return self._calls(f"run in ({marks}) and feature = ? and kind = 'label' order by created", *runs, feature)

    def count(self, run: str) -> int:
        """Number of calls that a run has made."""
        with self.notebook.connected() as connection:
            return connection.execute("select count(*) from call where run = ?", (run,)).fetchone()[0]

    def spent(self, run: str) -> tuple[int, Usage]:
        """Number of calls that a run has made, and their tokens."""
        with self.notebook.connected() as connection:
            return spent(connection, run)

    def calls_a_second(self, run: str) -> float | None:
        """How fast a run was answered last, pauses left out; None where it has hardly begun."""
        with self.notebook.connected() as connection:
            rows = connection.execute("select created from call where run = ? order by rowid desc limit ?", (run, LATEST)).fetchall()
        times = sorted(created for (created,) in rows)
        gaps = [later - earlier for earlier, later in pairwise(times) if later - earlier < PAUSE_S]
        return len(gaps) / sum(gaps) if sum(gaps) else None

    def _calls(self, where: str, *values: object) -> list[Call]:
        with self.notebook.connected() as connection:
            rows = connection.execute(
                "select judge, request, content, answer, usage, seconds, created "
                f"from call left join instructions on instructions.hash = call.instructions where {where}",
                values,
            ).fetchall()
        return [
            Call(judge, _messages(request, instructions), answer, Usage(**json.loads(usage)), seconds, created)
            for judge, request, instructions, answer, usage, seconds, created in rows
        ]


def _messages(request: str, instructions: str | None) -> tuple[tuple[str, str], ...]:
    """The messages of a request, with the instructions that are kept apart from it put back in front."""
    messages = [(role, content) for role, content in json.loads(request)["messages"]]
    if instructions is not None:
        messages[0] = (messages[0][0], instructions)
    return tuple(messages)
