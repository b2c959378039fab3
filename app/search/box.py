"""The parts of the search page: the box, how to search, where, and what each way finds."""

import math
import time
from collections.abc import Mapping, Sequence

import streamlit as st

from app import services
from app.components import panels, url
from app.components.explain import hover
from app.live import parts as live
from app.search import by_example as search_example
from app.search import ways as search_ways
from app.search.ways import PAGES, Result
from app.services import directions, searching
from bae.index.query import Dictionary, Index
from bae.numbers import duration
from bae.reading.painting import paint_example

WAYS = {
    "meaning": "By meaning",
    "words": "By words",
    "text": "In sentences",
    "token": "By promoted token",
    "example": "By example",
}
ABOUT = {
    "meaning": "Features whose label, or words, mean something near to what you type.",
    "words": "Features whose label, or distinctive words, contain what you type.",
    "text": "Sentences of the corpus that hold what you type, and the features that fire there more than elsewhere.",
    "token": "Features whose direction makes the model likelier to say the token that you type (logit lens).",
    "example": "Features that fire in some texts and not in others.",
}
TRY = {
    "meaning": ("countries and cities", "money", "the sea"),
    "words": ("war", "film", "treasury"),
    "text": ("Washington", "million dollars", "the best"),
    "token": ("sea", "money", "film"),
}
ALL = "all"
SENTENCES = 15


def box(way: str) -> str:
    """The one box, with something to try below it while it is empty."""
    wanted = st.query_params.get("q", "")
    url.bound(st.text_input, "Search for", "q", wanted, default="", also=(*PAGES, "says"), placeholder=TRY[way][0], width=430)
    if not wanted.strip():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Try:", width="content")
            for example in TRY[way]:
                st.button(example, key=f"try:{example}", type="tertiary", on_click=url.put, kwargs={"q": example})
    return wanted


def dictionaries(known: Mapping[str, Dictionary]) -> list[str]:
    """The dictionaries that are searched: one, or all."""
    chosen = url.choice("ae", (ALL, *known), ALL)
    told = {ALL: f"All {len(known)} dictionaries"} | {name: f"{entry.title} · {name}, layer {entry.layer}" for name, entry in known.items()}
    url.bound(st.selectbox, "In", "ae", chosen, (ALL, *known), default=ALL, also=("page",), format_func=told.get, width=280)
    return list(known) if chosen == ALL else [chosen]


def found(index: Index, way: str, names: Sequence[str], wanted: str) -> list[Result]:
    """What a way finds; the page says why where it finds nothing."""
    try:
        results = _ways(index, names, wanted)[way]()
    except (OSError, ValueError) as error:
        st.error(f"This cannot be searched: {url.code(error)}")
        return []
    if not results:
        st.info(_nothing(way), icon=":material/search_off:")
    return results


def _ways(index: Index, names: Sequence[str], wanted: str) -> Mapping:
    return {
        "meaning": lambda: _by_meaning(names, wanted),
        "words": lambda: search_ways.by_words(index, names, wanted),
        "text": lambda: search_ways.in_sentences(names, wanted, *pattern()),
        "token": lambda: _by_token(names, wanted),
    }


def _nothing(way: str) -> str:
    return {
        "meaning": "No feature has a label or words that can be compared.",
        "words": "No label and no distinctive word contains this. Try another word, or search by meaning or in sentences.",
        "text": "No sentence of the index holds it, or no feature fires there more than elsewhere for certain. Try what occurs more often.",
        "token": "No feature promotes this token.",
    }[way]


def _by_meaning(names: Sequence[str], wanted: str) -> list[Result]:
    bar, began, done = st.empty(), time.monotonic(), 0

    def advance(dictionaries: int) -> None:
        nonlocal done
        done += dictionaries
        seconds = time.monotonic() - began
        # what was embedded before answers at once, and needs no bar
        if done < len(names) and seconds > 1:
            left = duration((len(names) - done) * seconds / done)
            told = f"Reading what words mean, which is kept: {done} of {len(names)} dictionaries · {left} left"
            bar.progress(done / len(names), text=told)

    try:
        return search_ways.by_meaning(names, wanted, advance)
    finally:
        bar.empty()


# in sentences


def pattern() -> tuple[bool, bool]:
    """Whether what is typed is a regular expression, and whether case counts."""
    return url.flag("regex", False), url.flag("case", False)


def pattern_switches() -> None:
    """The two switches of a search in sentences."""
    expression, case = pattern()
    forgotten = {"default": False, "written": live.bit, "also": PAGES}
    url.bound(st.toggle, "Regular expression", "regex", expression, help=hover("search_expression"), **forgotten)
    url.bound(st.toggle, "Match case", "case", case, help=hover("search_case"), **forgotten)


def sentences(wanted: str) -> None:
    """The sentences that hold what was looked for, painted there."""
    try:
        where = searching.occurrences(wanted, *pattern())
    except ValueError:
        return  # said above, where the features would be
    pages = max(math.ceil(len(where.contexts) / SENTENCES), 1)
    page = url.whole("sentences", 1, pages, 1)
    st.subheader("Sentences")
    st.caption(f"{where.matches:,} matches on {len(where.tokens):,} tokens, in {len(where.contexts):,} sentences of the index.")
    first = (page - 1) * SENTENCES
    examples = searching.sentences(where, first, first + SENTENCES)
    panels.contexts([(example.document, "", paint_example(example, 1.0, usually_on=False)) for example in examples])
    if pages > 1:
        key = f"sentences-{page}"
        st.pagination(pages, default=page, key=key, on_change=lambda: url.put(sentences=st.session_state[key]))


# by promoted token


def _by_token(names: Sequence[str], wanted: str) -> list[Result]:
    said = directions.tokens_of(names[0], wanted.strip())
    if not said:
        raise ValueError(f"no single token of the model's vocabulary says {wanted.strip()!r}; try a shorter or more frequent word")
    texts = {str(token): text for token, text in said}
    # as it stands within a text, behind a space, where there is such a token
    default = next((token for token, text in texts.items() if text.startswith(" ")), next(iter(texts)))
    shown = {token: url.code(text.replace(" ", "␣")) for token, text in texts.items()}
    token = url.choice("says", list(texts), default) if len(texts) == 1 else url.switch("Token", "says", shown, default, PAGES)
    return search_ways.by_token(names, int(token))


def source(way: str, wanted: str) -> str:
    """How results were found, in a sentence."""
    return {
        "meaning": f"Near in meaning to “{wanted}”",
        "words": f"With “{wanted}” in label or words",
        "text": f"Firing where “{wanted}” stands in a sentence",
        "token": f"Promoting the token “{wanted}”",
        "example": "Firing in some texts and not in others",
    }[way]


def by_example(names: Sequence[str]) -> list[Result]:
    """What fires in the texts of one box and not in those of the other."""
    lenses = panels.require_lenses()
    usable = [name for name in names if name in lenses.usable and not services.replaced(name)]
    if missing := [url.code(name) for name in names if name not in lenses.usable]:
        st.caption(f"Left out, because their checkpoints cannot be used: {', '.join(missing)}. The Overview says why.")
    if other := [url.code(name) for name in names if name in lenses.usable and name not in usable]:
        st.caption(f"Left out, because their checkpoints were replaced since the index was built: {', '.join(other)}. Run `bae index`.")
    if not usable:
        st.info("No checkpoint of these dictionaries can be used to read a text.", icon=":material/layers_clear:")
        return []
    return search_example.results(usable)
