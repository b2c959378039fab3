"""What the movie experiment found, as tables for a terminal or a document."""

from collections.abc import Sequence

from bae.experiments.movies.results import MEASURES, Of, Point, Results, best, curves, mean, told_of
from bae.experiments.movies.verdict import threshold, verdicts

RELATIONS = {"above": "above", "below": "below", "undecided": "not told apart from"}


def summary(results: Results) -> list[str]:
    """The tables, what the intervals tell, and what it took."""
    settings = results.settings
    return [
        f"Layer {settings['layer']}, {settings['samples']:,} reviews, {settings['model']}",
        "",
        *tables(results),
        *(line for of in MEASURES for line in comparisons(results, of)),
        f"Told apart at p below {threshold(results):.1g}: the best strength and all these comparisons are allowed for.",
        "",
        f"Always saying the more frequent label scores {100 * results.majority:.1f} % over the two labels.",
        f"{results.command}, {results.machine}, {results.date}: {results.seconds / 60:.1f} minutes in all.",
        "",
    ]


def comparisons(results: Results, of: Of) -> list[str]:
    """How every BAE stands to the model as it is, to its controls and to other dictionaries, a line each."""
    return [
        f"{MEASURES[of]}: {one.title} ({_at(one.ours, of)}) is {RELATIONS[one.relation]} {one.against} ({_at(one.theirs, of)})"
        for verdict in verdicts(results, of)
        for one in (verdict.unsteered, *verdict.controls, *verdict.others)
    ]


def _at(points: Sequence[Point], of: Of) -> str:
    return f"best {100 * mean(points, of):.1f} % at {points[0].gamma:g}"


def tables(results: Results) -> list[str]:
    """Markdown, a table a measure: a row a curve, its best strength with the interval (over draws the range), then all strengths."""
    gammas = [gamma for gamma in results.settings["gammas"] if gamma]
    lines = []
    for of, title in MEASURES.items():
        lines.append(f"| {title}, % right | length | best, at | 95 % | {' | '.join(f'{gamma:g}' for gamma in gammas)} |")
        lines.append("|" + "---|" * (len(gammas) + 4))
        for name, curve in curves(results).items():
            if not curve:
                continue  # a run that was stopped before it
            told = told_of(results, name)
            by_gamma = {points[0].gamma: points for points in curve}
            cells = ["" if gamma not in by_gamma else f"{100 * mean(by_gamma[gamma], of):.1f}" for gamma in gammas]
            length = f"{told['norms']:.2f}" if told else ""
            lines.append(f"| {name} | {length} | {' | '.join([*_best(curve, of), *cells])} |")
        lines.append("")
    return lines


def _best(curve: Sequence[Sequence[Point]], of: Of) -> tuple[str, str]:
    points = best(curve, of)
    if len(points) == 1:
        low, high = points[0].interval(of)
        span = f"{100 * low:.1f} to {100 * high:.1f}"
    else:
        each = [point.accuracy(of) for point in points]
        span = f"draws {100 * min(each):.1f} to {100 * max(each):.1f}"
    return f"{100 * mean(points, of):.1f}, {points[0].gamma:g}", span
