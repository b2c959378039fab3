"""Bars as inline SVG: no script, no request, seen in light and in dark. Text takes the colour of the page."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 460, 150
LEFT, BOTTOM, TOP = 44, 34, 10
TEAL, ORANGE = "#0A8CA3", "#E07010"


def bars(
    heights: Sequence[float],
    hovers: Sequence[str],
    *,
    what: str,
    x: str,
    y: str,
    ticks: Sequence[tuple[float, str]],
    line: tuple[float, str] | None = None,
) -> str:
    """Bars from left to right, each with its hover; `line` is a height to compare them with.

    `ticks` are places in [0, 1] along the axis `x` with what stands there. The greatest height is written at the axis `y`.
    """
    assert len(heights) == len(hovers) > 0, f"a hover a bar; got {len(heights)} bars and {len(hovers)} hovers"
    full = max([*heights, line[0] if line else 0.0]) or 1.0
    width, height = WIDTH - LEFT, HEIGHT - BOTTOM - TOP
    step = width / len(heights)
    drawn = "".join(
        f'<rect x="{LEFT + place * step:.2f}" y="{TOP + height * (1 - value / full):.2f}" width="{step * 0.92:.2f}" '
        f'height="{height * value / full:.2f}" fill="{TEAL}"><title>{escape(hover)}</title></rect>'
        for place, (value, hover) in enumerate(zip(heights, hovers, strict=True))
    )
    compared = ""
    if line:
        level = TOP + height * (1 - line[0] / full)
        compared = (
            f'<line x1="{LEFT}" x2="{WIDTH}" y1="{level:.2f}" y2="{level:.2f}" stroke="{ORANGE}" stroke-width="1.5" '
            f'stroke-dasharray="2 3"><title>{escape(line[1])}</title></line>'
        )
    floor = TOP + height
    marks = "".join(
        f'<text x="{LEFT + share * width:.1f}" y="{floor + 13}" text-anchor="{_anchor(share)}">{escape(text)}</text>'
        for share, text in ticks
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(what)}">'
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{floor}" y2="{floor}" stroke="currentColor" stroke-opacity=".35"/>{drawn}{compared}'
        f'<text x="{LEFT - 5}" y="{TOP + 8}" text-anchor="end">{escape(f"{full:,.3g}")}</text>'
        f'<text x="{LEFT - 5}" y="{floor}" text-anchor="end">0</text>{marks}'
        f'<text x="{LEFT + width / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x)}</text>'
        f'<text transform="translate(10 {TOP + height / 2}) rotate(-90)" text-anchor="middle">{escape(y)}</text></svg>'
    )


def _anchor(share: float) -> str:
    return "start" if share == 0 else "end" if share == 1 else "middle"
