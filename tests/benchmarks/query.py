"""What pages ask of the index, by eight readers at once, on a generated index of the widest dictionaries and a million tokens."""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import _generated_index as generated
from _steps import row

from bae.index.answers import sentences
from bae.index.columns import Columns
from bae.index.layout import Layout
from bae.index.logic import answer, read_query
from bae.index.query import Index

FEATURES, CONTEXTS, TOKENS = 131_072, 32, 1_000_000
READERS, ASKED = 8, 60
PAUSE_S = 0.1
"""What a reader who leafs quickly takes before the next page; without it, eight loops only measure how many cores there are."""
SHOWN = 25


def rows() -> list[dict]:
    """Builds the index in a temporary folder first: about two minutes and 1.5 GB of disk."""
    with tempfile.TemporaryDirectory() as folder:
        file = generated.make(Path(folder) / "index", FEATURES, CONTEXTS, TOKENS)
        index = Index(file)
        columns, layout = Columns(index, generated.NAME), Layout.of(index)
        sizes = {generated.NAME: FEATURES}

        def feature_page(draw: random.Random) -> None:
            feature = draw.randrange(FEATURES)
            index.feature(generated.NAME, feature)
            assert sum(map(len, index.examples(generated.NAME, feature).values())) == CONTEXTS

        def boolean(draw: random.Random) -> None:
            # half of the features asked for are dense, so that answers have members
            f = [draw.randrange(FEATURES) if draw.random() < 0.5 else draw.randrange(64) * (FEATURES // 64) for _ in range(4)]
            text = draw.choice(["f{} & !f{} & f{}", "(f{} | f{}) & !f{}", "f{} & (f{} | f{} | f{})", "!f{} & f{}"]).format(*f)
            query = read_query(text, generated.NAME, sizes)
            found = answer(query, lambda _: columns, layout)
            sentences(index, layout, lambda _: columns, query, found, 0, SHOWN)

        def together(draw: random.Random) -> None:
            columns.together(columns.bits(draw.randrange(FEATURES)))

        found = []
        for name, ask, limit in (("feature", feature_page, 15), ("boolean", boolean, 50)):
            for pause, suffix in ((PAUSE_S, ""), (0.0, "_without_pause")):
                seconds = _asked(ask, pause)
                p95 = statistics.quantiles(seconds, n=20)[-1]
                spread = [1000 * min(seconds), 1000 * max(seconds)]
                told = row(f"query.{name}{suffix}_p95_ms", 1000 * p95, "ms", None if suffix else limit, spread=spread)
                found += [told, row(f"query.{name}{suffix}_p50_ms", 1000 * statistics.median(seconds), "ms")]
        seconds = _asked(together, PAUSE_S, readers=1, asked=20)
        found.append(row("query.together_p50_ms", 1000 * statistics.median(seconds), "ms"))
        began = time.perf_counter()
        index.features(generated.NAME, words="harbor", limit=50)
        found.append(row("query.search_p95_ms", 1000 * (time.perf_counter() - began), "ms"))
        index.close()
        return found


def _asked(ask: Callable[[random.Random], None], pause: float, readers: int = READERS, asked: int = ASKED) -> list[float]:
    """Seconds of every question of several readers who ask at once; a first round of each is not counted."""

    def reader(number: int) -> list[float]:
        draw, seconds = random.Random(number), []
        for question in range(asked + 3):
            began = time.perf_counter()
            ask(draw)
            took = time.perf_counter() - began
            if question >= 3:
                seconds.append(took)
            time.sleep(pause * draw.uniform(0.5, 1.5))
        return seconds

    with ThreadPoolExecutor(readers) as threads:
        return [second for one in threads.map(reader, range(readers)) for second in one]
