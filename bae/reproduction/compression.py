"""Table 3 of the paper: hidden states as codes of a BAE, from the rows of the compression experiment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

import pyarrow as pa

from bae.compression.positions import ALL
from bae.experiments.compression.results import Row, read_provenance, read_rows
from bae.reproduction import paper
from bae.reproduction.printed_sizes import fp16_megabytes, size_notes
from bae.reproduction.provenance import check_model
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, Cell, Claim, Column, Missing, Section, Source, Table
from bae.reproduction.steps import Scene

ROUNDED = 0.015
"""Shares below it are 1 % in whole percents, or less."""


def table3(scene: Scene) -> Section:
    """Table 3."""
    printed, rows, told = paper.printed("table3"), _rows(scene), _provenance(scene)
    command = f"python -m bae.experiments.compression.experiment {scene.workspace.folder}"
    missing = () if rows else (Missing("No set was compressed", command),)
    return Section(
        "table3",
        printed.title,
        printed.section,
        printed.caption,
        scale=_scale(printed, rows, told),
        tables=(_table(scene, printed, rows),),
        claims=tuple(_claims(printed, rows)),
        sources=(Source("compression", told["command"], told["machine"], told["date"], (told["seed"],), f"torch {told['torch']}"),)
        if rows
        else (),
        missing=missing,
    )


def _rows(scene: Scene) -> list[Row]:
    """Every BAE's whole codes. Raises ValueError for a damaged file and for rows of another model."""
    told = _provenance(scene)
    if told is None:
        return []
    check_model(scene, [told], lambda one: one["model_fingerprint"], "the compression rows")
    try:
        return [row for row in read_rows(scene.workspace) if row.method == "codes" and row.threshold == ALL]
    except (TypeError, KeyError, pa.ArrowInvalid) as error:
        raise ValueError(f"the compression rows are damaged ({error}); delete compression/results.parquet and run it again") from error


def _provenance(scene: Scene) -> Mapping | None:
    try:
        return read_provenance(scene.workspace)
    except (TypeError, KeyError, pa.ArrowInvalid) as error:
        raise ValueError(f"the compression rows are damaged ({error}); delete compression/results.parquet and run it again") from error


def _megabytes(row: Row) -> tuple[float, float]:
    """Of the set in fp16, and of the file with the model."""
    whole = row.size / row.ratio
    return whole / 1e6, row.ratio_with_model * whole / 1e6


def _table(scene: Scene, printed: paper.Printed, rows: Sequence[Row]) -> Table:
    columns = (
        Column("Layer of Llama 3.2-1B"),
        Column("α_e, α_c", "", "paper", "{:g}"),
        Column("after, with the model", "MB", "paper", "{:,.0f}"),
        Column("MSE", "", "paper", "{:.3f}"),
        Column("cosine", "", "paper", "{:.3f}"),
        Column("Ours"),
        Column("α_e", "", "ours", "{:.2g}", "In units of scaled hidden states: not the paper's unit."),
        Column("before, fp16", "MB", "ours", "{:,.1f}"),
        Column("after, with the model", "MB", "ours", "{:,.1f}"),
        Column("after", "% of fp16", "ours", "{:.2f}", "The file of codes with its header and prior, the BAE not counted."),
        Column("MSE", "raw units²", "ours", "{:.3g}"),
        Column("FVU", "", "ours", "{:.3f}"),
        Column("cosine", "", "ours", "{:.3f}"),
        Column("delta-CE", "nats", "ours", "{:.3f}", "What the model's loss rises by where it runs on the reconstructions."),
    )
    body = []
    for layer, theirs, own in _beside(scene, printed, rows):
        for told, row in zip_longest(theirs, own):
            printed_cells = [Cell(told[name]) if told else Cell() for name in ("alpha", "megabytes", "mse", "cosine")]
            body.append((Cell(text=str(layer)), *printed_cells, *_ours(row)))
    return Table("Size and error", columns, tuple(body), _notes())


def _beside(scene: Scene, printed: paper.Printed, rows: Sequence[Row]) -> Iterator[tuple[int, list[Mapping], list[Row]]]:
    """Every layer of the paper with our rows at the nearest share of the depth; larger weights first on both sides."""
    near: dict[int, list[Row]] = {}
    for row in rows:
        near.setdefault(paper.nearest(printed.rows, row.layer, scene.recipe.blocks)[1], []).append(row)
    for _, layer in paper.groups(printed.rows):
        theirs = sorted((row for row in printed.rows if row["layer"] == layer), key=lambda row: -row["alpha"])
        yield layer, theirs, sorted(near.get(layer, ()), key=lambda row: (row.layer, -(row.entropy_weight or 0.0)))


def _ours(row: Row | None) -> list[Cell]:
    if row is None:
        return [Cell()] * 9
    before, after = _megabytes(row)
    values = (row.entropy_weight, before, after, 100 * row.ratio, row.mse, row.fvu, row.cosine, row.delta_ce)
    return [Cell(text=f"{row.dictionary}, layer {row.layer}"), *map(Cell, values)]


def _notes() -> tuple[str, ...]:
    return (
        *size_notes(),
        "A cosine says nothing of lengths: that reconstructions are “distorted in the radial direction” cannot be read off it.",
    )


def _scale(printed: paper.Printed, rows: Sequence[Row], told: Mapping | None) -> tuple[tuple[str, str, str], ...]:
    if not rows:
        return ()
    return (
        ("language model", "Llama 3.2-1B", str(told["model"])),
        ("vectors", f"{printed.told['vectors']:,} of BookCorpus", f"{rows[0].vectors:,} of {', '.join(told['sources'])}, held out"),
        ("codes", "lists of indices", "entropy-coded under the prior of the file"),
    )


def _claims(printed: paper.Printed, rows: Sequence[Row]) -> Iterable[Claim]:
    if not rows:
        return
    ratios = ", ".join(f"{row.dictionary} {100 * row.ratio:.2f} %" for row in rows)
    with_model = ", ".join(f"{100 * row.ratio_with_model:.1f} %" for row in rows)
    theirs = printed.rows[0]["megabytes"] / fp16_megabytes()
    told = (
        f"Of fp16, the model not counted: {ratios}. With the model, for sets of {rows[0].vectors:,} vectors: {with_model}. The paper's "
        f"{printed.rows[0]['megabytes']} MB with the model are {100 * theirs:.0f} % of its vectors in fp16."
    )
    verdict = AGREES if min(row.ratio for row in rows) < ROUNDED else DIFFERS
    yield Claim("Compression to as low as 1 % of the size.", verdict, told)
    pairs = [
        (one, other)
        for one in rows
        for other in rows
        if one.layer == other.layer and one.entropy_weight and other.entropy_weight and one.entropy_weight > other.entropy_weight
    ]
    kept = sum(one.bits < other.bits and one.mse > other.mse for one, other in pairs)
    listed = "; ".join(
        f"layer {one.layer}, alpha_e {other.entropy_weight:.2g} to {one.entropy_weight:.2g}: {other.bits:.0f} to {one.bits:.0f} bits, "
        f"MSE {other.mse:.3g} to {one.mse:.3g}"
        for one, other in pairs
    )
    verdict = UNSAID if not pairs else AGREES if kept == len(pairs) else DIFFERS if not kept else UNSAID
    yield Claim("A larger alpha_e makes codes smaller and the error larger.", verdict, listed or "One alpha_e a layer alone was measured.")
