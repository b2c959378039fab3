"""What training has logged, drawn: figures along the steps, and the path through loss and entropy of Fig. 12."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from app import charts, services
from app.charts import Line
from app.components import url
from app.components.explain import MEANINGS, hover
from app.live import parts as live
from bae.training.curves import Curve, joined, last, paired, thinned
from bae.training.runs import Run

QUANTITIES = ("loss", "reconstruction", "entropy", "covariance", "l0", "l1", "excess_density", "revival", "held_out_fvu")
USUAL = ("loss", "reconstruction", "entropy", "covariance", "l0", "held_out_fvu")
FLOOR = "covariance_floor"
MOST_RUNS = len(charts.RUN_COLOURS)
"""As many as have a colour of their own."""


@dataclass(frozen=True)
class Choice:
    """What a person has chosen to see."""

    runs: list[str]
    quantities: list[str]
    log: bool


def label(quantity: str) -> str:
    """The name of a figure."""
    return MEANINGS[f"curve_{quantity}"].label


def choose(found: Sequence[Run]) -> Choice:
    """The choosers; their state is the address."""
    names = [run.name for run in found if run.curves]
    chosen = url.several("runs", names, names[:MOST_RUNS])
    if len(chosen) > MOST_RUNS:
        st.warning(f"{len(chosen)} runs are chosen; the first {MOST_RUNS} are shown, one for each colour.", icon=":material/palette:")
        chosen = chosen[:MOST_RUNS]
    quantities = url.several("show", QUANTITIES, USUAL)
    log = url.flag("log", False)
    url.bound(
        st.multiselect,
        "Runs side by side",
        "runs",
        chosen,
        names,
        default=names[:MOST_RUNS],
        written=",".join,
        max_selections=MOST_RUNS,
        placeholder="Choose the runs to compare",
    )
    url.bound(
        st.pills,
        "Curves",
        "show",
        quantities,
        QUANTITIES,
        default=list(USUAL),
        written=lambda picked: ",".join(quantity for quantity in QUANTITIES if quantity in picked),
        format_func=label,
        selection_mode="multi",
    )
    url.bound(st.toggle, "Logarithmic", "log", log, default=False, written=live.bit)
    return Choice(chosen, quantities, log)


def draw(found: Sequence[Run], choice: Choice, colours: Mapping[str, str]) -> None:
    """The charts of the chosen runs, and the paths of the BAEs among them."""
    stages = {run.name: services.curves(run) for run in found if run.name in choice.runs and run.curves}
    if not stages:
        st.info("Choose a run to see its curves.", icon=":material/show_chart:")
        return
    colours = distinct(list(stages), colours)
    st.html(_legend({name: colours[name] for name in stages}))
    _unreadable(stages)
    _curves(stages, choice, colours)
    _dynamics(stages)


def distinct(names: Sequence[str], colours: Mapping[str, str]) -> dict[str, str]:
    """Colours that differ: a run keeps its own unless an earlier one has it."""
    given: dict[str, str] = {}
    for name in names:
        first = charts.RUN_COLOURS.index(colours[name])
        candidates = (*charts.RUN_COLOURS[first:], *charts.RUN_COLOURS[:first])
        given[name] = next(colour for colour in candidates if colour not in given.values())
    return given


def _legend(colours: Mapping[str, str]) -> str:
    items = "".join(
        f'<span style="white-space:nowrap"><span style="display:inline-block;width:1.4em;height:.28em;vertical-align:middle;'
        f'background:{colour};margin-right:.4em"></span>{escape(name)}</span>'
        for name, colour in colours.items()
    )
    return f'<div style="font-size:.9rem;display:flex;gap:1.1rem;flex-wrap:wrap">{items}</div>'


def _unreadable(stages: Mapping[str, Sequence[Curve]]) -> None:
    for name, curves in stages.items():
        if lines := sum(curve.unreadable for curve in curves):
            st.caption(f"{lines:,} lines in the curves of {url.code(name)} are no figures of a step; they are left out.")


def _curves(stages: Mapping[str, Sequence[Curve]], choice: Choice, colours: Mapping[str, str]) -> None:
    end = max(sum(curve.last_step() for curve in curves) for curves in stages.values())
    drawn = {quantity: _lines(stages, quantity, colours) for quantity in choice.quantities}
    for column, (quantity, lines) in _side_by_side([(quantity, lines) for quantity, lines in drawn.items() if lines]):
        with column:
            st.markdown(f"**{label(quantity)}**", help=hover(f"curve_{quantity}"))
            figure = charts.curves(lines, MEANINGS[f"curve_{quantity}"].unit, choice.log, end)
            st.plotly_chart(
                figure, config=charts.config(f"curve of {quantity}"), key=f"curve:{quantity}", alt=f"{label(quantity)} along the steps"
            )
            if quantity == "covariance":
                _about_floor(stages)
    if missing := [label(quantity) for quantity, lines in drawn.items() if not lines]:
        st.caption(f"Not logged by these runs: {', '.join(missing)}.")


def _side_by_side(items: Sequence) -> Iterator[tuple]:
    """Two in a row, each with the column it is drawn in."""
    for begin in range(0, len(items), 2):
        yield from zip(st.columns(2, gap="medium"), items[begin : begin + 2], strict=False)


def _lines(stages: Mapping[str, Sequence[Curve]], quantity: str, colours: Mapping[str, str]) -> list[Line]:
    lines = []
    for name, curves in stages.items():
        for figure in (quantity, FLOOR) if quantity == "covariance" else (quantity,):
            series = thinned(joined(curves, figure))
            if len(series.steps):
                shown = f"{name}, noise floor" if figure == FLOOR else name
                lines.append(Line(shown, colours[name], series.steps, series.values, dotted=figure == FLOOR))
    return lines


def _about_floor(stages: Mapping[str, Sequence[Curve]]) -> None:
    last_two = {name: (last(curves, "covariance"), last(curves, FLOOR)) for name, curves in stages.items()}
    times = [f"{url.code(name)} {penalty / floor:.2f} ×" for name, (penalty, floor) in last_two.items() if penalty and floor]
    if times:
        st.caption(
            f"Dotted: the noise floor, which independent bits would give. The penalty over its floor, at the end: {', '.join(times)}."
        )
    else:
        st.caption("These runs logged no noise floor to compare it with.")


def _dynamics(stages: Mapping[str, Sequence[Curve]]) -> None:
    paths = {name: paired(curves, "reconstruction", "entropy") for name, curves in stages.items()}
    paths = {name: path for name, path in paths.items() if len(path[0])}
    if not paths:
        return
    st.subheader("Dynamics", help="Fig. 12 of the paper. " + hover("curve_reconstruction") + " " + hover("curve_entropy"))
    st.caption(
        "Loss against entropy, a point for every step that was logged. Left: a better reconstruction. Down: a shorter code. Ring: now."
    )
    ranges = (_range([path[1] for path in paths.values()]), _range([path[2] for path in paths.values()]))
    for column, (name, path) in _side_by_side(list(paths.items())):
        with column:
            st.markdown(url.code(name))
            figure = charts.dynamics(*path, ranges)
            st.plotly_chart(
                figure,
                config=charts.config(f"dynamics of {name}"),
                key=f"path:{name}",
                alt="Reconstruction loss against entropy, coloured by step",
            )


def _range(columns: Sequence[np.ndarray]) -> tuple[float, float]:
    """One range for all panels, so that they can be compared; a twentieth of room on both sides."""
    values = np.concatenate(columns)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    room = (high - low) / 20 or 0.05
    return low - room, high + room
