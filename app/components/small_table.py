"""A small table as HTML: for figures whose headings and cells have hovers, and for cells that hold more than a number."""

from collections.abc import Sequence
from html import escape

_HEAD = "text-align:left;font-weight:500;padding:.2rem 1.4rem .25rem 0;vertical-align:bottom"
_HOVER = ";cursor:help;text-decoration:underline dotted;text-underline-offset:.2em"
_CELL = "padding:.28rem 1.4rem .28rem 0;border-top:1px solid rgba(128,128,128,.22);vertical-align:top"


def small_table(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    """Headings are texts with their hovers, escaped here; cells are HTML, and whoever makes them escapes what is foreign."""
    first = "".join(f'<th title="{escape(told)}" style="{_HEAD}{_HOVER if told else ""}">{escape(text)}</th>' for text, told in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    style = "font-size:.88rem;border-collapse:collapse;font-variant-numeric:tabular-nums"
    return f'<div style="overflow-x:auto"><table style="{style}"><tr>{first}</tr>{body}</table></div>'


def _cell(html: str) -> str:
    return f'<td style="{_CELL}">{html}</td>'


def hovering(text: str, told: str) -> str:
    """A foreign text that says more on hovering, as HTML."""
    return f'<span title="{escape(told)}" style="white-space:nowrap{_HOVER}">{escape(text)}</span>'
