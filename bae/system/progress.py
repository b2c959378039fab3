"""How far long work has come: a bar on standard error, and a small file that a page can poll."""

import json
import sys
import time
from pathlib import Path

from tqdm import tqdm

from bae.system.files import write_json


class Progress:
    """Counts work of one kind; shows rate and time left; keeps `status` up to date, at most twice a second.

    `status` holds {"stage", "unit", "done", "total", "rate", "seconds_left", "updated"}; `done` counts what an earlier run did.
    """

    def __init__(self, stage: str, total: int, unit: str, status: Path | None = None, done: int = 0):
        self.stage, self.total, self.unit, self.status = stage, total, unit, status
        self.done, self._at_start, self._began, self._written = done, done, time.monotonic(), 0.0
        # a log file gets a line now and then, a terminal a moving bar
        interval = 0.5 if sys.stderr.isatty() else 10.0
        self._bar = tqdm(total=total, initial=done, unit=f" {unit}", unit_scale=True, desc=stage, dynamic_ncols=True, mininterval=interval)

    def advance(self, amount: int) -> None:
        """Count `amount` more as done."""
        self.done += amount
        self._bar.update(amount)
        if self.status and time.monotonic() - self._written > 0.5:
            self._write()

    def skip(self, amount: int) -> None:
        """Count `amount` as done by an earlier run: it does not enter the rate."""
        self._at_start += amount
        self.advance(amount)

    def _write(self) -> None:
        self._written = time.monotonic()
        rate = (self.done - self._at_start) / max(self._written - self._began, 1e-9)
        left = max(self.total - self.done, 0) / rate if rate else None
        write_json(
            self.status,
            {
                "stage": self.stage,
                "unit": self.unit,
                "done": self.done,
                "total": self.total,
                "rate": rate,
                "seconds_left": left,
                "updated": time.time(),
            },
        )

    def __enter__(self) -> "Progress":
        if self.status:
            self._write()
        return self

    def __exit__(self, *error) -> None:
        if self.status:
            self._write()
        self._bar.close()


def read_status(path: Path) -> dict | None:
    """What `Progress` last wrote to `path`; None before it wrote."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
