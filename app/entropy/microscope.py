"""A text under all dictionaries of bits at once: what the code of each token takes, layer by layer."""

from collections.abc import Sequence

import streamlit as st

from app import charts
from app.components import panels, url
from app.components.explain import MEANINGS, hover
from app.components.small_table import small_table
from app.entropy import beside, microscope_charts
from app.entropy.microscope_charts import Marks
from app.live import box as live_box
from app.services import microscope
from app.services.microscope import MOST_TOGETHER, REVIEWS, SHOTS, CodeLengths

SOURCES = {"own": "A text", "reviews": "Demonstrations"}
ALT = "Code length of every token in bits, a line a layer; diamonds: entropies of sets of hidden states at that position"
COLUMNS = ("code_length_sum", "code_length_mean", "code_length_last", "code_length_usual")


def show() -> None:
    """Draw it, or say what it needs."""
    st.caption(
        "How many bits the code of each token takes when it is written with the habits of the corpus: a **code length** (cross-entropy), "
        "not an entropy. What the corpus has much of is short. Dotted: the mean over the corpus itself, which is the entropy that the "
        "dictionary reports of it."
    )
    panels.require_lenses()
    if not microscope.dictionaries():
        st.info("No dictionary here has bits, one a feature. Train a BAE on the page Training.", icon=":material/layers_clear:")
        return
    if missing := microscope.left_out():
        names = ", ".join(url.code(name) for name in missing)
        st.caption(f"A text is read through at most {MOST_TOGETHER} dictionaries, here those of the lowest layers. Left out: {names}.")
    source = url.switch("Source", "source", SOURCES, "own")
    try:
        _own() if source == "own" else _reviews()
    except (ValueError, OSError) as error:
        panels.cannot_read(error)


def _own() -> None:
    lengths = microscope.code_lengths(live_box.text_box())
    found = beside.measured(lengths)
    sets = beside.marks(found, "language", "position")
    if _draw(lengths, "code-length-by-token", sets):
        beside.show(lengths, found, sets)


def _reviews() -> None:
    number, shots = url.whole("review", 1, REVIEWS, 1), url.choice("shots", [str(k) for k in SHOTS], "0")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        url.bound(st.number_input, "Review", "review", number, 1, REVIEWS, default=1, help=hover("query_review"), width=160)
        options = [str(k) for k in SHOTS]
        url.bound(st.select_slider, "Demonstrations", "shots", shots, options, default="0", help=hover("shots"), width=320)
    prompts = [microscope.review_prompt(number - 1, k) for k in SHOTS]
    st.code(prompts[SHOTS.index(int(shots))], language=None, wrap_lines=True)
    lengths = [microscope.code_lengths(prompt) for prompt in prompts]
    own = lengths[SHOTS.index(int(shots))]
    found = beside.measured(own)
    sets = beside.marks(found, "icl", "shots")
    left, right = st.columns([3, 2])
    with left:
        # the sets of the experiment on texts are of windows of prose, and no prompts
        drawn = _draw(own, "code-length-by-token", [])
    with right:
        st.plotly_chart(
            microscope_charts.by_shots(SHOTS, lengths, sets),
            config=charts.config("code-length-by-demonstrations"),
            alt="Code length of the last token against the number of demonstrations, a line a layer; diamonds: entropies of sets",
            key="by-shots",
        )
    if drawn:
        beside.show(own, found, sets)


def _draw(lengths: Sequence[CodeLengths], name: str, sets: Sequence[Marks]) -> bool:
    """The chart and its figures; False where there is nothing to draw, which the page says."""
    if not any(one.read for one in lengths):
        st.info("No token of this text was read: all are left out because of their norm.", icon=":material/visibility_off:")
        return False
    figure = microscope_charts.by_token(lengths, sets)
    st.plotly_chart(figure, config=charts.config(name), alt=ALT, key=name)
    heads = [("Layer", ""), ("Dictionary", ""), *((f"{MEANINGS[column].label} (bits)", hover(column)) for column in COLUMNS)]
    st.html(small_table(heads, [_row(one) for one in lengths]))
    return True


def _row(one: CodeLengths) -> list[str]:
    read = one.read
    mean = f"{sum(read) / len(read):,.1f}" if read else "–"
    last = "left out" if one.last is None else f"{one.last:,.0f}"
    # a dictionary's name is letters, digits, - _ and .
    return [str(one.layer), one.dictionary, f"{sum(read):,.0f}", mean, last, f"{one.usual:,.1f}"]
