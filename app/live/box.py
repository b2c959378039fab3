"""The boxes that texts are typed into. A text is private: the address carries its id in the notebook, never the text."""

import streamlit as st

from app import services
from app.components import url

EXAMPLES = {
    "Address": "Fellow citizens, the treaty with Great Britain has opened our harbors to trade, and the naval force now guards the coast.",
    "Film review": "A beautifully acted, quietly funny film whose last half hour, alas, collapses under a dreadful script.",
    "Science": "When light of one frequency falls on a metal, the electrons take their energy from its colour and not from its brightness.",
    "Code": "def total(prices):\n    return sum(price for price in prices if price > 0)  # in euros",
    "Many scripts": "Ελλάδα, 日本語 and العربية meet in one line 🙂, with naïve café spelling and the year 1848.",
}
FIRST, SECOND = "text", "text2"
"""The parameters that hold the ids of texts."""
SHOWN_WITHOUT = {FIRST: "Address", SECOND: "Film review"}
"""The example that is shown where the address names no text."""
LOCKS = {FIRST: "token", SECOND: "token2"}
"""The parameters that hold the locked token of each text."""


def text_box(height: int = 120) -> str:
    """The box with its examples, and the text that the address names."""
    text = _box(FIRST, "Text", "typed", height)
    with st.container(horizontal=True, gap="small"):
        st.button("Read", type="primary", icon=":material/visibility:", help="Reads the text and paints it. Ctrl+Enter does the same.")
        for name, example in EXAMPLES.items():
            st.button(name, on_click=keep, args=(example,), key=f"example:{name}")
    return text


def two_boxes() -> tuple[str, str]:
    """Two boxes beside each other, and what they hold."""
    left, right = st.columns(2)
    with left:
        first = _box(FIRST, "Text A", "typed", 120)
    with right:
        second = _box(SECOND, "Text B", "typed2", 120)
    st.button("Read", type="primary", icon=":material/visibility:", help="Reads both texts. Ctrl+Enter does the same.")
    return first, second


def _box(param: str, label: str, key: str, height: int) -> str:
    text = _text_of_address(param)
    st.session_state[key] = text
    hint = "Type or paste a text; Ctrl+Enter reads it."
    st.text_area(label, key=key, height=height, on_change=_typed, args=(key, param), placeholder=hint)
    return text


def _text_of_address(param: str) -> str:
    name, example = st.query_params.get(param), EXAMPLES[SHOWN_WITHOUT[param]]
    if name is None:
        return example
    if not name:
        return ""
    try:
        return services.notebook().text(name)
    except KeyError:
        url.wrong(param, name, "the id of a text that was kept in this workspace", "an example")
        return example


def _typed(key: str, param: str) -> None:
    keep(st.session_state[key], param)


def keep(text: str, param: str = FIRST, typed: int | None = None) -> None:
    """Keep a text and show it. `typed` is how many of its characters a person wrote, where a language model wrote the rest."""
    url.put(**{param: services.notebook().keep_text(text, typed) if text.strip() else "", LOCKS[param]: None})


def typed_characters() -> int | None:
    """How many characters of the first text a person wrote; None where a person wrote all."""
    name = st.query_params.get(FIRST)
    return services.notebook().typed(name) if name else None
