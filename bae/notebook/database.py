"""What people write: a SQLite file in WAL mode beside the index. So far: texts that were typed, kept private under an id."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA = """
create table if not exists text (id text primary key, body text not null, created real not null);
create table if not exists output (text text primary key, typed integer not null);
"""


class Notebook:
    """The notebook of a workspace. A connection a call: any thread and any process may read and write."""

    def __init__(self, file: Path):
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        with self.connected() as connection:
            connection.execute("pragma journal_mode=wal")
            connection.executescript(SCHEMA)

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed when the block ends well, rolled back otherwise."""
        with closing(sqlite3.connect(self.file, timeout=10)) as connection, connection:
            yield connection

    def keep_text(self, body: str, typed: int | None = None) -> str:
        """Keep a text and return its id, which cannot be guessed; the same text keeps its id.

        `typed` is the number of characters that a person wrote, where a language model wrote the rest.
        """
        same = "select id from text left join output on output.text = id where body = ? and typed is ?"
        with self.connected() as connection:
            known = connection.execute(same, (body, typed)).fetchone()
            if known:
                return known[0]
            name = secrets.token_urlsafe(9)
            connection.execute("insert into text values (?, ?, ?)", (name, body, time.time()))
            if typed is not None:
                connection.execute("insert into output values (?, ?)", (name, typed))
            return name

    def text(self, name: str) -> str:
        """The text with this id. Raises KeyError when there is none."""
        with self.connected() as connection:
            row = connection.execute("select body from text where id = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(f"no text {name!r} is kept in this workspace")
        return row[0]

    def typed(self, name: str) -> int | None:
        """How many characters of a text a person wrote, where a language model wrote the rest; None where a person wrote all."""
        with self.connected() as connection:
            row = connection.execute("select typed from output where text = ?", (name,)).fetchone()
        return row and row[0]
