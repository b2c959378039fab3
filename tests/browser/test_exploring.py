"""A feature hunter's way through the pages in a headless Chromium: start, search, feature, keys, query, heat map, list, embedded view."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from serving import PATIENCE_MS, served, settled
from small_study import HOSTILE, add_index, make_study

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory, tiny_llama) -> Iterator[str]:
    """The address of a server that shows the small study."""
    folder = tmp_path_factory.mktemp("served") / "study"
    add_index(make_study(folder, tiny_llama))
    with served(folder) as found:
        yield found


@pytest.fixture
def page(browser, address):
    """A tab that keeps the errors of our scripts."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=address)
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    yield tab
    assert tab.errors == [] and tab.evaluate("window.hacked") is None
    context.close()


def test_from_the_start_page_to_a_feature_and_its_neighbours(page):
    page.goto("/")
    page.get_by_text("for example number").wait_for()
    page.get_by_role("link", name="Open it").click()
    heading = page.get_by_role("heading", level=1, name=re.compile(r"Feature \d+"))
    heading.wait_for()
    settled(page)
    first = heading.inner_text()
    page.get_by_role("heading", name="What it goes with").wait_for()
    page.get_by_role("button", name="Keys of this page").wait_for()
    settled(page)
    page.keyboard.press("j")
    page.wait_for_function("name => document.querySelector('h1').innerText !== name", arg=first)
    settled(page)
    page.keyboard.press("k")
    page.wait_for_function("name => document.querySelector('h1').innerText === name", arg=first)
    settled(page)
    page.get_by_role("link", name="Query", exact=True).click()
    page.get_by_role("heading", level=1, name="Query").wait_for()


def test_a_query_typed_wrong_and_then_right(page):
    page.goto("/query?ae=bae")
    box = page.get_by_role("textbox", name="Query")
    box.fill(f"f3 & {HOSTILE}")
    box.press("Enter")
    page.get_by_text("This sign is not known").wait_for()
    box.fill("f3 | f5")
    box.press("Enter")
    page.wait_for_url(re.compile("query=f3"))
    page.get_by_text("It holds for").wait_for()
    kept = page.url
    page.goto("about:blank")
    page.goto(kept)
    page.get_by_text("It holds for").wait_for()
    settled(page)
    # the value comes a moment after the box
    expect(page.get_by_role("textbox", name="Query")).to_have_value("f3 | f5")


def test_a_box_on_the_heat_map_looks_closer_and_a_click_shows_a_sentence(page):
    page.goto("/heatmap?ae=bae")
    plot = page.locator(".js-plotly-plot").first
    plot.wait_for()
    settled(page)
    area = plot.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(area["x"] + 60, area["y"] + 90)
    page.mouse.down()
    page.mouse.move(area["x"] + 160, area["y"] + 190, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile(r"[?&]t=\d+-\d+"))
    settled(page)
    page.goto("/heatmap?ae=bae&t=0-19&c=0-9")
    plot.wait_for()
    settled(page)
    page.wait_for_timeout(1000)
    area = plot.locator(".nsewdrag").first.bounding_box()
    middle = (area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    page.mouse.move(*middle)
    page.wait_for_timeout(300)  # a chart reports clicks on what it has seen hovered
    page.mouse.click(*middle)
    page.wait_for_url(re.compile(r"[?&]cell=bae"))
    page.get_by_role("link", name="Open the feature").wait_for()
    page.get_by_role("button", name="Whole").click()
    page.wait_for_url(lambda url: "t=" not in url)


def test_a_bar_of_the_histogram_opens_its_features(page):
    page.goto("/features?ae=bae")
    plot = page.locator(".js-plotly-plot").first
    plot.wait_for()
    settled(page)
    page.wait_for_timeout(500)
    bar = plot.locator(".bars .point path").nth(2)
    box = bar.bounding_box()
    # a bar on a logarithmic axis goes on below the chart: its top is what one sees
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 3)
    page.wait_for_url(re.compile(r"[?&]bin="))
    page.get_by_text("Only features that").wait_for()


def test_an_embedded_feature_is_bare(page):
    page.goto("/feature?ae=bae&feature=3&embed=true")
    page.get_by_role("heading", name="Feature 3").wait_for()
    settled(page)
    assert page.locator("[data-testid=stSidebar]:visible").count() == 0
    assert page.get_by_role("textbox").count() == 0
    page.goto("/feature?ae=bae&feature=3")
    page.get_by_role("heading", name="Feature 3").wait_for()
    page.locator("[data-testid=stSidebar]:visible").wait_for()  # negative control
