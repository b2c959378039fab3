"""What the calls of a study read from: its index, its notebook, its language model and dictionaries, each opened when first asked for."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from bae.comsem.records import Label, Records, Subject, checkpoint_of
from bae.features.coactivation import Coactivation, coactivation
from bae.index.columns import Columns
from bae.index.directions import Directions, Vocabulary
from bae.index.layout import Layout
from bae.index.query import Dictionary, Index
from bae.notebook.database import Notebook
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.autoencoder.checkpoint import Provenance
    from bae.features.magnitude import Prior
    from bae.model.language_model import LanguageModel
    from bae.reading.inspection import Lens

Names = str | Sequence[str] | None
"""One dictionary, several, or None for those that a call says."""
OUTDATED = "{0} was trained anew since the index was built: its numbers there are of the old checkpoint; run `bae index` to build it again"


class Sources:
    """Everything that is open of one study. What is opened once stays open until `close`."""

    def __init__(self, workspace: Workspace, device: str):
        self.workspace, self.device = workspace, device
        self.closed = False
        self._kept: dict[tuple, object] = {}

    def close(self) -> None:
        """Let go of the index, the model and the dictionaries."""
        self.closed = True
        if "_index" in self.__dict__:
            self._index.close()
        self._kept.clear()
        for name in ("_index", "known", "layout", "model", "_vocabulary"):
            self.__dict__.pop(name, None)

    def _once(self, make: Callable, *key: object):
        """What `make(*key)` returns, made once."""
        if (make, *key) not in self._kept:
            self._kept[(make, *key)] = make(*key)
        return self._kept[(make, *key)]

    # the index

    @property
    def index(self) -> Index:
        """The newest index when the study was opened. Raises FileNotFoundError, with what to do, before one was built."""
        if self.closed:
            raise ValueError(f"this study is closed; open it again with bae.open({str(self.workspace.folder)!r})")
        return self._index

    @cached_property
    def _index(self) -> Index:
        file = self.workspace.index_file()
        if file is None:
            raise FileNotFoundError(
                f"{self.workspace.folder} has no index yet; build it with: bae index --workspace {self.workspace.folder}"
            )
        return Index(file)

    @property
    def indexed(self) -> bool:
        """Whether an index was built."""
        return self.workspace.index_file() is not None

    @cached_property
    def known(self) -> Mapping[str, Dictionary]:
        """The dictionaries of the index, by name."""
        return self.index.dictionaries()

    def entry(self, dictionary: str) -> Dictionary:
        """A dictionary of the index. Raises ValueError that names those there are, and says where one waits for `bae index`."""
        if dictionary not in self.known:
            waits = dictionary in self.workspace.autoencoder_names()
            told = "is not in the index yet; run `bae index` to build it again" if waits else "is no dictionary of this study"
            raise ValueError(f"{dictionary!r} {told}. The index has {', '.join(self.known) or 'none'}")
        return self.known[dictionary]

    def check_feature(self, dictionary: str, feature: int) -> None:
        """Raise ValueError for a feature that a dictionary of the index lacks."""
        last = self.entry(dictionary).n_features - 1
        if not 0 <= feature <= last:
            raise ValueError(f"{dictionary} has features 0 to {last}; got {feature}")

    def names(self, dictionaries: Names) -> list[str]:
        """The dictionaries of the index that are meant: one, several, or all where none is named. Raises what `entry` raises."""
        wanted = [dictionaries] if isinstance(dictionaries, str) else list(self.known if dictionaries is None else dictionaries)
        return [self.entry(name).name for name in wanted]

    def column(self, dictionary: str, name: str) -> list:
        """One number, or the summary, of every feature of a dictionary."""
        self.entry(dictionary)
        return self._once(self.index.column, dictionary, name)

    @cached_property
    def layout(self) -> Layout:
        """Where the tokens of the index stand."""
        return Layout.of(self.index)

    def columns(self, dictionary: str) -> Columns:
        """The codes of a dictionary by feature. Raises FileNotFoundError or ValueError, with what to do, where the index lacks them."""
        self.entry(dictionary)
        return self._once(Columns, self.index, dictionary)

    def directions(self, dictionary: str) -> Directions:
        """What the features of a dictionary point at. Raises FileNotFoundError, with what to do, where nobody has looked yet."""
        self.entry(dictionary)
        return self._once(Directions, self.index, dictionary, self._vocabulary)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.index.file.parent)

    def together(self, dictionary: str, feature: int, other: str | None = None) -> Coactivation:
        """A feature beside every other of its dictionary, or every feature of another."""
        self.check_feature(dictionary, feature)
        among = self.columns(dictionary if other is None else other)
        return coactivation(self.columns(dictionary), feature, self.entry(dictionary).tokens, among)

    # the notebook

    @property
    def notebook(self) -> Notebook:
        """What people write in this workspace; made where there is none yet."""
        return self._once(Notebook, self.workspace.notebook_file)

    @property
    def records(self) -> Records:
        """Labels and labelling runs."""
        return self._once(Records, self.notebook)

    def subject(self, dictionary: str) -> Subject:
        """A dictionary of the index as labels belong to it."""
        return Subject(dictionary, checkpoint_of(self.entry(dictionary).provenance))

    def shown_labels(self, dictionary: str) -> Mapping[int, Label]:
        """The label that stands for each feature. Reading makes no notebook where there is none."""
        return self.records.shown(self.subject(dictionary)) if self.workspace.notebook_file.is_file() else {}

    def named(self, dictionary: str, rows: pd.DataFrame, feature: str = "feature") -> pd.DataFrame:
        """Rows with the labels and summaries of the features in a column beside it."""
        labels, summaries = self.shown_labels(dictionary), self.column(dictionary, "summary")
        place = list(rows.columns).index(feature) + 1
        features = rows[feature].tolist()
        rows.insert(place, "label", pd.Series([labels[number].text if number in labels else None for number in features], dtype=object))
        rows.insert(place + 1, "summary", pd.Series([summaries[number] for number in features], dtype=object))
        return rows

    # the language model

    @cached_property
    def model(self) -> "LanguageModel":
        """The language model of the study. Raises OSError or ValueError, with what to do, where it cannot be had."""
        from bae.model.language_model import LanguageModel

        if self.closed:
            raise ValueError(f"this study is closed; open it again with bae.open({str(self.workspace.folder)!r})")
        return LanguageModel.load(self.workspace.recipe.model, self.device)

    def lens(self, dictionary: str) -> "Lens":
        """A dictionary of the workspace, loaded. Raises ValueError that names those there are, or says why it cannot be used."""
        return self._loaded(dictionary)[0]

    def provenance(self, dictionary: str) -> "Provenance":
        """Where a dictionary comes from. Raises what `lens` raises."""
        return self._loaded(dictionary)[1]

    def _loaded(self, dictionary: str) -> "tuple[Lens, Provenance]":
        from bae.reading.lenses import load_lens

        there = self.workspace.autoencoder_names()
        if dictionary not in there:
            raise ValueError(f"there is no dictionary {dictionary!r} in {self.workspace.folder}; there are {', '.join(there) or 'none'}")
        return self._once(load_lens, self.workspace.autoencoder_folder(dictionary), self.model)

    def read_through(self, dictionaries: Names) -> list[str]:
        """The dictionaries that a text is to be read through, each once: those that are named, else the first of the study."""
        there = self.workspace.autoencoder_names()
        if dictionaries is None:
            return list(there[:1])
        return [dictionaries] if isinstance(dictionaries, str) else list(dict.fromkeys(dictionaries))

    def judged(self, dictionary: str) -> "tuple[Lens, Prior]":
        """A dictionary with the habits that its features are judged by: those of the index where it was built from this checkpoint."""
        from bae.maps.atlas import made_from
        from bae.reading.habits import judged_by_index

        lens, provenance = self._loaded(dictionary)
        entry = self.known.get(dictionary) if self.indexed else None
        if entry is None:
            return lens, lens.autoencoder.prior
        if not made_from(entry, provenance):
            warnings.warn(OUTDATED.format(dictionary), stacklevel=3)
            return lens, lens.autoencoder.prior
        return judged_by_index(lens, entry.tokens, lambda name: self.column(dictionary, name))
