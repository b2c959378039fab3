"""Whether the paper's findings show in a run: sentences that are made from its numbers."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import mean, pstdev
from typing import NamedTuple

from bae.numbers import percent

Row = Mapping[str, object]

CLOSE, CLOSE_BITS, SMALL_RANK = 0.05, 0.2, 4
"""An estimate hits r within 5 %, or within 0.2 bit below r = 4."""
SATURATED = 0.05
"""A curve has come to its end where all that is left is within 5 % of its last value."""
ONE_TRAINING = " One training each."
LAST = 0.1
"""Share of a training that counts as its end."""


class Finding(NamedTuple):
    """A claim of the paper, and what this run says of it."""

    claim: str
    shows: float | None
    """In which share of the cases; None where the run does not tell."""
    told: str


def synthetic(rows: Sequence[Row]) -> list[Finding]:
    """4.1: with the entropy loss BAEs hit r at every expansion, without it they come out clearly higher."""
    found = []
    own, bare = ([row for row in rows if row["entropy_loss"] is on and row["rank"] > 0] for on in (True, False))
    if own:
        hits = [row for row in own if hit(row)]
        worst = max(own, key=off)
        claim = "With the entropy loss the estimate is r, whatever the expansion."
        told = (
            f"Within 5 % of r (0.2 bit below r = 4) in {len(hits)} of {len(own)} sets. Greatest |H - r| / r: {percent(off(worst))}, "
            f"{worst['entropy']:,.2f} bits for r = {worst['rank']} at expansion {worst['expansion']}."
        )
        found.append(Finding(claim, len(hits) / len(own), told + _corrected(own)))
    if own and bare:
        worst, higher = max(bare, key=off), _higher(own, bare)
        pairs = len(_pairs(own, bare))
        told = (
            f"Higher by more than that in {higher} of {pairs} sets that are there both ways. Greatest |H - r| / r: {percent(off(worst))}, "
            f"{worst['entropy']:,.1f} bits for r = {worst['rank']} at expansion {worst['expansion']}."
        )
        claim = "Without the entropy loss the estimate is clearly higher."
        found.append(Finding(claim, higher / pairs if pairs else None, told + _corrected(bare) + ONE_TRAINING))
    empty = [row for row in rows if row["rank"] == 0]
    if empty:
        most = max(row["entropy"] for row in empty)
        found.append(Finding("A constant set has 0 bits.", float(most == 0), f"The greatest estimate for r = 0 is {most:,.2f} bits."))
    return found


def off(row: Row, estimate: str = "entropy") -> float:
    """|H - r| / r, for r above 0."""
    return abs(row[estimate] - row["rank"]) / row["rank"]


def hit(row: Row) -> bool:
    """Whether an estimate is as near r as was aimed at."""
    return abs(row["entropy"] - row["rank"]) <= _near(row["rank"])


def _near(rank: int) -> float:
    return CLOSE * rank if rank >= SMALL_RANK else CLOSE_BITS


def _corrected(rows: Sequence[Row]) -> str:
    read = [row for row in rows if row["tree"] is not None]
    return f" Corrected for pairs: {percent(max(off(row, 'tree') for row in read))}." if read else ""


def _pairs(own: Sequence[Row], bare: Sequence[Row]) -> list[tuple[Row, Row]]:
    by = {(row["expansion"], row["rank"]): row for row in bare}
    return [(row, by[place]) for row in own if (place := (row["expansion"], row["rank"])) in by]


def _higher(own: Sequence[Row], bare: Sequence[Row]) -> int:
    return sum(other["entropy"] - row["entropy"] > _near(row["rank"]) for row, other in _pairs(own, bare))


def language(rows: Sequence[Row]) -> list[Finding]:
    """4.2: entropy rises with the position and comes to an end; deeper layers hold more, and come to their end later."""
    layers = {layer: own for layer, own in _by(rows, "layer", "position").items() if len(own) > 1}
    if not layers:
        return []
    found = [_rises(layers), _saturates(layers)]
    if len(layers) > 1:
        found += [_deeper(rows), _later(layers)]
    return found


def _rises(layers: Mapping[int, Sequence[Row]]) -> Finding:
    risen = [layer for layer, own in layers.items() if above(own[-1], own[0])]
    told = f"The last position is above the first, their intervals apart, at {_some(risen, layers)}."
    return Finding("The entropy of a layer rises with the position.", len(risen) / len(layers), told + ONE_TRAINING)


def _saturates(layers: Mapping[int, Sequence[Row]]) -> Finding:
    ended = [layer for layer, own in layers.items() if settled_from(own) < own[-1]["position"]]
    told = f"At {_some(ended, layers)} the last positions are within 5 % of the last one of all."
    return Finding("It comes to an end.", len(ended) / len(layers), told + ONE_TRAINING)


def _deeper(rows: Sequence[Row]) -> Finding:
    orders = [own for own in _by(rows, "position", "layer").values() if len(own) > 1]
    steps = [(own[0]["position"], one, other) for own in orders for one, other in pairwise(own)]
    more, ends = sum(other["entropy"] > one["entropy"] for _, one, other in steps), [(own[0], own[-1]) for own in orders]
    up, (first, last) = sum(above(last, first) for first, last in ends), ends[-1]
    told = (
        f"From a layer to the next one that was read it rises in {more} of {len(steps)} cases; the deepest is above the first, intervals "
        f"apart, at {up} of {len(ends)} positions. At position {last['position']}: {first['entropy']:,.1f} bits at layer {first['layer']}, "
        f"{last['entropy']:,.1f} at layer {last['layer']}."
    )
    return Finding("Deeper layers hold more.", more / len(steps), told + ONE_TRAINING)


def _later(layers: Mapping[int, Sequence[Row]]) -> Finding:
    ends = [settled_from(own) for own in layers.values()]
    told = "From these positions on a layer stays within 5 % of its last value: "
    told += ", ".join(f"layer {layer} from {end}" for layer, end in zip(layers, ends, strict=True)) + "."
    return Finding("Deeper layers come to their end later.", float(ends[-1] > ends[0]), told + ONE_TRAINING)


def settled_from(own: Sequence[Row]) -> int:
    """The first position from which on all entropies are within 5 % of the last."""
    last = own[-1]["entropy"]
    outside = [place for place, row in enumerate(own) if abs(row["entropy"] - last) > SATURATED * last]
    return own[outside[-1] + 1 if outside else 0]["position"]


def icl(rows: Sequence[Row], answers: Sequence[Row]) -> list[Finding]:
    """4.3: deeper layers hold more; more demonstrations mean fewer bits, while accuracy rises."""
    found = []
    bottom = [row for row in rows if row["layer"] == 0]
    if bottom:
        most = max(row["entropy"] for row in bottom)
        found.append(
            Finding("At layer 0 the last token is always the same: 0 bits.", float(most == 0), f"The most found there is {most:,.2f} bits.")
        )
    shots = {k: own for k, own in _by((row for row in rows if row["layer"] > 0), "shots", "layer").items() if len(own) > 1}
    if shots:
        up = [k for k, own in shots.items() if above(own[-1], own[0])]
        told = f"The deepest is above the first behind the embedding, intervals apart, at {len(up)} of {len(shots)} numbers of shots."
        found.append(Finding("Deeper layers hold more.", len(up) / len(shots), told + ONE_TRAINING))
    if fewer := _fewer_bits(rows):
        found.append(fewer)
    if len(answers) > 1:
        ordered = sorted(answers, key=lambda row: row["shots"])
        first, last = ordered[0], ordered[-1]
        every, two = ([percent(row[name]) for row in (first, last)] for name in ("vocabulary", "labels"))
        told = (
            f"Over all tokens {every[0]} right behind {first['shots']} and {every[1]} behind {last['shots']}; of the two labels {two[0]} "
            f"and {two[1]}, where always saying one gets {percent(last['majority'])}."
        )
        better = last["vocabulary_low"] > first["vocabulary_high"]
        found.append(Finding("More demonstrations make more answers right.", float(better), told))
    return found


def _fewer_bits(rows: Sequence[Row]) -> Finding | None:
    layers = {layer: own for layer, own in _by(rows, "layer", "shots").items() if layer > 0 and len(own) > 1}
    if not layers:
        return None
    less = [layer for layer, own in layers.items() if above(own[0], own[-1])]
    more = [layer for layer, own in layers.items() if above(own[-1], own[0])]
    few, many = next(iter(layers.values()))[0]["shots"], next(iter(layers.values()))[-1]["shots"]
    told = f"Behind {many} fewer bits than behind {few}, intervals apart, at {_some(less, layers)}; more bits at {_some(more, layers)}."
    return Finding("More demonstrations mean fewer bits.", len(less) / len(layers), told + ONE_TRAINING)


def tokens(rows: Sequence[Row]) -> list[Finding]:
    """B: the estimate follows the known entropy of sets of a language model's states."""
    known = [row for row in rows if row["rank"] > 0]
    if not known:
        return []
    hits, worst = [row for row in known if hit(row)], max(known, key=off)
    told = (
        f"Within 5 % of r (0.2 bit below r = 4) in {len(hits)} of {len(known)} sets. Greatest |H - r| / r: {percent(off(worst))}, "
        f"{worst['entropy']:,.1f} bits for r = {worst['rank']} at expansion {worst['expansion']}.{_corrected(known)}"
    )
    found = [Finding("The estimate is r.", len(hits) / len(known), told)]
    curves = [own for own in _by(known, "expansion", "rank").values() if len(own) > 1]
    if curves:
        pairs = [pair for own in curves for pair in pairwise(own)]
        rising = sum(other["entropy"] > one["entropy"] for one, other in pairs)
        found.append(
            Finding("It rises with r.", rising / len(pairs), f"From an r to the next in {rising} of {len(pairs)} cases." + ONE_TRAINING)
        )
    beyond = [row for row in known if row["rank"] > row["log2_vectors"]]
    if beyond:
        past = [row for row in beyond if row["entropy"] > row["log2_vectors"]]
        told = f"Of {len(beyond)} sets of more bits than that, {len(past)} are estimated above it."
        found.append(Finding("It goes beyond log2 n, where counting patterns stops.", len(past) / len(beyond), told))
    return found


def dynamics(rows: Sequence[Row], decay: float, place: str = "position") -> list[Finding]:
    """D: with the entropy loss both go down together; without it entropy falls too, but later, and wavers at the end.

    Sets are told apart by `position`, which a reader knows as `place`.
    """
    courses = {key: own for key, own in _courses(rows).items() if len(own) > 1}
    positions = sorted({position for position, on in courses if (position, not on) in courses})
    found = []
    if positions:
        lower = [one for one in positions if _end(courses[one, True]) < _end(courses[one, False])]
        told = "; ".join(
            f"{place} {one}: {_end(courses[one, True]):,.1f} bits with it (unexplained {_end(courses[one, True], 'unexplained'):.2f}), "
            f"{_end(courses[one, False]):,.1f} without ({_end(courses[one, False], 'unexplained'):.2f})"
            for one in positions
        )
        claim = "With the entropy loss the entropy ends lower."
        found.append(Finding(claim, len(lower) / len(positions), f"In the last tenth, {told}." + ONE_TRAINING))
        own, bare = ([_wavers(courses[one, on]) for one in positions] for on in (True, False))
        calmer, wilder = (sum(one < other for one, other in zip(*pair, strict=True)) for pair in ((own, bare), (bare, own)))
        told = f"Over the last tenth of the steps the entropy wavers less with it in {calmer} of {len(positions)} sets, more in {wilder}."
        if decay:
            told += (
                f" The learning rate falls to 0 over the last {percent(decay)} of the steps, which the paper's does not: that calms both."
            )
        share = calmer / (calmer + wilder) if calmer + wilder else None
        found.append(Finding("The entropy loss keeps the end from wavering.", share, told + ONE_TRAINING))
    bare = {position: own for (position, on), own in courses.items() if not on}
    if bare:
        fell = [position for position, own in bare.items() if _end(own) < max(row["entropy"] for row in own) / 2]
        claim = "Even without it the entropy falls, after a time at high values."
        told = "; ".join(f"{place} {one}: at most {max(row['entropy'] for row in own):,.1f}, at the end {_end(own):,.1f} bits"
                         for one, own in bare.items())  # fmt: skip
        found.append(Finding(claim, len(fell) / len(bare), f"To less than half of its greatest in {len(fell)} of {len(bare)}: {told}."))
    return found


def _courses(rows: Sequence[Row]) -> dict[tuple[int, bool], list[Row]]:
    found: dict[tuple[int, bool], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["position"], row["step"])):
        found.setdefault((row["position"], row["entropy_loss"]), []).append(row)
    return found


def ending(own: Sequence[Row]) -> Sequence[Row]:
    """The last tenth of a course."""
    return own[-max(1, round(LAST * len(own))) :]


def _end(own: Sequence[Row], name: str = "entropy") -> float:
    return mean(row[name] for row in ending(own))


def _wavers(own: Sequence[Row]) -> float:
    return pstdev(row["entropy"] for row in ending(own))


def above(one: Row, other: Row) -> bool:
    """Whether an entropy is above another one, their intervals apart where there are any."""
    low = one["entropy"] if one["entropy_low"] is None else one["entropy_low"]
    high = other["entropy"] if other["entropy_high"] is None else other["entropy_high"]
    return low > high


def _by(rows: Iterable[Row], name: str, order: str) -> dict[int, list[Row]]:
    """Rows by one column, in order of it, each list in order of another."""
    found: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row[name], row[order])):
        found.setdefault(row[name], []).append(row)
    return found


def _some(layers: Sequence[int], of: Mapping[int, object]) -> str:
    named = f" ({', '.join(map(str, layers))})" if 0 < len(layers) < len(of) else ""
    return f"{len(layers)} of {len(of)} layers{named}"
