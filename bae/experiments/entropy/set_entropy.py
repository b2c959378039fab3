"""The entropy of sets of hidden states: one BAE a set, several trained at once, and what is found of each as a row.

A group of sets is trained together and its rows are kept when it is whole; a killed run goes on with the first group that is not there, and
comes to what an undisturbed run gives. The entropy is that of the code of a whole set, those vectors included that no training saw, as in
the paper; how well the code stands for the set is told beside it. Does not know where states come from.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bae.entropy import BitCounts, BlockCounts, checked_states, marginal_interval, movement, peers, tree_interval
from bae.entropy.sets import enough
from bae.experiments.entropy.results import Results
from bae.experiments.entropy.set_training import Fitted, Origin, Training, Watch, fit_sets
from bae.features.magnitude import Prior
from bae.model.language_model import best_device
from bae.states.scaling import NORM_LIMIT, Scaling
from bae.system.progress import Progress

CHUNK = 8192
"""Vectors that are encoded at a time."""
BLOCKS = 512
"""At most so many blocks are drawn from for an interval; more documents are dealt out to as many."""
HELD_OUT = 0.2
"""The last share of a set, which no training sees."""
ULP_FP16, LEAST_FP16 = 2.0**-10, 2.0**-24
"""Between a number of fp16 and the next: as a share of its power of two, and at the least."""
COMPUTED = 2.0**-20
"""Share of the root mean square of all elements that one may be off because a model computes in fp32."""
MEASURED = (
    "entropy", "entropy_low", "entropy_high", "entropy_bias", "tree", "tree_low", "tree_high", "patterns", "reconstruction", "fvu",
    "held_out_fvu",
)  # fmt: skip
"""Figures that are 0 for a constant set, as are those of `PEERS`."""
PEERS = ("matrix_renyi", "two_nn", "binary_dimension")
COUNTED = ("moving", "always_on", "always_off", "frozen", "pca_rank")
PEERS_SAMPLE = 2048
"""Vectors that peers measure distances between."""


class SetOf(NamedTuple):
    """A set of hidden states, by what it is called in a row."""

    labels: Mapping[str, object]
    load: Callable[[], Float[Tensor, "vector d_model"]]
    """Raw."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A set as a BAE sees it."""

    labels: Mapping[str, object]
    scaled: Float[Tensor, "vector d_model"] | None
    """None for a constant set: there is nothing to scale or to train."""
    blocks: Int[Tensor, " vector"]
    """Which vectors are drawn together for the interval."""
    scaling: Scaling | None
    vectors: int
    dropped: int
    """Vectors over the norm limit, or not finite."""

    @property
    def trained(self) -> int:
        """Vectors that training may see."""
        return len(self.scaled) - max(1, round(HELD_OUT * len(self.scaled)))


def prepared(one: SetOf, blocks: Int[Tensor, " vector"], origin: Origin = "mean") -> Prepared:
    """Drop what is over the norm limit, shift to the origin, and scale so that the variance, summed over elements, is 1.

    At that length copies of a bit merge in training: a set of 2 bits was told in 4 after 4,000 steps, and in 54 where it was d.
    Raises ValueError for an empty set, one vector, and where none is finite.
    """
    states = one.load().float()
    try:
        enough(len(states))
        norms = states.norm(dim=-1)
        if not norms.isfinite().any():
            raise ValueError(f"none of its {len(states):,} vectors is finite")
        inside = states[norms.isfinite()]
        if is_constant(inside):
            checked_states(states)
            return Prepared(one.labels, None, blocks, None, len(states), 0)
        within = inside[inside.norm(dim=-1) <= NORM_LIMIT * inside.norm(dim=-1).median()]
        if is_constant(within):
            over = len(states) - len(within)
            raise ValueError(f"{over:,} of its vectors are over {NORM_LIMIT:g} times the median norm, and the others are all one")
        scaling = Scaling.measure(norms, [states])
        scaling = replace(scaling, scale=scaling.scale / math.sqrt(states.shape[1]))
        keep = norms <= scaling.norm_limit
        if origin == "state":
            scaling = replace(scaling, mean=states[keep][0])
        scaled = scaling.apply(checked_states(states[keep]))
    except ValueError as error:
        raise ValueError(f"the set of {', '.join(f'{name} {value}' for name, value in one.labels.items())}: {error}") from error
    return Prepared(one.labels, scaled, blocks[keep] % BLOCKS, scaling, len(states), int((~keep).sum()))


def is_constant(states: Float[Tensor, "vector d_model"]) -> bool:
    """Whether all vectors are one, but for the rounding of fp16: no element is off by more than one step from a number to the next."""
    states = states.double()
    mean = states.mean(0)
    # frexp: magnitudes are in [1/2, 1) times a power of two
    step = torch.ldexp(torch.full_like(mean, ULP_FP16 / 2), mean.frexp().exponent).clamp(min=LEAST_FP16)
    return bool(((states - mean).abs() <= step + COMPUTED * states.square().mean().sqrt()).all())


def measure(
    results: Results, groups: Sequence[Sequence[SetOf]], blocks: Int[Tensor, " vector"], training: Training, seed: int, status: Path
) -> None:
    """Train and measure the groups whose rows are not yet there, in turn. `blocks` says which vectors of a set belong together."""
    with Progress("training BAEs", training.steps * len(groups), "steps", status) as progress:
        for group in groups:
            if all(results.has(**one.labels) for one in group):
                progress.skip(training.steps)
                continue
            began = time.monotonic()
            rows = list(measured([prepared(one, blocks, training.origin) for one in group], training, seed, progress.advance))
            results.keep(rows, time.monotonic() - began)


def measured(sets: Sequence[Prepared], training: Training, seed: int, advance: Callable[[int], None]) -> Iterator[dict[str, object]]:
    """One row a set, those that vary trained together."""
    fitted = fitted_sets(sets, training, seed, advance)
    for one in sets:
        yield row(one, next(fitted) if one.scaled is not None else None, training, sets)


def fitted_sets(
    sets: Sequence[Prepared], training: Training, seed: int, advance: Callable[[int], None], watch: Watch | None = None
) -> Iterator[Fitted]:
    """A BAE of each set that varies, in order. All are trained on as many vectors, so that none is ahead: those that the smallest has."""
    varying = [one for one in sets if one.scaled is not None]
    if not varying:
        advance(training.steps)
        return iter(())
    size = min(one.trained for one in varying)
    stack = torch.stack([one.scaled[:size] for one in varying]).to(best_device())
    return iter(fit_sets(stack, of_elements(training, stack.shape[2]), seed, advance, watch))


def of_elements(training: Training, d_model: int) -> Training:
    """The training with its weights beside an L_r that is a mean over elements, which is minimised."""
    weights = {name: getattr(training, name) / d_model for name in ("entropy_weight", "covariance_weight")}
    return replace(training, **weights)


def row(one: Prepared, fitted: Fitted | None, training: Training, group: Sequence[Prepared]) -> dict[str, object]:
    """What is found of a set: entropies in bits, errors in raw units and as shares of the variance, the peers, and how bits stand.

    `group` are the sets that were trained beside it, of one place in a model.
    """
    found: dict[str, object] = (
        {name: 0.0 for name in (*MEASURED, *PEERS)} | {name: 0 for name in COUNTED} | {"scale": None, "constant": True}
    )
    if one.scaled is not None:
        code = torch.cat([fitted.encode(part).bool() for part in one.scaled.split(CHUNK)])
        counts = BitCounts(code.shape[1])
        for part in code.split(CHUNK):
            counts.add(part.float())
        found = {
            **_entropies(code, counts, one),
            **_standing(counts, code, one, fitted, group),
            **_errors(code, one, fitted),
            **_peers(code, one),
            "scale": one.scaling.scale,
            "constant": False,
        }
    kept = one.vectors - one.dropped
    return {
        **one.labels,
        "vectors": kept,
        "log2_vectors": math.log2(kept),
        "dropped": one.dropped,
        "expansion": training.expansion,
        **found,
    }


def _entropies(code: Bool[Tensor, "vector bit"], counts: BitCounts, one: Prepared) -> dict[str, object]:
    """Of the code: its marginal and its tree with intervals, the bias of the marginal, and that of whole codes by counting them."""
    edges = counts.tree_edges()
    # all vectors of one document: nothing to draw from
    drawn = one.blocks.unique().numel() > 1
    marginal = marginal_interval(BlockCounts.of(code, one.blocks)) if drawn else None
    tree = tree_interval(code, one.blocks, edges) if drawn else None
    return {
        "entropy": counts.marginal(),
        "entropy_low": marginal.low if marginal else None,
        "entropy_high": marginal.high if marginal else None,
        "entropy_bias": counts.marginal_bias(),
        "tree": tree.value if tree else counts.tree(),
        "tree_low": tree.low if tree else None,
        "tree_high": tree.high if tree else None,
        "patterns": peers.pattern_entropy(code),
    }


def _standing(
    counts: BitCounts, code: Bool[Tensor, "vector bit"], one: Prepared, fitted: Fitted, group: Sequence[Prepared]
) -> dict[str, int | None]:
    """How many bits move in the set, and how the others stand.

    Frozen are those that move, or stand otherwise, in the vectors of the other sets of the group: what this set's vectors have in common
    against theirs. None where no other set varies: nothing tells frozen bits from those that stand still wherever they are asked.
    """
    others = [other for other in group if other is not one and other.scaled is not None]
    elsewhere = (fitted.encode(one.scaling.apply(other.scaling.undo(part))) for other in others for part in other.scaled.split(CHUNK))
    # its own codes as they are: undone and scaled again, a bit at its threshold could flip
    found = movement(counts, Prior.of(chain((part.float() for part in code.split(CHUNK)), elsewhere)))
    return {
        "moving": int(found.moving.sum()),
        "always_on": int((counts.ones == counts.tokens).sum()),
        "always_off": int((counts.ones == 0).sum()),
        "frozen": int(found.frozen.sum()) if others else None,
    }


def _peers(code: Bool[Tensor, "vector bit"], one: Prepared) -> dict[str, object]:
    return {
        "pca_rank": peers.pca_rank(one.scaled),
        "matrix_renyi": peers.matrix_renyi(one.scaled),
        "two_nn": peers.two_nn(one.scaled, PEERS_SAMPLE),
        "binary_dimension": peers.binary_dimension(code.float(), PEERS_SAMPLE),
    }


def _errors(code: Bool[Tensor, "vector bit"], one: Prepared, fitted: Fitted) -> dict[str, float | None]:
    """L_r of Eq. (3), the mean over elements, in raw units; and the share of the variance that is unexplained, also of unseen vectors."""
    parts = zip(one.scaled.split(CHUNK), code.split(CHUNK), strict=True)
    errors = torch.cat([(part - fitted.decode(bits.float())).square().sum(-1) for part, bits in parts]).double()
    return {
        "reconstruction": (errors.mean() / one.scaled.shape[1] / one.scaling.scale**2).item(),
        "fvu": _share(errors, one.scaled),
        "held_out_fvu": _share(errors[one.trained :], one.scaled[one.trained :]),
    }


def _share(errors: Float[Tensor, " vector"], states: Float[Tensor, "vector d_model"]) -> float | None:
    """Of the variance; None where there is none."""
    variance = (states - states.mean(0)).double().square().sum()
    return (errors.sum() / variance).item() if variance > 0 else None


def spelled(row: Mapping[str, object]) -> str:
    """The figures of a row in words."""
    if row["constant"]:
        return "0 bits: all vectors are one, so nothing was scaled or trained"
    span = f" ({row['entropy_low']:,.1f} to {row['entropy_high']:,.1f})" if row["entropy_low"] is not None else ""
    vectors = f"{row['vectors']:,} vectors (log2 {row['log2_vectors']:.1f})"
    dropped = f", {row['dropped']:,} dropped" if row["dropped"] else ""
    return f"{row['entropy']:8,.1f} bits{span}, tree {row['tree']:,.1f}, unexplained {row['fvu']:.3f}, {vectors}{dropped}"
