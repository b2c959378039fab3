"""Search by example: two boxes of lines, what fires in the one and not in the other, and what chance would give."""

import time
from collections.abc import Sequence

import streamlit as st

from app import services
from app.components import panels, url
from app.components.explain import hover
from app.live import parts as live
from app.search.ways import PAGES, Result, by_contrast
from app.services import searching
from bae.numbers import duration
from bae.reading.contrast import FEWEST
from bae.text.corpus import sentences

SURE = 0.05
CUTS = {"sentences": "a sentence", "lines": "a line"}
SIDES = {"a": "More in the first", "b": "More in the second"}
EXAMPLE = {
    "a": "We sailed from Boston to Lisbon.\nThe treaty with Spain was signed in Paris.\nHe moved from Ohio to California.\n"
    "Troops landed in Cuba.\nThe road from London to Dover is old.\nShe was born in Vienna.\nMexico and Texas share a border.\n"
    "The train to Chicago was late.",
    "b": "We sailed from home to work.\nThe letter with thanks was signed in ink.\nHe moved from hope to despair.\n"
    "Guests arrived in silence.\nThe road from here to there is old.\nShe was born in spring.\nCats and dogs share a house.\n"
    "The answer to everything was late.",
}


def results(names: Sequence[str]) -> list[Result]:
    """Draw the boxes and what was compared; returns the features that differ, none where nothing can be compared yet."""
    texts = _boxes()
    cut = url.choice("cut", list(CUTS), "sentences")
    also = url.flag("also", False)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        side = url.switch("Which side", "side", SIDES, "a", PAGES)
        url.bound(st.selectbox, "An example is", "cut", cut, list(CUTS), default="sentences", format_func=CUTS.get, width=150, also=PAGES)
        url.bound(st.toggle, f"Also what chance may give (p above {SURE})", "also", also, default=False, written=live.bit, also=PAGES)
    if not any(text.strip() for text in texts):
        st.info(
            f"Put texts that have something into the first box, and texts that lack it into the second: at least {FEWEST} sentences each, "
            "better 8 or more.",
            icon=":material/compare_arrows:",
        )
        return []
    lines = [sentences(text) if cut == "sentences" else [line.strip() for line in text.splitlines() if line.strip()] for text in texts]
    try:
        found = _read(names, *lines)
    except ValueError as error:
        st.error(f"These cannot be compared: {url.code(error)}")
        return []
    _say(found, lines)
    kept = by_contrast(found, side == "b", 1.0 if also else SURE)
    if not kept:
        st.info(
            "No feature fires in more lines of this side than chance may give. Give more lines, or lines that differ in one thing only.",
            icon=":material/search_off:",
        )
    return kept


def _boxes() -> list[str]:
    texts = []
    for column, side, label in zip(st.columns(2), "ab", ("The first: these have it", "The second: these lack it"), strict=True):
        key, text = f"contrast:{side}", _text_of_address(side)
        st.session_state[key] = text
        column.text_area(label, key=key, height=190, on_change=_typed, args=(side, key), placeholder="An example a line, or a sentence.")
        texts.append(text)
    st.button("Fill in an example: with and without place names", on_click=_fill, icon=":material/lightbulb:", key="contrast-example")
    return texts


def _text_of_address(side: str) -> str:
    name = st.query_params.get(side)
    if not name:
        return ""
    try:
        return services.notebook().text(name)
    except KeyError:
        url.wrong(side, name, "the id of a text that was kept in this workspace", None)
        return ""


def _typed(side: str, key: str) -> None:
    text = st.session_state[key]
    url.put(**{side: services.notebook().keep_text(text) if text.strip() else None}, page=None)


def _fill() -> None:
    url.put(**{side: services.notebook().keep_text(text) for side, text in EXAMPLE.items()}, cut="lines", page=None)


def _read(names: Sequence[str], a: Sequence[str], b: Sequence[str]) -> searching.Contrasted:
    """Both sides read, with a bar that says how far it is. Raises ValueError that says what is wrong with them."""
    bar, began, done = st.empty(), time.monotonic(), 0

    def advance(tokens: int, total: int) -> None:
        nonlocal done
        done += tokens
        rate = done / max(time.monotonic() - began, 1e-3)
        left = duration((total - done) / rate)
        bar.progress(min(done / total, 1.0), text=f"Reading the lines: {done:,} of {total:,} tokens · {rate:,.0f} tokens/s · {left} left")

    try:
        return searching.contrast(names, a, b, advance)
    finally:
        bar.empty()


def _say(found: searching.Contrasted, lines: Sequence[Sequence[str]]) -> None:
    """What was compared, and how small p can be."""
    ways = f"all {found.figures.permutations:,}" if found.figures.exact else f"{found.figures.permutations:,} random"
    st.caption(
        f"{len(lines[0]):,} examples against {len(lines[1]):,}, {sum(found.sizes):,} features, {ways} ways to deal the examples to the "
        f"sides: p is {found.figures.smallest_p:.2g} or more.",
        help=hover("family_p"),
    )
    if found.figures.smallest_p > SURE:
        st.warning("So few lines can show nothing for certain: give at least 4 on each side.", icon=":material/straighten:")
    with st.expander("The examples, as they were cut", icon=":material/format_list_numbered:"):
        panels.facts([(f"first, {number}", line) for number, line in enumerate(lines[0], start=1)])
        panels.facts([(f"second, {number}", line) for number, line in enumerate(lines[1], start=1)])
