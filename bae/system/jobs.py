"""Long work as processes of the operating system: started from a page, they outlive the tab, the page and its server.

    <name>.json  what was started and how it ended    <name>.log  what it printed    <name>.lock  held while it runs

A job is a command and a watcher (`python -m bae.system.jobs`) that waits for it and writes down how it ended; the two are a session
of their own. How a job stands is read from disk and from the table of processes, never from memory. Does not know what
a command does, nor how far it is: work writes that itself (`bae.system.progress`).
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import psutil

from bae.system.files import locked, write_json
from bae.system.parsing import parsed_json

State = Literal["running", "done", "stopped", "failed"]

GRACE_S = 5.0
"""Seconds between asking a job to end and killing it."""
SAME_BIRTH_S = 2.0
"""Two readings of one process' birth differ by less: the system's clock may have been set in between."""
NICE = 10
"""Whoever uses the pages meanwhile goes first."""
TAIL_BYTES = 65_536
STARTED, REFUSED = "started", os.EX_TEMPFAIL
HEADING = "--- "
"""Begins the line of a log that says when a job was started, and as what."""
# an error is told in a plain traceback, whose last line is the error itself, and not in a box drawn for a terminal
ENVIRONMENT = {"TYPER_STANDARD_TRACEBACK": "1", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Job:
    """What was started, and how it ended. Times are seconds since 1970; a process is known by its number and its birth."""

    command: tuple[str, ...]
    pid: int
    process_started: float
    watcher_pid: int
    """Leads the group of both processes."""
    watcher_started: float
    started_at: float
    finished_at: float | None = None
    """None while it runs, and where the watcher was killed too."""
    return_code: int | None = None
    """The command's; -9 is killed by signal 9."""

    @property
    def state(self) -> State:
        """How it stands. Ended by a signal that people and systems send to end things, it is stopped and not failed."""
        if self.return_code is not None:
            return "done" if self.return_code == 0 else "stopped" if _ended_from_outside(self.return_code) else "failed"
        # the watcher outlives the command for a moment, in which it writes down the end
        running = _alive(self.pid, self.process_started) or _alive(self.watcher_pid, self.watcher_started)
        return "running" if running else "stopped"


def _ended_from_outside(return_code: int) -> bool:
    return -return_code in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP)


def _alive(pid: int, born: float) -> bool:
    """Whether this very process lives: a number alone may have been given to another one since."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - born) < SAME_BIRTH_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Jobs:
    """The jobs of one folder."""

    folder: Path

    def job(self, name: str) -> Job | None:
        """What is known of a job; None where none of this name was started. Raises ValueError where its record is damaged."""
        file = self._file(name, "json")
        if not file.is_file():
            return None
        try:
            told = parsed_json(file.read_text(encoding="utf-8"))
            return Job(**{**told, "command": tuple(told["command"])})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"the record of a job {file} is damaged ({error}); delete it when nothing runs") from error

    def start(self, name: str, command: Sequence[str]) -> Job:
        """Start a command that outlives this process.

        Raises BlockingIOError where the job of this name runs already, OSError where the command cannot be started.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        watch = [sys.executable, "-m", "bae.system.jobs", str(self.folder), self._checked(name), *command]
        with self._file(name, "log").open("a", encoding="utf-8") as log:
            watcher = subprocess.Popen(
                watch,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env={**os.environ, **ENVIRONMENT},
            )
        with watcher.stdout:
            answer = watcher.stdout.readline().strip()
        if answer != STARTED:
            refused = BlockingIOError if watcher.wait() == REFUSED else OSError
            raise refused(answer or f"the job {name} could not be started; {self._file(name, 'log')} says why")
        # somebody has to wait for a child that has ended, else it stays in the table of processes
        threading.Thread(target=watcher.wait, name=f"reap {name}", daemon=True).start()
        return self.job(name)

    def stop(self, name: str, grace: float = GRACE_S) -> Job | None:
        """End a job, and kill it where it has not ended after `grace` seconds. Nothing happens to one that does not run."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            job = self.job(name)
            if job is None or job.state != "running":
                break
            with suppress(ProcessLookupError):
                os.killpg(job.watcher_pid, sign)
            self._wait(name, grace)
        return self.job(name)

    def _wait(self, name: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.job(name).state == "running":
            time.sleep(0.02)

    def tail(self, name: str, lines: int = 30) -> list[str]:
        """The last lines that the job has printed since it was last started; of a progress bar only how it stood last."""
        file = self._file(name, "log")
        if not file.is_file():
            return []
        with file.open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
            text = log.read().decode("utf-8", errors="replace")
        said = [line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")]
        begins = [number for number, line in enumerate(said) if line.startswith(HEADING)]
        return [line for line in said[begins[-1] + 1 if begins else 0 :] if line][-lines:]

    def watch(self, name: str, command: Sequence[str]) -> int:
        """Run a command, and keep its record: what the watcher does. Returns the command's return code."""
        busy = f"the job {name} is already running; stop it first, or wait until it has ended"
        with locked(self._file(name, "lock"), busy):
            known = self.job(name)
            if known and known.state == "running":
                raise BlockingIOError(busy)
            # what ends the group reaches the command; the watcher stays to write that down
            signal.signal(signal.SIGTERM, lambda *_: None)
            os.nice(NICE)
            with self._file(name, "log").open("a", encoding="utf-8") as log:
                # a progress bar that was killed left its line unfinished
                print(f"\n{HEADING}{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(command)}", file=log, flush=True)
                work = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            born = [psutil.Process(pid).create_time() for pid in (work.pid, os.getpid())]
            job = Job(tuple(command), work.pid, born[0], os.getpid(), born[1], started_at=time.time())
            self._write(name, job)
            print(STARTED, flush=True)
            code = work.wait()
            self._write(name, replace(job, finished_at=time.time(), return_code=code))
            return code

    def _write(self, name: str, job: Job) -> None:
        write_json(self._file(name, "json"), asdict(job))

    def _file(self, name: str, kind: str) -> Path:
        return self.folder / f"{self._checked(name)}.{kind}"

    @staticmethod
    def _checked(name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", name):
            raise ValueError(f"a job's name is a file: letters, digits, - _ and . only, no dot in front; got {name!r}")
        return name


def main(folder: str, name: str, *command: str) -> int:
    """The watcher: says on standard output that the command runs, or why it does not."""
    try:
        return Jobs(Path(folder)).watch(name, command)
    except (OSError, ValueError) as error:
        print(error, flush=True)
        return REFUSED if isinstance(error, BlockingIOError) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
