"""Labelling in a real browser, by a judge on this machine: select, see what it costs, start, close the tab, pause, resume, read."""

import re
import time
from collections.abc import Iterator

import pytest
from serving import PATIENCE_MS, click_first_row, served, settled
from small_study import add_index, make_study

from bae.comsem.records import Records
from bae.notebook.database import Notebook
from bae.training import runs
from bae.workspace import Workspace
from tests.unit.loopback_judge import Loopback

pytestmark = pytest.mark.browser
FEATURES = 40
SAID = "words of the sea"
PATIENCE_S = PATIENCE_MS / 1000


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A judge that takes its time."""
    with Loopback(latency_s=0.5) as found:
        yield found


@pytest.fixture
def study(tmp_path, tiny_llama, server) -> Iterator[Workspace]:
    """The small study, which may ask that judge; no more than three calls at once, so that a run can be interrupted."""
    folder = tmp_path / "study"
    found = make_study(folder, tiny_llama)
    add_index(found)
    limits = "concurrency = 3\nmax_concurrency = 3"
    (folder / "judges.toml").write_text(f'[judge.local]\nmodel = "loopback"\nbase_url = "{server.base_url}"\n{limits}\n')
    yield found
    runs.jobs(found).stop("label", grace=1)


@pytest.fixture
def address(study) -> Iterator[str]:
    """A server that shows it."""
    with served(study.folder) as found:
        yield found


@pytest.fixture
def tab(browser, address):
    """Opens a page in a window of its own."""
    windows = []

    def opened(path: str):
        windows.append(browser.new_context(viewport={"width": 1440, "height": 1200}, base_url=address))
        windows[-1].set_default_timeout(PATIENCE_MS)
        page = windows[-1].new_page()
        page.goto(path)
        return page

    yield opened
    for window in windows:
        window.close()


def until(holds) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_labelling_goes_on_without_a_tab_and_its_labels_are_found(tab, study, server, tmp_path):
    records = Records(Notebook(study.notebook_file))

    # select and see what it comes to; without negatives no embeddings are needed
    page = tab("/labels?ae=topk&negatives=0&n_test=2&control=0")
    page.get_by_text("By list", exact=True).click()
    box = page.get_by_label("Features", exact=True)
    box.fill(f"0-{FEATURES - 1}")
    box.press("Enter")
    page.get_by_text(f"{FEATURES} of 64 features").wait_for()
    page.get_by_test_id("stMetricLabel").get_by_text("Calls").wait_for()
    settled(page)
    assert not server.received, "the dry run asks nothing"
    page.screenshot(path=str(tmp_path / "form.png"), full_page=True)

    # start, and leave
    page.get_by_role("button", name="Ask the judge").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.context.close()
    (run,) = records.runs()
    before = len(records.outcomes(run.id))
    until(lambda: len(records.outcomes(run.id)) > before)

    # come back: it is being followed without a touch
    page = tab("/labels?ae=topk")
    counted = page.get_by_text(re.compile(rf"\d+ of {FEATURES} features ·")).first
    counted.wait_for()
    then = counted.inner_text()
    page.wait_for_function("([then, of]) => !document.body.innerText.includes(then)", arg=[then, FEATURES])

    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for()
    until(lambda: runs.jobs(study).job("label").state != "running")
    asked = len(server.received)
    assert 0 < len(records.outcomes(run.id)) < FEATURES, "it was paused on the way"
    page.wait_for_timeout(2000)
    assert len(server.received) == asked, "a paused run asks nothing"
    page.screenshot(path=str(tmp_path / "paused.png"), full_page=True)

    page.get_by_role("button", name="Resume").click()
    until(lambda: records.run(run.id).state == "done")
    page.get_by_text(f"{FEATURES} of {FEATURES} features").first.wait_for()
    page.get_by_role("button", name="Pause").wait_for(state="detached")
    assert server.repeated == 0, "no answered call was made again"
    feature = next(feature for feature, outcome in records.outcomes(run.id).items() if outcome.label is not None)
    settled(page)
    page.screenshot(path=str(tmp_path / "done.png"), full_page=True)
    page.set_viewport_size({"width": 900, "height": 900})
    wide = "(() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth })()"
    page.wait_for_function(f"{wide} <= 0")

    # read it
    page = tab(f"/feature?ae=topk&feature={feature}")
    page.get_by_role("heading", name="Labels").wait_for()
    page.get_by_text(SAID).nth(1).wait_for()  # below the number of the feature, and among its labels
    page.get_by_text("Every test, word for word").click()
    page.get_by_text("Token in its sentence").wait_for()
    page.wait_for_url(re.compile(r"[?&]label=\d+"))

    # find it, by its words and by what they mean
    page = tab("/features?ae=topk&q=of+the+sea")
    page.get_by_text(re.compile(r"\d+ features, 1 to")).wait_for()
    page = tab("/features?ae=topk&q=the+ocean&by=meaning")
    page.set_default_timeout(4 * PATIENCE_MS)  # the sentence embeddings are loaded
    page.get_by_text(re.compile(r"\d+ features, those nearest in meaning")).wait_for()
    settled(page)
    page.set_viewport_size({"width": 1440, "height": 3200})  # all of the table, or its first row hides under the header
    click_first_row(page, page.locator("[data-testid=stDataFrame]").first)
    page.wait_for_url(re.compile(r"/feature\?"))
    page.get_by_text(SAID).first.wait_for()
