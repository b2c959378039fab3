"""The dictionaries that a workspace holds, by what they are and not by what they are called. Read from disk without torch."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bae.measures.reports import Report, reports
from bae.workspace import Workspace

RESCALED = "relu-rescaled"
"""Row of a ReLU SAE whose values are brought to mean 0 and deviation 1."""
ROWS = ("relu", "topk", "gated", RESCALED, "transcoder", "batchtopk", "binary")
"""Rows of Table 1 in its order, and the one kind more that is trained here, before the BAE."""


@dataclass(frozen=True)
class Which:
    """What tells dictionaries apart in a table."""

    row: str
    layer: int
    seed: int
    bits: int = 1
    """A feature; more than 1 is more-bit decoding."""


@dataclass(frozen=True)
class Holding:
    """A dictionary that is there."""

    which: Which
    name: str
    report: Report
    """Its figures."""
    provenance: Mapping[str, object]
    config: Path

    @property
    def fingerprint(self) -> str:
        """Of the language model that it was trained on."""
        return str(self.provenance["model_fingerprint"])


def of_table(table: Mapping[str, object], seed: int) -> Which:
    """What a recipe's table makes; `seed` where it names none."""
    row = RESCALED if table["kind"] == "relu" and table.get("rescaled") else str(table["kind"])
    return Which(row, int(table["layer"]), int(table.get("seed", seed)), int(table.get("bits_per_feature", 1)))


def held(workspace: Workspace, prefer: Iterable[str] = ()) -> dict[Which, Holding]:
    """One dictionary of each; where there are several, one that `prefer` names, else the first. Raises ValueError for a damaged record."""
    measured, damaged = reports(workspace)
    if damaged:
        raise ValueError("; ".join(damaged))
    found: dict[Which, Holding] = {}
    preferred = set(prefer)
    for report in sorted(measured, key=lambda report: report.name not in preferred):
        config = workspace.autoencoder_folder(report.name) / "config.json"
        told = json.loads(config.read_text(encoding="utf-8"))
        options, provenance = told.get("options", {}), told["provenance"]
        row = RESCALED if report.kind == "relu" and options.get("rescaled") else report.kind
        which = Which(row, report.layer, int(provenance.get("seed", 0)), int(options.get("bits_per_feature", 1)))
        found.setdefault(which, Holding(which, report.name, report, provenance, config))
    return found


def by_row(holdings: Iterable[Holding]) -> dict[tuple[str, int, int], list[Holding]]:
    """Dictionaries of a row, layer and number of bits: one a seed, in their order."""
    found: dict[tuple[str, int, int], list[Holding]] = {}
    for one in sorted(holdings, key=lambda one: one.which.seed):
        found.setdefault((one.which.row, one.which.layer, one.which.bits), []).append(one)
    return found
