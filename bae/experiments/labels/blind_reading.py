"""Are features readable? Lists of a dictionary's strongest contexts, shuffled among lists of random ones, for a blind reader.

`python -m bae.experiments.labels.blind_reading WORKSPACE DICTIONARY FOLDER` writes `lists.md` for the reader and `key.json`, which
says what each list was, for whoever counts.
"""

import json
import random
import sys
from pathlib import Path

from bae.index.query import Example, Index
from bae.workspace import Workspace

FEATURES, CONTEXTS, SEED = 20, 10, 7


def marked(example: Example, token: int) -> str:
    """A context on one line, the characters of one token in double brackets."""
    start, end = example.starts[token], example.ends[token]
    start += len(example.text[start:end]) - len(example.text[start:end].lstrip())
    return " ".join(f"{example.text[:start]}[[{example.text[start:end]}]]{example.text[end:]}".split())


def lists(index: Index, dictionary: str, seed: int = SEED) -> list[tuple[int | None, list[str]]]:
    """Shuffled lists of contexts, each with its feature, or None for a control: random contexts, a random token marked.

    Features are drawn from those that were more than 5 times in a token's top 10.
    """
    draw = random.Random(seed)
    active = index.features(dictionary, active_only=True, sort="feature", descending=False, limit=10**6).features
    found: list[tuple[int | None, list[str]]] = []
    for feature in draw.sample(active, FEATURES):
        strongest = index.examples(dictionary, feature.feature)["strongest"][:CONTEXTS]
        found.append((feature.feature, [marked(example, example.peak) for example in strongest]))
    pool = [example for feature in draw.sample(active, 10 * FEATURES) for example in index.examples(dictionary, feature.feature)["random"]]
    for _ in range(FEATURES):
        found.append((None, [marked(example, draw.randrange(1, len(example.starts))) for example in draw.sample(pool, CONTEXTS)]))
    draw.shuffle(found)
    return found


def main(workspace: str, dictionary: str, folder: str) -> None:
    """Write the lists and the key."""
    file = Workspace.open(Path(workspace)).index_file()
    if file is None:
        raise ValueError(f"{workspace} has no index yet; run `bae index` first")
    found = lists(Index(file), dictionary)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(
        f"## List {number}\n\n" + "\n".join(f"- {line}" for line in lines) for number, (_, lines) in enumerate(found, start=1)
    )
    (target / "lists.md").write_text(text + "\n", encoding="utf-8")
    (target / "key.json").write_text(json.dumps({number: feature for number, (feature, _) in enumerate(found, start=1)}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
