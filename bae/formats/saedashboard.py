"""SAEDashboard's output for Neuronpedia, written: `batch-N.json`, `skipped_indexes.json`, `run_settings.json`.

Field names are those of `NeuronpediaDashboardFeature` and `NeuronpediaDashboardActivation` in SAEDashboard (`neuronpedia_dashboard.py`).
"""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from bae.exports import provenance
from bae.exports.material import Material
from bae.formats.dashboards import Activation, Dashboard, block, dashboards, hook, model_id, notes
from bae.system.files import write_json, written_whole
from bae.system.progress import Progress
from bae.workspace import Workspace

BATCH = 128
"""Features of a file, as SAEDashboard has them."""


def write(material: Material, workspace: Workspace, dictionary: str, folder: Path) -> int:
    """Write a dictionary, whole or not at all; returns the number of files. Features that never fire are named as skipped.

    Raises FileExistsError where something lies, ValueError for a dictionary that the index does not have.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not empty; give another folder")
    entry = material.entry(dictionary)
    head = {"model_id": model_id(material), "layer": block(entry), "sae_set": dictionary, "sae_id_suffix": None}
    dead = [feature for feature, rate in enumerate(material.index.column(dictionary, "rate")) if not rate]
    with written_whole(folder.absolute()) as draft, Progress("writing dashboards", entry.n_features, "features") as progress:
        draft.mkdir()
        alive = _counted(dashboards(material, workspace, dictionary), progress)
        written = 0
        for first in alive:
            _write_batch(draft / f"batch-{written}.json", head, _features(material, chain([first], islice(alive, BATCH - 1))))
            written += 1
        skipped = {**head, "layer": str(head["layer"]), "log_sparsity": None, "skipped_indexes": dead}
        write_json(draft / "skipped_indexes.json", skipped)
        write_json(draft / "run_settings.json", _settings(material, dictionary, head))
    return written


def _counted(found: Iterable[Dashboard], progress: Progress) -> Iterator[Dashboard]:
    """Those that fire."""
    for one in found:
        if one.told.feature.count:
            yield one
        progress.advance(1)


def _write_batch(file: Path, head: dict, features: Iterator[dict]) -> None:
    """A JSON object whose last value is written a feature at a time."""
    with file.open("w", encoding="utf-8") as out:
        out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [')
        for number, feature in enumerate(features):
            out.write(",\n" if number else "\n")
            json.dump(feature, out, ensure_ascii=False)
        out.write("\n]}\n")


def _features(material: Material, found: Iterable[Dashboard]) -> Iterator[dict]:
    return (feature_row(one, material) for one in found)


def feature_row(one: Dashboard, material: Material) -> dict:
    """A feature by SAEDashboard's names."""
    return {
        "feature_index": one.told.feature.feature,
        **one.fields(),
        "n_prompts_total": provenance.sentences(material.index),
        "n_tokens_in_prompt": longest(material),
        "dataset": ", ".join(one.told.entry.provenance.get("corpus", ())),
        "activations": [activation_row(activation) for activation in one.activations],
    }


def activation_row(activation: Activation) -> dict:
    """A context by SAEDashboard's names."""
    return {
        "bin_min": activation.low,
        "bin_max": activation.high,
        "bin_contains": activation.share,
        "tokens": activation.tokens,
        "values": activation.values,
        "qualifying_token_index": activation.peak,
    }


def longest(material: Material) -> int:
    """Tokens of the longest context, its start token left out."""
    ((found,),) = material.index.rows("select coalesce(max(len(starts)), 1) - 1 from context")
    return found


def _settings(material: Material, dictionary: str, head: dict) -> dict:
    entry = material.entry(dictionary)
    return {
        **head,
        "hook_name": hook(entry),
        "n_features": entry.n_features,
        "n_features_per_batch": BATCH,
        "n_prompts_total": provenance.sentences(material.index),
        "n_tokens_in_prompt": longest(material),
        "notes": notes(entry),
        "provenance": dict(provenance.rows(entry, material.index, material.study)),
    }
