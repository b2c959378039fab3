"""Lists of features that a person keeps under a name, in the notebook: ordered, of one dictionary or of several, each with its source."""

import secrets
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bae.notebook.database import Notebook
from bae.notebook.kept import OF_FEATURE, FeatureKey, one_line

NAME_CHARACTERS = 80
MOST_MEMBERS = 100_000
SOURCE_CHARACTERS = 500
ADDRESS_CHARACTERS = 20_000
"""A lasso over a map names its features in the address."""

SCHEMA = """
create table if not exists feature_list (
    id text primary key, name text not null unique collate nocase, source text not null, address text not null, created real not null
);
create table if not exists feature_list_member (
    place integer primary key autoincrement, list text not null,
    dictionary text not null, checkpoint text not null, feature integer not null,
    unique (list, dictionary, checkpoint, feature)
);
"""


@dataclass(frozen=True)
class FeatureList:
    """A list without its members."""

    id: str
    name: str
    source: str
    """How it came about, as a sentence; empty for one that was begun by hand."""
    address: str
    """Page and query string it was kept from, as in `features?ae=bae&q=sea`; empty where there was none."""
    created: float
    size: int


class FeatureLists:
    """The lists of a workspace. Any thread and any process may read and write."""

    def __init__(self, notebook: Notebook):
        self.notebook = notebook
        with notebook.connected() as connection:
            connection.executescript(SCHEMA)

    def make(self, name: str, members: Iterable[FeatureKey] = (), source: str = "", address: str = "") -> str:
        """Keep features as a new list; returns its id, which can stand in an address.

        A source or an address that is too long is cut, respectively left out: a part of an address would lead elsewhere.
        Raises ValueError for a name that cannot be one or is taken, and for too many features.
        """
        name, identity = one_line("name", name, NAME_CHARACTERS), secrets.token_hex(6)
        told = source[:SOURCE_CHARACTERS], address if len(address) <= ADDRESS_CHARACTERS else ""
        try:
            with self.notebook.connected() as connection:
                connection.execute("insert into feature_list values (?, ?, ?, ?, ?)", (identity, name, *told, time.time()))
                _insert(connection, identity, members)
        except sqlite3.IntegrityError as error:
            raise _taken(name) from error
        return identity

    def add(self, identity: str, members: Iterable[FeatureKey]) -> int:
        """Put features at the end of a list; returns how many were not on it. Raises KeyError for no such list, ValueError for too many."""
        with self.notebook.connected() as connection:
            # a write first: it waits for others that write, which a transaction that began with reading would not
            touched = connection.execute("update feature_list set name = name where id = ?", (identity,)).rowcount
            if not touched:
                raise _no_list(identity)
            return _insert(connection, identity, members)

    def remove(self, identity: str, members: Iterable[FeatureKey]) -> None:
        """Take features off a list; nothing happens for those that are not on it."""
        with self.notebook.connected() as connection:
            rows = [(identity, *key) for key in members]
            connection.executemany(f"delete from feature_list_member where list = ? and {OF_FEATURE}", rows)

    def rename(self, identity: str, name: str) -> None:
        """Give a list another name. Raises KeyError for no such list, ValueError as `make` does."""
        name = one_line("name", name, NAME_CHARACTERS)
        try:
            with self.notebook.connected() as connection:
                if not connection.execute("update feature_list set name = ? where id = ?", (name, identity)).rowcount:
                    raise _no_list(identity)
        except sqlite3.IntegrityError as error:
            raise _taken(name) from error

    def delete(self, identity: str) -> None:
        """Delete a list; its features stay what they are. Nothing happens where there is none."""
        with self.notebook.connected() as connection:
            connection.execute("delete from feature_list where id = ?", (identity,))
            connection.execute("delete from feature_list_member where list = ?", (identity,))

    def all(self) -> list[FeatureList]:
        """All lists, the newest first."""
        return self._lists("")

    def get(self, identity: str) -> FeatureList:
        """One list. Raises KeyError when there is none of this id."""
        found = self._lists(" where id = ?", identity)
        if not found:
            raise _no_list(identity)
        return found[0]

    def named(self, name: str) -> FeatureList | None:
        """The list of a name, whatever its case; None where there is none."""
        return next(iter(self._lists(" where name = ?", " ".join(name.split()))), None)

    def members(self, identity: str) -> list[FeatureKey]:
        """The features of a list in their order; none for a list that is not there."""
        with self.notebook.connected() as connection:
            rows = connection.execute(
                "select dictionary, checkpoint, feature from feature_list_member where list = ? order by place", (identity,)
            ).fetchall()
        return [FeatureKey(*row) for row in rows]

    def with_feature(self, key: FeatureKey) -> list[FeatureList]:
        """The lists that a feature is on, the newest first."""
        return self._lists(f" where id in (select list from feature_list_member where {OF_FEATURE})", *key)

    def _lists(self, where: str, *values: object) -> list[FeatureList]:
        size = "(select count(*) from feature_list_member where list = feature_list.id)"
        with self.notebook.connected() as connection:
            rows: Sequence[tuple] = connection.execute(
                f"select id, name, source, address, created, {size} from feature_list{where} order by created desc, id", values
            ).fetchall()
        return [FeatureList(*row) for row in rows]


def _insert(connection: sqlite3.Connection, identity: str, members: Iterable[FeatureKey]) -> int:
    rows = [(identity, *key) for key in dict.fromkeys(members)]
    added = connection.executemany("insert or ignore into feature_list_member values (null, ?, ?, ?, ?)", rows).rowcount if rows else 0
    (held,) = connection.execute("select count(*) from feature_list_member where list = ?", (identity,)).fetchone()
    if held > MOST_MEMBERS:
        raise ValueError(f"a list has at most {MOST_MEMBERS:,} features; this would be {held:,}")
    return added


def _taken(name: str) -> ValueError:
    return ValueError(f"there is a list {name!r} already; take another name")


def _no_list(identity: str) -> KeyError:
    return KeyError(f"there is no list {identity!r} in this workspace")
