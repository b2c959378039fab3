"""A sweep from the command line: what is asked for by options, and its figures as rows of a measurement."""

from collections.abc import Sequence
from dataclasses import replace

from bae.model.language_model import LanguageModel
from bae.reading.inspection import Lens
from bae.reading.lenses import load_lenses
from bae.steering import dose_job
from bae.steering.dose_job import Run
from bae.steering.dose_results import figure, sweet_spot
from bae.steering.dose_settings import SCALED, Curve, Settings, check_reproducible, grid
from bae.steering.plan import FeatureStep, Step, check_feature, parse
from bae.steering.usual import usual_in
from bae.workspace import Workspace

UNITS = {
    "kl": "nats a token",
    "fires": "1",
    "written_fires": "1",
    "others": "features a token",
    "later": "features a token",
    "repeated": "1",
    "distinct": "1",
    "perplexity": "1",
}
"""The figures of a point that are told, by their names in `Row`."""


def curves(steps: Sequence[Step], hows: Sequence[str], strengths: tuple[float, ...], usual: float) -> tuple[Curve, ...]:
    """Ways and strengths; without any those of the plan: its own way, and the usual grid. `usual` is the feature's usual value."""
    step = steps[0] if len(steps) == 1 and isinstance(steps[0], FeatureStep) else None
    hows = hows or ([step.how] if step else [SCALED])
    return tuple(Curve(how, strengths or grid(how, step.unit if step else "norms", usual)) for how in hows)


def usual_of(workspace: Workspace, lens: Lens, feature: int) -> float:
    """The usual value of a feature (`bae.steering.usual`); 1 for a bit, and where that is not known."""
    check_feature(lens, feature)
    return 1.0 if lens.autoencoder.discrete else usual_in(workspace, lens.name, feature) or 1.0


def run(workspace: Workspace, push: str, hows: Sequence[str], strengths: tuple[float, ...], **rest: object) -> Run:
    """Make a sweep, or what is missing of it. `rest` are further fields of `Settings`.

    Raises OSError where the model cannot be had, ValueError for a temperature or a seed that the playground lacks, and what `Settings`
    and `dose_job.sweep` raise.
    """
    check_reproducible(rest.get("temperature", Settings.temperature), rest.get("seed", Settings.seed))
    model, steps = LanguageModel.load(workspace.recipe.model), parse(push)
    lenses = load_lenses(workspace.folder / "autoencoders", model)
    target = next((step for step in steps if isinstance(step, FeatureStep) and step.dictionary in lenses.usable), None)
    usual = usual_of(workspace, lenses.usable[target.dictionary], target.feature) if target else 1.0
    settings = Settings(push, curves(steps, hows, strengths, usual), **rest)
    settings = replace(settings, made_with=dose_job.made_with(workspace, settings))
    return dose_job.sweep(workspace, settings, model, lenses, workspace.status_file(dose_job.JOB))


def rows(found: Run) -> list[dict]:
    """Every figure of every point, with its interval; the score, and which strength of each way is the sweet spot."""
    told = []
    for point in (found.plain, *found.points):
        for name, unit in UNITS.items():
            if value := figure(point, name):
                spread = None if value.low is None else [value.low, value.high]
                told.append({"metric": f"dose.{point.name}.{name}", "value": value.value, "unit": unit, "spread": spread})
    scored = found.scores()
    told += [{"metric": f"dose.{name}.score", "value": score.value, "unit": "1"} for name, score in scored.items()]
    told.append({"metric": "dose.skipped", "value": len(found.skipped), "unit": "strengths"})
    for curve in found.settings.curves:
        best = sweet_spot([point for point in found.points if point.how == curve.how], scored)
        if best is not None:
            told.append({"metric": f"dose.{curve.how}.sweet_spot", "value": best.amount, "unit": "as set"})
    return told
