"""Fig. 6 of the paper: directions that dictionaries reconstruct, added to movie reviews without demonstrations."""

from collections.abc import Iterable, Sequence

from bae.experiments.movies.results import Point, Results, best, curves, mean, told_of
from bae.experiments.movies.verdict import Comparison, verdicts
from bae.reproduction import paper
from bae.reproduction.experiment_steps import movie_runs
from bae.reproduction.provenance import check_model
from bae.reproduction.report import AGREES, DIFFERS, UNSAID, Cell, Claim, Column, Curve, Figure, Missing, Section, Source, Table
from bae.reproduction.steps import Scene

OF = "vocabulary"
"""The paper's accuracy: the right label is the likeliest of all tokens."""
RELATIONS = {"above": AGREES, "below": DIFFERS, "undecided": UNSAID}


def fig6(scene: Scene) -> Section:
    """Every finished run, a layer each; the newest of a layer."""
    printed = paper.printed("fig6")
    finished = [one for one in movie_runs(scene.workspace) if one.directions and not one.missing()]
    finished = check_model(scene, finished, lambda one: one.settings["fingerprint"], "the movie-review runs")
    runs = sorted({one.settings["layer"]: one for one in reversed(finished)}.values(), key=lambda one: one.settings["layer"])
    asked = scene.recipe.movies
    lacking = [layer for layer in (asked.layers if asked else ()) if layer not in {one.settings["layer"] for one in runs}]
    return Section(
        "fig6",
        printed.title,
        printed.section,
        printed.caption,
        scale=_scale(printed, runs),
        tables=tuple(map(_table, runs)),
        figures=tuple(map(_figure, runs)),
        claims=tuple(claim for run in runs for claim in _claims(run)),
        sources=tuple(
            Source(
                f"layer {one.settings['layer']}, {one.file.name}",
                one.command or "bae steer evaluate",
                one.machine,
                one.date,
                (one.settings["seed"],),
                f"{one.seconds / 60:.1f} minutes",
            )
            for one in runs
        ),
        missing=tuple(
            Missing(f"Layer {layer}", scene.told(f"steer evaluate --layer {layer} --samples {asked.samples}")) for layer in lacking
        ),
    )


def _scale(printed: paper.Printed, runs: Sequence[Results]) -> tuple[tuple[str, str, str], ...]:
    theirs = printed.told["settings"]
    if not runs:
        return ()
    told = runs[0].settings
    return (
        ("language model", theirs["model"], told["model"]),
        ("layer", str(theirs["layer"]), ", ".join(str(one.settings["layer"]) for one in runs)),
        ("reviews", f"{theirs['samples']:,}", f"{told['samples']:,}"),
        ("features kept", str(theirs["features kept"]), str(told["kept"])),
        ("controls", "none", "random features, random directions, difference of means"),
    )


def _points(run: Results) -> dict[str, list[list[Point]]]:
    return {title: curve for title, curve in curves(run).items() if curve}


def _table(run: Results) -> Table:
    gammas = [gamma for gamma in run.settings["gammas"] if gamma]
    shown = [gamma for gamma in gammas if gamma in (0.5, 1, 1.5, 2, 3)] or gammas[:5]
    columns = (
        Column("Direction"),
        Column("length at 1", "norms", "ours", "{:.2f}"),
        Column("best", "% right", "ours", "{:.1f}", "At its best strength, with Wilson's 95 % interval; over draws, their range."),
        Column("at strength", "", "ours", "{:g}"),
        *(Column(f"at {gamma:g}", "% right", "ours", "{:.1f}") for gamma in shown),
    )
    rows = []
    for title, curve in _points(run).items():
        top, told = best(curve, OF), told_of(run, title)
        by_gamma = {points[0].gamma: points for points in curve}
        at = [Cell(100 * mean(by_gamma[gamma], OF)) if gamma in by_gamma else Cell() for gamma in shown]
        length = Cell(told["norms"]) if told else Cell()
        rows.append((Cell(text=title), length, _span(top), Cell(top[0].gamma if told else None), *at))
    notes = ("The best strength is picked on the tested reviews. What the paper's curves reach is a picture and not printed.",)
    return Table(f"0-shot accuracy over the whole vocabulary, layer {run.settings['layer']}", columns, tuple(rows), notes)


def _span(points: Sequence[Point]) -> Cell:
    low, high = points[0].interval(OF) if len(points) == 1 else (f(point.accuracy(OF) for point in points) for f in (min, max))
    return Cell(100 * mean(points, OF), 100 * low, 100 * high)


def _figure(run: Results) -> Figure:
    drawn = []
    top = max(run.settings["gammas"])
    for title, curve in _points(run).items():
        if len(curve) == 1:  # no direction: the same whatever the strength
            level = 100 * mean(curve[0], OF)
            drawn.append(Curve(title, (0.0, top), (level, level), dashed=True))
            continue
        xs, ys = tuple(points[0].gamma for points in curve), tuple(100 * mean(points, OF) for points in curve)
        drawn.append(Curve(title, xs, ys))
    return Figure(f"Accuracy against strength, layer {run.settings['layer']}", "strength", "% right", tuple(drawn))


def _claims(run: Results) -> Iterable[Claim]:
    layer = run.settings["layer"]
    for verdict in verdicts(run, OF):
        heads = f"Layer {layer}, {verdict.title}: "
        yield _compared(f"{heads}steering raises 0-shot accuracy.", verdict.unsteered)
        for other in verdict.others:
            yield _compared(f"{heads}it raises it more than {other.against}.", other)
        if verdict.controls:
            above = [one.against for one in verdict.controls if one.relation == "above"]
            below = [one.against for one in verdict.controls if one.relation == "below"]
            outcome = AGREES if verdict.beats_controls else DIFFERS if below else UNSAID
            told = f"Above {', '.join(above) or 'none'} of {len(verdict.controls)} controls"
            told += f", below {', '.join(below)}" if below else ""
            listed = "; ".join(f"{one.against} {_said(one.theirs)}" for one in verdict.controls)
            yield Claim(
                f"{heads}that is the dictionary's doing (not in the paper: it is above every control).",
                outcome,
                f"{told}. {_said(verdict.controls[0].ours)}; {listed}.",
            )


def _compared(says: str, one: Comparison) -> Claim:
    return Claim(says, RELATIONS[one.relation], f"Best {_said(one.ours)}, {one.against} {_said(one.theirs)}; {_words(one)}.")


def _words(one: Comparison) -> str:
    return {"above": "told apart, above", "below": "told apart, below", "undecided": "not told apart"}[one.relation]


def _said(points: Sequence[Point]) -> str:
    return f"{100 * mean(points, OF):.1f} % at {points[0].gamma:g}"
