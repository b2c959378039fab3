"""Which features a person means: `12, 40-60`, `active`, `active:200`."""

import re

import numpy as np

ALL_ACTIVE = "active"
ALLOWED = "numbers and ranges, as in 12, 40-60; active for all that are activated; active:200 for the 200 most often activated"


def chosen(text: str, counts: np.ndarray, n_interpret: int) -> list[int]:
    """The features that a text names, each once; `counts` are the occurrences of every feature.

    Raises ValueError that says what was wrong and what is allowed.
    """
    found = re.fullmatch(rf"{ALL_ACTIVE}(?:\s*:\s*([1-9]\d{{0,8}}))?", text.strip().lower())
    if found:
        most_often = [int(feature) for feature in np.argsort(-counts, kind="stable") if counts[feature] > n_interpret]
        return most_often[: int(found[1])] if found[1] else most_often
    features: list[int] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        features += _range(part, len(counts))
    if not features:
        raise ValueError(f"no feature is named; allowed are {ALLOWED}")
    return list(dict.fromkeys(features))


def _range(part: str, n_features: int) -> range:
    numbers = re.fullmatch(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?", part)
    if not numbers:
        raise ValueError(f"{part[:40]!r} names no feature; allowed are {ALLOWED}")
    first, last = int(numbers[1]), int(numbers[2] or numbers[1])
    if first > last or last >= n_features:
        raise ValueError(f"{part} lies outside; features go from 0 to {n_features - 1}, the smaller number first")
    return range(first, last + 1)
