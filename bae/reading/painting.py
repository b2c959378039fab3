"""What is painted: plain data, made from an inspection of a text or from a context of the index. Draws nothing, and loads no torch."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from bae.index.query import Example

BOS_TEXT = "⟨start⟩"
FAINTEST = 0.15
"""Heat of the weakest token that is painted at all."""

FULL_COST = 3
"""Times the usual description length: what is painted deepest."""

NOT_READ = "The start token: the model needs it, and no feature is read on it."
DROPPED = "Left out: its hidden state is more than ten times longer than usual (a massive activation)."
BEYOND = "Beyond the length that the dictionary was trained on: read, but less to be trusted."


@dataclass(frozen=True)
class Stretch:
    """A stretch of text that is painted as one."""

    text: str
    token: int
    """Position of its first token; 0 is the start token."""
    kind: str = "plain"
    """plain, on (a burst or a value), off (a burst by silence), bits (a description length) or grey."""
    heat: float = 0.0
    """How strong, in [0, 1]."""
    note: str = ""
    """What to know of it: why it is grey, or how strong it is."""
    bold: bool = False
    top: list[tuple[int, float]] = field(default_factory=list)
    """Its loudest features with their magnitudes."""
    output: bool = False
    """Whether the language model wrote it."""


@dataclass(frozen=True)
class Cost:
    """What the codes of a text's tokens cost in bits under the habits of a corpus (bae/reading/description_length.py)."""

    bits: list[float]
    """Of every token, position 0 being the start token."""
    usual: float
    """Mean over the corpus's own tokens."""


@dataclass(frozen=True)
class View:
    """What a person has chosen to see of a text."""

    feature: int | None = None
    """Paint this feature; None paints the loudest of each token."""
    max_density: float = 1.0
    on: bool = True
    off: bool = True
    start: bool = False
    bits: bool = False
    """Paint what tokens cost instead of features."""


def density(rate: float, binary: bool) -> float:
    """How often a feature leaves its habit: min(p, 1 - p) for bits, p for values."""
    return min(rate, 1 - rate) if binary else rate


def bursts_off(rate: float, binary: bool) -> bool:
    """Whether a feature bursts by being silent: only a bit that usually fires."""
    return binary and rate > 0.5


def shown(rate: Sequence[float], binary: bool, view: View) -> list[bool]:
    """Which features a view lets through."""
    return [density(p, binary) <= view.max_density and (view.off if bursts_off(p, binary) else view.on) for p in rate]


def visible(text: str) -> str:
    """A text as it can be seen: control, zero-width and direction signs by their number, a line break with its arrow."""
    if text.isprintable() and text:
        return text
    return "".join(_visible_letter(letter) for letter in text) or "∅"


def _visible_letter(letter: str) -> str:
    if letter == "\n":
        return "↵\n"
    if letter in "\t " or letter.isprintable() or unicodedata.category(letter) == "Zs":
        return letter
    return f"⟨{ord(letter):04X}⟩"


def _loudest(features: list, magnitudes: list, allowed: list[bool], first: int, last: int) -> list[tuple[int, float]]:
    best: dict[int, float] = {}
    for token in range(first, last + 1):
        for feature, magnitude in zip(features[token], magnitudes[token], strict=True):
            if feature >= 0 and allowed[feature]:
                best[feature] = max(magnitude, best.get(feature, -math.inf))
    return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:10]


def paint(
    inspection, rate: Sequence[float], view: View, largest: float | None = None, cost: Cost | None = None, typed: int | None = None
) -> list[Stretch]:
    """A text as stretches. `largest` is what full heat means for the chosen feature; without it, its greatest strength here.

    A view of bits needs `cost`. A stretch that reaches beyond the first `typed` characters was written by the language model.
    """
    lens, tokens = inspection.lens, inspection.tokens
    binary, allowed = lens.autoencoder.binary, shown(rate, lens.autoencoder.binary, view)
    features, magnitudes, read = inspection.top.feature.tolist(), inspection.top.magnitude.tolist(), inspection.read.tolist()
    pieces = tokens.pieces()
    tops = [_loudest(features, magnitudes, allowed, piece.first, piece.last) for piece in pieces]
    spans = [(piece.first, piece.last) for piece in pieces]
    chosen = view.feature
    if view.bits:
        painted = _heat_of_bits(cost, read, spans)
    elif chosen is None:
        painted = _heat_of_loudest(tops, rate, binary)
    else:
        painted = _heat_of_feature(inspection, chosen, spans, largest)
    stretches = [Stretch(BOS_TEXT, 0, "grey", note=NOT_READ)] if view.start else []
    for piece, top, (kind, heat, note) in zip(pieces, tops, painted, strict=True):
        if not any(read[piece.first : piece.last + 1]):
            kind, heat, note = "grey", 0.0, DROPPED
        elif piece.last >= lens.context_length:
            kind, note = "grey", BEYOND
        output = typed is not None and piece.end > typed
        stretches.append(Stretch(visible(tokens.text[piece.start : piece.end]), piece.first, kind, heat, note, top=top, output=output))
    return stretches


def _heat_of_bits(cost: Cost, read: list[bool], spans: list[tuple[int, int]]) -> list[tuple[str, float, str]]:
    """Heat by what a token costs, full from `FULL_COST` times the usual: the same depth means the same cost in every text."""
    painted = []
    for first, last in spans:
        bits = [cost.bits[token] for token in range(first, last + 1) if read[token]]
        mean = sum(bits) / max(len(bits), 1)
        took = f"this token took {mean:,.0f} bits" if len(bits) == 1 else f"its {len(bits)} tokens took {mean:,.0f} bits each"
        painted.append(("bits", min(mean / (FULL_COST * cost.usual), 1.0) if cost.usual else 1.0, f"{took} (usual: {cost.usual:,.0f})"))
    return painted


def _heat_of_loudest(tops: list[list[tuple[int, float]]], rate: Sequence[float], binary: bool) -> list[tuple[str, float, str]]:
    """Heat by the loudest feature of each stretch, from the faintest to the strongest of this text.

    Bursts lie close to 0 bits, so theirs is on a logarithmic scale: the orders of magnitude of the distance from 0.
    """
    loud = [(-math.log10(max(1 - 2 ** top[0][1], 1e-6)) if binary else top[0][1]) if top else None for top in tops]
    known = [value for value in loud if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    low = low if binary else min(low, 0.0)
    return [
        ("plain", 0.0, "") if value is None else ("off" if bursts_off(rate[top[0][0]], binary) else "on", _between(value, low, high), "")
        for top, value in zip(tops, loud, strict=True)
    ]


def _between(value: float, low: float, high: float) -> float:
    return 1.0 if high <= low else FAINTEST + (1 - FAINTEST) * (value - low) / (high - low)


def _heat_of_feature(inspection, feature: int, spans: list[tuple[int, int]], largest: float | None) -> list[tuple[str, float, str]]:
    """Heat of one feature. Its bursts tie in burstiness, so depth is the distance from the threshold (bits) or the value."""
    lens = inspection.lens
    unit = f" {lens.magnitude.unit}".rstrip()
    magnitude, activated = (column.tolist() for column in inspection.feature(feature))
    code, strength = (column.tolist() for column in inspection.column(feature))
    full = largest or max((abs(s) for s, a in zip(strength, activated, strict=True) if a), default=1.0) or 1.0
    painted = []
    for first, last in spans:
        bursting = [token for token in range(first, last + 1) if activated[token]]
        if not bursting:
            painted.append(("plain", 0.0, f"feature {feature}: {magnitude[first]:.3f}{unit}, not activated"))
            continue
        token = max(bursting, key=lambda t: strength[t])
        on = not lens.autoencoder.binary or code[token] > 0
        heat = min(abs(strength[token]) / full, 1.0)
        note = f"feature {feature}: {magnitude[token]:.3f}{unit}" + (f", {'on' if on else 'off'}-burst" if lens.autoencoder.binary else "")
        if lens.autoencoder.binary:
            note += f", {abs(strength[token]):.2f} {'over' if on else 'under'} the threshold"
        painted.append(("on" if on else "off", FAINTEST + (1 - FAINTEST) * heat, note))
    return painted


def merged_spans(starts: Sequence[int], ends: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Stretches (start, end, first token, last token) of a context, start token left out; tokens that share a character come as one."""
    found: list[tuple[int, int, int, int]] = []
    for token, (start, end) in enumerate(zip(starts[1:], ends[1:], strict=True), start=1):
        if found and start < found[-1][1]:
            begin, before, first, _ = found.pop()
            found.append((begin, max(before, end), first, token))
        else:
            found.append((start, end, token, token))
    return found


def word_at(text: str, start: int, end: int) -> tuple[int, int]:
    """The characters of the word that a stretch lies in."""
    start += len(text[start:end]) - len(text[start:end].lstrip())
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace() and not text[end - 1 : end].isspace():
        end += 1
    return start, end


def paint_example(example: Example, largest: float, usually_on: bool) -> list[Stretch]:
    """A context of the index, painted with its feature; the word around the peak is bold.

    A bit that usually fires is painted where it is silent.
    """
    strength = dict(zip(example.positions, example.strengths, strict=True))
    spans = merged_spans(example.starts, example.ends)
    peak = next(((start, end) for start, end, first, last in spans if first <= example.peak <= last), (0, 0))
    bold = word_at(example.text, *peak)
    marked = example.band != "random" and example.peak > 0  # a random context has no peak, nor has one without a firing
    stretches = []
    for start, end, first, last in spans:
        tokens = range(first, last + 1)
        kind, heat, note = "plain", 0.0, ""
        if all(token in example.dropped for token in tokens):
            kind, note = "grey", DROPPED
        elif usually_on and not any(token in strength for token in tokens):
            kind, heat, note = "off", 0.7, "off-burst: it is silent here"
        elif not usually_on and (values := [strength[token] for token in tokens if token in strength]):
            value = max(values, key=abs)
            kind, heat = "on", FAINTEST + (1 - FAINTEST) * min(abs(value) / largest, 1.0) if largest else 1.0
            note = f"strength {value:.3g}"
        inside = marked and start < bold[1] and end > bold[0]
        stretches.append(Stretch(visible(example.text[start:end]), first, kind, heat, note, inside))
    return stretches
