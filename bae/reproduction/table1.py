"""Table 1 of the paper: five ways to take hidden states apart, by what they lose, how they spread, and what judges make of them."""

from collections.abc import Iterable, Sequence

from bae.reproduction import paper
from bae.reproduction.claims import greatest, not_the_greatest
from bae.reproduction.dictionary_rows import (
    ACTIVE_ABOUT,
    FVU,
    NAMES,
    UNIT_COV,
    Held,
    Row,
    beside,
    checkpoints,
    held_against,
    judge_cells,
    judge_columns,
    judge_notes,
    judgings,
    lines,
    paper_column,
    printed_cell,
    scale,
    unjudged,
)
from bae.reproduction.holdings import RESCALED, ROWS
from bae.reproduction.judged import Judged
from bae.reproduction.recipe import JudgeColumn
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, Cell, Claim, Column, Section, Table
from bae.reproduction.steps import COV, L_R, Scene


def table1(scene: Scene) -> Section:
    """Table 1."""
    printed, held = paper.printed("table1"), Held(scene)
    groups = beside(scene, held, printed)
    judges = scene.recipe.judges
    return Section(
        "table1",
        printed.title,
        printed.section,
        printed.caption,
        scale=scale(held),
        tables=(
            _structure(held, printed, groups),
            _comsem(held, printed, groups, judges, ("fi_mini", "score_mini", "fi", "score")),
        ),
        claims=tuple(_claims1(held, groups, judges)),
        sources=(*checkpoints(held, bits={1}), *judgings(held, judges)),
        missing=unjudged(held, judges, bits={1}),
    )


def _structure(held: Held, printed: paper.Printed, groups: Sequence) -> Table:
    columns = (
        Column("Layer"),
        Column("Dictionary"),
        Column("L_r", "raw units²", "paper", "{:.3g}"),
        Column(
            "L_r", "raw units²", "ours", "{:#.3g}", "Mean squared error over elements of held-out hidden states. Models differ in scale."
        ),
        Column("FVU", "", "ours", "{:.3f}", "Share of the variance that is unexplained: L_r without the scale of the model."),
        Column("‖Cov‖", "", "paper", "{:.2f}"),
        Column("‖Cov‖", "", "ours", "{:.3f}", "Largest eigenvalue of the d' x d' covariance of the rows of W_out."),
        Column("‖Cov‖, unit rows", "", "ours", "{:.4f}", "The same of rows brought to unit length, so that their scale does not count."),
        Column("Act.", "features", "paper", "{:,.0f}"),
        Column("Act.", "features", "ours", "{:,.0f}", ACTIVE_ABOUT),
        Column("Act., more than 5", "features", "ours", "{:,.0f}", "The same by Algorithm 1: more than n_I = 5 tokens."),
    )
    rows = []
    for where, told, own in lines(printed, groups):
        ours = _ours(held, own) if own else [Cell()] * 6
        l_r, fvu, cov, unit, active, algorithm = ours
        rows.append(
            (
                *(Cell(text=text) for text in (where, told["name"])),
                *(printed_cell(told, "l_r"), l_r, fvu),
                *(printed_cell(told, "cov"), cov, unit),
                *(printed_cell(told, "active"), active, algorithm),
            )
        )
    notes = (
        "Ours stand beside the paper's layer at the nearest share of the depth. Mean, and the range over seeds.",
        "Rescaling moves no reconstruction and no row of W_out: those figures are those of the ReLU SAE.",
    )
    return Table("Reconstruction, diversity, activated features", columns, tuple(rows), notes)


def _ours(held: Held, row: Row) -> list[Cell]:
    return [
        *(held.figure(row, name) for name in (L_R, FVU, COV, UNIT_COV)),
        held.active(row, lambda one: one.caption),
        held.active(row, lambda one: one.algorithm),
    ]


def _comsem(held: Held, printed: paper.Printed, groups: Sequence, judges: Sequence[JudgeColumn], of_paper: Sequence[str]) -> Table:
    columns = [Column("Layer"), Column("Dictionary"), *(paper_column(name) for name in of_paper)]
    columns += [column for judge in judges for column in judge_columns(judge)]
    rows = []
    for where, told, own in lines(printed, groups):
        cells = [Cell(text=where), Cell(text=str(told["name"])), *(printed_cell(told, name) for name in of_paper)]
        for judge in judges:
            cells += judge_cells(held.judged(own, judge) if own else None, judge)
        rows.append(tuple(cells))
    return Table("ComSem", tuple(columns), tuple(rows), judge_notes(judges))


def _claims1(held: Held, groups: Sequence, judges: Sequence[JudgeColumn]) -> Iterable[Claim]:
    for layer in (layer for _, layer in groups if layer is not None):
        own, others = ("binary", layer, 1), [(kind, layer, 1) for kind in ROWS if kind != "binary"]
        for says, cells, verdict, form in (
            ("The BAE has the most activated features", lambda row: held.active(row, lambda one: one.caption), greatest, "{:,.0f}"),
            ("The BAE does not lose more than every baseline (L_r)", lambda row: held.figure(row, L_R), not_the_greatest, "{:#.3g}"),
            ("The BAE has the largest ‖Cov‖", lambda row: held.figure(row, COV), greatest, "{:.3f}"),
            ("The BAE has the largest ‖Cov‖, its scale taken out", lambda row: held.figure(row, UNIT_COV), greatest, "{:.4f}"),
        ):
            ours, theirs = cells(own), {row: cells(row) for row in others}
            yield Claim(f"Layer {layer}: {says}.", verdict(ours, list(theirs.values())), held_against(ours, theirs, form))
        for judge in judges:
            yield from _judge_claims(held, layer, judge)


def _judge_claims(held: Held, layer: int, judge: JudgeColumn) -> Iterable[Claim]:
    """What one judge says of the scores, where its control is beaten for the BAE and for what it is held against."""
    found = {kind: held.judged((kind, layer, 1), judge) for kind in ROWS}
    own, relu, rescaled = (found[kind] for kind in ("binary", "relu", RESCALED))
    if judge.scores or own is None:
        return
    heads = f"Layer {layer}, {judge.title}: "
    others = {kind: one for kind, one in found.items() if one and kind != "binary"}
    if unbeaten := [NAMES[kind] for kind, one in found.items() if one and not one.beaten]:
        told = f"The judge does not beat its control on {', '.join(unbeaten)}."
        yield Claim(f"{heads}the BAE has the most interpretable features.", UNSAID, told)
        return
    # of a sample, the share that is interpretable times the features there are
    total = {kind: _interpretable(held, (kind, layer, 1), one) for kind, one in found.items() if one}
    if total["binary"] is not None and any(total[kind] is not None for kind in others):
        best = max((kind for kind in others if total[kind] is not None), key=lambda kind: total[kind])
        told = ", ".join(f"{NAMES[kind]} {value:,.0f}" for kind, value in total.items() if value is not None)
        verdict = AGREES if total["binary"] > total[best] else DIFFERS
        yield Claim(f"{heads}the BAE has the most interpretable features.", verdict, f"Share of those asked, times activated ones: {told}.")
    if relu and rescaled and relu.score is not None and rescaled.score is not None:
        verdict = AGREES if rescaled.own.low > relu.own.high else DIFFERS if relu.own.low > rescaled.own.high else UNSAID
        yield Claim(
            f"{heads}rescaling raises the scores of the ReLU SAE.", verdict, f"Score {relu.score:.3f}, rescaled {rescaled.score:.3f}."
        )


def _interpretable(held: Held, row: Row, found: Judged) -> float | None:
    active = held.active(row, lambda one: one.algorithm).value
    return None if active is None or not found.scores else active * found.interpretable / len(found.scores)
