"""Table 4 of the paper: the BAE without its features of low score."""

from collections.abc import Iterable

from bae.comsem.score import accumulated
from bae.reproduction import paper
from bae.reproduction.dictionary_rows import (
    CONTROL_ABOUT,
    NAMES,
    Held,
    beside,
    judgings,
    lines,
    printed_cell,
    scale,
    span_cell,
    unjudged,
)
from bae.reproduction.holdings import ROWS
from bae.reproduction.judged import Judged
from bae.reproduction.recipe import JudgeColumn
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, Cell, Claim, Column, Section, Table
from bae.reproduction.steps import Scene


def table4(scene: Scene) -> Section:
    """Table 4: the BAE's features of low score left out, as many kept as the baseline with the most activated features has.

    The paper does that to the BAE alone, and picks by the score that it then reports. Beside it every dictionary is treated alike.
    """
    printed, held = paper.printed("table4"), Held(scene)
    groups = beside(scene, held, printed)
    judges = [judge for judge in scene.recipe.judges if not judge.scores]
    columns = [
        Column("Layer"),
        Column("Dictionary"),
        Column("Act.", "features", "paper", "{:,.0f}"),
        Column("Act.", "features", "ours", "{:,.0f}", "More than n_I = 5 tokens; of the BAE, those that are kept."),
        Column("FI#, GPT-4.1", "features", "paper", "{:,.0f}"),
        Column("Score, GPT-4.1", "", "paper", "{:.3f}"),
    ]
    for judge in judges:
        columns += [
            Column(f"Score, {judge.title}", "", "ours", "{:.3f}", "Of all features; of the BAE, of the best that are kept."),
            Column(
                f"all treated alike, {judge.title}", "", "ours", "{:.3f}", "Score of the same share of best features, of each dictionary."
            ),
            Column(f"control, {judge.title}", "", "ours", "{:.3f}", CONTROL_ABOUT),
        ]
    rows, claims = [], []
    shares = {layer: _kept_share(held, layer) for _, layer in groups if layer is not None}
    for where, told, own in lines(printed, groups):
        share = shares.get(own[1]) if own else None
        active = held.active(own, lambda one: one.algorithm) if own else Cell()
        binary = own is not None and own[0] == "binary"
        kept = Cell(round(active.value * share)) if binary and share is not None and active.value is not None else active
        cells = [Cell(text=where), Cell(text=str(told["name"])), printed_cell(told, "active"), kept]
        cells += [printed_cell(told, name) for name in ("fi", "score")]
        for judge in judges:
            found = held.judged(own, judge) if own else None
            best = _best(found, share)
            plain = Cell() if found is None else Cell(found.score)
            cells += [best if binary else plain, best, span_cell(found and found.control)]
        rows.append(tuple(cells))
    for layer in shares:
        claims += [claim for judge in judges for claim in _claims4(held, layer, judge, shares[layer])]
    notes = (
        "Kept of the BAE: as many features as the baseline with the most activated ones has; all, where it has fewer itself. In the paper "
        "3,500 of 5,464, beside 3,417.",
        "Features are picked by the score that is then reported, which raises any dictionary's: so the same is done to each, beside it.",
        "The paper's last row has more interpretable features (6,805, as in Table 1) than features (5,700), as printed.",
    )
    return Section(
        "table4",
        printed.title,
        printed.section,
        printed.caption,
        scale=scale(held),
        tables=(Table("The best features of the BAE", tuple(columns), tuple(rows), notes),),
        claims=tuple(claims),
        sources=tuple(judgings(held, judges)),
        missing=unjudged(held, judges, bits={1}),
    )


def _kept_share(held: Held, layer: int) -> float | None:
    """Of the BAE's activated features, in (0, 1]; None before they are counted."""
    own = held.active(("binary", layer, 1), lambda one: one.algorithm).value
    others = [held.active((kind, layer, 1), lambda one: one.algorithm).value for kind in ROWS if kind != "binary"]
    most = max((value for value in others if value is not None), default=None)
    return None if not own or not most else min(1.0, most / own)


def _best(found: Judged | None, share: float | None) -> Cell:
    """Mean score of the best share of a run's features."""
    if found is None or share is None or not found.scores:
        return Cell()
    return Cell(accumulated(found.scores)[max(1, round(share * len(found.scores))) - 1])


def _claims4(held: Held, layer: int, judge: JudgeColumn, share: float | None) -> Iterable[Claim]:
    heads = f"Layer {layer}, {judge.title}: "
    says = f"{heads}without its low-score features the BAE has the highest score."
    found = {kind: one for kind in ROWS if (one := held.judged((kind, layer, 1), judge))}
    if "binary" not in found or len(found) < 2:
        return
    if unbeaten := [NAMES[kind] for kind, one in found.items() if not one.beaten]:
        yield Claim(says, UNSAID, f"The judge does not beat its control on {', '.join(unbeaten)}.")
        return
    if share is None:
        yield Claim(says, UNSAID, "It is not known how many features are activated: the index is missing.")
        return
    own = _best(found["binary"], share)
    others = {kind: one.score for kind, one in found.items() if kind != "binary" and one.score is not None}
    verdict = AGREES if own.value > max(others.values()) else DIFFERS
    listed = ", ".join(f"{NAMES[kind]} {score:.3f}" for kind, score in others.items())
    left = (
        "no feature is left out, for a baseline has more of them" if share == 1 else "picked by the score itself; treated alike beside it"
    )
    yield Claim(says, verdict, f"BAE, best {100 * share:.0f} %: {own.value:.3f}; {listed}; {left}.")
