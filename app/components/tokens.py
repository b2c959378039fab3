"""Painted text as a component that answers to hovering and clicking, and what its colours mean. `painted_html` is its still form.

Text is foreign: the component sets `textContent` only (tokens.js).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from bae.reading.painted_html import colour
from bae.reading.painting import Stretch

_HTML = """
<div class="painted">
  <div class="lines"></div>
  <div class="tip" role="tooltip" popover="manual"></div>
</div>
"""
_HERE = Path(__file__).parent
_painted = st.components.v2.component(
    "bae_painted_text",
    html=_HTML,
    css=(_HERE / "tokens.css").read_text(encoding="utf-8"),
    js=(_HERE / "tokens.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Line:
    """A text painted under one dictionary."""

    title: str
    """Shown where there are several."""
    stretches: Sequence[Stretch]
    names: Mapping[int, str]
    """What features are called in the hover."""
    unit: str


def painted_text(
    stretches: Sequence[Stretch], names: Mapping[int, str], unit: str, locked: int | None, on_pick: Callable[[int], None], key: str
) -> None:
    """Draw a text that can be hovered and clicked; `on_pick` is called with the token that a person clicked."""
    painted_lines([Line("", stretches, names, unit)], locked, on_pick, key)


def painted_lines(lines: Sequence[Line], locked: int | None, on_pick: Callable[[int], None], key: str) -> None:
    """Draw the same text in several lines: a token that is hovered or locked in one is so in all."""

    def picked() -> None:
        token = st.session_state[key].picked
        if isinstance(token, int) and any(stretch.token == token for line in lines for stretch in line.stretches):
            on_pick(token)

    _painted(key=key, data={"lines": [_told(line) for line in lines], "locked": locked}, on_picked_change=picked)


def _told(line: Line) -> dict:
    features = {feature for stretch in line.stretches for feature, _ in stretch.top}
    return {
        "title": line.title,
        "tokens": [[s.text, s.token, s.kind, round(s.heat, 3), s.note, s.top, s.output] for s in line.stretches],
        "names": {str(feature): line.names[feature] for feature in features if line.names.get(feature)},
        "unit": line.unit,
    }


def legend(off: bool, output: bool = False) -> str:
    """What the colours mean, as HTML of ours."""
    parts = [f"{_swatch('on')} fires"]
    if off:
        parts.append(f"{_swatch('off')} silent where it usually fires")
    return _legend(parts, output)


def legend_of_bits(usual: Sequence[float], full: float, output: bool = False) -> str:
    """The same where depth is bits, which is deepest from `full` times the usual; `usual` is that of each line."""
    told = ", ".join(f"{one:,.0f} bits" for one in dict.fromkeys(usual))
    return _legend([f"0 {_swatch('bits')} {full:g} times the usual or more; usual for a token: {told}"], output)


def _swatch(kind: str) -> str:
    steps = "".join(
        f'<span style="display:inline-block;width:14px;height:12px;background:{colour(kind, heat)}"></span>'
        for heat in (0.15, 0.45, 0.75, 1.0)
    )
    return f'<span style="white-space:nowrap">{steps}</span>'


def _legend(parts: Sequence[str], output: bool) -> str:
    written = ['<span style="border-bottom:2px dashed">dashes</span> written by the language model'] if output else []
    grey = '<span style="opacity:.55;text-decoration:underline dotted">grey</span> left out, hover says why'
    items = "".join(f"<span>{part}</span>" for part in (*parts, *written, grey))
    return f'<div style="font-size:.85rem;opacity:.9;display:flex;gap:1.2rem;flex-wrap:wrap">{items}</div>'
