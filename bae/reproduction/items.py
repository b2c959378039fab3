"""The tables and figures of the paper that are reproduced: what each needs, and how it is read from a workspace."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bae.reproduction import compression, dynamics, entropies, experiment_steps, frequencies, movies, paper, steps, table1, table2, table4
from bae.reproduction.holdings import Which
from bae.reproduction.report import Section
from bae.reproduction.steps import Scene, Step


@dataclass(frozen=True)
class Item:
    """A table or figure."""

    name: str
    steps: Callable[[Scene], Iterator[Step]]
    """What is left to do for it."""
    read: Callable[[Scene], Section]
    """Its numbers, as far as they are there. Raises ValueError or OSError where what is kept is damaged."""

    @property
    def title(self) -> str:
        """As the paper has it."""
        return paper.printed(self.name).title


def _plain(which: Which) -> bool:
    return which.bits == 1


def _more_bits(scene: Scene) -> Callable[[Which], bool]:
    """More-bit dictionaries, and what they are held against: the BAE and the ReLU SAE of their layer and seed."""
    more = {(one.layer, one.seed) for one in scene.wanted if one.bits > 1}
    return lambda which: which.row in ("binary", "relu") and (which.layer, which.seed) in more


def _table1(scene: Scene) -> Iterator[Step]:
    yield from steps.dictionaries(scene, _plain)
    yield from steps.index(scene, _plain)
    yield from steps.labels(scene, _plain)


def _table2(scene: Scene) -> Iterator[Step]:
    which = _more_bits(scene)
    yield from steps.dictionaries(scene, which)
    yield from steps.index(scene, which)
    yield from steps.labels(scene, lambda one: which(one) and one.row == "binary")


def _fig5(scene: Scene) -> Iterator[Step]:
    yield from steps.training(scene, _plain)


def _entropy(*experiments: str) -> Callable[[Scene], Iterator[Step]]:
    return lambda scene: (step for experiment in experiments for step in experiment_steps.entropy(scene, experiment))


ITEMS = {
    item.name: item
    for item in (
        Item("table1", _table1, table1.table1),
        Item("table2", _table2, table2.table2),
        Item("table3", experiment_steps.compression, compression.table3),
        Item("table4", _table1, table4.table4),
        Item("fig2", _entropy("synthetic"), entropies.fig2),
        Item("fig3", _entropy("language"), entropies.fig3),
        Item("fig4", _entropy("icl"), entropies.fig4),
        Item("fig5", _fig5, frequencies.fig5),
        Item("fig6", experiment_steps.movies, movies.fig6),
        Item("fig7", _entropy("icl"), entropies.fig7),
        Item("fig11", _entropy("tokens"), entropies.fig11),
        Item("fig12", _entropy("synthetic", "dynamics"), dynamics.fig12),
    )
}
ALL = "all"


def asked(names: Sequence[str]) -> list[Item]:
    """Items by name, in the order of the paper; all of them for none, or for `all`. Raises ValueError that says which there are."""
    if unknown := [name for name in names if name not in ITEMS and name != ALL]:
        raise ValueError(f"there is no item {unknown[0]!r}; there are {ALL}, {', '.join(ITEMS)}")
    return list(ITEMS.values()) if not names or ALL in names else [ITEMS[name] for name in ITEMS if name in names]
