"""From a workspace to a report: what is left, how long it takes, doing it, and writing down what there is.

Damage to one item is that item's; the others go on.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from bae.model.packaged import title_of
from bae.reproduction import html, markdown, paper, rows
from bae.reproduction.items import Item
from bae.reproduction.provenance import machine
from bae.reproduction.recipe import Reproduction
from bae.reproduction.report import Missing, Report, Section
from bae.reproduction.steps import RAN, Scene, Step, in_order
from bae.system.files import locked, write_json
from bae.workspace import Workspace

REPORT, MARKDOWN, HTML, ROWS = "report.json", "report.md", "report.html", "results.parquet"
BUSY = "a reproduction runs in this workspace already; wait until it has ended, or stop it"
FAILURES = (ValueError, OSError, RuntimeError, FloatingPointError, KeyError, duckdb.Error)
"""What a step may come to grief on without stopping the others: data, disk, network, memory, a training that runs away."""


@dataclass(frozen=True)
class Plan:
    """What is left to do for some items."""

    of_item: dict[str, tuple[Step, ...]]
    damaged: dict[str, str]
    """Items whose kept results cannot be read, and why."""

    @property
    def steps(self) -> list[Step]:
        """All of them, each once, in the order in which they are done."""
        return in_order(step for steps in self.of_item.values() for step in steps)


def scene(folder: Path, recipe: Reproduction, judges: Sequence[str] = ()) -> Scene:
    """The workspace in a folder, begun with the recipe's study where there is none. Raises ValueError where it is of another model."""
    begun = (folder / "recipe.toml").is_file()
    study = Workspace.open(folder) if begun else Workspace.create(folder, recipe.study_file)
    wanted = recipe.study_recipe().model
    if study.recipe.model != wanted:
        raise ValueError(
            f"{folder} is a study of {title_of(study.recipe.model)}, and the recipe {recipe.name} is of {title_of(wanted)}; "
            "give another --workspace or --recipe"
        )
    known = [judge.name for judge in recipe.judges]
    if unknown := [name for name in judges if name not in known]:
        raise ValueError(f"the recipe has no judge {unknown[0]!r}; it has {', '.join(known) or 'none'}")
    return Scene(study, recipe, tuple(judges))


def plan(scene: Scene, items: Sequence[Item]) -> Plan:
    """What is left, item by item."""
    left, damaged = {}, {}
    for item in items:
        try:
            left[item.name] = tuple(item.steps(scene))
        except FAILURES as error:
            left[item.name], damaged[item.name] = (), _said(error)
    return Plan(left, damaged)


def run(scene: Scene, steps: Sequence[Step], say: Callable[[str], None]) -> dict[str, str]:
    """Do them in turn, each one going on where it was stopped; gives what failed, and why. Raises BlockingIOError beside another one."""
    failed: dict[str, str] = {}
    with locked(scene.folder / "lock", BUSY):
        for number, step in enumerate(steps, start=1):
            say(f"[{number}/{len(steps)}] {step.name}")
            began = time.monotonic()
            try:
                step.run()
            except FAILURES as error:
                failed[step.name] = _said(error)
                say(f"{step.name} failed: {failed[step.name]}")
                continue
            told = {"command": step.command, "machine": machine(), "date": _now(), "seconds": round(time.monotonic() - began, 1)}
            write_json(scene.folder / RAN, scene.ran() | {step.name: told})
    return failed


def section(scene: Scene, item: Item, failed: Sequence[Missing] = ()) -> Section:
    """An item as it stands; one that cannot be read says why."""
    printed = paper.printed(item.name)
    try:
        found = item.read(scene)
    except FAILURES as error:
        return Section(item.name, printed.title, printed.section, printed.caption, damaged=_said(error))
    return Section(**{**vars(found), "missing": (*found.missing, *failed)})


def report(scene: Scene, items: Sequence[Item], failed: dict[str, str] | None = None, plan: Plan | None = None) -> Report:
    """All items as they stand; what failed is told with the items that needed it."""
    of_item = plan.of_item if plan else {}
    told = {
        item.name: [
            Missing(f"{step.name} failed: {failed[step.name]}", step.command)
            for step in of_item.get(item.name, ())
            if step.name in (failed or {})
        ]
        for item in items
    }
    return Report(
        title=f"Reproduction of “Binary Autoencoder for Mechanistic Interpretability of Large Language Models”. {scene.recipe.title}",
        recipe=scene.recipe.name,
        workspace=scene.workspace.folder.name,
        model=title_of(scene.workspace.recipe.model),
        date=_now(),
        machine=machine(),
        sections=tuple(section(scene, item, told[item.name]) for item in items),
    )


def write(found: Report, folder: Path) -> list[Path]:
    """The report as JSON, which pages read, as HTML that stands alone, Markdown and Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name for name in (HTML, MARKDOWN, ROWS, REPORT)]
    html.write(found, files[0])
    markdown.write(found, files[1])
    rows.write(found, files[2])
    found.keep(files[3])
    return files


def _said(error: BaseException) -> str:
    """In a line: a KeyError's words stand in quotes."""
    words = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join((words or type(error).__name__).split())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
