"""The figures of a workspace's dictionary as `bae evaluate --json` prints them (DESIGN, section 6)."""

from bae.autoencoder import checkpoint
from bae.evaluation import evaluate
from bae.harvest import HiddenStates

UNITS = {"fvu": "1", "bits": "bits", "l0": "features", "active_8192_tokens": "features", "dense_share": "1",
         "max_rate": "1", "max_top_k_rate": "1", "dead": "features"}  # fmt: skip


def rows(workspace, name: str) -> list[dict]:
    """Evaluate one checkpoint of a workspace, as it lies on disk, on the held-out harvest.

    Raises FileNotFoundError without a held-out harvest, ValueError for a damaged checkpoint.
    """
    autoencoder, provenance = checkpoint.load(workspace.autoencoder_folder(name))
    held_out = HiddenStates(workspace.harvest_folder("held-out"))
    found, _ = evaluate(autoencoder, held_out.all_pairs(provenance.layer, autoencoder))
    return [
        {"metric": f"{name}.{metric}", "value": value, "unit": unit, "limit": None, "peer": None, "spread": None}
        for metric, unit in UNITS.items()
        if (value := getattr(found, metric)) is not None
    ]
