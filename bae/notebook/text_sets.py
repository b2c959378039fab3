"""A file of many texts: taken apart, with every reason why it cannot be, and kept in the notebook under an id."""

import csv
import io
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bae.notebook.database import Notebook

MOST_TEXTS, MOST_CHARACTERS = 2_000, 200_000
KINDS: Mapping[str, str] = {
    ".txt": "a text a line",
    ".jsonl": 'an object with a field "text" a line',
    ".csv": 'a column "text" under a first row of names',
}
"""What a file may be called, and what is then looked for in it."""
SCHEMA = """
create table if not exists text_set (id text primary key, name text not null, texts text not null, skipped integer not null,
    created real not null);
"""


@dataclass(frozen=True)
class TextSet:
    """Texts that came together."""

    name: str
    """Of the file, foreign."""
    texts: tuple[str, ...]
    skipped: int = 0
    """Lines or rows without a word, which were left out."""


def parse(name: str, data: bytes) -> TextSet:
    """The texts of a file. Raises ValueError that says what is wrong and what is allowed, with the line where there is one."""
    kind = next((kind for kind in KINDS if name.lower().endswith(kind)), None)
    if kind is None:
        raise ValueError(f"the file {name} is of no kind that can be read; there are {', '.join(f'{k} ({v})' for k, v in KINDS.items())}")
    found = _READERS[kind](_decoded(data))
    texts = tuple(text for text in found if text.strip())
    if not texts:
        raise ValueError(f"the file {name} holds no text; {kind} is to hold {KINDS[kind]}")
    characters = sum(map(len, texts))
    if len(texts) > MOST_TEXTS or characters > MOST_CHARACTERS:
        raise ValueError(
            f"the file {name} holds {len(texts):,} texts of {characters:,} characters in all; at most {MOST_TEXTS:,} texts and "
            f"{MOST_CHARACTERS:,} characters are read at a time, so nothing was: split it"
        )
    return TextSet(name, texts, len(found) - len(texts))


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("the file is written in UTF-16; save it as UTF-8")
    if b"\0" in data:
        raise ValueError("the file is not text: it has bytes that are 0; save it as text in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"line {line:,} is not UTF-8 (byte {error.start:,} is 0x{data[error.start]:02x}); save the file as UTF-8"
        ) from error


def _lines(text: str) -> list[str]:
    # not splitlines, which also cuts at signs that a text may hold, such as U+2028
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if not lines[-1] else lines


def _json_lines(text: str) -> list[str]:
    return [_field(line, number) for number, line in enumerate(_lines(text), start=1)]


def _field(line: str, number: int) -> str:
    if not line.strip():
        return ""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:  # ValueError: of a number with thousands of digits too
        raise ValueError(f"line {number:,} is not JSON; every line is to be {KINDS['.jsonl'].removesuffix(' a line')}") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise ValueError(f'line {number:,} is no object whose field "text" is a string')
    try:
        row["text"].encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"line {number:,} holds half a character (a lone surrogate), which is no text") from error
    return row["text"]


def _rows(text: str) -> list[str]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip() for name in next(reader, [])]
        if "text" not in head:
            raise ValueError(f'the columns are {", ".join(head) or "none"}; one must be called "text", in the first row')
        at = head.index("text")
        return [row[at] if len(row) > at else "" for row in reader]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num:,} is not CSV ({error}); quotes in a quoted text are doubled") from error


_READERS: Mapping[str, Callable[[str], list[str]]] = {".txt": _lines, ".jsonl": _json_lines, ".csv": _rows}


class TextSets:
    """The sets of texts of a workspace."""

    def __init__(self, notebook: Notebook):
        self.notebook = notebook
        with notebook.connected() as connection:
            connection.executescript(SCHEMA)

    def keep(self, texts: TextSet) -> str:
        """Keep a set and return its id, which cannot be guessed; the same set keeps its id."""
        row = (texts.name, json.dumps(texts.texts), texts.skipped)
        with self.notebook.connected() as connection:
            known = connection.execute("select id from text_set where name = ? and texts = ? and skipped = ?", row).fetchone()
            if known:
                return known[0]
            name = secrets.token_urlsafe(9)
            connection.execute("insert into text_set values (?, ?, ?, ?, ?)", (name, *row, time.time()))
            return name

    def get(self, name: str) -> TextSet:
        """The set with this id. Raises KeyError when there is none."""
        with self.notebook.connected() as connection:
            row = connection.execute("select name, texts, skipped from text_set where id = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(f"no set of texts {name!r} is kept in this workspace")
        return TextSet(row[0], tuple(json.loads(row[1])), row[2])
