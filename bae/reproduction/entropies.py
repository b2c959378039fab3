"""Fig. 2, 3, 4, 7 and 11 of the paper, from the kept runs of the experiments on entropies."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

from bae.experiments.entropy import findings
from bae.experiments.entropy.results import Results, kept
from bae.reproduction import paper
from bae.reproduction.claims import of_findings
from bae.reproduction.experiment_steps import entropy_settings, finished
from bae.reproduction.provenance import check_model
from bae.reproduction.report import Cell, Claim, Column, Curve, Figure, Missing, Section, Source, Table
from bae.reproduction.steps import Scene

ACCURACY = "icl-accuracy"
"""Where what was answered is kept, beside the entropies."""
RENAMED = {"marginal": "entropy", "marginal_low": "entropy_low", "marginal_high": "entropy_high", "samples": "vectors"}
"""The synthetic benchmark has other names for the same."""
LOSS = {True: "with the entropy loss", False: "without"}

Row = Mapping[str, object]
Key = tuple[object, ...]


class Taken(NamedTuple):
    """The runs of an experiment that the report shows: one of some settings, and others that differ from it in the seed alone."""

    runs: tuple[Results, ...]
    as_asked: bool
    """Whether its settings are those of the recipe."""

    @property
    def rows(self) -> list[dict]:
        """Of the first run."""
        return [{RENAMED.get(name, name): value for name, value in row.items()} for row in self.runs[0].rows]

    def spread(self, *names: str) -> dict[Key, Cell]:
        """Entropy by what tells a row, over seeds."""
        found: dict[Key, list[float]] = {}
        for run in self.runs:
            for row in run.rows:
                found.setdefault(tuple(row[name] for name in names), []).append(row.get("entropy", row.get("marginal")))
        return {key: Cell.of(values) for key, values in found.items()}


def taken(scene: Scene, experiment: str) -> Taken | None:
    """The finished run of the recipe's settings, else the newest finished one; None where there is none.

    Raises ValueError for a damaged file, and where runs are of another model alone.
    """
    runs = finished(scene.workspace, experiment)
    if experiment != "synthetic":  # its states come from no model
        runs = check_model(scene, runs, lambda one: one.provenance["fingerprint"], f"the {experiment} runs")
    if not runs:
        return None
    asked = _without_seed(asdict(entropy_settings(scene, experiment))) if experiment in scene.recipe.entropy else None
    best = next((one for one in runs if _without_seed(one.provenance["settings"]) == asked), runs[0])
    settings = _without_seed(best.provenance["settings"])
    alike = [one for one in runs if _without_seed(one.provenance["settings"]) == settings]
    return Taken(tuple(sorted(alike, key=lambda one: one.provenance["settings"]["seed"])), settings == asked)


def _without_seed(settings: Mapping) -> dict:
    return {name: value for name, value in json.loads(json.dumps(settings)).items() if name != "seed"}


def section_of(
    scene: Scene, name: str, experiment: str, made: Callable[[Taken], tuple[Iterable[Table], Iterable[Figure], Iterable[Claim]]]
) -> Section:
    """An item of one experiment: what `made` makes of its runs, or the command that makes them."""
    printed, found = paper.printed(name), taken(scene, experiment)
    told = {"name": name, "title": printed.title, "section": printed.section, "caption": printed.caption}
    if found is None:
        recipe = scene.recipe.entropy.get(experiment, {}).get("recipe")
        words = f"entropy {experiment}" + (f" --recipe {recipe}" if recipe else "")
        why = "" if experiment in scene.recipe.entropy else " (this recipe does not ask for it)"
        return Section(**told, scale=_scale(printed, None), missing=(Missing(f"No run has finished{why}", scene.told(words)),))
    tables, figures, claims = made(found)
    return Section(
        **told,
        scale=_scale(printed, found),
        tables=tuple(tables),
        figures=tuple(figures),
        claims=tuple(claims),
        sources=tuple(sources_of(found, experiment)),
        missing=tuple(Missing(f"Left out: {sentence}") for sentence in kept(scene.workspace, experiment).damaged),
    )


def _scale(printed: paper.Printed, found: Taken | None) -> tuple[tuple[str, str, str], ...]:
    """The settings of the paper, then those of ours: they are named differently, so they stand below each other."""
    rows = [(name, f"{value:,}" if isinstance(value, int) else str(value), "") for name, value in printed.told["settings"].items()]
    if found is None:
        return tuple(rows)
    told = found.runs[0].provenance
    model = [("language model", "", str(told["model"]))] if told["fingerprint"] else []
    ours = [(name, "", value) for name, value in _flat(told["settings"])]
    return (*rows, *model, *ours)


def _flat(settings: Mapping, prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None and value != []:
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def sources_of(found: Taken, experiment: str) -> Iterable[Source]:
    """Where the runs come from."""
    for run in found.runs:
        told = run.provenance
        about = f"{told['seconds'] / 60:.1f} minutes, torch {told['versions'].get('torch', '')}"
        if not found.as_asked:
            about += "; its settings are not those of the recipe"
        seed = told["settings"]["seed"]
        yield Source(f"{experiment}, {run.file.name}", told["command"], str(told["machine"]), told["date"], (seed,), about)


# tables and curves


def _grid(found: Taken, down: str, across: str, titles: tuple[str, str], fixed: Mapping[str, object] | None = None) -> Table:
    """Entropy in bits by two things that tell a row; `fixed` picks rows by others."""
    fixed = dict(fixed or {})
    cells = found.spread(down, across, *fixed)
    rows, columns = (sorted({key[place] for key in cells if key[2:] == tuple(fixed.values())}) for place in (0, 1))
    heads = (Column(titles[0]), *(Column(f"{titles[1]} {column}", "bits", "ours", "{:,.2f}") for column in columns))
    body = [(Cell(text=str(row)), *(cells.get((row, column, *fixed.values()), Cell()) for column in columns)) for row in rows]
    named = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in fixed.items())
    return Table(f"Entropy in bits by {titles[0]} and {titles[1]}" + (f", {named}" if named else ""), heads, tuple(body))


def _curves(rows: Sequence[Row], x: str, by: str, name: str) -> tuple[Curve, ...]:
    """Entropy over `x`, a curve for each value of `by`, with intervals where rows have them."""
    found = []
    for value in sorted({row[by] for row in rows}):
        own = sorted((row for row in rows if row[by] == value), key=lambda row: row[x])
        spans = [tuple(row.get(f"entropy_{end}") for row in own) for end in ("low", "high")]
        low, high = spans if all(None not in span for span in spans) else ((), ())
        found.append(Curve(f"{name} {value}", tuple(row[x] for row in own), tuple(row["entropy"] for row in own), low, high))
    return tuple(found)


def fig2(scene: Scene) -> Section:
    """Sets whose entropy is known."""

    def made(found: Taken):
        expansions = sorted({row["expansion"] for row in found.rows})
        tables = [_synthetic_table(found, expansions)]
        known = sorted({row["rank"] for row in found.rows})
        curves = [Curve("H = r", (known[0], known[-1]), (known[0], known[-1]))]
        for expansion in expansions:
            for loss, words in LOSS.items():
                own = [row for row in found.rows if row["expansion"] == expansion and row["entropy_loss"] is loss and row["rank"] > 0]
                own.sort(key=lambda row: row["rank"])
                xs, ys = (tuple(row[name] for row in own) for name in ("rank", "entropy"))
                curves.append(Curve(f"expansion {expansion}, {words}", xs, ys, dashed=not loss))
        curves[0] = Curve("H = r", (max(1, known[0]), known[-1]), (max(1, known[0]), known[-1]))
        figures = [Figure("Entropy against rank", "r, bits", "entropy, bits", tuple(curves), log_x=True, log_y=True)]
        return tables, figures, of_findings(findings.synthetic(found.rows))

    return section_of(scene, "fig2", "synthetic", made)


def _synthetic_table(found: Taken, expansions: Sequence[int]) -> Table:
    cells = found.spread("rank", "expansion", "entropy_loss")
    columns = [
        Column("r", "bits"),
        Column("entropy of the set", "bits", "paper", "{:g}", "r, by construction; the paper says that its estimates lie on it."),
    ]
    columns += [Column(f"expansion {one}, {words}", "bits", "ours", "{:,.2f}") for words in LOSS.values() for one in expansions]
    rows = [
        (Cell(text=str(rank)), Cell(rank), *(cells.get((rank, one, loss), Cell()) for loss in LOSS for one in expansions))
        for rank in sorted({key[0] for key in cells})
    ]
    return Table("Entropy of synthetic sets", tuple(columns), tuple(rows))


def fig3(scene: Scene) -> Section:
    """By layer and position in a text."""

    def made(found: Taken):
        curves = _curves(found.rows, "position", "layer", "layer")
        figure = Figure("Entropy against position", "position, tokens", "entropy, bits", curves, log_x=True)
        return [_grid(found, "layer", "position", ("layer", "position"))], [figure], of_findings(findings.language(found.rows))

    return section_of(scene, "fig3", "language", made)


def fig4(scene: Scene) -> Section:
    """By layer and number of demonstrations."""

    def made(found: Taken):
        curves = _curves(found.rows, "layer", "shots", "demonstrations")
        claims = of_findings(findings.icl(found.rows, []))
        figure = Figure("Entropy against layer", "layer", "entropy, bits", curves)
        return [_grid(found, "layer", "shots", ("layer", "demonstrations"))], [figure], claims

    return section_of(scene, "fig4", "icl", made)


def fig7(scene: Scene) -> Section:
    """How often the answers behind demonstrations are right."""

    def made(found: Taken):
        answers = sorted((row for run in found.runs[:1] for row in _answers(scene, run)), key=lambda row: row["shots"])
        columns = (
            Column("demonstrations"),
            Column(
                "right, over the vocabulary", "", "ours", "{:.3f}", "The right label is the likeliest of all tokens: the paper's accuracy."
            ),
            Column("right, of the two labels", "", "ours", "{:.3f}"),
            Column("always the same label", "", "ours", "{:.3f}"),
        )
        rows = [
            (
                Cell(text=str(row["shots"])),
                *(Cell(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ("vocabulary", "labels")),
                Cell(row["majority"]),
            )
            for row in answers
        ]
        table = Table("Accuracy, with 95 % intervals", columns, tuple(rows))
        curves = [
            Curve(title, *(tuple(row[column] for row in answers) for column in ("shots", name, f"{name}_low", f"{name}_high")))
            for name, title in (("vocabulary", "over the vocabulary"), ("labels", "of the two labels"))
        ]
        figure = Figure("Accuracy against demonstrations", "demonstrations", "share right", tuple(curves))
        return [table], [figure] if answers else [], of_findings(findings.icl([], answers))

    return section_of(scene, "fig7", "icl", made)


def _answers(scene: Scene, run: Results) -> list[dict]:
    name = run.file.name.replace("icl", ACCURACY, 1)
    return next((one.rows for one in kept(scene.workspace, ACCURACY).found if one.file.name == name), [])


def fig11(scene: Scene) -> Section:
    """Sets of a language model's states whose entropy is known."""

    def made(found: Taken):
        known = sorted({row["rank"] for row in found.rows if row["rank"] > 0})
        curves = (Curve("H = r", (known[0], known[-1]), (known[0], known[-1])), *_curves(found.rows, "rank", "expansion", "expansion"))
        figure = Figure("Entropy against rank", "r, bits", "entropy, bits", curves, log_x=True, log_y=True)
        return [_grid(found, "rank", "expansion", ("r", "expansion"))], [figure], of_findings(findings.tokens(found.rows))

    return section_of(scene, "fig11", "tokens", made)
