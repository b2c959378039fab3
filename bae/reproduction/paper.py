"""The paper's own numbers, typed from its text: `data/paper/*.toml`. What only a picture shows is not there."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bae.workspace import DATA

FOLDER = DATA / "paper"
DEPTHS = {"Llama 3.2-1B": 16, "Llama 3.2-3B": 28}
"""Blocks of the models of the paper."""


@dataclass(frozen=True)
class Printed:
    """A table or figure as it is printed."""

    title: str
    section: str
    caption: str
    rows: tuple[Mapping[str, object], ...]
    """Of a table; none of a figure."""
    told: Mapping[str, object]
    """What else the text says in numbers."""


@cache
def printed(name: str) -> Printed:
    """Of `table1` to `table4`, or of a figure as `fig2`. Raises KeyError for what was not typed."""
    file = FOLDER / f"{name}.toml"
    told = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else _figures()[name]
    return Printed(
        told["title"],
        told["section"],
        told["caption"],
        tuple(told.get("row", ())),
        {key: value for key, value in told.items() if key not in ("title", "section", "caption", "row")},
    )


def _figures() -> dict:
    return tomllib.loads((FOLDER / "figures.toml").read_text(encoding="utf-8"))


def depth(row: Mapping[str, object]) -> float:
    """Where a row's layer lies, as a share of its model's depth, in [0, 1]."""
    return row["layer"] / DEPTHS[row["model"]]


def groups(rows: tuple[Mapping[str, object], ...]) -> list[tuple[str, int]]:
    """The models and layers of a table, in its order."""
    return list(dict.fromkeys((row["model"], row["layer"]) for row in rows))


def nearest(rows: tuple[Mapping[str, object], ...], layer: int, blocks: int) -> tuple[str, int]:
    """The model and layer of a table that lie nearest to one of ours, by share of the depth; the smaller model among equals."""
    return min(groups(rows), key=lambda group: (round(abs(group[1] / DEPTHS[group[0]] - layer / blocks), 6), DEPTHS[group[0]]))
