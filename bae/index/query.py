"""Read an index. One read-only connection, a cursor a call: safe from any thread. Values are bound, columns come from a fixed set."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from bae.index.schema import GROUPS, VERSION

SORTS = ("feature", "rate", "density", "top_rate", "entropy", "top_count", "largest", "summary")
COLUMNS = (*SORTS, "mean", "deviation", "count", "on_magnitude", "off_magnitude")


@dataclass(frozen=True)
class Dictionary:
    """A dictionary as the index knows it."""

    name: str
    kind: str
    title: str
    layer: int
    n_features: int
    magnitude: str
    unit: str
    tokens: int
    """Tokens of the index that its rates are measured on."""
    provenance: dict


@dataclass(frozen=True)
class Feature:
    """One feature's numbers; the fields are those of the `feature` table (bae/index/schema.py says what each means)."""

    dictionary: str
    feature: int
    rate: float
    density: float
    top_rate: float
    count: int
    top_count: int
    entropy: float
    mean: float
    deviation: float
    on_magnitude: float | None
    off_magnitude: float | None
    largest: float
    histogram: list[int]
    words: list[str]
    word_scores: list[float]
    summary: str


@dataclass(frozen=True)
class Example:
    """A context of a feature, ready to paint: characters `starts[t]:ends[t]` of `text` are token t; token 0 is the BOS."""

    band: str
    rank: int
    context_id: int
    document: str
    text: str
    starts: list[int]
    ends: list[int]
    dropped: list[int]
    peak: int
    strength: float
    positions: list[int]
    strengths: list[float]


@dataclass(frozen=True)
class FeaturePage:
    """A page of the table of features, and how many there are in all."""

    features: list[Feature]
    total: int


class Index:
    """An index file, opened for reading. Raises ValueError when the file is damaged or of another version."""

    def __init__(self, file: Path):
        self.file = file
        try:
            # a thread a query: pages ask for little, and several people ask at once
            self._connection = duckdb.connect(file, read_only=True, config={"threads": 1, "memory_limit": "1GB"})
            # a file that is open already keeps the settings of its first opening
            if not self._connection.execute("select current_setting('lock_configuration')").fetchone()[0]:
                self._connection.execute("set enable_external_access=false; set lock_configuration=true")
            self.meta: dict[str, str] = dict(self.rows("select key, value from meta"))
        except duckdb.Error as error:
            raise ValueError(
                f"the index {file.name} cannot be read ({str(error).splitlines()[0]}); delete it and run `bae index` again"
            ) from error
        if self.meta.get("version") != str(VERSION):
            raise ValueError(
                f"the index {file.name} is of version {self.meta.get('version')}, this program reads {VERSION}; run `bae index` again"
            )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def rows(self, sql: str, *values) -> list[tuple]:
        """What a constant query answers, its values bound; on a cursor of its own, so that threads do not meet."""
        with self._connection.cursor() as cursor:
            return cursor.execute(sql, values).fetchall()

    def dictionaries(self) -> dict[str, Dictionary]:
        """Every dictionary of the index, by name."""
        rows = self.rows("select * from dictionary order by layer, name")
        return {row[0]: Dictionary(*row[:-1], provenance=json.loads(row[-1])) for row in rows}

    def feature(self, dictionary: str, feature: int) -> Feature:
        """One feature. Raises KeyError that says which there are."""
        rows = self.rows("select * from feature where dictionary = ? and feature = ?", dictionary, feature)
        if not rows:
            raise KeyError(self._what_there_is(dictionary))
        return Feature(*rows[0])

    def _what_there_is(self, dictionary: str) -> str:
        known = self.dictionaries()
        if dictionary not in known:
            return f"no dictionary {dictionary!r} in this index; there are {', '.join(known)}"
        return f"{dictionary} has features 0 to {known[dictionary].n_features - 1}"

    def examples(self, dictionary: str, feature: int) -> dict[str, list[Example]]:
        """A feature's contexts by group, in the order of `GROUPS`; groups without contexts are left out."""
        rows = self.rows(
            "select band, rank, context_id, peak, strength, positions, strengths from example where dictionary = ? and feature = ?",
            dictionary,
            feature,
        )
        texts = self.passages([row[2] for row in rows])
        examples = sorted((Example(*row[:3], *texts[row[2]], *row[3:]) for row in rows), key=lambda example: example.rank)
        grouped = {band: [example for example in examples if example.band == band] for band in GROUPS}
        return {band: found for band, found in grouped.items() if found}

    def contexts(self) -> tuple[list[list[int]], list[list[int]], list[list[int]], list[str]]:
        """Token ids, first and last characters of every token, and text of all contexts, in corpus order; token 0 is the BOS."""
        rows = self.rows("select ids, starts, ends, text from context order by context_id")
        return tuple(list(column) for column in zip(*rows, strict=True))

    def layout(self) -> tuple[np.ndarray, np.ndarray, list[tuple[int, list[int]]]]:
        """Tokens of every context, ids of all tokens in corpus order, BOS left out, and contexts with the positions that were not read."""
        with self._connection.cursor() as cursor:
            ids = cursor.sql("select ids[2:] as ids from context order by context_id").to_arrow_table().column("ids").combine_chunks()
        dropped = self.rows("select context_id, dropped from context where len(dropped) > 0 order by context_id")
        return np.diff(ids.offsets.to_numpy()), ids.flatten().to_numpy(), dropped

    def documents(self) -> list[str]:
        """The document of every context, in corpus order."""
        return [name for (name,) in self.rows("select document from context order by context_id")]

    def passages(self, contexts: Sequence[int]) -> dict[int, tuple[str, str, list[int], list[int], list[int]]]:
        """Document, text, first and last characters of every token, and positions not read, of these contexts."""
        rows = self.rows(
            "select context_id, document, text, starts, ends, dropped from context where context_id in (select unnest(?::uinteger[]))",
            [int(context) for context in contexts],
        )
        return {row[0]: row[1:] for row in rows}

    def features(
        self,
        dictionary: str,
        *,
        words: str = "",
        max_density: float = 1.0,
        active_only: bool = False,
        sort: str = "top_count",
        descending: bool = True,
        offset: int = 0,
        limit: int = 50,
    ) -> FeaturePage:
        """A page of features. `words` is looked for in the distinctive words; `active_only` keeps those more than 5 times in a top 10."""
        if sort not in SORTS:
            raise ValueError(f"features are sorted by {', '.join(SORTS)}; got {sort!r}")
        where = "dictionary = ? and density <= ? and (? = '' or contains(lower(array_to_string(words, ' ')), lower(?))) and top_count > ?"
        values = (dictionary, max_density, words.strip(), words.strip(), 5 if active_only else -1)
        direction = "desc" if descending else "asc"
        rows = self.rows(
            f"select * from feature where {where} order by {sort} {direction}, feature limit ? offset ?", *values, limit, offset
        )
        total = self.rows(f"select count(*) from feature where {where}", *values)[0][0]
        return FeaturePage([Feature(*row) for row in rows], total)

    def telling(self, dictionary: str, rare: float, letters: int, limit: int = 500) -> list[int]:
        """Active features that fire on at most a share `rare` of tokens and whose first word has `letters`, the most distinctive first."""
        rows = self.rows(
            """select feature from feature where dictionary = ? and rate <= ? and density <= ? and top_count > 5
               and regexp_matches(words[1], ?) order by word_scores[1] desc, feature limit ?""",
            *(dictionary, rare, rare, rf"^\p{{L}}{{{letters},}}$", limit),
        )
        return [feature for (feature,) in rows]

    def column(self, dictionary: str, name: str) -> list[float]:
        """One number for every feature of a dictionary, in the order of features."""
        if name not in COLUMNS:
            raise ValueError(f"columns are {', '.join(COLUMNS)}; got {name!r}")
        return [value for (value,) in self.rows(f"select {name} from feature where dictionary = ? order by feature", dictionary)]

    def neighbour(self, dictionary: str, feature: int, step: int) -> int:
        """The next (step 1) or previous (-1) active feature by number, going round at the ends."""
        active = [
            f for (f,) in self.rows("select feature from feature where dictionary = ? and top_count > 5 order by feature", dictionary)
        ]
        if not active:
            return feature
        beyond = [f for f in (active if step > 0 else reversed(active)) if (f > feature if step > 0 else f < feature)]
        return beyond[0] if beyond else active[0 if step > 0 else -1]

    def random_feature(self, dictionary: str, draw: float) -> int:
        """An active feature: the one at `draw` in [0, 1) of their list. Raises KeyError when none is active."""
        active = [
            f for (f,) in self.rows("select feature from feature where dictionary = ? and top_count > 5 order by feature", dictionary)
        ]
        if not active:
            raise KeyError(f"no feature of {dictionary} is active in this index")
        return active[int(draw * len(active))]
