"""Fig. 5 of the paper: how often features fire."""

from collections.abc import Iterable, Sequence

import numpy as np
from safetensors import SafetensorError, safe_open

from bae.reproduction import paper
from bae.reproduction.claims import greatest
from bae.reproduction.dictionary_rows import NAMES, Held, Row, checkpoints, held_against, scale
from bae.reproduction.holdings import RESCALED, ROWS, Holding
from bae.reproduction.report import Cell, Claim, Column, Curve, Figure, Missing, Section, Table, Verdict
from bae.reproduction.steps import Scene

BINS = np.logspace(-5, 0, 26)
"""Firing rates in equal steps of the logarithm, five a decade."""
DENSE = 0.1
"""Share of tokens from which a feature is called dense."""
SHOWN = tuple(kind for kind in ROWS if kind != RESCALED)
"""A rescaled dictionary fires as often as what it was made of."""


def fig5(scene: Scene) -> Section:
    """Firing rates of the first seed of each dictionary; the table has all seeds."""
    printed, held = paper.printed("fig5"), Held(scene)
    layers = held.layers()
    rates = {(kind, layer, 1): [_rates(one) for one in held.rows.get((kind, layer, 1), ())] for layer in layers for kind in SHOWN}
    rates = {row: found for row, found in rates.items() if found}
    return Section(
        "fig5",
        printed.title,
        printed.section,
        printed.caption,
        scale=scale(held),
        tables=(_table(rates),) if rates else (),
        figures=tuple(_histogram(rates, layer) for layer in layers if any(row[1] == layer for row in rates)),
        claims=tuple(claim for layer in layers for claim in _claims(rates, layer)),
        sources=tuple(checkpoints(held, bits={1})),
        missing=() if rates else (Missing("No dictionary is there", scene.told("reproduce table1")),),
    )


def _rates(holding: Holding) -> np.ndarray:
    """float64 [feature]: share of held-out tokens on which each leaves its habit: fires, or, of a bit that mostly fires, does not."""
    file = holding.config.with_name("weights.safetensors")
    try:
        with safe_open(file, "np") as tensors:
            rate = tensors.get_tensor("prior.rate").astype(np.float64)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file} cannot be read ({error}); copy the checkpoint again") from error
    return np.minimum(rate, 1 - rate) if holding.which.row == "binary" else rate


def _histogram(rates: dict[Row, list[np.ndarray]], layer: int) -> Figure:
    centres = tuple(float(rate) for rate in np.sqrt(BINS[1:] * BINS[:-1]))
    curves = []
    for (kind, at, _), found in rates.items():
        if at == layer:
            counts, _edges = np.histogram(found[0], BINS)
            curves.append(Curve(NAMES[kind], centres, tuple(float(count) for count in counts)))
    return Figure(f"Firing rates at layer {layer}", "share of tokens on which a feature fires", "features", tuple(curves), log_x=True)


def _table(rates: dict[Row, list[np.ndarray]]) -> Table:
    columns = (
        Column("Layer"),
        Column("Dictionary"),
        Column("median rate", "%", "ours", "{:.2f}"),
        Column("over 1 %", "% of features", "ours", "{:.1f}"),
        Column("over 10 %", "% of features", "ours", "{:.2f}", "Dense features."),
        Column("highest rate", "%", "ours", "{:.1f}"),
        Column("never fired", "features", "ours", "{:.0f}"),
    )
    rows = []
    for (kind, layer, _), found in sorted(rates.items(), key=lambda item: (item[0][1], ROWS.index(item[0][0]))):
        measures = (
            [100 * float(np.median(rate)) for rate in found],
            [100 * float((rate > 0.01).mean()) for rate in found],
            [100 * float((rate > DENSE).mean()) for rate in found],
            [100 * float(rate.max()) for rate in found],
            [int((rate == 0).sum()) for rate in found],
        )
        rows.append((Cell(text=str(layer)), Cell(text=NAMES[kind]), *map(Cell.of, measures)))
    notes = ("Of a BAE, the share of tokens on which a bit is not what it mostly is. The paper shows pictures and no numbers.",)
    return Table("How often features fire", columns, tuple(rows), notes)


def _claims(rates: dict[Row, list[np.ndarray]], layer: int) -> Iterable[Claim]:
    own = rates.get(("binary", layer, 1))
    others = {row: found for row, found in rates.items() if row[1] == layer and row[0] != "binary"}
    if not own or not others:
        return
    for says, measure, form in (
        ("the BAE has the fewest dense features (over 10 % of tokens)", lambda rate: 100 * float((rate > DENSE).mean()), "{:.2f} %"),
        ("the BAE's most frequent feature is the rarest of all", lambda rate: 100 * float(rate.max()), "{:.1f} %"),
    ):
        ours, theirs = _cell(own, measure), {row: _cell(found, measure) for row, found in others.items()}
        yield Claim(f"Layer {layer}: {says}.", _least(ours, list(theirs.values())), held_against(ours, theirs, form))


def _cell(found: Sequence[np.ndarray], measure) -> Cell:
    return Cell.of([measure(rate) for rate in found])


def _least(own: Cell, others: Sequence[Cell]) -> Verdict:
    """Below all others: above all of them with the sign turned."""
    return greatest(_turned(own), list(map(_turned, others)))


def _turned(cell: Cell) -> Cell:
    flip = lambda value: None if value is None else -value  # noqa: E731
    return Cell(flip(cell.value), flip(cell.high), flip(cell.low), cell.seeds)
