"""What was measured of the dictionaries of a workspace, read back from disk, and the job that measures them.

Loads no torch, so that a page shows it at once. Says nothing of what a figure means: that is said where it is computed.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from bae.system.jobs import Job
from bae.system.parsing import parsed_json
from bae.training import runs
from bae.workspace import Workspace

JOB = "evaluate"
PCA = "pca"
"""The kind of rate-distortion points that no dictionary made; their name ends in the layer."""


@dataclass(frozen=True)
class Report:
    """A dictionary and its figures. A figure that is no finite number was not measured; None does not apply to it."""

    name: str
    kind: str
    layer: int
    n_features: int
    carried: Mapping[str, float | None]
    """Came with the checkpoint, measured when it was made."""
    measured: Mapping[str, float | None]
    """Found here by `bae evaluate`."""
    measured_at: float | None = None
    """Seconds since 1970."""
    outdated: bool = False
    """Whether the checkpoint was replaced after it was measured: what was found of the old one is left out."""

    def figure(self, metric: str) -> float | None:
        """What was measured here, else what came with the checkpoint; None where there is neither."""
        return self.measured[metric] if metric in self.measured else self.carried.get(metric)

    def lacks(self, metric: str) -> bool:
        """Whether a figure is missing; one that does not apply to a dictionary is not."""
        return metric not in self.measured and self.carried.get(metric) is None


@dataclass(frozen=True)
class RatePoint:
    """One way to write hidden states (`bae.experiments.dictionaries.rate_distortion.Point`)."""

    name: str
    kind: str
    step: float | None
    bits: float
    fvu: float


def reports(workspace: Workspace) -> tuple[list[Report], list[str]]:
    """Every dictionary with its figures, and a sentence for each file that is damaged."""
    found, damaged = [], []
    for name in workspace.autoencoder_names():
        try:
            report = _of_checkpoint(workspace.autoencoder_folder(name) / "config.json")
        except (OSError, ValueError) as error:
            damaged.append(str(error))
            continue
        try:
            found.append(_with_evaluation(report, workspace))
        except (OSError, ValueError) as error:
            damaged.append(str(error))
            found.append(report)
    return found, damaged


def rates(workspace: Workspace) -> list[RatePoint]:
    """The rate-distortion points; none before they were measured. Raises ValueError where their file is damaged."""
    file = workspace.rates_file
    if not file.is_file():
        return []
    told = _json(file)
    if not isinstance(told, list) or not all(isinstance(point, dict) for point in told):
        raise ValueError(f"{file} holds no list of points; `bae evaluate --rates` makes it anew")
    return [point for point in (_point(point, file) for point in told) if math.isfinite(point.bits) and math.isfinite(point.fvu)]


def rates_outdated(workspace: Workspace, name: str) -> bool:
    """Whether a checkpoint was replaced after the rates were measured."""
    return workspace.rates_file.is_file() and _younger_checkpoint(workspace, name, workspace.rates_file)


def start(workspace: Workspace) -> Job:
    """Measure every dictionary, with its rates where there are training states to count on. Raises what `Jobs.start` raises."""
    options = ["--rates"] if runs.harvested(workspace, "train") else []
    return runs.jobs(workspace).start(JOB, [*runs.command("evaluate", workspace), *options])


def _of_checkpoint(config: Path) -> Report:
    told = _json(config)
    try:
        provenance = told["provenance"]
        report = Report(config.parent.name, str(told["kind"]), int(provenance["layer"]), int(told["n_features"]), {}, {})
        figures = provenance.get("figures", {})
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"{config} is damaged: it is no record of a checkpoint ({error}); copy it again") from error
    carried = _numbers(figures, config)
    if carried.get("bits") is not None:
        # of a BAE they are one figure, and older checkpoints know only the first name
        carried.setdefault("support_bits", carried["bits"])
    return replace(report, carried=carried)


def _with_evaluation(report: Report, workspace: Workspace) -> Report:
    file = workspace.evaluation_file(report.name)
    if not file.is_file():
        return report
    if _younger_checkpoint(workspace, report.name, file):
        return replace(report, outdated=True)
    return replace(report, measured=_numbers(_json(file), file), measured_at=file.stat().st_mtime)


def _younger_checkpoint(workspace: Workspace, name: str, file: Path) -> bool:
    return (workspace.autoencoder_folder(name) / "config.json").stat().st_mtime > file.stat().st_mtime


def _json(file: Path) -> object:
    try:
        return parsed_json(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged: it is not JSON ({error})") from error


def _numbers(told: object, file: Path) -> dict[str, float | None]:
    """The figures of a mapping, those that are no finite number left out."""
    if not isinstance(told, dict):
        raise ValueError(f"{file} is damaged: it holds no figures")
    wrong = [name for name, value in told.items() if value is not None and (isinstance(value, bool) or not isinstance(value, int | float))]
    if wrong:
        raise ValueError(f"{file} is damaged: {', '.join(wrong)} should be a number")
    return {name: value for name, value in told.items() if value is None or abs(value) <= sys.float_info.max}


def _point(told: dict, file: Path) -> RatePoint:
    try:
        name, kind, step, bits, fvu = (told[field.name] for field in fields(RatePoint))
        return RatePoint(str(name), str(kind), None if step is None else float(step), float(bits), float(fvu))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{file} is damaged: a point lacks something ({error}); `bae evaluate --rates` makes it anew") from error
