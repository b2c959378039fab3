"""What is found of an index once it is built: the tokens that features point at, and maps of every dictionary's features.

Each is a file of its own beside the index, skipped where it is there: a build that was killed goes on with what is missing.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from bae.index.arrays import opened
from bae.index.directions import directions_file, tokens_file, unembedding_file
from bae.index.query import Dictionary, Index
from bae.maps.projection import Projection, project
from bae.measures import fit
from bae.system.files import write_json, written_whole
from bae.system.progress import Progress
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.autoencoder.checkpoint import Provenance
    from bae.model.language_model import LanguageModel
    from bae.reading.inspection import Lens
    from bae.reading.lenses import Lenses

DIRECTIONS_STAGE, MAPS_STAGE = "finding the tokens that features point at", "drawing maps of features"
STAGES = (DIRECTIONS_STAGE, MAPS_STAGE)
REMEDY = "delete it, then it is drawn again"


def map_file(folder: Path, dictionary: str) -> Path:
    """Where the map of a dictionary lies, in the folder of an index."""
    return folder / "maps" / f"{dictionary}.safetensors"


def read_map(index: Index, dictionary: str) -> Projection:
    """Where every feature of a dictionary lies on its map.

    Raises FileNotFoundError where nobody has drawn it yet, ValueError where it is damaged.
    """
    file = map_file(Path(index.file).parent, dictionary)
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: no map of {dictionary} is drawn yet; run `bae index`")
    with opened(file, REMEDY) as arrays:
        return projection_of(arrays)


def projection_of(arrays: safe_open) -> Projection:
    """Points of the plane as `write_projection` left them, in a file that `bae.index.arrays.opened` opened."""
    points = np.stack([arrays.get_tensor("x"), arrays.get_tensor("y")], axis=1)
    return Projection(points, arrays.metadata()["method"])


def write_projection(file: Path, found: Projection, seed: int, **arrays: np.ndarray) -> None:
    """Write points of the plane, and what else belongs to each, whole or not at all."""
    x, y = np.ascontiguousarray(found.points.T)
    with written_whole(file) as draft:
        save_file({"x": x, "y": y, **arrays}, draft, metadata={"method": found.method, "seed": str(seed)})


def dictionary_rows(workspace: Workspace, name: str) -> Float[np.ndarray, "feature d_model"]:
    """The rows of a dictionary in its own units, read without torch. Raises ValueError where its checkpoint is missing or damaged."""
    file = workspace.autoencoder_folder(name) / "weights.safetensors"
    try:
        with safe_open(file, framework="numpy") as weights:
            return weights.get_tensor("W_out").astype(np.float32)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"the checkpoint {name} cannot be read ({error}); copy it again") from error


def made_from(entry: Dictionary, provenance: "Provenance") -> bool:
    """Whether a dictionary of the index was made from this checkpoint, and not from an older one of its name."""
    return entry.provenance == json.loads(json.dumps(asdict(provenance)))


def missing(workspace: Workspace) -> list[str]:
    """The dictionaries of the newest index of which something is not found or drawn yet and may be, for aught that is known."""
    left = left_out(workspace)
    return [name for name in _unfinished(workspace) if name not in left]


def _unfinished(workspace: Workspace) -> list[str]:
    file = workspace.index_file()
    with closing(Index(file)) as index:
        known = index.dictionaries()
    folder = file.parent
    if not (unembedding_file(folder).is_file() and tokens_file(folder).is_file()):
        return list(known)
    return [name for name in known if not (directions_file(folder, name).is_file() and map_file(folder, name).is_file())]


def left_out(workspace: Workspace) -> dict[str, str]:
    """The dictionaries that could not be looked at, with the reason; one whose checkpoint changed since, or the model, is tried again.

    Raises ValueError where the file that says so is damaged.
    """
    file = _left_out_file(workspace.index_file().parent)
    if not file.is_file():
        return {}
    try:
        told = {name: (one["mark"], one["reason"]) for name, one in json.loads(file.read_text(encoding="utf-8")).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} is damaged ({error}); delete it, and `bae index` makes it again") from error
    return {name: reason for name, (seen, reason) in told.items() if seen == _mark(workspace, name)}


def _left_out_file(folder: Path) -> Path:
    return folder / "left-out.json"


def _mark(workspace: Workspace, name: str) -> str:
    """What changes when a checkpoint is replaced, or the study is given another model."""
    return f"{workspace.recipe.model} {fit.mark(workspace.autoencoder_folder(name))}"


def build_atlas(workspace: Workspace, status: Path | None = None) -> Mapping[str, str]:
    """Find and draw what is missing of the newest index; `status` is kept up to date meanwhile.

    Returns the dictionaries that had to be left out, with the reason as a sentence: their checkpoint is gone, was replaced after
    the index was built, or fits the model no more. Raises FileNotFoundError where there is no index.
    """
    file = workspace.index_file()
    if file is None:
        raise FileNotFoundError(f"{workspace.folder} has no index whose features could be drawn; run `bae index`")
    with closing(Index(file)) as index:
        known = index.dictionaries()
    unfinished = _unfinished(workspace)
    if not missing(workspace):
        return {name: reason for name, reason in left_out(workspace).items() if name in unfinished}
    from bae.model.language_model import LanguageModel
    from bae.reading.lenses import load_lenses

    model = LanguageModel.load(workspace.recipe.model)
    found = load_lenses(workspace.folder / "autoencoders", model)
    refused = {name: reason for name in unfinished if (reason := _refusal(known[name], found))}
    write_json(_left_out_file(file.parent), {name: {"mark": _mark(workspace, name), "reason": reason} for name, reason in refused.items()})
    usable = {name: lens for name, lens in found.usable.items() if name in known and name not in refused}
    _find_directions(usable, model, file.parent, status)
    _draw_maps(usable, file.parent, workspace, status)
    return refused


def _refusal(entry: Dictionary, found: "Lenses") -> str:
    """Why nothing can be said of a dictionary of the index; empty where its checkpoint is the one that was indexed."""
    if entry.name not in found.usable:
        return found.refused.get(entry.name, "its checkpoint is gone")
    same = made_from(entry, found.provenance[entry.name])
    return "" if same else "its checkpoint was replaced after the index was built"


def _find_directions(lenses: "Mapping[str, Lens]", model: "LanguageModel", folder: Path, status: Path | None) -> None:
    from bae.features.directions import write_directions, write_vocabulary

    write_vocabulary(model, folder)
    with _over_features(DIRECTIONS_STAGE, lenses, status) as progress:
        for name in _without(lenses, directions_file, folder, progress):
            write_directions(lenses[name].autoencoder, model, folder, name, progress.advance)


def _draw_maps(lenses: "Mapping[str, Lens]", folder: Path, workspace: Workspace, status: Path | None) -> None:
    seed = workspace.recipe.seed
    with _over_features(MAPS_STAGE, lenses, status) as progress:
        for name in _without(lenses, map_file, folder, progress):
            found = project(dictionary_rows(workspace, name), "umap", seed, progress.advance)
            write_projection(map_file(folder, name), found, seed)


@contextmanager
def _over_features(stage: str, lenses: "Mapping[str, Lens]", status: Path | None) -> Iterator[Progress]:
    with Progress(stage, sum(lens.autoencoder.n_features for lens in lenses.values()), "features", status) as progress:
        yield progress


def _without(lenses: "Mapping[str, Lens]", file_of, folder: Path, progress: Progress) -> Iterator[str]:
    """The dictionaries that have no such file yet; the others are counted as done."""
    for name, lens in lenses.items():
        if file_of(folder, name).is_file():
            progress.skip(lens.autoencoder.n_features)
        else:
            yield name
