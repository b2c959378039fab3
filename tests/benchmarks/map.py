"""The map of 100,000 features in a headless Chromium: from the click on its link in the explorer until a point answers to the mouse.

Chromium draws in software here. Streamlit and Plotly are in the browser already, as they are for whoever has seen another page.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
from _steps import row

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from conftest import FLAGS
from serving import PATIENCE_MS, served, settled

from bae.index import schema
from bae.maps.atlas import map_file, write_projection
from bae.maps.projection import Projection

FEATURES, ROUNDS = 100_000, 5
POINT = """() => {
    const plot = document.querySelector('.js-plotly-plot'), layout = plot && plot._fullLayout;
    if (!layout || !plot._fullData || plot._fullData[0]._length < %d) return null;
    const trace = plot._fullData[0], box = plot.getBoundingClientRect(), at = %d, {xaxis, yaxis} = layout;
    return [box.left + xaxis._offset + xaxis.d2p(trace.x[at]), box.top + yaxis._offset + yaxis.d2p(trace.y[at])];
}"""


def rows() -> list[dict]:
    """Needs Chromium. Raises FileNotFoundError where there is none."""
    if not (shutil.which("chromium") or shutil.which("google-chrome")):
        raise FileNotFoundError("no Chromium on the PATH; install the package `chromium` to measure the map")
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), FEATURES)
        with served(Path(folder)) as address, chromium() as browser:
            seconds = [_seconds(browser, address) for _ in range(ROUNDS + 1)]
    first, later = seconds[0], seconds[1:]
    return [
        row("map.interactive_s", statistics.median(later), "s", 3, spread=[min(later), max(later)]),
        row("map.first_s", first, "s"),
        row("map.features", FEATURES, "features"),
    ]


def write_study(folder: Path, features: int) -> None:
    """A workspace with an index of made-up features and a map of them: clusters of points, words of the usual length."""
    recipe = 'model = "embedded"\nlayers = [2]\n[[autoencoder]]\nname = "bae"\nkind = "binary"\nlayer = 2\n'
    (folder / "recipe.toml").write_text(recipe)
    index = folder / "index" / "index-made"
    index.mkdir(parents=True)
    connection = duckdb.connect(index / "index.duckdb")
    connection.execute(schema.TABLES)
    told = {"version": schema.VERSION, "contexts": 0, "tokens": 1_000_000, "model": "made up", "model_fingerprint": "0"}
    connection.executemany("insert into meta values (?, ?)", [[key, str(value)] for key, value in told.items()])
    entry = ["bae", "binary", "BAE", 2, features, "burstiness", "bits", 1_000_000, json.dumps({"name": "bae"})]
    connection.execute("insert into dictionary values (?, ?, ?, ?, ?, ?, ?, ?, ?)", entry)
    connection.execute(
        """insert into feature select 'bae', f, rate, rate, rate, rate * 1e6, rate * 1e6, 0.1, rate, 0.1, -0.1, -5, 2, [1, 2], [word], [1],
           word || ' · harbor · naval · ship' from (
               select range as f, pow(10, -1 - 4 * (hash(range) % 1000) / 1000.0) as rate, 'sea' || range as word from range(?))""",
        [features],
    )
    connection.close()
    (folder / "index" / "current").write_text("index-made\n")
    draw = np.random.default_rng(0)
    points = draw.normal(0, 10, (200, 2))[draw.integers(200, size=features)] + draw.normal(0, 0.6, (features, 2))
    write_projection(map_file(index, "bae"), Projection(points.astype(np.float32), "umap"), 0)


@contextmanager
def chromium():
    """A headless one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=list(FLAGS))
        yield found
        found.close()


def _seconds(browser, address: str) -> float:
    """From the click on the link to the hover text of a point."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/features?ae=bae")
    page.get_by_text("Click a row to look at its feature").wait_for()
    settled(page)
    began = time.perf_counter()
    page.get_by_role("link", name="Map", exact=True).click()
    point = POINT % (FEATURES, FEATURES // 2)
    page.wait_for_function(point)
    while not page.locator(".hovertext").count():
        x, y = page.evaluate(point)
        page.mouse.move(x + 1, y)
        page.mouse.move(x, y)
        page.wait_for_timeout(20)
    seconds = time.perf_counter() - began
    page.close()
    return seconds
