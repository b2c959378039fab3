"""The rows of one dictionary: every feature's numbers, its distinctive words, and the contexts that show it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import torch
from safetensors.torch import save_file

from bae.entropy import binary_entropy
from bae.features.magnitude import TOP_K, Magnitude
from bae.index.columns import FILE as COLUMNS
from bae.index.columns import ColumnsWriter
from bae.index.leaders import Leaders, Peaks, peaks, rank_within
from bae.index.spool import Entries, Spool
from bae.index.words import WordCounts, Words, summary, words_of
from bae.measures.evaluation import minority_rate
from bae.text.contexts import Context

CONTEXTS = {"strongest": 16, "threshold": 8, "off": 8, "random": 6}
"""Contexts kept a feature and group."""
HISTOGRAM_BINS = 24
SELDOM = 6
"""Times in a token's top 10 below which a feature's words are those of all tokens that it fires on."""
SIEVE = 2**24
"""Places of the table that tells entries to be painted from the others; a power of 2."""


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    """Append rows to a table of the schema, columns by name."""
    connection.register("incoming", rows)
    connection.execute(f"insert into {table} by name select * from incoming")
    connection.unregister("incoming")


def context_table(group: list[Context], dropped: list[list[int]]) -> pa.Table:
    """The contexts, each with what is needed to paint it; `dropped` are the positions of each that were not read."""
    return pa.table(
        {
            "context_id": pa.array(range(len(group)), pa.uint32()),
            "document": [context.document for context in group],
            "start": pa.array([context.start for context in group], pa.uint32()),
            "ids": pa.array([context.ids for context in group], pa.list_(pa.uint32())),
            "starts": pa.array([[span[0] for span in context.spans] for context in group], pa.list_(pa.uint32())),
            "ends": pa.array([[span[1] for span in context.spans] for context in group], pa.list_(pa.uint32())),
            "dropped": pa.array(dropped, pa.list_(pa.uint16())),
            "text": [context.text for context in group],
        }
    )


@dataclass(frozen=True)
class Places:
    """Where the tokens of the corpus stand: context, position and word of each. The same for every dictionary."""

    context: np.ndarray
    position: np.ndarray
    words: Words
    n_contexts: int

    @classmethod
    def of(cls, group: list[Context]) -> "Places":
        """The places of every token of these contexts, BOS left out."""
        context = np.repeat(np.arange(len(group)), [len(context.ids) - 1 for context in group])
        words = Words.of(word for context in group for word in words_of(context))
        return cls(context, rank_within(context) + 1, words, len(group))


@dataclass(frozen=True)
class DictionaryTables:
    """What goes into the `feature` and `example` tables."""

    features: pa.Table
    examples: pa.Table

    @classmethod
    def make(cls, name: str, spool: Spool, places: Places, codes: Path, seed: int) -> "DictionaryTables":
        """Go through a dictionary's spooled codes twice: once to count and to choose contexts, once to paint the chosen ones.

        Writes each token's packed support and top 10 to `codes`, shard by shard, and each feature's tokens, on the way.
        """
        magnitude = spool.lens.autoencoder.magnitude(spool.prior())
        survey = _Survey.take(spool, places, magnitude, codes)
        chosen = survey.chosen(places.n_contexts, seed)
        return cls(_feature_rows(name, spool, survey, magnitude), _example_rows(name, spool, chosen, places))


def _with_first_token(spool: Spool) -> Iterator[tuple[int, Entries]]:
    first = 0
    for entries in spool.entries():
        yield first, entries
        first += entries.n_tokens


@dataclass(frozen=True)
class _Survey:
    """What one pass over the codes of a dictionary tells."""

    top_count: np.ndarray
    histogram: np.ndarray
    words: dict[int, list[tuple[str, float]]]
    leaders: dict[str, Peaks]

    @classmethod
    def take(cls, spool: Spool, places: Places, magnitude: Magnitude, codes: Path) -> "_Survey":
        codes.mkdir(parents=True)
        counts = WordCounts(spool.n_features, places.words)
        leaders = {
            "strongest": Leaders(CONTEXTS["strongest"]),
            "threshold": Leaders(CONTEXTS["threshold"] + CONTEXTS["strongest"], sign=-1),
        }
        off = _OffBursts(magnitude, spool.n_features)
        top_count = np.zeros(spool.n_features, np.int64)
        histogram = np.zeros((spool.n_features, HISTOGRAM_BINS), np.int64)
        columns = ColumnsWriter(codes / COLUMNS, spool.count, len(places.context))
        for number, (first, entries) in enumerate(_with_first_token(spool)):
            top = _top_of_shard(spool, entries, magnitude, codes / f"{number:05}.safetensors")
            token, slot = (top >= 0).nonzero(as_tuple=True)
            feature = top[token, slot].numpy()
            top_count += np.bincount(feature, minlength=spool.n_features)
            counts.count(feature, first + token.numpy())
            histogram += _histogram(entries, spool.largest)
            token = first + entries.token
            columns.add(token, entries.feature, entries.strength)
            found = peaks(entries.feature, places.context[token], places.position[token], entries.strength)
            for leader in leaders.values():
                leader.update(found)
            off.update(spool, first, entries, places)
        for feature in np.flatnonzero((top_count < SELDOM) & (spool.count > 0)):
            # one that fires and is hardly ever among a token's loudest goes with the words that it fires on
            tokens = columns.tokens(feature)
            counts.count(np.full(len(tokens), feature), tokens)
        columns.close()
        assert histogram.sum() == spool.count.sum(), "every firing is in one bin of a histogram"
        groups = {band: leader.best for band, leader in leaders.items()} | {"off": off.peaks()}
        return cls(top_count, histogram, counts.distinctive(), groups)

    def chosen(self, n_contexts: int, seed: int) -> dict[str, Peaks]:
        """The contexts of every group, each feature's in the order of its ranks, none in two groups but the random ones."""
        strongest, threshold = self.leaders["strongest"], self.leaders["threshold"]
        used = _pair(strongest, n_contexts)
        threshold = threshold.take(np.flatnonzero(~np.isin(_pair(threshold, n_contexts), used)))
        threshold = threshold.take(np.flatnonzero(rank_within(threshold.feature) < CONTEXTS["threshold"]))
        return {"strongest": strongest, "threshold": threshold, "off": self.leaders["off"], "random": self._random(n_contexts, seed)}

    def _random(self, n_contexts: int, seed: int) -> Peaks:
        generator = np.random.default_rng(seed)
        n_features, size = len(self.top_count), min(CONTEXTS["random"], n_contexts)
        context = np.concatenate([generator.choice(n_contexts, size, replace=False) for _ in range(n_features)])
        feature = np.repeat(np.arange(n_features, dtype=np.int32), size)
        return Peaks(feature, context, np.ones(len(context), np.int32), np.zeros(len(context), np.float32))


def _pair(found: Peaks, n_contexts: int) -> np.ndarray:
    return found.feature.astype(np.int64) * n_contexts + found.context


def _top_of_shard(spool: Spool, entries: Entries, magnitude: Magnitude, file: Path) -> torch.Tensor:
    """Each token's top features; writes them with the packed support."""
    features, magnitudes, packed = [], [], []
    for begin, code in spool.codes(entries):
        top = magnitude.top(code, TOP_K)
        if begin == 0:
            _check_top(code[:16], magnitude)
        kept = torch.from_numpy(entries.kept[begin : begin + len(code), None])
        features.append(top.feature.int().where(kept, -1))
        magnitudes.append(top.magnitude.where(kept, 0.0))
        packed.append(torch.from_numpy(np.packbits((code != 0).numpy(), axis=1)))
    top = torch.cat(features)
    save_file({"packed": torch.cat(packed), "top_feature": top, "top_magnitude": torch.cat(magnitudes)}, file)
    return top


def _check_top(code: torch.Tensor, magnitude: Magnitude) -> None:
    """The top k are the true top k: hold them against a plain sort of the same magnitudes."""
    loudness, activated, top = magnitude.of(code), magnitude.activated(code), magnitude.top(code, TOP_K)
    for row in range(len(code)):
        candidates = sorted(activated[row].nonzero().flatten().tolist(), key=lambda f: (-loudness[row, f].item(), f))[:TOP_K]
        assert candidates == [f for f in top.feature[row].tolist() if f >= 0], f"wrong top {TOP_K} on row {row}"


def _histogram(entries: Entries, largest: np.ndarray) -> np.ndarray:
    share = np.clip(entries.strength / np.maximum(largest[entries.feature], 1e-12), 0, 1)
    bins = np.minimum((share * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
    return np.bincount(entries.feature * HISTOGRAM_BINS + bins, minlength=len(largest) * HISTOGRAM_BINS).reshape(-1, HISTOGRAM_BINS)


class _OffBursts:
    """Contexts in which a feature bursts by being silent: the first few in corpus order, for bits that are on more often than off."""

    def __init__(self, magnitude: Magnitude, n_features: int):
        silence = magnitude.activated(torch.zeros(1, n_features))[0]
        self.features = silence.nonzero().flatten().numpy()
        self.found: list[Peaks] = []

    def update(self, spool: Spool, first: int, entries: Entries, places: Places) -> None:
        order = np.argsort(entries.feature, kind="stable")
        begins = np.searchsorted(entries.feature[order], np.arange(spool.n_features + 1))
        seen = np.flatnonzero(entries.kept)
        for feature in self.features:
            firing = entries.token[order[begins[feature] : begins[feature + 1]]]
            token = np.setdiff1d(seen, firing) + first
            columns = (
                np.full(len(token), feature, np.int32),
                places.context[token],
                places.position[token],
                np.zeros(len(token), np.float32),
            )
            early = peaks(*columns)
            self.found.append(early.take(np.arange(min(CONTEXTS["off"], len(early.feature)))))

    def peaks(self) -> Peaks:
        leaders = Leaders(CONTEXTS["off"])
        for found in self.found:
            leaders.update(found)
        return leaders.best


def _feature_rows(name: str, spool: Spool, survey: _Survey, magnitude: Magnitude) -> pa.Table:
    prior = spool.prior()
    silent, speaking = (magnitude.of(torch.full((1, spool.n_features), value))[0].tolist() for value in (0.0, 1.0))
    two_valued = spool.lens.autoencoder.binary
    words = [survey.words.get(feature, []) for feature in range(spool.n_features)]
    return pa.table(
        {
            "dictionary": [name] * spool.n_features,
            "feature": pa.array(range(spool.n_features), pa.uint32()),
            "rate": spool.count / spool.tokens,
            "density": minority_rate(prior.rate, two_valued).double().numpy(),
            "top_rate": survey.top_count / spool.tokens,
            "count": spool.count,
            "top_count": survey.top_count,
            "entropy": binary_entropy(prior.rate).double().numpy(),
            "mean": prior.mean.double().numpy(),
            "deviation": prior.deviation.double().numpy(),
            "on_magnitude": pa.array(speaking if two_valued else [None] * spool.n_features, pa.float64()),
            "off_magnitude": pa.array(silent if two_valued else [None] * spool.n_features, pa.float64()),
            "largest": spool.largest.astype(np.float64),
            "histogram": pa.array(survey.histogram.tolist(), pa.list_(pa.uint32())),
            "words": pa.array([[word for word, _ in found] for found in words], pa.list_(pa.string())),
            "word_scores": pa.array([[score for _, score in found] for found in words], pa.list_(pa.float32())),
            "summary": [summary(found) if found else "" for found in words],
        }
    )


def _example_rows(name: str, spool: Spool, chosen: dict[str, Peaks], places: Places) -> pa.Table:
    n_contexts = places.n_contexts
    pairs = np.unique(np.concatenate([_pair(found, n_contexts) for found in chosen.values()]))
    painted = _painted(spool, pairs, places)
    tables = []
    for band, found in chosen.items():
        rows = np.searchsorted(pairs, _pair(found, n_contexts))
        tables.append(
            pa.table(
                {
                    "dictionary": pa.array([name] * len(rows), pa.string()),
                    "feature": found.feature.astype(np.uint32),
                    "band": pa.array([band] * len(rows), pa.string()),
                    "rank": rank_within(found.feature).astype(np.uint16),
                    "context_id": found.context.astype(np.uint32),
                    "peak": found.position.astype(np.uint16),
                    "strength": found.strength.astype(np.float32),
                    "positions": painted[0].take(pa.array(rows)),
                    "strengths": painted[1].take(pa.array(rows)),
                }
            )
        )
    whole = pa.concat_tables(tables)
    repeated = whole.group_by(["feature", "band", "context_id"]).aggregate([([], "count_all")]).column("count_all")
    assert all(count == 1 for count in repeated.unique().to_pylist()), "a context stands once in a group of a feature"
    return whole.sort_by([("feature", "ascending"), ("band", "ascending"), ("rank", "ascending")])


def _painted(spool: Spool, pairs: np.ndarray, places: Places) -> tuple[pa.ListArray, pa.ListArray]:
    """For every pair of a feature and a context, the positions where the feature fires and how strongly."""
    rows, positions, strengths = [], [], []
    # most entries are of no wanted pair: a look into a table by the pair's low bits spares them the search
    sieve = np.zeros(SIEVE, bool)
    sieve[pairs & (SIEVE - 1)] = True
    for first, entries in _with_first_token(spool):
        token = first + entries.token
        pair = entries.feature.astype(np.int64) * places.n_contexts + places.context[token]
        likely = np.flatnonzero(sieve[pair & (len(sieve) - 1)])
        row = np.minimum(np.searchsorted(pairs, pair[likely]), len(pairs) - 1)
        wanted = pairs[row] == pair[likely]
        entry = likely[wanted]
        rows.append(row[wanted])
        positions.append(places.position[token[entry]])
        strengths.append(entries.strength[entry])
    row, position, strength = (np.concatenate(parts) for parts in (rows, positions, strengths))
    order = np.lexsort((position, row))
    offsets = pa.array(np.searchsorted(row[order], np.arange(len(pairs) + 1)).astype(np.int32))
    lists = (pa.array(position[order].astype(np.uint16)), pa.array(strength[order].astype(np.float32)))
    return tuple(pa.ListArray.from_arrays(offsets, values) for values in lists)
