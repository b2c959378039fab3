"""Keys that a page answers to, as in j for the next feature. They do nothing while a person types, nor with Ctrl, Alt or Meta."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import streamlit as st

_HTML = """
<div class="keys">
  <button class="hint" type="button" aria-label="Keys of this page"><kbd>?</kbd> keys</button>
  <div class="help" role="dialog" aria-label="Keys of this page" popover="manual"></div>
</div>
"""
_HERE = Path(__file__).parent
_keys = st.components.v2.component(
    "bae_keys",
    html=_HTML,
    css=(_HERE / "keys.css").read_text(encoding="utf-8"),
    js=(_HERE / "keys.js").read_text(encoding="utf-8"),
)
_KEY = "keys"
_FOCUS = "keys:focus"
"""The box that the next page puts the cursor into."""


class Shortcut(NamedTuple):
    """What a key does: `do` is called like the callback of a button, or the cursor goes into the box of the widget with key `focus`."""

    told: str
    """For the list of keys: "the next active feature"."""
    do: Callable[[], None] | None = None
    focus: str | None = None


def shortcuts(keys: Mapping[str, Shortcut]) -> str | None:
    """Draw the hint, and answer to these keys (single signs; ? is taken: it lists them). Once a page.

    Returns the key that was just pressed and not answered by a callback or here, for pages that leave for another one.
    """
    assert all(len(key) == 1 and key != "?" for key in keys), f"keys are single signs other than ?; got {list(keys)}"

    def pressed() -> None:
        shortcut = keys.get(st.session_state[_KEY].pressed)
        if shortcut is not None and shortcut.do is not None:
            shortcut.do()

    result = _keys(
        key=_KEY,
        data={
            "keys": [[key, shortcut.told, shortcut.focus] for key, shortcut in keys.items()],
            "focus": st.session_state.pop(_FOCUS, None),
        },
        width="content",
        on_pressed_change=pressed,
    )
    return result.pressed if result.pressed in keys else None


def focus_next(widget: str) -> None:
    """Have the next page put the cursor into the box of the widget with this key, when it draws its keys."""
    st.session_state[_FOCUS] = widget
