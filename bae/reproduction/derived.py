"""What follows from a checkpoint without training: its rescaled form, and the shape of its dictionary."""

import json
from dataclasses import asdict, replace

from bae.autoencoder import checkpoint
from bae.measures.geometry import geometry
from bae.system.files import write_json
from bae.workspace import Workspace

RESCALED = "rescaled"


def make_rescaled(workspace: Workspace, name: str) -> str:
    """Keep an SAE once more, as one whose values count in deviations from their mean (footnote 5 of the paper); returns its name.

    Same weights, same reconstructions; other features are activated. Raises ValueError for a BAE, whose magnitude is none of that.
    """
    autoencoder, provenance = checkpoint.load(workspace.autoencoder_folder(name))
    if not hasattr(autoencoder, RESCALED):
        raise ValueError(f"{name} is a {autoencoder.kind} dictionary, which has no values to rescale")
    autoencoder.rescaled = True
    made = f"{name}-{RESCALED}"
    options = {**provenance.options, RESCALED: True}
    checkpoint.save(autoencoder, replace(provenance, name=made, options=options), workspace.autoencoder_folder(made))
    return made


def measure_shape(workspace: Workspace, name: str) -> None:
    """Add the spectral norms of a dictionary's rows to what is known of it (`bae evaluate` measures them, and much else)."""
    file, folder = workspace.evaluation_file(name), workspace.autoencoder_folder(name)
    autoencoder, _ = checkpoint.load(folder)
    # what was measured of an older checkpoint of this name no longer holds
    fresh = file.is_file() and file.stat().st_mtime >= (folder / "weights.safetensors").stat().st_mtime
    known = json.loads(file.read_text(encoding="utf-8")) if fresh else {}
    write_json(file, known | asdict(geometry(autoencoder.W_out)))
