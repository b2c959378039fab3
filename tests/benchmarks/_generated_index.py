"""A generated index of the size that one wants to be fast at: as many features as the widest dictionaries have, a million tokens."""

import json
from pathlib import Path

import duckdb
import numpy as np

from bae.index import schema
from bae.index.columns import FILE, ColumnsWriter

NAME = "generated"
TOKENS_A_CONTEXT = 16
STRETCH = 50_000
"""Tokens whose codes are drawn at a time."""


def make(folder: Path, n_features: int, n_contexts: int, n_tokens: int, seed: int = 0) -> Path:
    """Write an index of one dictionary: `n_contexts` contexts a feature, rates from one in 100,000 to a half, tokens without meaning."""
    folder.mkdir(parents=True)
    file = folder / "index.duckdb"
    connection = duckdb.connect(file)
    connection.execute(schema.TABLES)
    passages = n_tokens // TOKENS_A_CONTEXT
    connection.execute(
        """insert into context select i, 'document/' || i // 40, i % 40, list_transform(range(?), lambda j: (i * 31 + j * 7) % 50000),
           [0] || list_transform(range(?), lambda j: j * 5), [0] || list_transform(range(?), lambda j: j * 5 + 5), [], repeat('word ', ?)
           from range(?) t(i)""",
        [TOKENS_A_CONTEXT + 1, TOKENS_A_CONTEXT, TOKENS_A_CONTEXT, TOKENS_A_CONTEXT, passages],
    )
    connection.execute(
        """insert into feature select ?, i, 0.01, 0.01, 0.005, 100, 50, 0.08, 0.0, 1.0, -0.01, -6.6, 3.0, range(24),
           ['sea', 'harbor'], [3.0, 2.0], 'sea · harbor' from range(?) t(i)""",
        [NAME, n_features],
    )
    connection.execute(
        """insert into example select ?, i // ?, case when i % ? < ? / 2 then 'strongest' else 'random' end, i % ?,
           (i * 2654435761) % ?, 1 + i % 15, 1.0, [1 + i % 15, 16], [1.0, 0.5] from range(?) t(i)""",
        [NAME, n_contexts, n_contexts, n_contexts, n_contexts, passages, n_features * n_contexts],
    )
    row = [NAME, "topk", "Generated", 8, n_features, "value", "", n_tokens, json.dumps({"name": NAME})]
    connection.execute("insert into dictionary values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    told = {"version": schema.VERSION, "contexts": passages, "tokens": n_tokens, "model": "none"}
    connection.executemany("insert into meta values (?, ?)", [[key, str(value)] for key, value in told.items()])
    connection.execute("checkpoint")
    connection.close()
    _write_columns(folder / "codes" / NAME, n_features, n_tokens, seed)
    return file


def _write_columns(folder: Path, n_features: int, n_tokens: int, seed: int) -> None:
    folder.mkdir(parents=True)
    rates = np.exp(np.random.default_rng(seed).uniform(np.log(1e-5), np.log(3e-3), n_features))
    rates[:: n_features // 64] = np.linspace(0.05, 0.5, len(rates[:: n_features // 64]))
    counts = sum(np.bincount(feature, minlength=n_features) for _, feature in _entries(rates, n_tokens, seed))
    writer = ColumnsWriter(folder / FILE, counts, n_tokens)
    for token, feature in _entries(rates, n_tokens, seed):
        writer.add(token, feature, np.ones(len(token), np.float32))
    writer.close()


def _entries(rates: np.ndarray, n_tokens: int, seed: int):
    """The features that fire, stretch by stretch; the same at every call. A feature fires at most once on a token."""
    for first in range(0, n_tokens, STRETCH):
        draw = np.random.default_rng((seed, first))
        size = min(STRETCH, n_tokens - first)
        feature = np.repeat(np.arange(len(rates)), draw.poisson(rates * size).clip(max=size))
        key = np.unique(feature * size + draw.integers(size, size=len(feature)))
        feature, token = np.divmod(key, size)
        order = np.argsort(token, kind="stable")
        yield first + token[order], feature[order]
