"""An index of made-up sentences with codes that are given, to be held against loops over the same dense codes."""

import json
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import torch
from safetensors.torch import save_file

from bae.features.magnitude import Burstiness, Magnitude, Prior, Value
from bae.index import schema
from bae.index.columns import FILE as COLUMNS
from bae.index.columns import ColumnsWriter
from bae.index.query import Index

NOUNS = "sea harbor ship vote senate bill film actor scene river stone bread".split()  # noqa: SIM905
VERBS = "sails votes burns sings falls opens".split()  # noqa: SIM905


def sentences(count: int, seed: int = 0) -> list[str]:
    """Sentences of some words, none quite like another."""
    draw = random.Random(seed)
    return [f"The {' '.join(draw.choices(NOUNS, k=draw.randint(3, 9)))} {draw.choice(VERBS)} {number}." for number in range(count)]


def tokens_of(text: str) -> list[tuple[int, int]]:
    """Pieces of at most four letters, as a tokenizer would leave sub-words."""
    return [match.span() for match in re.finditer(r" ?\w{1,4}|[^\w ]", text)]


def n_tokens(texts: Sequence[str]) -> int:
    """Tokens of a corpus, BOS left out."""
    return sum(len(tokens_of(text)) for text in texts)


def make_index(folder: Path, texts: Sequence[str], codes: Mapping[str, torch.Tensor], shards: int = 3) -> Index:
    """Write an index of these texts with a dictionary a code [token feature]; codes of 0 and 1 are a BAE's."""
    folder.mkdir(parents=True)
    connection = duckdb.connect(folder / "index.duckdb")
    connection.execute(schema.TABLES)
    vocabulary: dict[str, int] = {}
    for number, text in enumerate(texts):
        spans = tokens_of(text)
        ids = [0, *(vocabulary.setdefault(text[start:end], len(vocabulary) + 1) for start, end in spans)]
        starts, ends = [0, *(start for start, _ in spans)], [0, *(end for _, end in spans)]
        connection.execute("insert into context values (?, ?, 0, ?, ?, ?, [], ?)", [number, f"doc {number}", ids, starts, ends, text])
    for name, code in codes.items():
        _add_dictionary(connection, folder, name, code, shards)
    told = {"version": schema.VERSION, "contexts": len(texts), "tokens": n_tokens(texts), "model": "made up", "model_fingerprint": "0"}
    connection.executemany("insert into meta values (?, ?)", [[key, str(value)] for key, value in told.items()])
    connection.close()
    return Index(folder / "index.duckdb")


def magnitude_of(code: torch.Tensor) -> Magnitude:
    """What "activated" means for a code: burstiness for bits, the value for others."""
    prior = Prior.of([code])
    return Burstiness(prior) if set(code.unique().tolist()) <= {0.0, 1.0} else Value()


def _add_dictionary(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, code: torch.Tensor, shards: int) -> None:
    prior, magnitude = Prior.of([code]), magnitude_of(code)
    row = [name, "binary" if magnitude.name == "burstiness" else "topk", name, 2, code.shape[1], magnitude.name, magnitude.unit, len(code)]
    connection.execute("insert into dictionary values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, json.dumps({"name": name})])
    top_count = torch.zeros(code.shape[1] + 1, dtype=torch.int64)
    (folder / "codes" / name).mkdir(parents=True)
    for number, part in enumerate(code.tensor_split(shards)):
        top = magnitude.top(part)
        top_count += torch.bincount(top.feature.flatten() % (code.shape[1] + 1), minlength=code.shape[1] + 1)
        packed = torch.from_numpy(np.packbits((part != 0).numpy(), axis=1))
        arrays = {"packed": packed, "top_feature": top.feature.int().contiguous(), "top_magnitude": top.magnitude.contiguous()}
        save_file(arrays, folder / "codes" / name / f"{number:05}.safetensors")
    columns = ColumnsWriter(folder / "codes" / name / COLUMNS, (code != 0).sum(0).numpy(), len(code))
    token, feature = code.nonzero(as_tuple=True)
    columns.add(token.numpy(), feature.numpy(), code[token, feature].numpy())
    columns.close()
    for feature in range(code.shape[1]):
        figures = [prior.rate[feature].item(), 0.0, 0.0, int((code[:, feature] != 0).sum()), int(top_count[feature])]
        more = [0.0, prior.mean[feature].item(), prior.deviation[feature].item(), None, None, 1.0, [1], ["sea"], [1.0], "sea"]
        connection.execute(f"insert into feature values (?, ?, {', '.join('?' * 15)})", [name, feature, *figures, *more])
