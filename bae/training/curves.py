"""The curve that training logs, read while it grows: only what was added is read again, a half-written line waits.

One JSON object a line: `step` and the figures that were taken there. Does not draw, and keeps no more than a few numbers a line.
"""

import math
import os
import threading
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bae.system.parsing import parsed_json


class Series(NamedTuple):
    """One figure along the steps."""

    steps: np.ndarray
    values: np.ndarray


class Curve:
    """What one stage of training has logged. Shared between threads: `refresh` and the readers wait for each other."""

    def __init__(self, file: Path):
        self.file = file
        self.unreadable = 0
        """Lines that were no figures of a step, and are left out."""
        self._columns: dict[str, tuple[array, array]] = {}
        self._read, self._inode = 0, None
        self._lock = threading.Lock()

    def refresh(self) -> "Curve":
        """Take in what was logged since the last time; start over where the file was cut, as it is when training goes on."""
        with self._lock, self.file.open("rb") as log:
            found = log.seek(0, 2)
            inode = os.fstat(log.fileno()).st_ino
            if inode != self._inode or found < self._read:
                self._columns, self._read, self._inode, self.unreadable = {}, 0, inode, 0
            log.seek(self._read)
            added = log.read(found - self._read)
            whole = added[: added.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.splitlines():
                self._take(line)
        return self

    def _take(self, line: bytes) -> None:
        row = _figures(line)
        if row is None:
            self.unreadable += 1
            return
        step = row.pop("step")
        for name, value in row.items():
            steps, values = self._columns.setdefault(name, (array("d"), array("d")))
            steps.append(step)
            values.append(value)

    def names(self) -> list[str]:
        """The figures that were logged."""
        with self._lock:
            return list(self._columns)

    def series(self, name: str) -> Series:
        """One figure along the steps; empty where it was not logged."""
        with self._lock:
            return Series(*(np.array(column) for column in self._columns.get(name, ((), ()))))

    def last_step(self) -> int:
        """The last step that was logged, 0 before the first."""
        with self._lock:
            return max((int(steps[-1]) for steps, _ in self._columns.values()), default=0)


def _figures(line: bytes) -> dict[str, float] | None:
    """What a line tells of a step; None for one that is no figures of a step. A figure may be no number, a step may not."""
    try:
        row = parsed_json(line)
        if not isinstance(row, Mapping) or not all(type(value) in (int, float) for value in row.values()):
            return None
        found = {name: float(value) for name, value in row.items()}
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found.get("step", math.nan)) else None


def joined(stages: Sequence[Curve], name: str) -> Series:
    """One figure along all stages: each goes on counting where the one before it ended."""
    parts, before = [], 0
    for stage in stages:
        steps, values = stage.series(name)
        parts.append((steps + before, values))
        before += stage.last_step()
    return Series(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else Series(np.array([]), np.array([]))


def last(stages: Sequence[Curve], name: str) -> float | None:
    """The figure that was logged last; None where it never was."""
    values = joined(stages, name).values
    return float(values[-1]) if len(values) else None


def thinned(series: Series, most: int = 1000) -> Series:
    """At most `most` points of a series that look like all of it: of each stretch its lowest and its highest, and both ends."""
    n = len(series.values)
    if n <= most:
        return series
    # nan is neither lowest nor highest: it is left out unless the whole stretch is
    stretches = np.array_split(np.arange(n), (most - 2) // 2)
    low = [stretch[np.argmin(np.nan_to_num(series.values[stretch], nan=np.inf))] for stretch in stretches]
    high = [stretch[np.argmax(np.nan_to_num(series.values[stretch], nan=-np.inf))] for stretch in stretches]
    chosen = np.unique([0, n - 1, *low, *high])
    return Series(series.steps[chosen], series.values[chosen])


def paired(stages: Sequence[Curve], x: str, y: str, most: int = 1000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two figures of the same steps, (steps, x, y), evenly thinned with both ends: a path is drawn through them."""
    one, other = joined(stages, x), joined(stages, y)
    steps, at_x, at_y = np.intersect1d(one.steps, other.steps, return_indices=True)
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int))
    return steps[chosen], one.values[at_x][chosen], other.values[at_y][chosen]
