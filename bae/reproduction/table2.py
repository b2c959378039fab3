"""Table 2 of the paper: more-bit decoding, where C bits of a code make one value."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from bae.reproduction import paper
from bae.reproduction.claims import greatest
from bae.reproduction.dictionary_rows import (
    ACTIVE_ABOUT,
    FVU,
    Held,
    checkpoints,
    held_against,
    judge_cells,
    judge_columns,
    judgings,
    paper_column,
    printed_cell,
    scale,
    unjudged,
)
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, Cell, Claim, Column, Section, Table
from bae.reproduction.steps import L_R, Scene


def table2(scene: Scene) -> Section:
    """Table 2: more-bit decoding."""
    printed, held = paper.printed("table2"), Held(scene)
    layers = sorted({layer for kind, layer, bits in held.rows if kind == "binary" and bits > 1})
    judges = scene.recipe.judges
    columns = [
        Column("C", "bits a feature"),
        Column("L_r", "raw units²", "paper", "{:.3g}"),
        Column("L_r", "raw units²", "ours", "{:#.3g}"),
        Column("FVU", "", "ours", "{:.3f}"),
        Column("Act.", "features", "paper", "{:,.0f}"),
        Column("Act.", "features", "ours", "{:,.0f}", ACTIVE_ABOUT),
        *(paper_column(name) for name in ("fi_mini", "score_mini")),
        *(column for judge in judges for column in judge_columns(judge)),
    ]
    tables, claims = [], []
    for layer in layers or [None]:
        rows, of_bits = [], {}
        for told in printed.rows:
            row = None if layer is None else ("binary", layer, int(told["bits"]))
            l_r, fvu, active = (
                (held.figure(row, L_R), held.figure(row, FVU), held.active(row, lambda one: one.caption)) if row else (Cell(),) * 3
            )
            of_bits[int(told["bits"])] = (l_r, active)
            cells = [Cell(text=str(told["bits"])), printed_cell(told, "l_r"), l_r, fvu, printed_cell(told, "active"), active]
            cells += [printed_cell(told, name) for name in ("fi_mini", "score_mini")]
            for judge in judges:
                cells += judge_cells(held.judged(row, judge) if row else None, judge)
            rows.append(tuple(cells))
        title = "The paper's layer 11" if layer is None else f"The paper's layer 11; ours: layer {layer}"
        notes = ("C bits of the code make one value (Eq. 7), so d' = 4d features of C bits each. Of ours one seed, but for C = 1.",)
        tables.append(Table(title, tuple(columns), tuple(rows), notes))
        claims += _claims2(of_bits, "" if layer is None else f"Layer {layer}: ")
        claims += _baseline_claims(held, layer, of_bits) if layer is not None else []
    return Section(
        "table2",
        printed.title,
        printed.section,
        printed.caption,
        scale=scale(held),
        tables=tuple(tables),
        claims=tuple(claims),
        sources=(*checkpoints(held, bits={2, 3, 4}), *judgings(held, ())),
        missing=unjudged(held, judges, bits={2, 3, 4}),
    )


def _claims2(of_bits: Mapping[int, tuple[Cell, Cell]], heads: str) -> Iterable[Claim]:
    for place, says, form in (
        (0, "More bits a feature lower L_r.", "{:.3g}"),
        (1, "More bits a feature activate fewer features.", "{:,.0f}"),
    ):
        known = [(bits, cells[place].value) for bits, cells in sorted(of_bits.items()) if cells[place].value is not None]
        steps = list(pairwise(known))
        falls = sum(after[1] < before[1] for before, after in steps)
        verdict = UNSAID if not steps else AGREES if falls == len(steps) else DIFFERS if not falls else UNSAID
        told = "; ".join(f"C = {bits}: {form.format(value)}" for bits, value in known) or "Not measured"
        yield Claim(heads + says, verdict, f"{told}. From one C to the next it falls {falls} of {len(steps)} times.")


def _baseline_claims(held: Held, layer: int, of_bits: Mapping[int, tuple[Cell, Cell]]) -> Iterable[Claim]:
    """ "Yet remains superior to the SAE baseline": in activated features, at every C."""
    for bits, (_, active) in sorted(of_bits.items()):
        if bits > 1 and active.value is not None:
            relu = {("relu", layer, 1): held.active(("relu", layer, 1), lambda one: one.caption)}
            says = f"Layer {layer}: with C = {bits} the BAE still has more activated features than the ReLU SAE."
            yield Claim(says, greatest(active, list(relu.values())), held_against(active, relu, "{:,.0f}"))
