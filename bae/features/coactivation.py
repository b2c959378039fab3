"""Which features fire together: exact counts over all tokens of an index, and the measures that are made of them."""

from dataclasses import dataclass

import numpy as np

from bae.index.columns import Columns


@dataclass(frozen=True)
class Coactivation:
    """One feature (A) beside every other (B) of a dictionary, by tokens on which each fires. Arrays are [feature]."""

    together: np.ndarray
    """int64: tokens on which both fire."""
    own: int
    """Tokens on which A fires."""
    others: np.ndarray
    """int64: tokens on which B fires."""
    tokens: int
    """Tokens that were counted."""

    @property
    def jaccard(self) -> np.ndarray:
        """Tokens with both over tokens with either, in [0, 1]; NaN where neither fires."""
        return _share(self.together, self.own + self.others - self.together)

    @property
    def implies(self) -> np.ndarray:
        """P(B | A), in [0, 1]: how far A => B holds; NaN where A never fires."""
        return _share(self.together, np.full_like(self.together, self.own))

    @property
    def implied(self) -> np.ndarray:
        """P(A | B), in [0, 1]: how far B => A holds; NaN where B never fires."""
        return _share(self.together, self.others)

    @property
    def expected(self) -> np.ndarray:
        """Tokens on which both would fire if they had nothing to do with each other."""
        return self.own * self.others / self.tokens

    @property
    def pmi(self) -> np.ndarray:
        """Pointwise mutual information `log2 P(A, B) / (P(A) P(B))`, in bits; -inf where they never meet, NaN where one never fires."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log2(self.together / self.expected)

    @property
    def mutual_information(self) -> np.ndarray:
        """Of the two bits "A fires" and "B fires", in bits, in [0, 1]."""
        a, b, both, n = self.own, self.others, self.together, self.tokens
        cells = ((both, a * b), (a - both, a * (n - b)), (b - both, (n - a) * b), (n - a - b + both, (n - a) * (n - b)))
        return sum(_information(joint, product, n) for joint, product in cells).clip(min=0)

    @property
    def correlation(self) -> np.ndarray:
        """Pearson's, of the two bits (phi), in [-1, 1]; NaN where one of them is constant."""
        a, b, n = float(self.own), self.others.astype(float), float(self.tokens)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (n * self.together - a * b) / np.sqrt(a * (n - a) * b * (n - b))

    @property
    def surplus(self) -> np.ndarray:
        """How far `together` lies above what chance gives, in deviations of the hypergeometric count; NaN where a bit is constant."""
        return self.correlation * np.sqrt(max(self.tokens - 1, 0))


def coactivation(columns: Columns, feature: int, tokens: int, other: Columns | None = None) -> Coactivation:
    """Count a feature against every feature of its own dictionary, or of `other`; `tokens` are those that its rates are of."""
    among = other or columns
    return Coactivation(among.together(columns.bits(feature)), int(columns.counts[feature]), among.counts, tokens)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _information(joint: np.ndarray, product: np.ndarray, tokens: int) -> np.ndarray:
    """`p log2 (p / q)` of one cell of the table, 0 where it is empty."""
    share = np.asarray(joint, float) / tokens
    ratio = np.divide(share * tokens * tokens, product, out=np.ones_like(share), where=(share > 0) & (np.asarray(product) > 0))
    return share * np.log2(ratio)
