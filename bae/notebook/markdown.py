"""A feature as Markdown, for notes and messages elsewhere. Whatever is foreign is escaped, so that it stays text where it is pasted."""

import re
from collections.abc import Sequence
from typing import NamedTuple

MEANT = re.compile(r"([\\`*_{}\[\]<>&|~$:@])")
"""Signs that mean something within a line of Markdown, of its dialects, or of Streamlit."""
AROUND = 240
"""Characters of a context that are kept on either side of its peak."""


class Marked(NamedTuple):
    """A context: what stands before its peak word, the word, what follows, and where it is from. A random context has no peak."""

    before: str
    word: str
    after: str
    source: str


def escaped(text: str) -> str:
    """Foreign text for a line of Markdown: one line, signs that cannot be seen replaced, signs that mean something escaped."""
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))
    line = MEANT.sub(r"\\\1", line)
    # a number is no sign that can be escaped, the dot behind it is; "www." alone makes a link
    line = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", line)
    line = re.sub(r"^([#+\-=])", r"\\\1", line)
    return re.sub(r"(?i)\bwww\.", lambda found: found[0][:-1] + "\\.", line)


def as_markdown(
    title: str,
    label: str,
    words: str,
    figures: Sequence[tuple[str, str]],
    contexts: Sequence[Marked],
    provenance: Sequence[tuple[str, str]],
    path: str,
    note: str = "",
) -> str:
    """A feature as a piece of Markdown that ends with a line break.

    `figures` are names with values and their units; `path` is the permalink, percent-encoded, without the server's name. An empty label,
    words or note is left out.
    """
    assert re.fullmatch(r"[\w%&=?+.~/-]*", path), f"a permalink is percent-encoded; got {path!r}"
    told = [("Label", label), ("Words", words), ("Note", note)]
    parts = [
        f"## {escaped(title)}",
        *(f"{name}: {escaped(text)}" for name, text in told if text.strip()),
        _table(figures),
        "\n".join(_context(context) for context in contexts),
        "\n".join(f"- {escaped(name)}: {escaped(value)}" for name, value in provenance),
        f"Permalink: `{path}`",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(figures: Sequence[tuple[str, str]]) -> str:
    rows = [f"| {escaped(name)} | {escaped(value)} |" for name, value in figures]
    return "\n".join(["| Figure | Value |", "| --- | --- |", *rows]) if rows else ""


def _context(context: Marked) -> str:
    before, after = context.before[-AROUND:], context.after[:AROUND]
    before = ("… " if len(before) < len(context.before) else "") + before
    after += " …" if len(after) < len(context.after) else ""
    word = f"**{escaped(context.word)}**" if context.word.strip() else ""
    line = " ".join(part for part in (escaped(before), word, escaped(after)) if part)
    return f"- {line} ({escaped(context.source)})"
