"""A person's way through the explorer, in a headless Chromium on the real server."""

import re
from collections.abc import Iterator

import pytest
from serving import PATIENCE_MS, click_first_row, served, settled
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
    """A tab that keeps the errors of our scripts: what the browser cannot fetch from outside is none of ours."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=address)
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.on("console", lambda message: tab.errors.append(message.text) if message.type == "error" and _ours(message) else None)
    yield tab
    context.close()


def _ours(message) -> bool:
    return "Failed to load resource" not in message.text


def type_text(page, text: str) -> None:
    """Type a text and have it read."""
    box = page.get_by_label("Text", exact=True)
    box.fill(text)
    box.press("Control+Enter")
    page.wait_for_url(re.compile(r"[?&]text="))
    settled(page)


def test_the_journey(page, tmp_path):
    page.goto("/text?ae=bae")
    page.locator(".token").first.wait_for()
    type_text(page, "the naval ship left the harbor in winter")
    token = page.locator(".token", has_text="ship")
    token.hover()
    page.locator(".tip .row").first.wait_for()
    token.click()
    page.wait_for_url(re.compile(r"[?&]token=\d+"))
    page.locator(".token.locked", has_text="ship").wait_for()
    page.get_by_text("at position").wait_for()

    tables = page.locator("[data-testid=stDataFrame]")
    tables.nth(1).wait_for()
    settled(page)
    click_first_row(page, tables.nth(1))
    page.wait_for_url(re.compile(r"[?&]feature=\d+"))
    page.get_by_text("Painting").wait_for()
    settled(page)
    permalink = page.url
    feature = re.search(r"feature=(\d+)", permalink).group(1)
    page.screenshot(path=str(tmp_path / "text.png"), full_page=True)

    page.get_by_role("link", name="Open its page").click()
    page.get_by_role("heading", name=f"Feature {feature}", exact=True).wait_for()
    page.get_by_role("heading", name="Contexts").wait_for()
    settled(page)
    page.screenshot(path=str(tmp_path / "feature.png"), full_page=True)

    page.goto("about:blank")
    page.goto(permalink)
    page.locator(".token.locked", has_text="ship").wait_for()
    assert page.get_by_label("Text", exact=True).input_value() == "the naval ship left the harbor in winter"
    page.get_by_text("Painting").wait_for()
    assert "naval" not in page.url
    assert page.errors == []


def test_hostile_text_stays_text(page):
    page.goto("/text?ae=topk&start=1")
    page.locator(".token").first.wait_for()
    type_text(page, f"{HOSTILE} שלום 🙂\u200b harbor")
    page.locator(".token", has_text="harbor").wait_for()
    assert "<img" in "".join(page.locator(".token").all_text_contents())
    for feature in (1, 2, 3):
        page.goto(f"/feature?ae=topk&feature={feature}&contexts=random")
        page.get_by_role("heading", name="Contexts").wait_for()
        settled(page)
    assert page.evaluate("window.hacked") is None
    assert page.errors == []


def test_a_token_is_locked_and_let_go_by_keyboard(page):
    page.goto("/text?ae=bae")
    page.locator(".token[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.locator(".tip:popover-open").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"[?&]token=\d+"))
    page.locator(".token.locked").wait_for()
    settled(page)
    page.keyboard.press("Enter")
    page.locator(".token.locked").wait_for(state="detached")
    assert page.errors == []


def test_back_goes_one_step_back(page):
    page.goto("/feature?ae=bae&feature=7")
    page.get_by_role("heading", name="Feature 7", exact=True).wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Feature 8", exact=True).wait_for()
    page.go_back()
    page.get_by_role("heading", name="Feature 7", exact=True).wait_for()


@pytest.mark.parametrize("name", ["", "text", "features", "feature", "training"])
def test_nothing_overflows_a_narrow_window(page, name):
    page.set_viewport_size({"width": 900, "height": 900})
    page.goto(f"/{name}?ae=bae")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    wide = page.evaluate(
        "(() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth })()"
    )
    assert wide <= 0
