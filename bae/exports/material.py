"""What exports are made of: everything that a study knows of a feature, one feature at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property

from bae.comsem.records import Label, Records, Subject, checkpoint_of
from bae.comsem.score import Score
from bae.index import profile
from bae.index.columns import Columns
from bae.index.layout import Layout, passages
from bae.index.query import Dictionary, Example, Feature, Index
from bae.notebook.database import Notebook
from bae.notebook.kept import FeatureKey, keys
from bae.workspace import Workspace

TABLES_KEPT = 4
"""Dictionaries whose codes are open at once: a list may name many."""


@dataclass(frozen=True)
class Said:
    """A label with the score of its own judge, and those that other judges gave it."""

    label: Label
    shown: bool
    """Whether it is the one that stands for the feature."""
    scores: tuple[tuple[str, Score], ...]
    """Judge and score."""


@dataclass(frozen=True)
class Told:
    """What is known of one feature."""

    entry: Dictionary
    feature: Feature
    groups: Mapping[str, Sequence[Example]]
    """Its contexts by group, as `Index.examples` has them."""
    said: tuple[Said, ...]
    """Its labels, the shown one first, then the newest."""
    positions: profile.Positions | None
    """Where in a sentence it fires; None where the index was copied without its codes."""

    @property
    def label(self) -> Label | None:
        """The label that stands for it."""
        return next((one.label for one in self.said if one.shown), None)


@dataclass(frozen=True)
class Interval:
    """Contexts drawn from those of a feature's tokens that are about equally strong."""

    low: float
    high: float
    share: float
    """Of the feature's tokens, in [0, 1]."""
    examples: Sequence[Example]


class Material:
    """What a study knows of its features. Any thread may read.

    `columns` and `layout` give the codes of the index; `columns` raises OSError or ValueError where it lacks those of a dictionary.
    """

    def __init__(self, study: str, index: Index, records: Records | None, columns: Callable[[str], Columns], layout: Callable[[], Layout]):
        self.study, self.index, self.records = study, index, records
        self._columns, self._layout = columns, layout
        self._shown: dict[str, Mapping[int, Label]] = {}

    @classmethod
    @contextmanager
    def of(cls, workspace: Workspace) -> Iterator["Material"]:
        """The material of a workspace, open as long as the block lasts. Raises FileNotFoundError where nothing was indexed yet."""
        file = workspace.index_file()
        if file is None:
            raise FileNotFoundError(f"{workspace.folder} has no index yet; `bae index --workspace {workspace.folder.name}` builds one")
        with closing(Index(file)) as index:
            opened: dict[str, Columns] = {}
            known = Layout.of(index)

            def columns(dictionary: str) -> Columns:
                if dictionary not in opened:
                    while len(opened) >= TABLES_KEPT:
                        opened.pop(next(iter(opened)))
                    opened[dictionary] = Columns(index, dictionary)
                return opened[dictionary]

            records = Records(Notebook(workspace.notebook_file)) if workspace.notebook_file.is_file() else None
            yield cls(workspace.folder.name, index, records, columns, lambda: known)

    @cached_property
    def dictionaries(self) -> dict[str, Dictionary]:
        """Every dictionary of the index, by name."""
        return self.index.dictionaries()

    def entry(self, dictionary: str) -> Dictionary:
        """One dictionary. Raises ValueError that names those there are."""
        if dictionary not in self.dictionaries:
            raise ValueError(f"the index has no dictionary {dictionary!r}; it has {', '.join(self.dictionaries)}")
        return self.dictionaries[dictionary]

    def subject(self, dictionary: str) -> Subject:
        """A dictionary as labels belong to it."""
        return Subject(dictionary, checkpoint_of(self.entry(dictionary).provenance))

    def keys(self, dictionary: str, features: Iterable[int]) -> list[FeatureKey]:
        """Features of a dictionary, checked. Raises ValueError that says which there are."""
        found, last = keys(self.subject(dictionary), features), self.entry(dictionary).n_features - 1
        if outside := next((key.feature for key in found if not 0 <= key.feature <= last), None):
            raise ValueError(f"{dictionary} has features 0 to {last}; got {outside}")
        return found

    def here(self, wanted: Iterable[FeatureKey]) -> list[FeatureKey]:
        """Those features whose dictionary the index has, and of the same checkpoint; in their order."""
        present = {name: self.subject(name) for name in self.dictionaries}
        return [key for key in wanted if present.get(key.dictionary) == key.subject]

    def told(self, key: FeatureKey) -> Told:
        """Everything about one feature."""
        return Told(
            self.entry(key.dictionary),
            self.index.feature(key.dictionary, key.feature),
            self.index.examples(key.dictionary, key.feature),
            self.said(key.dictionary, key.feature),
            self._positions(key),
        )

    def said(self, dictionary: str, feature: int) -> tuple[Said, ...]:
        """The labels of a feature, the shown one first, then the newest."""
        return tuple(self._in_order(dictionary, feature))

    def all_said(self, dictionary: str) -> list[Said]:
        """The labels of all features of a dictionary, by feature, of each in the same order."""
        return sorted(self._in_order(dictionary), key=lambda one: one.label.feature)

    def _in_order(self, dictionary: str, feature: int | None = None) -> list[Said]:
        if self.records is None:
            return []
        shown = self.shown(dictionary)
        found = [self._said(label, shown.get(label.feature)) for label in self.records.labels(self.subject(dictionary), feature)]
        return sorted(found, key=lambda one: not one.shown)

    def _said(self, label: Label, shown: Label | None) -> Said:
        own = () if label.score is None else ((label.judge, label.score),)
        return Said(label, shown is not None and shown.id == label.id, (*own, *self.records.rescores(label.id).items()))

    def shown(self, dictionary: str) -> Mapping[int, Label]:
        """The label that stands for each feature of a dictionary, as it stood when it was first asked for."""
        if self.records is None:
            return {}
        if dictionary not in self._shown:
            self._shown[dictionary] = self.records.shown(self.subject(dictionary))
        return self._shown[dictionary]

    def _positions(self, key: FeatureKey) -> profile.Positions | None:
        try:
            return profile.positions(self._columns(key.dictionary), self._layout(), key.feature)
        except FileNotFoundError:
            return None

    def intervals(self, key: FeatureKey) -> list[Interval]:
        """A feature's contexts by strength, the strongest first; none for one that never fires, or where the index lacks its codes."""
        try:
            columns = self._columns(key.dictionary)
        except FileNotFoundError:
            return []
        layout = self._layout()
        tokens, strengths = columns.tokens(key.feature), columns.strengths(key.feature)
        groups = profile.groups(columns, layout, key.feature)
        contexts = [layout.context(group.tokens).tolist() for group in groups]
        # one question for all groups
        found = iter(passages(self.index, layout, tokens, strengths, [one for part in contexts for one in part]))
        drawn = [[next(found) for _ in part] for part in contexts]
        return [Interval(group.low, group.high, 1 / len(groups), part) for group, part in zip(groups, drawn, strict=True)]
