"""The small study of the pages' tests with all that `bae index` leaves: codes, directions, maps. Maps are PCA, which takes no second."""

from pathlib import Path
from unittest import mock

import numpy as np

from bae.features.meaning import WIDTH
from bae.maps import atlas
from bae.maps.projection import project
from bae.workspace import Workspace
from tests.pages.small_study import add_index, make_study


def make_indexed_study(folder: Path, model_folder: Path) -> Workspace:
    """Make it in a new folder."""
    study = make_study(folder, model_folder)
    add_index(study)
    with mock.patch.object(atlas, "project", lambda rows, *_: project(rows, "pca")):
        atlas.build_atlas(study)
    return study


class Letters:
    """Embeds a text as the letters that it is made of: the packaged embeddings take long to load, and have tests of their own."""

    fingerprint = "letters"

    def embed(self, texts, advance=lambda texts: None):
        found = np.array([[text.lower().count(chr(97 + n)) for n in range(26)] + [0.1] * (WIDTH - 26) for text in texts])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
