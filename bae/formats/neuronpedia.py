"""Neuronpedia's exports, written: `MODEL/SOURCE/` with `features/`, `activations/` and `explanations/` as `batch-N.jsonl.gz`.

The names of fields are those of the tables that Neuronpedia's own `export-data.py` dumps. `scores/` is ours beside it: the rows of its
table ExplanationScore, which its exports leave out.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bae.comsem.records import Label
from bae.exports import provenance
from bae.exports.material import Material, Said
from bae.formats.dashboards import Activation, Dashboard, block, dashboards, hook, model_id, notes
from bae.formats.saedashboard import longest
from bae.system.files import written_whole
from bae.system.progress import Progress
from bae.workspace import Workspace

BATCH = 1024
"""Features of a file, as Neuronpedia has them."""
KINDS = ("features", "activations", "explanations", "scores")
TYPES = {"judge": "comsem", "person": "human", "maintainers": "maintainers"}
"""What Neuronpedia calls the type of an explanation."""
ALLOWED = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")


@dataclass(frozen=True)
class Target:
    """Under which names a dictionary is to stand on Neuronpedia."""

    model: str
    source_set: str
    creator: str
    """The id of a user of the Neuronpedia that reads it."""
    layer: int
    made: str

    @property
    def source(self) -> str:
        """The id of the source: the number of the block, and the set."""
        return f"{self.layer}-{self.source_set}"


def write(
    material: Material,
    workspace: Workspace,
    dictionary: str,
    folder: Path,
    model: str | None = None,
    source_set: str | None = None,
    creator: str = "bae-explorer",
) -> Path:
    """Write a dictionary below `folder`, whole or not at all; returns `folder/MODEL/SOURCE`.

    Raises FileExistsError where that exists, ValueError for a dictionary that the index does not have and for names that are no ids.
    """
    entry = material.entry(dictionary)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    target = Target(_id("model", model or model_id(material)), _id("set", source_set or dictionary), creator, block(entry), made)
    place = folder.absolute() / target.model / target.source
    if place.exists():
        raise FileExistsError(f"{place} exists; give another folder, or delete it")
    with written_whole(place) as draft, Progress("writing features", entry.n_features, "features") as progress:
        draft.mkdir()
        for name, row in _descriptions(material, dictionary, target):
            (draft / f"{name}.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
        _write_batches(draft, dashboards(material, workspace, dictionary), target, progress)
    return place


def _id(what: str, text: str) -> str:
    if not ALLOWED.fullmatch(text):
        raise ValueError(f"Neuronpedia's id of a {what} has letters, digits, dots, - and _ only; got {text!r}")
    return text


def _descriptions(material: Material, dictionary: str, target: Target) -> Iterator[tuple[str, dict]]:
    """The model, the release, the set and the source: a file of one line each."""
    entry = material.entry(dictionary)
    own = {"creatorId": target.creator, "createdAt": target.made}
    title = material.index.meta.get("model", target.model)
    yield "model", {"id": target.model, "displayNameShort": title, "displayName": title, **own, "updatedAt": target.made}
    told = f"{entry.title}, {entry.n_features:,} features, layer {entry.layer} of Hugging Face"
    release = {"name": target.source_set, "description": told, "descriptionShort": told, "urls": [], "creatorNameShort": target.creator}
    yield "release", {**release, "creatorName": target.creator, **own}
    same = {"modelId": target.model, "visibility": "PRIVATE", **own}
    described = {"creatorName": target.creator, "releaseName": target.source_set, "description": told}
    yield "sourceset", {**same, "name": target.source_set, **described}
    facts = "; ".join(f"{name}: {value}" for name, value in provenance.rows(entry, material.index, material.study))
    yield (
        "source",
        {
            **same,
            "id": target.source,
            "setName": target.source_set,
            "dataset": ", ".join(entry.provenance.get("corpus", ())),
            "num_prompts": provenance.sentences(material.index),
            "num_tokens_in_prompt": longest(material),
            "hfRepoId": None,
            "hfFolderId": None,
            "notes": f"{notes(entry)} {facts}",
        },
    )


def _write_batches(folder: Path, found: Iterator[Dashboard], target: Target, progress: Progress) -> None:
    for kind in KINDS:
        (folder / kind).mkdir()
    with ExitStack() as files:
        for number, one in enumerate(found):
            if number % BATCH == 0:
                files.close()
                name = f"batch-{number // BATCH}.jsonl.gz"
                opened = {kind: files.enter_context(gzip.open(folder / kind / name, "wt", 5, encoding="utf-8")) for kind in KINDS}
            for kind, row in _rows(one, target):
                opened[kind].write(json.dumps(row, ensure_ascii=False) + "\n")
            progress.advance(1)


def _rows(one: Dashboard, target: Target) -> Iterator[tuple[str, dict]]:
    """Every row that a feature has, with the folder that it belongs in."""
    yield "features", feature_row(one, target)
    for activation in one.activations:
        yield "activations", activation_row(one, activation, target)
    for said in one.told.said:
        explanation = explanation_row(said.label, target)
        yield "explanations", explanation
        yield from (("scores", row) for row in score_rows(said, explanation["id"]))


def feature_row(one: Dashboard, target: Target) -> dict:
    """A feature by Neuronpedia's names."""
    feature = one.told.feature
    return {
        **_same(feature.feature, target),
        "createdAt": target.made,
        "sourceSetName": target.source_set,
        "maxActApprox": feature.largest,
        **one.fields(),
        "topkCosSimIndices": [other.feature for other in one.near],
        "topkCosSimValues": [round(other.cosine, 4) for other in one.near],
        "vectorLabel": None,
        "hookName": hook(one.told.entry) if one.row else None,
        "vectorDefaultSteerStrength": feature.largest if one.row else None,
        "hasVector": bool(one.row),
    }


def activation_row(one: Dashboard, activation: Activation, target: Target) -> dict:
    """A context by Neuronpedia's names."""
    feature = one.told.feature.feature
    greatest = max(activation.values, default=0.0)
    return {
        "id": _identity(target, feature, "activation", activation.context),
        **_same(feature, target),
        "createdAt": target.made,
        "dataSource": activation.document,
        "dataIndex": str(activation.context),
        "tokens": activation.tokens,
        "values": activation.values,
        "maxValue": greatest,
        "maxValueTokenIndex": activation.values.index(greatest) if activation.values else 0,
        "minValue": min(activation.values, default=0.0),
        "binMin": activation.low,
        "binMax": activation.high,
        "binContains": activation.share,
        "qualifyingTokenIndex": activation.peak,
        "dfaValues": [],
        "dfaMaxValue": None,
        "dfaTargetIndex": None,
        "lossValues": [],
        "logitContributions": None,
    }


def explanation_row(label: Label, target: Target) -> dict:
    """A label by Neuronpedia's names. Its embedding and its place on Neuronpedia's map are Neuronpedia's to make."""
    return {
        "id": _identity(target, label.feature, "explanation", label.id),
        "modelId": target.model,
        "layer": target.source,
        "index": str(label.feature),
        "authorId": target.creator,
        "description": label.text,
        "embedding": None,
        "typeName": TYPES[label.source],
        "explanationModelName": label.judge or None,
        **dict.fromkeys(("umap_x", "umap_y", "umap_cluster", "umap_log_feature_sparsity")),
    }


def score_rows(said: Said, explanation: str) -> Iterator[dict]:
    """The scores of a label by Neuronpedia's names; those by closeness in meaning are AUROCs."""
    for judge, score in said.scores:
        kind, value = ("comsem", score.score) if score.score is not None else ("auroc", score.auroc)
        yield {
            "value": value,
            "explanationId": explanation,
            "explanationScoreTypeName": kind,
            "explanationScoreModelName": judge,
            "jsonDetails": json.dumps(asdict(score)),
        }


def _same(feature: int, target: Target) -> dict:
    return {"modelId": target.model, "layer": target.source, "index": str(feature), "creatorId": target.creator}


def _identity(target: Target, feature: int, kind: str, number: int) -> str:
    """The same for the same row, so that what is read twice stands once; as long as Neuronpedia's own."""
    told = f"{target.model}@{target.source}:{feature}:{kind}:{number}"
    return f"b{hashlib.sha256(told.encode()).hexdigest()[:24]}"
