"""What the features of one dictionary point at, as `bae index` left it (`bae.features.directions` says how it is found)."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bae.index.arrays import opened
from bae.index.query import Index

AT_ONCE = 8192
"""Rows that are brought from fp16 to fp32 at a time."""
REMEDY = "delete it and run `bae index`, which finds it again"


class Pull(NamedTuple):
    """What a feature does to a token."""

    token: int
    logit: float
    """What the feature adds to the token's logit, before the final norm divides by the length of the residual stream."""
    z: float
    """The same in deviations from the mean over the vocabulary."""


class Neighbour(NamedTuple):
    """A feature whose row is near."""

    feature: int
    cosine: float


def directions_file(folder: Path, dictionary: str) -> Path:
    """Where the directions of a dictionary lie, in the folder of an index."""
    return folder / "directions" / f"{dictionary}.safetensors"


def unembedding_file(folder: Path) -> Path:
    """Where the unembedding lies: fp16 [token d_model], for all dictionaries."""
    return folder / "unembedding.safetensors"


def tokens_file(folder: Path) -> Path:
    """Where it says what every token says: a JSON list by token id."""
    return folder / "tokens.json"


class Vocabulary:
    """What the tokens of the model say. One serves all dictionaries of an index: it takes 10 to 30 MB. Read when it is first asked for.

    Every answer raises ValueError, with what to do, where the file is damaged.
    """

    def __init__(self, folder: Path):
        self._file = tokens_file(folder)

    @cached_property
    def texts(self) -> Sequence[str]:
        """What every token says, by id."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{self._file} is damaged ({error}); {REMEDY}") from error
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise ValueError(f"{self._file} is damaged (it is no list of texts); {REMEDY}")
        return found

    def tokens_of(self, text: str) -> list[int]:
        """The tokens that say a text, exactly or behind a space, the exact one first; none where it takes several tokens."""
        return [token for wanted in (text, f" {text}") for token in self._by_text.get(wanted, ())]

    @cached_property
    def _by_text(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for token, text in enumerate(self.texts):
            found.setdefault(text, []).append(token)
        return found


class Directions:
    """Reads `directions/DICTIONARY.safetensors` beside the index file, only the rows that are asked for.

    Raises FileNotFoundError where it is missing; every answer raises ValueError, with what to do, where a file is damaged.
    """

    def __init__(self, index: Index, dictionary: str, vocabulary: Vocabulary | None = None):
        self._folder = Path(index.file).parent
        self.vocabulary = vocabulary or Vocabulary(self._folder)
        self._file = directions_file(self._folder, dictionary)
        for file in (self._file, unembedding_file(self._folder), tokens_file(self._folder)):
            if not file.is_file():
                raise FileNotFoundError(f"{file} is missing: nobody has looked yet what {dictionary} points at; run `bae index`")

    def _rows(self, feature: int, *names: str) -> list[np.ndarray]:
        with opened(self._file, REMEDY) as arrays:
            slices = [arrays.get_slice(name) for name in names]
            n_features = slices[0].get_shape()[0]
            if not 0 <= feature < n_features:
                raise IndexError(f"features are 0 to {n_features - 1}; got {feature}")
            # a slice, because safetensors gives no single numbers
            return [part[feature : feature + 1][0] for part in slices]

    def promoted(self, feature: int) -> list[Pull]:
        """The tokens that a feature makes likeliest, best first; none for a row of zeros."""
        return self._pulls(feature, "promoted")

    def suppressed(self, feature: int) -> list[Pull]:
        """The tokens that a feature makes least likely, the most suppressed first; none for a row of zeros."""
        return self._pulls(feature, "suppressed")

    def _pulls(self, feature: int, end: str) -> list[Pull]:
        tokens, logits, mean, deviation = self._rows(feature, end, f"{end}_logit", "logit_mean", "logit_deviation")
        z = (logits - mean) / max(deviation, np.finfo(np.float32).tiny)
        rows = zip(tokens.tolist(), logits.tolist(), z.tolist(), strict=True)
        return [Pull(*row) for row in rows if row[0] >= 0]

    def near(self, feature: int) -> list[Neighbour]:
        """The features of the same dictionary whose rows have the greatest cosine with its own, nearest first."""
        found = zip(*(part.tolist() for part in self._rows(feature, "near", "near_cosine")), strict=True)
        return [Neighbour(*row) for row in found if row[0] >= 0]

    def promoters(self, token: int) -> Float[np.ndarray, " feature"]:
        """How strongly each feature promotes a token: its logit as a z-score over the vocabulary; 0 for rows of zeros.

        From fp16 rows, so exact to about 0.01. Raises IndexError for a token that the vocabulary does not have.
        """
        if not 0 <= token < len(self.texts):
            raise IndexError(f"tokens are 0 to {len(self.texts) - 1}; got {token}")
        with opened(unembedding_file(self._folder), REMEDY) as arrays:
            word = arrays.get_slice("unembedding")[token : token + 1][0].astype(np.float32)
        with opened(self._file, REMEDY) as arrays:
            mean, deviation, length = (arrays.get_tensor(name) for name in ("logit_mean", "logit_deviation", "length"))
            rows = arrays.get_slice("rows")
            runs = [(begin, min(begin + AT_ONCE, len(mean))) for begin in range(0, len(mean), AT_ONCE)]
            parts = [rows[begin:end].astype(np.float32) @ word for begin, end in runs]
        return (np.concatenate(parts) * length - mean) / np.maximum(deviation, np.finfo(np.float32).tiny)

    @property
    def texts(self) -> Sequence[str]:
        """What every token says, by id."""
        return self.vocabulary.texts

    def tokens_of(self, text: str) -> list[int]:
        """As `Vocabulary.tokens_of`."""
        return self.vocabulary.tokens_of(text)
