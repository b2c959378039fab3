"""What hidden states cost without a dictionary: numbers rounded to levels, along principal axes or channel by channel.

`entropy_coded` divides every coordinate by one step, rounds, and counts the length of the levels under frequencies of the fitted
text; with a step for every size, it can be matched to a size. `fixed_length` spends the same number of bits (8: int8, 4: int4) on
every coordinate that it keeps, the most varying first; the others stand at their mean. Its size is bits times coordinates, so that
int8 of all coordinates cannot be smaller than 8 d bits, and is matched to a size by keeping fewer.

Mean, axes, ranges and frequencies belong to the method, as weights do to a dictionary, and are not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bae.compression.levels import LEVELS, Frequencies, level_means, levels_of, middles
from bae.states.scaling import Scaling

RANGES = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0)
"""What a fixed-length coordinate may span to either side of its mean, in deviations; the best on the fitted text is taken."""
BISECTIONS = 12


@dataclass(frozen=True, eq=False)
class Basis:
    """Coordinates of hidden states, the most varying first."""

    mean: Float[Tensor, " d_model"]
    axes: Float[Tensor, "d_model column"]
    deviation: Float[Tensor, " column"]

    @classmethod
    def principal(cls, fitted: Iterable[Float[Tensor, "_ d_model"]]) -> "Basis":
        """Along the principal axes of a set (PCA)."""
        mean, covariance = _moments(fitted)
        variance, axes = torch.linalg.eigh(covariance)
        return cls(mean.float(), axes.flip(-1).float(), variance.flip(-1).clamp(min=0).sqrt().float())

    @classmethod
    def channels(cls, fitted: Iterable[Float[Tensor, "_ d_model"]]) -> "Basis":
        """The numbers of the vectors as they are, in another order."""
        mean, covariance = _moments(fitted)
        variance, order = covariance.diagonal().sort(descending=True, stable=True)
        return cls(mean.float(), torch.eye(len(mean))[:, order], variance.sqrt().float())

    def coordinates(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token column"]:
        """Of hidden states."""
        return (states.float() - self.mean) @ self.axes

    def states(self, coordinates: Float[Tensor, "token column"]) -> Float[Tensor, "token d_model"]:
        """From the first coordinates; the others at their mean."""
        return coordinates @ self.axes[:, : coordinates.shape[1]].T + self.mean


def _moments(fitted: Iterable[Float[Tensor, "_ d_model"]]) -> tuple[Tensor, Tensor]:
    count, total, products = 0, 0.0, 0.0
    for part in fitted:
        part = part.double()
        count, total, products = count + len(part), total + part.sum(0), products + part.T @ part
    mean = total / count
    return mean, products / count - torch.outer(mean, mean)


@dataclass(frozen=True, eq=False)
class FixedLength:
    """The first coordinates of a basis, each rounded to the middle of one of `2^bits` even cells of its range."""

    basis: Basis
    bits_each: int
    reach: Float[Tensor, " kept"]
    """Half of the range of every coordinate that is kept, in raw units."""

    @classmethod
    def fit(cls, basis: Basis, fitted: Iterable[Float[Tensor, "_ d_model"]], bits_each: int, kept: int) -> "FixedLength":
        """With the ranges that leave the least squared error of a set."""
        if not 1 <= kept <= len(basis.deviation):
            raise ValueError(f"between 1 and {len(basis.deviation)} coordinates can be kept; got {kept}")
        candidates = [cls(basis, bits_each, spread * basis.deviation[:kept].clamp(min=1e-30)) for spread in RANGES]
        errors = torch.zeros(len(RANGES), kept, dtype=torch.float64)
        for part in fitted:
            coordinates = basis.coordinates(part)[:, :kept]
            errors += torch.stack([(one.rounded(coordinates) - coordinates).double().square().sum(0) for one in candidates])
        return cls(basis, bits_each, torch.stack([one.reach for one in candidates]).gather(0, errors.argmin(0)[None])[0])

    @property
    def bits(self) -> float:
        """A vector."""
        return float(self.bits_each * len(self.reach))

    def rounded(self, coordinates: Float[Tensor, "token kept"]) -> Float[Tensor, "token kept"]:
        """Middles of the cells that coordinates fall into; beyond the range, of the outermost."""
        half = 2 ** (self.bits_each - 1)
        step = self.reach / half
        return ((coordinates / step).floor().clamp(-half, half - 1) + 0.5) * step

    def found(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
        """What comes back."""
        return self.basis.states(self.rounded(self.basis.coordinates(states)[:, : len(self.reach)]))


@dataclass(frozen=True, eq=False)
class EntropyCoded:
    """All coordinates of a basis, divided by one step, rounded, and written at their length under frequencies of the fitted text.

    A level stands for its middle, or for the mean of the fitted coordinates that fell on it: at coarse steps that leaves a smaller
    error, and shorter vectors, which cost a language model more.
    """

    basis: Basis
    step: float
    """In raw units."""
    frequencies: Frequencies
    values: Float[Tensor, "column level"]
    """What each level of each coordinate stands for, in raw units."""

    @classmethod
    def fit(cls, basis: Basis, fitted: Iterable[Float[Tensor, "_ d_model"]], step: float) -> "EntropyCoded":
        """With the frequencies of a set, and middles."""
        frequencies = Frequencies.of((_levels(basis, part, step) for part in fitted), LEVELS)
        return cls(basis, step, frequencies, middles(step).expand(len(basis.deviation), -1))

    def with_means(self, fitted: Iterable[Float[Tensor, "_ d_model"]]) -> "EntropyCoded":
        """The same with means of a set in place of middles; it takes as many bits."""
        return replace(self, values=level_means((self.basis.coordinates(part) for part in fitted), self.step))

    @classmethod
    def matched(
        cls, basis: Basis, fitted: Iterable[Float[Tensor, "_ d_model"]], measured: Iterable[Float[Tensor, "_ d_model"]], bits: float
    ) -> "EntropyCoded":
        """With the step at which vectors of `measured` take `bits`, found by bisection; both streams are gone through many times."""
        low, high = basis.deviation[0].item() / (LEVELS // 2), 4 * basis.deviation[0].item()
        for _ in range(BISECTIONS):
            middle = (low * high) ** 0.5
            frequencies = Frequencies.of((_levels(basis, part, middle) for part in fitted), LEVELS)
            low, high = (middle, high) if _length(basis, middle, frequencies, measured) > bits else (low, middle)
        return cls.fit(basis, fitted, high)

    def length(self, measured: Iterable[Float[Tensor, "_ d_model"]]) -> float:
        """Bits a vector of a set."""
        return _length(self.basis, self.step, self.frequencies, measured)

    def found(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
        """What comes back."""
        levels = _levels(self.basis, states, self.step)
        return self.basis.states(self.values.gather(1, levels.T).T)


def _levels(basis: Basis, states: Float[Tensor, "token d_model"], step: float) -> Int[Tensor, "token column"]:
    return levels_of(basis.coordinates(states), step)


def _length(basis: Basis, step: float, frequencies: Frequencies, measured: Iterable[Float[Tensor, "_ d_model"]]) -> float:
    """Bits a vector."""
    total = count = 0
    for part in measured:
        total, count = total + frequencies.length(_levels(basis, part, step)), count + len(part)
    return total / count


class Rewriting:
    """Any way to rewrite hidden states, as a dictionary that `bae.model.splicing` can put into a model."""

    site = "residual"

    def __init__(self, found, scaling: Scaling):
        self._found = found
        self.scaling = self.written_scaling = scaling

    def encode(self, states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
        """The states as they come back."""
        return self._found(states)

    def decode(self, code: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
        """The same."""
        return code
