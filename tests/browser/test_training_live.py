"""The training page in a real browser: what only a browser has, its timer and its clicks."""

import json
import signal
import sys
from collections.abc import Iterator

import pytest
from serving import PATIENCE_MS, served

from bae.training import runs
from bae.workspace import Workspace

pytestmark = pytest.mark.browser
LOGS = """
import json, sys, time
for step in range(50, 10_000, 50):
    with open(sys.argv[1], "a") as file:
        file.write(json.dumps({"step": step, "loss": 1 / step, "reconstruction": 1 / step, "entropy": 900 - step / 20}) + "\\n")
    time.sleep(0.2)
"""


@pytest.fixture
def study(tmp_path) -> Iterator[Workspace]:
    """A study with one run, and the mark of a finished harvest."""
    (tmp_path / "recipe.toml").write_text('layers = [2]\n[[autoencoder]]\nname = "bae"\nkind = "binary"\nlayer = 2\nsteps = 10_000\n')
    found = Workspace.open(tmp_path)
    for split in ("train", "held-out"):
        found.harvest_folder(split).mkdir(parents=True)
        (found.harvest_folder(split) / "scaling.safetensors").touch()
    yield found
    runs.jobs(found).stop("train-bae", grace=1)


@pytest.fixture
def address(study) -> Iterator[str]:
    """Its training page on a server."""
    with served(study.folder) as found:
        yield f"{found}/training"


def start_sham(study: Workspace) -> None:
    """A job that logs a curve as training does, a line every fifth of a second."""
    curve = study.folder / "training" / "bae" / "stage-0" / "curve.jsonl"
    curve.parent.mkdir(parents=True, exist_ok=True)
    curve.write_text(json.dumps({"step": 10, "loss": 1.0}) + "\n")
    runs.jobs(study).start("train-bae", [sys.executable, "-c", LOGS, str(curve)])


def test_curves_move_by_themselves_while_a_job_runs_and_rest_when_it_is_stopped(browser, address, study):
    start_sham(study)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    frames = []
    page.on("websocket", lambda channel: channel.on("framereceived", lambda frame: frames.append(frame)))
    page.goto(address)
    page.locator(".js-plotly-plot").first.wait_for()
    points = "Math.max(...[...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot._fullData.map(line => line._length)))"
    before = page.evaluate(points)
    page.wait_for_function(f"{points} > {before + 10}")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Resume").wait_for()
    assert runs.jobs(study).job("train-bae").return_code == -signal.SIGTERM
    page.wait_for_timeout(3000)
    frames.clear()
    page.wait_for_timeout(5000)
    assert not frames, "an idle page asks for nothing"
    page.close()
