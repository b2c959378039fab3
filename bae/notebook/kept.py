"""What a person keeps of features, in the notebook: bookmarks with their tags, and a note each. Lists are in bae/notebook/lists.py.

A feature belongs to a checkpoint and not only to a name, as labels do: what was kept of a dictionary stays its own when another is
trained under its name.
"""

import time
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bae.comsem.records import Subject
from bae.notebook.database import Notebook

TAG_CHARACTERS = 40
MOST_TAGS = 20
"""Of one feature."""
NOTE_CHARACTERS = 10_000
AT_ONCE = 5_000
"""Features that are asked for in one statement: SQLite binds at most 32,766 values."""

SCHEMA = """
create table if not exists bookmark (
    dictionary text not null, checkpoint text not null, feature integer not null, created real not null,
    primary key (dictionary, checkpoint, feature)
);
create table if not exists bookmark_tag (
    dictionary text not null, checkpoint text not null, feature integer not null, tag text not null,
    primary key (dictionary, checkpoint, feature, tag)
);
create table if not exists note (
    dictionary text not null, checkpoint text not null, feature integer not null, body text not null, updated real not null,
    primary key (dictionary, checkpoint, feature)
);
"""
OF_FEATURE = "dictionary = ? and checkpoint = ? and feature = ?"


class FeatureKey(NamedTuple):
    """A feature of a checkpoint of a dictionary."""

    dictionary: str
    checkpoint: str
    feature: int

    @property
    def subject(self) -> Subject:
        """The dictionary that it belongs to."""
        return Subject(self.dictionary, self.checkpoint)


def keys(subject: Subject, features: Iterable[int]) -> list[FeatureKey]:
    """Features of one dictionary."""
    return [FeatureKey(subject.dictionary, subject.checkpoint, int(feature)) for feature in features]


@dataclass(frozen=True)
class Bookmark:
    """A feature that a person marked, with its tags in alphabetical order."""

    key: FeatureKey
    created: float
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """What a person wrote about a feature."""

    key: FeatureKey
    body: str
    updated: float


def one_line(what: str, text: str, most: int) -> str:
    """A short text as it is kept: on one line, spaces at its ends left out.

    Raises ValueError, which calls it `what`, where it is empty, longer than `most` characters, or holds signs that cannot be seen.
    """
    line = unicodedata.normalize("NFC", " ".join(text.split()))
    if not line:
        raise ValueError(f"a {what} has at least one character")
    if len(line) > most:
        raise ValueError(f"a {what} has at most {most} characters; this one has {len(line):,}")
    if not line.isprintable():
        raise ValueError(f"a {what} holds only signs that can be seen; {line!r} has others")
    return line


class Bookmarks:
    """The bookmarks of a workspace. Any thread and any process may read and write."""

    def __init__(self, notebook: Notebook):
        self.notebook = notebook
        with notebook.connected() as connection:
            connection.executescript(SCHEMA)

    def add(self, key: FeatureKey, tags: Iterable[str] = ()) -> None:
        """Mark a feature, or give a marked one further tags. Raises ValueError for a tag that cannot be one, or for too many."""
        self.change_tags(key, add=tags)

    def change_tags(self, key: FeatureKey, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Give a feature tags and take some away, all or nothing; one that is not marked is marked.

        What two people change at once is kept of both: only the named tags are touched. Raises ValueError as `add` does.
        """
        given = [one_line("tag", tag, TAG_CHARACTERS) for tag in add]
        with self.notebook.connected() as connection:
            connection.execute("insert or ignore into bookmark values (?, ?, ?, ?)", (*key, time.time()))
            connection.executemany(f"delete from bookmark_tag where {OF_FEATURE} and tag = ?", [(*key, tag) for tag in remove])
            connection.executemany("insert or ignore into bookmark_tag values (?, ?, ?, ?)", [(*key, tag) for tag in given])
            (held,) = connection.execute(f"select count(*) from bookmark_tag where {OF_FEATURE}", key).fetchone()
            if held > MOST_TAGS:
                raise ValueError(f"a feature has at most {MOST_TAGS} tags; this would be {held}")

    def remove(self, key: FeatureKey) -> None:
        """Take a bookmark away with its tags; nothing happens where there is none."""
        with self.notebook.connected() as connection:
            connection.execute(f"delete from bookmark where {OF_FEATURE}", key)
            connection.execute(f"delete from bookmark_tag where {OF_FEATURE}", key)

    def has(self, key: FeatureKey) -> bool:
        """Whether a feature is marked."""
        with self.notebook.connected() as connection:
            return connection.execute(f"select 1 from bookmark where {OF_FEATURE}", key).fetchone() is not None

    def tags_of(self, key: FeatureKey) -> tuple[str, ...]:
        """The tags of a feature, in alphabetical order."""
        with self.notebook.connected() as connection:
            rows = connection.execute(f"select tag from bookmark_tag where {OF_FEATURE} order by tag", key).fetchall()
        return tuple(tag for (tag,) in rows)

    def all(self, tag: str | None = None) -> list[Bookmark]:
        """All bookmarks, or those with a tag, the newest first."""
        with self.notebook.connected() as connection:
            # one statement, so that a bookmark and its tags are of the same moment
            rows = connection.execute(
                "select dictionary, checkpoint, feature, created, tag from bookmark left join bookmark_tag"
                " using (dictionary, checkpoint, feature) order by created desc, dictionary, checkpoint, feature, tag"
            ).fetchall()
        tags: dict[tuple[FeatureKey, float], list[str]] = {}
        for *key, created, one in rows:
            tags.setdefault((FeatureKey(*key), created), []).extend([] if one is None else [one])
        found = [Bookmark(key, created, tuple(held)) for (key, created), held in tags.items()]
        return [bookmark for bookmark in found if tag is None or tag in bookmark.tags]

    def tags(self) -> dict[str, int]:
        """Every tag with the number of features that have it, the most used first."""
        with self.notebook.connected() as connection:
            rows = connection.execute("select tag, count(*) from bookmark_tag group by tag order by count(*) desc, tag").fetchall()
        return dict(rows)


class Notes:
    """The notes of a workspace, one a feature. Any thread and any process may read and write."""

    def __init__(self, notebook: Notebook):
        self.notebook = notebook
        with notebook.connected() as connection:
            connection.executescript(SCHEMA)

    def write(self, key: FeatureKey, body: str, seen: float | None = None) -> None:
        """Let this be the note of a feature; an empty one takes it away.

        `seen` is when the note was written that the writer has before them, None where there was none. Raises ValueError for a note that is
        too long, and for one that would replace what the writer has not seen.
        """
        if len(body) > NOTE_CHARACTERS:
            raise ValueError(f"a note has at most {NOTE_CHARACTERS:,} characters; this one has {len(body):,}")
        with self.notebook.connected() as connection:
            if body.strip():
                written = connection.execute(
                    "insert into note values (?, ?, ?, ?, ?) on conflict do update set body = excluded.body, updated = excluded.updated"
                    " where updated is ?",
                    (*key, body, time.time(), seen),
                ).rowcount
            else:
                connection.execute(f"delete from note where {OF_FEATURE} and updated is ?", (*key, seen))
                written = connection.execute(f"select 1 from note where {OF_FEATURE}", key).fetchone() is None
        if not written:
            raise ValueError("this note was changed elsewhere in the meantime; read that one first, then save yours again to replace it")

    def of(self, key: FeatureKey) -> Note | None:
        """The note of a feature; None where there is none."""
        with self.notebook.connected() as connection:
            row = connection.execute(f"select body, updated from note where {OF_FEATURE}", key).fetchone()
        return None if row is None else Note(key, *row)

    def bodies(self, features: Sequence[FeatureKey]) -> dict[FeatureKey, str]:
        """What is written about some features; those without a note are left out."""
        found = {}
        with self.notebook.connected() as connection:
            for first in range(0, len(features), AT_ONCE):
                some = features[first : first + AT_ONCE]
                asked = ", ".join(["(?, ?, ?)"] * len(some))
                rows = connection.execute(
                    f"select dictionary, checkpoint, feature, body from note where (dictionary, checkpoint, feature) in (values {asked})",
                    [value for key in some for value in key],
                )
                found |= {FeatureKey(*key): body for *key, body in rows}
        return found

    def all(self, containing: str = "") -> list[Note]:
        """All notes, or those that contain a text whatever its case, the newest first."""
        wanted = containing.strip().casefold()
        with self.notebook.connected() as connection:
            rows: Sequence[tuple] = connection.execute("select * from note order by updated desc, dictionary, feature").fetchall()
        return [Note(FeatureKey(*key), body, updated) for *key, body, updated in rows if wanted in body.casefold()]
