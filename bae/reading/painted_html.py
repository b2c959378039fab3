"""Painted text as HTML that does nothing: the only door by which text of others enters a page or a notebook as HTML."""

from collections.abc import Sequence
from html import escape

from bae.reading.painting import Stretch

KINDS = ("plain", "on", "off", "bits", "grey")
COLOURS = {"on": "0 150 175", "off": "224 112 16", "bits": "148 84 212"}
"""Blue-teal for bursts and values, orange for bursts by silence, violet for bits wherever they are shown; the same in tokens.css.

Each is told by its depth alone, so with any kind of colour vision."""
FAINT, DEPTH = 0.1, 0.5
"""Opacity without heat, and what full heat adds: text stays readable on it, in light and dark."""


def painted_html(stretches: Sequence[Stretch]) -> str:
    """A text as stretches of colour. Whatever the text is, it stays text."""
    painted = "".join(map(_span, stretches))
    return f'<span dir="auto" style="white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext">{painted}</span>'


def colour(kind: str, heat: float) -> str:
    """The colour of a kind at a heat in [0, 1], as CSS has it."""
    return f"rgb({COLOURS[kind]}/{FAINT + heat * DEPTH:.2f})"


def _span(stretch: Stretch) -> str:
    assert stretch.kind in KINDS, f"a stretch is {', '.join(KINDS)}; got {stretch.kind!r}"
    style = []
    if stretch.kind in COLOURS:
        style.append(f"background:{colour(stretch.kind, stretch.heat)};border-radius:3px")
    if stretch.kind == "grey":
        style.append("opacity:.55;text-decoration:underline dotted")
    if stretch.bold:
        style.append("font-weight:700")
    attributes = (f' style="{";".join(style)}"' if style else "") + (f' title="{escape(stretch.note)}"' if stretch.note else "")
    return f"<span{attributes}>{escape(stretch.text)}</span>" if attributes else escape(stretch.text)
