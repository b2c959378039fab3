"""What a feature page asks of the index, over random features of every dictionary of a workspace."""

import random
import statistics
import time
from pathlib import Path

from _steps import row

from bae.index.query import Index
from bae.workspace import Workspace

WORKSPACE, QUERIES = Path("workspace"), 400


def rows() -> list[dict]:
    """Needs the demo's workspace with its index (`make app` makes one). Raises ValueError before there is one."""
    file = Workspace.open(WORKSPACE).index_file()
    if file is None:
        raise ValueError(f"{WORKSPACE} has no index yet; run `bae index` first")
    index = Index(file)
    draw = random.Random(7)
    dictionaries = list(index.dictionaries().values())
    seconds = []
    for _ in range(QUERIES):
        dictionary = draw.choice(dictionaries)
        feature = draw.randrange(dictionary.n_features)
        began = time.perf_counter()
        index.feature(dictionary.name, feature)
        index.examples(dictionary.name, feature)
        seconds.append(time.perf_counter() - began)
    began = time.perf_counter()
    index.features(dictionaries[0].name, words="war")
    table = time.perf_counter() - began
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return [
        row("query.feature_p95_ms", 1000 * p95, "ms", 15, spread=[1000 * min(seconds), 1000 * max(seconds)]),
        row("query.feature_p50_ms", 1000 * statistics.median(seconds), "ms"),
        row("query.table_ms", 1000 * table, "ms"),
    ]
