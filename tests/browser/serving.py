"""The real server on a folder, for as long as a test needs it; and what a browser test does again and again."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 30_000


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server that shows a study; its log lies beside the recipe."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "main.py"), "--server.port", str(port)]
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "BAE_WORKSPACE": str(folder)}, stdout=output, stderr=output)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_until_healthy(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/_stcore/health")
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    pytest.fail(f"the server does not answer:\n{log.read_text()}")


def settled(page) -> None:
    """Wait until the script has run and what it drew stands still."""
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget], [data-testid=stSpinner], [data-stale=true]')")


def click_first_row(page, table) -> None:
    """Click on a table as a hand does: it is drawn on a canvas, which must see the mouse come before it takes a click."""
    table.scroll_into_view_if_needed()
    for x in (140, 150):
        table.hover(position={"x": x, "y": 52})
        page.wait_for_timeout(300)
    page.mouse.down()
    page.wait_for_timeout(50)
    page.mouse.up()
