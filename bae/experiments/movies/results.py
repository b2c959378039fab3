"""What the movie experiment is run with, and what it found, kept as JSON in the workspace a point at a time. Loads no torch."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

from bae.comsem.score import wilson
from bae.system.files import write_json
from bae.workspace import Workspace

STAGE = "movie-steering"
"""Under which the workspace is told how far a run is."""
GAMMAS = tuple(step / 4 for step in range(13))
PLAIN, PROMPTED = "no steering", "demonstrations"
"""The two that have no direction: the tested prompts as they are, and behind demonstrations."""
MEANS = "difference of means"
"""The direction that no dictionary was read for."""
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
    kept: int = 256
    """Features of a direction, as many as the paper keeps."""
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
        return _interval(getattr(self, of), self.tested)


@lru_cache(maxsize=4096)
def _interval(right: int, tested: int) -> tuple[float, float]:
    """Wilson's, once: a page asks for hundreds whenever it is drawn."""
    return wilson(right, tested)


@dataclass
class Results:
    """A run as far as it has come."""

    file: Path
    settings: dict
    """Those of the run, with the model's title and fingerprint and the digest of every dictionary."""
    majority: float
    """Share of the more frequent label among the tested: what always saying it would score over the two labels."""
    directions: dict[str, dict] = field(default_factory=dict)
    """By method: `kind` (as `bae.steering.directions` has it), `dictionary`, `draw` of a random one, `length` in raw units,
    `norms`: its length in those of the hidden states that it is added to, and `cosine` with the difference of means."""
    points: list[Point] = field(default_factory=list)
    seconds: float = 0.0
    """Spent so far."""
    date: str = ""
    command: str = ""
    """What a person types to have the same; empty in files that are older than this field, as is the next."""
    machine: str = ""
    """Where it was run last."""

    def points_of(self, method: str) -> list[Point]:
        """Those of a method, by strength; at 0 all are the model as it is."""
        return sorted((p for p in self.points if p.method == method or (p.method == PLAIN and method != PROMPTED)), key=lambda p: p.gamma)

    def known(self) -> set[tuple[str, float]]:
        """What need not be run again."""
        return {(point.method, point.gamma) for point in self.points}

    def wanted(self) -> list[tuple[str, float]]:
        """All of the sweep. Strength 0 is the model as it is, so it is run once for all methods."""
        return [(PLAIN, 0.0), *((method, gamma) for method in self.directions for gamma in self.settings["gammas"] if gamma)]

    def missing(self, more: Sequence[float] = ()) -> int:
        """Points that are still to be run, with these strengths besides its own; before there are directions nobody knows how many."""
        besides = {(method, gamma) for method in self.directions for gamma in more if gamma}
        return len({(PROMPTED, 0.0), *self.wanted(), *besides} - self.known())

    def keep(self) -> None:
        """Write it down."""
        self.date = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(self.file, {name: value for name, value in asdict(self).items() if name != "file"})

    @classmethod
    def read(cls, file: Path) -> "Results":
        """What was kept. Raises ValueError where the file is damaged."""
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            return cls(file, **{**told, "points": [Point(**point) for point in told["points"]]})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file} is damaged ({error}); delete it, and run `bae steer evaluate` again") from error


def results_folder(workspace: Workspace) -> Path:
    """Where the runs of a workspace lie."""
    return workspace.folder / "steering"


def lock_file(workspace: Workspace) -> Path:
    """Held while the experiment runs in a workspace."""
    return results_folder(workspace) / "movie-reviews.lock"


def identity(settings: Settings, model: str, fingerprint: str, dictionaries: Mapping[str, str]) -> dict:
    """All that tells a run from others: its settings but for the strengths, the model's title and fingerprint, and the digest of
    every dictionary at its layer by name."""
    told = json.loads(json.dumps(asdict(settings))) | {"model": model, "fingerprint": fingerprint, "dictionaries": dict(dictionaries)}
    return {name: value for name, value in told.items() if name != "gammas"}


def run_file(workspace: Workspace, of_the_run: Mapping) -> Path:
    """Where a run of this identity is kept."""
    name = digest(json.dumps(of_the_run, sort_keys=True).encode())
    return results_folder(workspace) / f"movie-reviews-{of_the_run['layer']}-{name}.json"


def results_files(workspace: Workspace) -> list[Path]:
    """The files of all runs, those that were stopped among them."""
    return sorted(results_folder(workspace).glob("movie-reviews-*.json"))


def newest_first(found: Iterable[Results]) -> list[Results]:
    """Runs by the date of their last point."""
    return sorted(found, key=lambda results: results.date, reverse=True)


def read_gammas(text: str) -> tuple[float, ...]:
    """Strengths that a person typed, with commas between them. Raises ValueError where one is no number."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"strengths are numbers with commas between them, as in 0,0.5,1; got {text!r}") from error


def command(settings: Mapping) -> str:
    """What a person types for a run with these settings."""
    told = f"bae steer evaluate --layer {settings['layer']} --samples {settings['samples']}"
    told += f" --seed {settings['seed']}" if settings["seed"] else ""
    return told + (f" --gammas {','.join(f'{g:g}' for g in settings['gammas'])}" if tuple(settings["gammas"]) != GAMMAS else "")


def weights_digest(workspace: Workspace, dictionary: str) -> str:
    """By which a run knows the checkpoint that it was made with."""
    return digest((workspace.autoencoder_folder(dictionary) / "weights.safetensors").read_bytes())


def digest(data: bytes) -> str:
    """Sixteen characters."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def curves(results: Results) -> dict[str, list[list[Point]]]:
    """What a figure shows: by title the points at every strength, in order: one, or several of a method that was drawn several times."""
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
        found[title] = [by_gamma[gamma] for gamma in sorted(by_gamma)]
    return found


def mean(points: Sequence[Point], of: Of) -> float:
    """Accuracy over the draws of a method, in [0, 1]."""
    return sum(point.accuracy(of) for point in points) / len(points)


def best(curve: Sequence[Sequence[Point]], of: Of) -> Sequence[Point]:
    """The points of a curve at its best strength, the lowest of those that tie. It is picked on what was tested: see `movie_verdict`."""
    return max(curve, key=lambda points: (mean(points, of), -points[0].gamma))


def told_of(results: Results, title: str) -> dict | None:
    """What is known of the direction of a curve, that of the first draw where there are several; None for those without."""
    return results.directions.get(title) or results.directions.get(f"{title} 1")


def rows(results: Results) -> list[dict]:
    """A row a point and measure, for machines. Accuracies and their 95 % intervals are shares in [0, 1]."""
    layer = results.settings["layer"]
    return [
        {
            "metric": f"layer {layer}, {point.method}, strength {point.gamma:g}, {title}",
            "value": point.accuracy(of),
            "unit": "share right",
            **{"layer": layer, "method": point.method, "strength": point.gamma, "measure": of, "tested": point.tested},
            **dict(zip(("low", "high"), point.interval(of), strict=True)),
        }
        for of, title in MEASURES.items()
        for point in results.points
    ]
