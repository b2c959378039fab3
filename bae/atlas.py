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

from bae.files import written_whole
from bae.index.directions import directions_file
from bae.index.query import Dictionary, Index
from bae.progress import Progress
from bae.projection import Projection, project
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.autoencoder.checkpoint import Provenance
    from bae.inspection import Lens
    from bae.language_model import LanguageModel

DIRECTIONS_STAGE, MAPS_STAGE = "finding the tokens that features point at", "drawing maps of features"
STAGES = (DIRECTIONS_STAGE, MAPS_STAGE)


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
    return read_projection(file)


def read_projection(file: Path) -> Projection:
    """Points of the plane as `write_projection` left them. Raises ValueError where the file is damaged."""
    try:
        with safe_open(file, framework="numpy") as arrays:
            points = np.stack([arrays.get_tensor("x"), arrays.get_tensor("y")], axis=1)
            return Projection(points, arrays.metadata()["method"])
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged ({error}); delete it, then it is drawn again") from error


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
    """The dictionaries of the newest index of which something is not found or drawn yet."""
    file = workspace.index_file()
    with closing(Index(file)) as index:
        known = index.dictionaries()
    return [name for name in known if not (directions_file(file.parent, name).is_file() and map_file(file.parent, name).is_file())]


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
    if not missing(workspace):
        return {}
    from bae.language_model import LanguageModel
    from bae.lenses import load_lenses

    model = LanguageModel.load(workspace.recipe.model)
    found = load_lenses(workspace.folder / "autoencoders", model)
    refused = {name: found.refused.get(name, "its checkpoint is gone") for name in known if name not in found.usable}
    usable = {name: lens for name, lens in found.usable.items() if name in known}
    refused |= {
        name: "its checkpoint was replaced after the index was built"
        for name in usable
        if not made_from(known[name], found.provenance[name])
    }
    usable = {name: lens for name, lens in usable.items() if name not in refused}
    _find_directions(usable, model, file.parent, status)
    _draw_maps(usable, file.parent, workspace, status)
    return refused


def _find_directions(lenses: "Mapping[str, Lens]", model: "LanguageModel", folder: Path, status: Path | None) -> None:
    from bae.directions import write_directions, write_vocabulary

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
