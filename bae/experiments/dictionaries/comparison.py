"""The tables of docs/results.md: figures that came with the workshop's checkpoints, and what `bae evaluate --rates` has added.

    python -m bae.experiments.dictionaries.comparison WORKSPACE        # Markdown on standard output

Dictionaries are called KIND-LAYER-SEED; those of one kind and layer are one row, with the range over seeds. A figure that was
measured of some of the seeds alone is the mean of those.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bae.experiments.dictionaries.rate_distortion import Point
from bae.names import TITLES
from bae.workspace import Workspace

KINDS = {"bae": "binary", "topk": "topk", "batchtopk": "batchtopk", "relu": "relu", "gated": "gated", "transcoder": "transcoder"}
HOW_GOOD = {
    "fvu": ("FVU", "{:.3f}", 1),
    "fvu_all": ("FVU, all tokens", "{:.3f}", 1),
    "cosine": ("cosine", "{:.3f}", 1),
    "shrinkage": ("shrinkage", "{:.3f}", 1),
    "delta_ce": ("delta-CE, nats", "{:.3f}", 1),
    "ce_score": ("CE score", "{:.3f}", 1),
    "probe_k1": ("probe k = 1", "{:.3f}", 1),
    "probe_k5": ("probe k = 5", "{:.3f}", 1),
}
HOW_SPARSE = {
    "support_bits": ("support bits", "{:.0f}", 1),
    "tree_bits": ("tree bits", "{:.0f}", 1),
    "l0": ("L0", "{:.1f}", 1),
    "active_8192_tokens": ("active", "{:,.0f}", 1),
    "dense_share": ("dense, %", "{:.1f}", 100),
    "dense_over_1_percent": ("over 1 %, %", "{:.0f}", 100),
    "max_rate": ("highest rate, %", "{:.0f}", 100),
    "dead": ("dead", "{:.0f}", 1),
    "effective_rank": ("effective rank", "{:.0f}", 1),
}
FVUS = (0.18, 0.20, 0.22, 0.24, 0.26)
"""Where the curves of bits against FVU are read off."""

Figures = dict[tuple[int, str], list[Mapping[str, float]]]


def figures(workspace: Workspace) -> Figures:
    """What was measured, by layer and kind; one mapping a seed."""
    found: Figures = defaultdict(list)
    for name in workspace.autoencoder_names():
        kind, layer, seed = (*name.split("-"), "", "")[:3]
        if kind in KINDS and layer.isdecimal() and seed.isdecimal():
            found[int(layer), kind].append(_figures(workspace, name))
    return found


def _figures(workspace: Workspace, name: str) -> dict[str, float]:
    config, evaluated = workspace.autoencoder_folder(name) / "config.json", workspace.evaluation_file(name)
    carried = json.loads(config.read_text(encoding="utf-8"))["provenance"]["figures"]
    return carried | (json.loads(evaluated.read_text(encoding="utf-8")) if evaluated.is_file() else {})


def table(found: Figures, columns: Mapping[str, tuple[str, str, int]]) -> list[str]:
    """One row a kind and layer."""
    lines = [_row("layer", "dictionary", "seeds", *(title for title, _, _ in columns.values())), "|" + "---|" * (3 + len(columns))]
    for layer, kind in sorted(found, key=lambda key: (abs(key[0] - 15), key[0], list(KINDS).index(key[1]))):
        seeds = found[layer, kind]
        cells = (_cell([seed.get(metric) for seed in seeds], form, factor) for metric, (_, form, factor) in columns.items())
        lines.append(_row(str(layer), TITLES[KINDS[kind]], str(len(seeds)), *cells))
    return lines


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(values: Sequence[float | None], form: str, factor: int) -> str:
    """The mean, and the range where there are several seeds."""
    scaled = [factor * value for value in values if value is not None]
    if not scaled:
        return ""
    low, mean, high = (form.format(value) for value in (min(scaled), sum(scaled) / len(scaled), max(scaled)))
    return mean if low == high else f"{mean} ({low} to {high})"


def bits_at(points: Sequence[Point], fvu: float) -> float | None:
    """Bits of a curve at an FVU, between its neighbouring points on the lower hull; None where the curve does not reach."""
    hull = [point for point in points if not any(p.bits <= point.bits and p.fvu < point.fvu for p in points)]
    hull.sort(key=lambda point: point.fvu)
    if len(hull) < 2 or not hull[0].fvu <= fvu <= hull[-1].fvu:
        return None
    return float(np.interp(fvu, [point.fvu for point in hull], [point.bits for point in hull]))


def rates(workspace: Workspace, layer: int = 15) -> list[str]:
    """Bits a token at given FVUs: of every kind all that was trained at a layer, and PCA."""
    curves: dict[str, list[Point]] = defaultdict(list)
    for point in (Point(**told) for told in json.loads(workspace.rates_file.read_text(encoding="utf-8"))):
        if point.name.split("-")[1] == str(layer):
            curves[point.kind].append(point)
    lines = [_row("bits a token at FVU", *(f"{fvu:.2f}" for fvu in FVUS)), "|" + "---|" * (1 + len(FVUS))]
    for kind in ["binary", *sorted(set(curves) - {"binary", "pca"}), "pca"]:
        found = (bits_at(curves[kind], fvu) for fvu in FVUS)
        lines.append(_row(TITLES.get(kind, "PCA, scalar quantised"), *("" if bits is None else f"{bits:.0f}" for bits in found)))
    return lines


def main(workspace: str) -> None:
    """Print all tables."""
    study = Workspace.open(Path(workspace))
    found = figures(study)
    for lines in (table(found, HOW_GOOD), table(found, HOW_SPARSE), rates(study)):
        print("\n".join(lines), end="\n\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
