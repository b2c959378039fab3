"""The address is the only state of a page: read and checked here before any widget is made; widgets write to it when used.

A wrong value is named on the page together with what is allowed, then the default is used.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import streamlit as st

SHOWN = 80
Value = TypeVar("Value")


def code(text: object) -> str:
    """Text of foreign origin for Markdown: as code, which no Markdown, link, emoji or icon syntax reaches into. One line, cut."""
    line = " ".join(str(text).split())
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    line = line if len(line) <= 4 * SHOWN else line[: 4 * SHOWN] + "…"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}"


def wrong(name: str, value: str, allowed: str, used: object) -> None:
    """Say on the page that the address asks for what is not there."""
    shown = value if len(value) <= SHOWN else value[:SHOWN] + "…"
    instead = "" if used is None else f" Showing {code(used)} instead."
    st.warning(f"The address asks for {name} = {code(shown)}, which is not there. Allowed: {allowed}.{instead}", icon=":material/link_off:")


def choice(name: str, options: Collection[str], default: str, others: str = "") -> str:
    """One of `options`."""
    value = st.query_params.get(name, default)
    if value in options:
        return value
    wrong(name, value, ", ".join(code(option) for option in options) + others, default)
    return default


def several(name: str, options: Collection[str], default: Sequence[str]) -> list[str]:
    """Some of `options`, with commas between them in the address; those that are not there are named and left out."""
    value = st.query_params.get(name)
    if value is None:
        return list(default)
    asked = dict.fromkeys(part for part in value.split(",") if part)
    unknown = [part for part in asked if part not in options]
    if unknown:
        wrong(name, ",".join(unknown), ", ".join(code(option) for option in options) or "nothing yet", None)
    return [option for option in options if option in asked]


def whole(name: str, low: int, high: int, default: int | None) -> int | None:
    """A whole number in low..high; `default` where the address names none."""
    value = st.query_params.get(name)
    if value is None:
        return default
    if re.fullmatch(r"[0-9]{1,9}", value) and low <= int(value) <= high:
        return int(value)
    wrong(name, value, f"a whole number from {low} to {high}", default)
    return default


def flag(name: str, default: bool) -> bool:
    """A switch, written as 1 or 0."""
    return choice(name, ("0", "1"), str(int(default))) == "1"


def put(**params: object) -> None:
    """Write to the address, from a callback; None takes a parameter out. All in one step, so that Back undoes all of it."""
    kept = {name: value for name, value in st.query_params.to_dict().items() if name not in params}
    st.query_params.from_dict(kept | {name: str(value) for name, value in params.items() if value is not None})


def bound(
    widget: Callable,
    label: str,
    name: str,
    value: Value,
    *positional: object,
    default: Value | None = None,
    written: Callable[[Value], str] = str,
    also: Sequence[str] = (),
    **options: object,
) -> Value:
    """Draw a widget that shows `value`, as read from parameter `name`, and writes it there when a person changes it.

    A value equal to `default` is taken out of the address; the parameters in `also` no longer hold after a change, and go too.
    """
    key = f"url:{name}"
    st.session_state[key] = value
    widget(label, *positional, key=key, on_change=_follow, args=(name, key, default, written, tuple(also)), **options)
    return value


def switch(label: str, name: str, options: Mapping[str, str], default: str, also: Sequence[str] = ()) -> str:
    """Draw a row of named choices, one of which is on, as parameter `name` says; its label is read out and not shown."""
    value = choice(name, list(options), default)
    shown = {"format_func": options.get, "required": True, "label_visibility": "collapsed"}
    return bound(st.segmented_control, label, name, value, list(options), default=default, also=also, **shown)


def _follow(name: str, key: str, default: object, written: Callable, also: tuple[str, ...]) -> None:
    value = st.session_state[key]
    put(**{name: None if value is None or value == default else written(value)}, **dict.fromkeys(also))
