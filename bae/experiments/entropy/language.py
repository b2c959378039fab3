"""Fig. 3 of the paper: the entropy of hidden states by layer and by position in a text.

    bae entropy language --workspace WORKSPACE            # keeps WORKSPACE/entropy/

Documents are cut into windows of as many tokens as the last position, one after another without overlap; what is left of a document, and
documents that are shorter, are not read. Every window is read alone behind a BOS (position 0), so that position p is the p-th token of
the window. The paper takes one text a document; `windows_a_document` = 1 does. Windows of one document are not independent:
intervals draw documents, not windows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from bae.experiments.entropy import forecast as entropy_forecast
from bae.experiments.entropy.forecast import Forecast, ToRead
from bae.experiments.entropy.results import Results, alone, begun
from bae.experiments.entropy.set_entropy import SetOf, measure, spelled
from bae.experiments.entropy.set_training import Training
from bae.experiments.entropy.state_sets import Places, StateSets, Text, folder_of, harvest, spread
from bae.model.language_model import LanguageModel
from bae.system.progress import Progress
from bae.text import corpus
from bae.text.contexts import contexts
from bae.workspace import Workspace

EXPERIMENT = "language"
STAGE = f"entropy-{EXPERIMENT}"
"""Under which the workspace is told how far it is."""
LAYERS = 6


@dataclass(frozen=True)
class Settings:
    """What is read and trained."""

    windows: int = 8192
    """Hidden states of a set."""
    positions: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    layers: tuple[int, ...] = ()
    """None named: six, evenly spaced from the embeddings up, without the last."""
    sources: tuple[str, ...] = ()
    """Corpora, as `bae.text.corpus.documents` has them; none named: the recipe's."""
    windows_a_document: int | None = None
    """The first so many of each; None: all that fit."""
    seed: int = 0
    training: Training = field(default_factory=Training)

    def __post_init__(self):
        if self.windows < 2:
            raise ValueError(f"an entropy is that of a set, so of at least 2 windows; got {self.windows}")
        if self.windows_a_document is not None and self.windows_a_document < 1:
            raise ValueError(f"windows_a_document is at least 1; got {self.windows_a_document}")
        if not self.positions or min(self.positions) < 1:
            raise ValueError(f"positions count the tokens of a window from 1; got {list(self.positions)}")


def windows(model: LanguageModel, settings: Settings) -> Iterator[Text]:
    """The windows in order, each with the number of its document."""
    length = max(settings.positions)
    numbers: dict[str, int] = {}
    for window in contexts(model, corpus.documents(settings.sources, seed=settings.seed), "window", length + 1, shortest=length + 1):
        group = numbers.setdefault(window.document, len(numbers))
        if settings.windows_a_document is None or window.start // length < settings.windows_a_document:
            yield Text(window.ids, group)


def settled(settings: Settings, workspace: Workspace, model: LanguageModel) -> Settings:
    """The settings with what was left open filled in."""
    layers = settings.layers or spread(model.n_layers, LAYERS)
    return replace(settings, layers=layers, sources=settings.sources or workspace.recipe.sources)


def states(workspace: Workspace, settings: Settings, model: LanguageModel) -> StateSets:
    """The harvested states of settled settings, whether they were all read or not."""
    folder, _ = _folder(workspace, settings, model)
    return StateSets(folder, settings.windows)


def read(workspace: Workspace, settings: Settings, model: LanguageModel) -> StateSets:
    """Read what is not yet there of the windows of settled settings. Raises ValueError where there are too few."""
    folder, told = _folder(workspace, settings, model)
    total = settings.windows * (max(settings.positions) + 1)
    with Progress("reading windows", total, "tokens", workspace.status_file(STAGE)) as progress:
        return harvest(model, windows(model, settings), settings.windows, _places(settings), folder, told, progress)


def _places(settings: Settings) -> Places:
    return Places(settings.layers, settings.positions)


def _folder(workspace: Workspace, settings: Settings, model: LanguageModel) -> tuple[Path, dict]:
    origin = {"sources": settings.sources, "windows_a_document": settings.windows_a_document, "seed": settings.seed}
    return folder_of(workspace.folder / "entropy" / "states", EXPERIMENT, model, _places(settings), origin)


def run(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Results:
    """Read and train all that is not yet kept.

    Raises ValueError where the model has no such layer or position, or there are not as many windows; BlockingIOError
    while another experiment runs in this workspace.
    """
    with alone(workspace, EXPERIMENT):
        return _run(workspace, settings, model or LanguageModel.load(workspace.recipe.model))


def _run(workspace: Workspace, settings: Settings, model: LanguageModel) -> Results:
    settings = settled(settings, workspace, model)
    results = begun(workspace, EXPERIMENT, settings, model, wanted=len(settings.layers) * len(settings.positions))
    if not results.finished:
        with results.timed():
            sets = read(workspace, settings, model)
        groups = [
            [SetOf({"layer": layer, "position": position}, partial(sets.states, layer, position)) for position in settings.positions]
            for layer in settings.layers
        ]
        measure(results, groups, sets.groups(), settings.training, settings.seed, workspace.status_file(STAGE))
    return results


def forecast(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Forecast:
    """What `run` will still take."""
    model = model or LanguageModel.load(workspace.recipe.model)
    settings = settled(settings, workspace, model)
    results = begun(workspace, EXPERIMENT, settings, model, wanted=1)
    groups = [(len(settings.positions), settings.training) for layer in settings.layers if not results.has(layer=layer)]
    return entropy_forecast.measure(model, to_read(workspace, settings, model), groups)


def to_read(workspace: Workspace, settings: Settings, model: LanguageModel) -> ToRead:
    """What is still to be read of settled settings. Raises ValueError where the model has no such layer or position."""
    _places(settings).check(model)
    length = max(settings.positions) + 1
    tokens, sets = states(workspace, settings, model).missing() * length, len(settings.layers) * len(settings.positions)
    return ToRead(tokens, length, settings.layers, settings.windows, sets)


def line(row: Mapping[str, object]) -> str:
    """A row in words."""
    return f"layer {row['layer']:>2}  position {row['position']:>4}  {spelled(row)}"
