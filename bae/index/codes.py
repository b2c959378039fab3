"""The codes of one dictionary as the index keeps them: of every token its packed support and its top features, shard by shard."""

from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import safe_open

from bae.index.query import Index


class Codes:
    """Reads `codes/DICTIONARY` beside the index file. Tokens are numbered through the corpus, BOS left out.

    Raises FileNotFoundError where an index was copied without its codes.
    """

    def __init__(self, index: Index, dictionary: str):
        folder = Path(index.file).parent / "codes" / dictionary
        self.files = sorted(folder.glob("[0-9]*.safetensors"))
        if not self.files:
            raise FileNotFoundError(f"{folder} holds no codes; delete the folder of the index and run `bae index`")
        self._index, self._entry = index, index.dictionaries()[dictionary]
        self.n_features = self._entry.n_features

    def _all(self, key: str) -> np.ndarray:
        parts = []
        for file in self.files:
            with safe_open(file, framework="numpy") as shard:
                parts.append(shard.get_tensor(key))
        return np.concatenate(parts)

    @cached_property
    def top_feature(self) -> np.ndarray:
        """int32 [token 10], loudest first; -1 where fewer are activated."""
        return self._all("top_feature")

    @cached_property
    def top_magnitude(self) -> np.ndarray:
        """float32 [token 10], in the dictionary's unit; 0 where there is no feature."""
        return self._all("top_magnitude")

    @cached_property
    def packed(self) -> np.ndarray:
        """uint8 [token feature/8]: a bit a feature, set where the code is not 0, the first feature in the highest bit."""
        return self._all("packed")

    def fires(self, feature: int, tokens: np.ndarray) -> np.ndarray:
        """bool [len(tokens)]: on which of these tokens the code of a feature is not 0."""
        return (self.packed[tokens, feature // 8] >> (7 - feature % 8) & 1).astype(bool)

    def support(self, token: int) -> np.ndarray:
        """bool [feature]: which features of one token have a code that is not 0."""
        return np.unpackbits(self.packed[token], count=self.n_features).astype(bool)

    @cached_property
    def habit(self) -> np.ndarray:
        """bool [feature]: whether a feature fires where it does not stand out; False for all but bits that are usually on."""
        rate = np.array(self._index.column(self._entry.name, "rate"))
        return (rate > 0.5) & (self._entry.magnitude == "burstiness")

    @cached_property
    def quiet_magnitude(self) -> np.ndarray:
        """float64 [feature]: how loud each feature is where it does not stand out.

        Raises ValueError for features of several bits, of which the index does not keep the levels.
        """
        rate, mean, deviation = (np.array(self._index.column(self._entry.name, name)) for name in ("rate", "mean", "deviation"))
        if self._entry.magnitude == "rescaled value":
            return -mean / np.maximum(deviation, np.finfo(np.float32).tiny)
        if self._entry.magnitude != "burstiness":
            return np.zeros(len(rate))
        if self._entry.provenance.get("options", {}).get("bits_per_feature", 1) > 1:
            raise ValueError(f"the literal top 10 of {self._entry.name} is not known: its features have several bits")
        with np.errstate(divide="ignore"):
            return np.log2(np.minimum(rate, 1 - rate))
