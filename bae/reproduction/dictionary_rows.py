"""What Tables 1, 2 and 4 have in common: the dictionaries of a workspace as rows, judges as columns, and where their numbers come from."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bae.comsem import configuration
from bae.model.packaged import title_of
from bae.names import TITLES
from bae.reproduction import judged, paper
from bae.reproduction.holdings import RESCALED, ROWS, Holding, by_row
from bae.reproduction.judged import Activated, Judged
from bae.reproduction.recipe import JudgeColumn
from bae.reproduction.report import Cell, Column, Missing, Source
from bae.reproduction.steps import Scene

Row = tuple[str, int, int]
"""Kind, layer and bits a feature."""
Group = tuple[str, int]
"""Model and layer of the paper."""
NAMES = TITLES | {RESCALED: "ReLU SAE, rescaled"}
FVU, UNIT_COV = "fvu", "spectral_norm_variables_unit"
ACTIVE_ABOUT = "Features in the top 10 of more than 8 tokens of the index (caption of Table 1)."
CONTROL_ABOUT = "The same tests under another feature's label. A judge that reads labels scores at 0.5."


class Held:
    """The dictionaries of a workspace as rows, a list of seeds each; figures and counts are looked up once."""

    def __init__(self, scene: Scene):
        self.scene = scene
        there = scene.holdings()
        self.rows = by_row(there.values())
        self._there = there
        self._active: dict[str, Activated | None] = {}
        self._judged: dict[tuple[Row, str], Judged | None] = {}

    def figure(self, row: Row, name: str) -> Cell:
        """A figure of `bae evaluate` or of the checkpoint, over seeds."""
        # what is rescaled reconstructs as what it was made of
        own = [self._there.get(replace(one.which, row="relu"), one) if one.which.row == RESCALED else one for one in self.rows.get(row, ())]
        return Cell.of([one.report.figure(name) for one in own])

    def active(self, row: Row, of: Callable[[Activated], int]) -> Cell:
        """Activated features in the index, over seeds."""
        return Cell.of([found and of(found) for found in map(self.counted, self.rows.get(row, ()))])

    def counted(self, holding: Holding) -> Activated | None:
        """What the index says of a dictionary."""
        if holding.name not in self._active:
            self._active[holding.name] = judged.activated(self.scene.workspace, holding)
        return self._active[holding.name]

    def judged(self, row: Row, judge: JudgeColumn) -> Judged | None:
        """What a judge said of a row: of the first seed that it was asked about."""
        if (row, judge.name) not in self._judged:
            found = (judged.judged(self.scene.workspace, holding, judge) for holding in self.rows.get(row, ()))
            self._judged[row, judge.name] = next((one for one in found if one), None)
        return self._judged[row, judge.name]

    def layers(self) -> list[int]:
        """Where there are dictionaries of one bit a feature."""
        return sorted({layer for _, layer, bits in self.rows if bits == 1})


def beside(scene: Scene, held: Held, printed: paper.Printed) -> list[tuple[Group | None, int | None]]:
    """Every model and layer of the paper with the layer here that lies nearest by share of depth; layers of ours that are left, alone."""
    blocks = scene.recipe.blocks
    distance = lambda layer, group: abs(layer / blocks - group[1] / paper.DEPTHS[group[0]])  # noqa: E731
    nearest: dict[Group, int] = {}
    for layer in held.layers():
        group = paper.nearest(printed.rows, layer, blocks)
        nearest[group] = min(nearest.get(group, layer), layer, key=lambda one: distance(one, group))
    left = [layer for layer in held.layers() if layer not in nearest.values()]
    return [*((group, nearest.get(group)) for group in paper.groups(printed.rows)), *((None, layer) for layer in left)]


def place(group: Group | None, layer: int | None) -> str:
    """A layer of the paper and ours beside it, in words."""
    theirs = group and f"{group[0]}, layer {group[1]} ({100 * group[1] / paper.DEPTHS[group[0]]:.0f} % of the depth)"
    return "; ".join(filter(None, (theirs, "" if layer is None else f"ours: layer {layer}")))


def lines(printed: paper.Printed, groups: Iterable[tuple[Group | None, int | None]]) -> Iterable[tuple[str, Mapping, Row | None]]:
    """Every line of a table of dictionaries: where, the paper's row or nothing, our row or None."""
    for group, layer in groups:
        told = {row["kind"]: row for row in printed.rows if (row["model"], row["layer"]) == group}
        for kind in ROWS:
            if kind in told or layer is not None:
                yield place(group, layer), {**told.get(kind, {}), "name": NAMES[kind]}, None if layer is None else (kind, layer, 1)


def printed_cell(told: Mapping, name: str) -> Cell:
    """A number of the paper; empty where it has none."""
    return Cell(told.get(name))


# columns


def paper_column(name: str) -> Column:
    """A column of the paper's judges: `fi`, `score`, and both with `_mini`."""
    model = "GPT-4.1-mini" if name.endswith("_mini") else "GPT-4.1"
    if name.startswith("fi"):
        return Column(f"FI#, {model}", "features", "paper", "{:,.0f}")
    return Column(f"Score, {model}", "", "paper", "{:.3f}")


def judge_columns(judge: JudgeColumn) -> list[Column]:
    """The columns of one of our judges, its control the last."""
    control = Column(f"control, {judge.title}", "", "ours", "{:.3f}", CONTROL_ABOUT)
    if judge.scores:
        return [Column(judge.title, "", "ours", "{:.3f}", "Mean over features of the AUROC of a label; 0.5 is chance."), control]
    return [
        Column(f"FI#, {judge.title}", "features", "ours", about="Features with a score above 0, of those that were asked about."),
        Column(f"Score, {judge.title}", "", "ours", "{:.3f}", "Mean share of Yes over the features that were asked about."),
        Column(f"balanced, {judge.title}", "", "ours", "{:.3f}", "Balanced accuracy of Yes and No with 95 % interval; 0.5 is chance."),
        control,
    ]


def span_cell(found: judged.Span | None) -> Cell:
    """A figure with its interval."""
    return Cell() if found is None else Cell(found.value, found.low, found.high)


def judge_cells(found: Judged | None, judge: JudgeColumn) -> list[Cell]:
    """What a judge said, in its columns; empty where it was not asked."""
    if found is None:
        return [Cell()] * len(judge_columns(judge))
    if judge.scores:
        return [span_cell(found.own), span_cell(found.control)]
    interpretable = Cell(found.interpretable, text=f"{found.interpretable} of {len(found.scores)}")
    return [interpretable, Cell(found.score), span_cell(found.own), span_cell(found.control)]


def judge_notes(judges: Sequence[JudgeColumn]) -> tuple[str, ...]:
    """What readers of these columns must know."""
    some = [f"{judge.title}: {judge.features} features a dictionary, spread evenly over how often they are activated" for judge in judges
            if judge.features]  # fmt: skip
    return (
        "Columns that are empty were not asked; what fills them is told below. Nothing is concluded from a judge whose figure is not above "
        "that of its control, intervals apart.",
        *(("; ".join(some) + ".",) if some else ()),
    )


# where numbers come from


def scale(held: Held) -> tuple[tuple[str, str, str], ...]:
    """How far apart the paper's dictionaries and ours are."""
    holding = next((one for row, own in held.rows.items() if row[0] == "binary" for one in own), None)
    if holding is None:
        return ()
    told, options = holding.provenance, holding.provenance.get("options", {})
    config = json.loads(holding.config.read_text(encoding="utf-8"))
    seeds = sorted({one.which.seed for own in held.rows.values() for one in own})
    return (
        ("language model", "Llama 3.2-1B and 3B", title_of(str(told["model"]))),
        ("width d, features d'", "2,048 and 8,192; 3,072 and 12,288", f"{config['d_model']:,} and {config['n_features']:,}"),
        ("training states", "6,594,658, 200 epochs", f"{options.get('training_tokens', 0):,}; {told['tokens_seen']:,} vector visits"),
        ("corpus", "Pile; ComSem on BookCorpus", ", ".join(told["corpus"])),
        ("hidden states", "raw", "centred and scaled" if options.get("scaling", "centred") == "centred" else "raw"),
        ("seeds", "one", ", ".join(map(str, seeds))),
        ("judges", "GPT-4.1-mini, GPT-4.1", "; ".join(judge.title for judge in held.scene.recipe.judges)),
    )


def checkpoints(held: Held, bits: set[int]) -> Iterable[Source]:
    """Where dictionaries come from, a row each."""
    ran = held.scene.ran()
    for (kind, layer, count), own in sorted(held.rows.items(), key=lambda item: (item[0][1], item[0][0])):
        if count not in bits or kind not in ROWS:
            continue
        names = " --name ".join(one.name for one in own)
        logged = [told for one in own if (told := ran.get(f"train {one.name}"))]
        yield Source(
            f"{NAMES[kind]}, layer {layer}" + (f", {count} bits a feature" if count > 1 else ""),
            "bae reproduce table1" if kind == RESCALED else f"bae train --name {names}",
            machine=", ".join(dict.fromkeys(told["machine"] for told in logged)),
            date=day(max(one.config.stat().st_mtime for one in own)),
            seeds=tuple(one.which.seed for one in own),
            about="" if logged else "made before this report: the date is that of the file, the machine is not kept with it",
        )


def day(seconds: float) -> str:
    """A date as sources have it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def judgings(held: Held, judges: Sequence[JudgeColumn]) -> Iterable[Source]:
    """Where labels come from."""
    for judge in judges:
        for row, own in held.rows.items():
            if found := held.judged(row, judge):
                command = judged.command(held.scene.workspace, own[0].name, judge)
                about = f"{found.asked} features{', draft quality' if found.draft else ''}, run {found.run}"
                yield Source(f"{judge.title}: {own[0].name}", command, date=day(found.finished), seeds=(own[0].which.seed,), about=about)


def unjudged(held: Held, judges: Sequence[JudgeColumn], bits: set[int]) -> tuple[Missing, ...]:
    """A sentence a judge that has not been asked about all rows that it could be."""
    known = configuration.judges(held.scene.workspace.folder)
    found = []
    for judge in judges:
        rows = [row for row in held.rows if row[2] in bits and (not judge.layers or row[1] in judge.layers)]
        lacking = [held.rows[row][0].name for row in rows if held.judged(row, judge) is None]
        if lacking:
            config = known.get(judge.name)
            reason = f"there is no judge {judge.name} in judges.toml" if config is None else configuration.ready(config)
            told = f" ({reason})" if reason else ""
            whose = f"{lacking[0]}, and {len(lacking) - 1} more dictionaries" if len(lacking) > 1 else lacking[0]
            found.append(Missing(f"{judge.title} on {whose}{told}", judged.command(held.scene.workspace, lacking[0], judge)))
    return tuple(found)


def held_against(ours: Cell, theirs: Mapping[Row, Cell], form: str) -> str:
    """Our BAE, then all others from the greatest down."""
    known = sorted((cell.value, NAMES[row[0]], cell.shown(form)) for row, cell in theirs.items() if cell.value is not None)
    if ours.value is None or not known:
        return f"Not measured{' of the BAE' if ours.value is None else ' of any other'}."
    listed = ", ".join(f"{name} {shown}" for _, name, shown in reversed(known))
    alone = "" if any(cell.seeds > 1 for cell in (ours, *theirs.values())) else " One seed each."
    return f"BAE {ours.shown(form)}; {listed}.{alone}"
