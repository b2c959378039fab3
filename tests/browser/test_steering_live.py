"""The playground in a headless Chromium: search a feature, steer it, watch both texts come, stop one, hand the link on."""

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from serving import PATIENCE_MS, served, settled
from small_study import HOSTILE, WORDS, add_index, make_study

pytestmark = pytest.mark.browser
LONG = 3000
"""Tokens that take so long that one can watch them and press Stop."""
TEXT = "The naval ship left the harbor in winter."


@pytest.fixture(scope="module")
def address(tmp_path_factory, tiny_llama) -> Iterator[str]:
    """The address of a server that shows the small study and lets the model write long texts."""
    folder = tmp_path_factory.mktemp("served") / "study"
    add_index(make_study(folder, tiny_llama))
    os.environ["BAE_MAX_NEW_TOKENS"] = str(LONG)
    try:
        with served(folder) as found:
            yield found
    finally:
        del os.environ["BAE_MAX_NEW_TOKENS"]


@pytest.fixture
def open_tab(browser, address):
    """A tab of another browser each time; all keep the errors of our scripts."""
    contexts, errors = [], []

    def opened(where: str):
        context = browser.new_context(viewport={"width": 1440, "height": 1200}, base_url=address)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(where)
        tab.get_by_role("heading", level=1, name="Playground").wait_for()
        return tab

    yield opened
    assert errors == [] and all(tab.evaluate("window.hacked") is None for context in contexts for tab in context.pages)
    for context in contexts:
        context.close()


def text(tab, side: str) -> str:
    """What has come of a side that is being written."""
    return tab.locator(f".st-key-text-{side}").inner_text()


def painted(tab, side: str) -> str:
    """What stands in the box of a side where nothing more comes."""
    return "".join(tab.locator(f".st-key-text-{side} .token").all_text_contents())


COUNTED = """side => {
    const column = document.querySelector(`.st-key-head-${side}`).closest('[data-testid=stColumn]');
    const found = column.innerText.match(/([\\d,]+) of [\\d,]+ tokens/);
    return found ? Number(found[1].replaceAll(',', '')) : 0;
}"""
"""Tokens that have come of a side. Of characters that the small model never completes, nothing is shown meanwhile."""


def grows(tab, side: str) -> int:
    """Wait until more tokens have come than now; returns how many there are now."""
    now = tab.evaluate(COUNTED, side)
    tab.wait_for_function(f"([side, now]) => ({COUNTED})(side) > now", arg=[side, now])
    return now


def written(tab) -> dict[str, str]:
    """The painted texts, once both are whole."""
    for side in ("plain", "steered"):
        tab.locator(f".st-key-text-{side} .token").first.wait_for()
    settled(tab)
    return {side: painted(tab, side) for side in ("plain", "steered")}


def type_prompt(tab, prompt: str) -> None:
    """Type a prompt and have it taken."""
    box = tab.get_by_role("textbox", name="Prompt")
    box.fill(prompt)
    box.press("Control+Enter")
    tab.wait_for_url(re.compile(r"[?&]text="))
    settled(tab)


def test_a_feature_is_found_steered_and_one_text_stopped(open_tab):
    tab = open_tab(f"/steer?tokens={LONG}")
    type_prompt(tab, TEXT)
    box = tab.get_by_role("textbox", name="Steer a feature")
    for word in WORDS:
        box.fill(word)
        box.press("Enter")
        tab.wait_for_url(re.compile(f"find={word}"))
        settled(tab)
        if tab.locator("[class*=st-key-add-]").count():
            break
    tab.locator("[class*=st-key-add-]").get_by_role("button").first.click()
    tab.wait_for_url(re.compile(r"push=[\w-]+%3A\d+%3Aadd"))
    settled(tab)

    tab.get_by_role("button", name="Write").click()
    for side in ("plain", "steered"):
        grows(tab, side)
        assert grows(tab, side) > 0 and len(text(tab, side)) > 1
    tab.get_by_text(re.compile(rf"of {LONG:,} tokens · .* a second, about")).first.wait_for()
    tab.locator(".st-key-stop-plain").get_by_role("button").click()
    tab.get_by_text("stopped").wait_for()
    expect(tab.locator(".st-key-stop-plain").get_by_role("button")).to_be_disabled()
    tab.locator(".st-key-text-plain .token").first.wait_for()
    kept = painted(tab, "plain")
    grows(tab, "steered")
    assert painted(tab, "plain") == kept and len(kept) > 1, "what had come stays, and no more comes"
    tab.locator(".st-key-stop button").click()
    tab.locator(".st-key-text-steered .token").first.wait_for()
    expect(tab.get_by_text("stopped")).to_have_count(2)


def test_the_link_writes_the_same_in_another_browser(open_tab):
    tab = open_tab("/steer?push=bae:5:add:0.5,topk:8:clamp:2&tokens=30&temperature=0.8&seed=7")
    type_prompt(tab, TEXT)
    tab.get_by_role("button", name="Write").click()
    first = written(tab)
    assert first["plain"] != first["steered"]
    tab.get_by_role("button", name="Link").click()
    link = tab.locator("[data-testid=stPopoverBody] code").inner_text().replace("\n", "")
    assert "naval" not in link

    other = open_tab(link)
    assert written(other) == first and "go=1" not in other.url
    expect(other.get_by_role("textbox", name="Prompt")).to_have_value(TEXT)
    expect(other.get_by_role("button", name="30 tokens · temperature 0.8 · seed 7")).to_be_visible()
    another = open_tab(link.replace("seed=7", "seed=8"))
    assert written(another) != first, "negative control: another seed, another text"


def test_writing_goes_on_while_a_person_does_something_else(open_tab):
    tab = open_tab(f"/steer?push=bae:5:add:0.5&tokens={LONG}")
    tab.get_by_role("button", name="Write").click()
    grows(tab, "steered")
    before = grows(tab, "steered")
    tab.locator(".st-key-mute-0").get_by_role("button").click()
    tab.wait_for_url(re.compile("mute=0"))
    tab.get_by_text("of other settings").first.wait_for()
    assert grows(tab, "steered") >= before > 0, "not begun anew"
    tab.locator(".st-key-stop button").click()
    tab.locator(".st-key-text-steered .token").first.wait_for()


def test_hostile_text_stays_text(open_tab):
    tab = open_tab("/steer?push=bae:5:add:0.5&tokens=8")
    type_prompt(tab, HOSTILE)
    tab.get_by_role("textbox", name="Steer a feature").fill(HOSTILE)
    tab.get_by_role("textbox", name="Steer a feature").press("Enter")
    tab.get_by_text("Nothing was found").wait_for()
    tab.get_by_role("button", name="Write").click()
    assert len(written(tab)["plain"]) > 0
    assert tab.locator("[data-testid=stMain] img").count() == 0


def test_nothing_overflows_a_narrow_window(open_tab):
    tab = open_tab("/steer?push=bae:5:add:0.5,topk:8:clamp:2,bae-deep:3:flip:1&tokens=30&go=1")
    written(tab)
    tab.set_viewport_size({"width": 900, "height": 900})
    tab.wait_for_timeout(500)
    wide = "(() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth })()"
    assert tab.evaluate(wide) <= 0
