"""Fig. 12 of the paper: loss and entropy along training, with the entropy objective and without."""

from collections.abc import Mapping, Sequence

from bae.experiments.entropy import findings
from bae.experiments.entropy.results import Results, kept
from bae.experiments.entropy.synthetic_settings import CURVES
from bae.reproduction.claims import of_findings
from bae.reproduction.entropies import LOSS, Taken, section_of, sources_of, taken
from bae.reproduction.report import Cell, Claim, Column, Curve, Figure, Section, Table
from bae.reproduction.steps import Scene

Row = Mapping[str, object]

DRAWN = 2
"""Rank of the synthetic sets that Fig. 12 shows."""


def fig12(scene: Scene) -> Section:
    """Reconstruction and entropy along training: of the synthetic sets, as in the paper, and of language states."""
    synthetic, section = taken(scene, "synthetic"), section_of(scene, "fig12", "dynamics", _language_dynamics)
    curves = _synthetic_curves(scene, synthetic.runs[0]) if synthetic else []
    if not curves:
        return section
    expansion = max(row["expansion"] for row in curves)
    rows = [
        {"position": row["rank"], "entropy": row["marginal"], "unexplained": row["fvu"] or 0.0, **_picked(row)}
        for row in curves
        if row["rank"] == DRAWN and row["expansion"] == expansion
    ]
    title = f"Synthetic set of r = {DRAWN}, expansion {expansion}"
    decay = synthetic.runs[0].provenance["settings"]["decay"]
    claims = [Claim(f"{title}: {one.says}", one.verdict, one.told) for one in of_findings(findings.dynamics(rows, decay, "r ="))]
    return Section(
        **{name: getattr(section, name) for name in ("name", "title", "section", "caption", "scale", "missing")},
        tables=(_dynamics_table(rows, f"{title}: last tenth of the steps", "r"), *section.tables),
        figures=(*_courses(rows, title, "r ="), *section.figures),
        claims=(*claims, *section.claims),
        sources=(*sources_of(synthetic, "synthetic"), *section.sources),
    )


def _picked(row: Row) -> dict[str, object]:
    return {name: row[name] for name in ("entropy_loss", "step")}


def _synthetic_curves(scene: Scene, run: Results) -> list[dict]:
    name = run.file.name.replace("synthetic", CURVES, 1)
    return next((one.rows for one in kept(scene.workspace, CURVES).found if one.file.name == name), [])


def _language_dynamics(found: Taken):
    rows, layer = found.rows, found.rows[0]["layer"]
    title = f"Language states, layer {layer}"
    claims = of_findings(findings.dynamics(rows, found.runs[0].provenance["settings"]["training"]["decay"]))
    table = _dynamics_table(rows, f"{title}: last tenth of the steps", "position")
    return [table], _courses(rows, title, "position"), [Claim(f"{title}: {one.says}", one.verdict, one.told) for one in claims]


def _courses(rows: Sequence[Row], title: str, place: str) -> list[Figure]:
    """Entropy against steps, a figure a set: a path in two dimensions says the same, and is harder to read."""
    figures = []
    for position in sorted({row["position"] for row in rows}):
        curves = []
        for loss, words in LOSS.items():
            own = sorted((row for row in rows if row["position"] == position and row["entropy_loss"] is loss), key=lambda row: row["step"])
            if own:
                xs, ys = (tuple(row[name] for row in own) for name in ("step", "entropy"))
                curves.append(Curve(words, xs, ys, dashed=not loss))
        figures.append(Figure(f"{title}, {place} {position}: entropy along training", "step", "entropy, bits", tuple(curves)))
    return figures


def _dynamics_table(rows: Sequence[Row], title: str, place: str) -> Table:
    columns = (
        Column(place),
        Column("trained"),
        Column("greatest entropy", "bits", "ours", "{:,.1f}"),
        Column("entropy at the end", "bits", "ours", "{:,.1f}"),
        Column("unexplained at the end", "", "ours", "{:.3f}"),
    )
    body = []
    for position in sorted({row["position"] for row in rows}):
        for loss, words in LOSS.items():
            own = sorted((row for row in rows if row["position"] == position and row["entropy_loss"] is loss), key=lambda row: row["step"])
            if own:
                last = findings.ending(own)
                ends = (Cell(sum(row[name] for row in last) / len(last)) for name in ("entropy", "unexplained"))
                body.append((Cell(text=str(position)), Cell(text=words), Cell(max(row["entropy"] for row in own)), *ends))
    return Table(title, columns, tuple(body))
