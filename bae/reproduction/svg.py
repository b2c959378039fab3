"""A figure as a static drawing that stands in a page without scripts. Colours are classes of the page: light and dark are its business."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from bae.reproduction.report import Curve, Figure

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 26, 10, 44
COLOURS = 7
"""Classes c0 to c6 of the page's style; more curves begin again, with other dashes."""
TICKS = 6
MARKED = 25
"""Curves of no more points have a mark on each."""


class Axis:
    """A scale from numbers to places in the drawing."""

    def __init__(self, values: Sequence[float], log: bool, begin: float, end: float):
        self.log = log and any(value > 0 for value in values)
        known = [value for value in values if math.isfinite(value) and (value > 0 or not self.log)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        if not self.log and low > 0 and low < 0.5 * high:
            low = 0.0
        if low == high:
            low, high = (low / 2, high * 2) if self.log else (low - 0.5, high + 0.5)
        self.low, self.high, self.begin, self.end = low, high, begin, end

    def place(self, value: float) -> float | None:
        """Where a number lies; None for one that the axis cannot show."""
        if not math.isfinite(value) or (self.log and value <= 0):
            return None
        low, high, at = (map(math.log10, (self.low, self.high, value))) if self.log else (self.low, self.high, value)
        return self.begin + (at - low) / (high - low) * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """Round numbers between its ends."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1, 2, 5), (1, 3), (1,)):
                found = [step * 10.0**decade for decade in decades for step in steps if self.low <= step * 10.0**decade <= self.high]
                if len(found) <= 2 * TICKS:
                    return found
            return found[:: math.ceil(len(found) / TICKS)]
        rough = (self.high - self.low) / TICKS
        size = 10 ** math.floor(math.log10(rough))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
        return [number * step for number in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def drawing(figure: Figure) -> str:
    """The figure as an `<svg>` with a legend below it, names escaped."""
    xs = [x for curve in figure.curves for x in curve.x]
    ys = [y for curve in figure.curves for y in (*curve.y, *curve.low, *curve.high)]
    across, up = Axis(xs, figure.log_x, LEFT, WIDTH - RIGHT), Axis(ys, figure.log_y, HEIGHT - BOTTOM, TOP)
    parts = [*_frame(figure, across, up)]
    for number, curve in enumerate(figure.curves):
        parts += _curve(curve, number, across, up)
    label = escape(f"{figure.title}: {figure.y} against {figure.x}, {len(figure.curves)} curves")
    drawn = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{drawn}</svg>{_legend(figure.curves)}'


def _look(number: int, curve: Curve) -> str:
    """The classes of a curve: a dashed one has the colour of the one before it."""
    return f"c{(number - curve.dashed) % COLOURS}" + (" dashed" if curve.dashed else f" d{number // COLOURS}" if number >= COLOURS else "")


def _frame(figure: Figure, across: Axis, up: Axis) -> Iterator[str]:
    for value in up.ticks():
        y = up.place(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
    for value in across.ticks():
        x = across.place(value)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{_number(value)}</text>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(figure.x)}</text>'
    middle = (TOP + HEIGHT - BOTTOM) / 2
    yield f'<text x="13" y="{middle}" text-anchor="middle" transform="rotate(-90 13 {middle})">{escape(figure.y)}</text>'


def _curve(curve: Curve, number: int, across: Axis, up: Axis) -> Iterator[str]:
    look = _look(number, curve)
    if curve.low and curve.high:
        upper, lower = _places(curve.x, curve.high, across, up), _places(curve.x, curve.low, across, up)
        if upper and lower:
            yield f'<polygon class="band {look}" points="{_joined([*upper, *reversed(lower)])}"/>'
    points = _places(curve.x, curve.y, across, up)
    if len(points) > 1:
        yield f'<polyline class="line {look}" points="{_joined(points)}"/>'
    if len(points) <= MARKED:
        yield "".join(f'<circle class="mark {look}" cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>' for x, y in points)


def _places(xs: Sequence[float], ys: Sequence[float], across: Axis, up: Axis) -> list[tuple[float, float]]:
    found = ((across.place(x), up.place(y)) for x, y in zip(xs, ys, strict=True))
    return [(x, y) for x, y in found if x is not None and y is not None]


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _legend(curves: Sequence[Curve]) -> str:
    line = '<svg viewBox="0 0 26 8" class="key" aria-hidden="true"><line class="line {}" x1="0" x2="26" y1="4" y2="4"/></svg>'
    names = (f"<span>{line.format(_look(number, curve))}{escape(curve.name)}</span>" for number, curve in enumerate(curves))
    return f'<div class="legend">{"".join(names)}</div>'


def _number(value: float) -> str:
    return f"{value:,.10g}" if 1e-3 <= abs(value) < 1e6 or value == 0 else f"{value:.0e}"
