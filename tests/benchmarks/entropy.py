"""Entropies of sets whose entropy is known, r fair bits each: how far BAEs and other estimates are off, and how long it takes.

Errors are shares of r, and of 4 bits below that: 0.05 is 5 % of r, or 0.2 bit for small r.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from _steps import row

from bae.experiments.entropy.synthetic import run
from bae.experiments.entropy.synthetic_settings import Kept, Settings
from bae.workspace import DATA, Workspace

SETTINGS = Settings(expansions=(1, 2), steps=5000)
LIMIT, SMALL = 0.05, 4
OF_STATES = {"pca_rank": "PCA rank", "renyi_1": "von Neumann entropy", "renyi_2": "matrix Renyi entropy", "two_nn": "TwoNN"}
OF_CODES = {"marginal": None, "tree": None, "patterns": "unique patterns", "binary_dimension": "binary intrinsic dimension"}


def rows() -> list[dict]:
    """The worst error of each estimate, and every error. What an estimate leaves undefined is no row."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Workspace.create(Path(folder) / "study", DATA / "recipes" / "workshop.toml"), SETTINGS, _device())
    seconds = time.monotonic() - began
    errors = dict(_errors(found))
    worst = {name: max(value / max(rank, SMALL) for (of, _, rank), value in errors.items() if of == name) for name, _, _ in errors}
    return [
        row("entropy.max_relative_error", worst.pop("marginal"), "of r", LIMIT, "the r bits that were put in"),
        row("entropy.seconds", seconds, "s"),
        *(row(f"entropy.max_relative_error.{name}", value, "of r", None, _peer(name)) for name, value in worst.items()),
        *(row(f"entropy.error.{at}.r{rank}.{name}", value, "bits", None, _peer(name)) for (name, at, rank), value in errors.items()),
    ]


def _errors(found: Kept) -> Iterator[tuple[tuple[str, str, int], float]]:
    """|H - r| by estimate, expansion (`states` for those that read no code) and rank."""
    for one in found.results.rows:
        at = f"e{one['expansion']}"
        if one["entropy_loss"]:
            yield from _named(one, OF_CODES, at)
        else:
            yield ("without_loss", at, one["rank"]), abs(one["marginal"] - one["rank"])
    for one in found.peers.rows:
        yield from _named(one, OF_STATES, "states")


def _named(one: Mapping, names: Mapping[str, str | None], at: str) -> Iterator[tuple[tuple[str, str, int], float]]:
    yield from (((name, at, one["rank"]), abs(one[name] - one["rank"])) for name in names if one[name] is not None)


def _peer(name: str) -> str | None:
    return {**OF_STATES, **OF_CODES, "without_loss": "the same BAEs without the entropy terms"}[name]


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
