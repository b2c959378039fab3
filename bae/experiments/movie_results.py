"""What the movie experiment is run with, and what it found, kept as JSON in the workspace a point at a time."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bae.comsem.score import wilson
from bae.files import write_json
from bae.steering.directions import KEPT
from bae.workspace import Workspace

GAMMAS = tuple(step / 4 for step in range(13))
PLAIN, PROMPTED = "no steering", "demonstrations"
"""The two that have no direction: the tested prompts as they are, and behind demonstrations."""
Of = Literal["vocabulary", "labels"]
MEASURES: dict[Of, str] = {"vocabulary": "whole vocabulary", "labels": "two labels"}
"""What the right label is to be likelier than: all other tokens, which is the paper's accuracy, or the other label."""


@dataclass(frozen=True)
class Settings:
    """What is run."""

    layer: int
    samples: int = 512
    """Reviews to estimate a direction with, and as many others to test it on."""
    shots: int = 8
    """Demonstrations of a good text."""
    kept: int = KEPT
    """Features of a direction."""
    gammas: tuple[float, ...] = GAMMAS
    controls: int = 3
    """Draws of each random control."""
    seed: int = 0

    def __post_init__(self):
        if not self.gammas or any(not 0 <= gamma < math.inf for gamma in self.gammas):
            raise ValueError(f"strengths are finite numbers from 0 up; got {list(self.gammas)}")
        for name, least in (("samples", 2), ("shots", 1), ("kept", 1), ("controls", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is at least {least}; got {getattr(self, name)}")


@dataclass(frozen=True)
class Point:
    """What the model answered at one strength of one method."""

    method: str
    gamma: float
    tested: int
    vocabulary: int
    """Prompts whose likeliest next token, of all there are, is the right label."""
    labels: int
    """Prompts of whose two labels the right one is likelier."""
    answered: int
    """Prompts whose likeliest next token is a label, right or wrong."""
    positive: int
    """Prompts of whose two labels "positive" is likelier."""
    said: dict[str, int]
    """The likeliest next tokens that are most frequent, and of how many prompts each."""

    def accuracy(self, of: Of) -> float:
        """Share of the tested that is right, in [0, 1]."""
        return getattr(self, of) / self.tested

    def interval(self, of: Of) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return wilson(getattr(self, of), self.tested)


@dataclass
class Results:
    """A run as far as it has come."""

    file: Path
    settings: dict
    """Those of the run, with the model's title and fingerprint and the digest of every dictionary."""
    majority: float
    """Share of the more frequent label among the tested: what always saying it would score over the two labels."""
    directions: dict[str, dict] = field(default_factory=dict)
    """By method: `kind` (as `bae.steering.directions` has it), `dictionary`, `draw` of a random one, `length` in raw units, and
    `norms`: its length in those of the hidden states that it is added to."""
    points: list[Point] = field(default_factory=list)
    seconds: float = 0.0
    """Spent so far."""
    date: str = ""

    def points_of(self, method: str) -> list[Point]:
        """Those of a method, by strength; at 0 all are the model as it is."""
        return sorted((p for p in self.points if p.method == method or (p.method == PLAIN and method != PROMPTED)), key=lambda p: p.gamma)

    def known(self) -> set[tuple[str, float]]:
        """What need not be run again."""
        return {(point.method, point.gamma) for point in self.points}

    def keep(self) -> None:
        """Write it down."""
        self.date = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(self.file, {name: value for name, value in asdict(self).items() if name != "file"})

    @classmethod
    def read(cls, file: Path) -> "Results":
        """What was kept."""
        told = json.loads(file.read_text(encoding="utf-8"))
        return cls(file, **{**told, "points": [Point(**point) for point in told["points"]]})


def kept_results(workspace: Workspace) -> list[Results]:
    """Every run of a workspace, newest first; those that were stopped among them."""
    found = [Results.read(file) for file in (workspace.folder / "steering").glob("movie-reviews-*.json")]
    return sorted(found, key=lambda results: results.date, reverse=True)


def curves(results: Results) -> dict[str, list[list[Point]]]:
    """What a figure shows: by title the points at every strength, one of a method, several of a control that was drawn several times."""
    members: dict[str, list[str]] = {PLAIN: [PLAIN], PROMPTED: [PROMPTED]}
    for method, told in results.directions.items():
        members.setdefault(method.removesuffix(f" {told['draw']}"), []).append(method)
    found = {}
    for title, methods in members.items():
        by_gamma: dict[float, list[Point]] = {}
        for method in methods:
            for point in results.points_of(method):
                # all draws share the one at strength 0
                if point not in by_gamma.setdefault(point.gamma, []):
                    by_gamma[point.gamma].append(point)
        found[title] = list(by_gamma.values())
    return found


def tables(results: Results) -> list[str]:
    """Markdown, a table a measure: a row a curve, its best strength with the interval (over draws the range), then all strengths."""
    gammas = [gamma for gamma in results.settings["gammas"] if gamma]
    lines = []
    for of, title in MEASURES.items():
        lines.append(f"| {title}, % right | length | best, at | 95 % | {' | '.join(f'{gamma:g}' for gamma in gammas)} |")
        lines.append("|" + "---|" * (len(gammas) + 4))
        for name, curve in curves(results).items():
            told = results.directions.get(name) or results.directions.get(f"{name} 1")
            by_gamma = {points[0].gamma: points for points in curve}
            cells = ["" if gamma not in by_gamma else f"{100 * _mean(by_gamma[gamma], of):.1f}" for gamma in gammas]
            length = f"{told['norms']:.2f}" if told else ""
            lines.append(f"| {name} | {length} | {' | '.join([*_best(curve, of), *cells])} |")
        lines.append("")
    return lines


def _best(curve: Sequence[Sequence[Point]], of: Of) -> tuple[str, str]:
    best = max(curve, key=lambda points: (_mean(points, of), -points[0].gamma))
    if len(best) == 1:
        low, high = best[0].interval(of)
        span = f"{100 * low:.1f} to {100 * high:.1f}"
    else:
        each = [point.accuracy(of) for point in best]
        span = f"draws {100 * min(each):.1f} to {100 * max(each):.1f}"
    return f"{100 * _mean(best, of):.1f}, {best[0].gamma:g}", span


def _mean(points: Sequence[Point], of: Of) -> float:
    return sum(point.accuracy(of) for point in points) / len(points)
