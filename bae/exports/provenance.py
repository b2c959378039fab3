"""Where a dictionary and its figures come from: corpus, tokens, seed, model, the layer in three dialects, command and date."""

import time
from collections.abc import Mapping

from bae.index.query import Dictionary, Index
from bae.names import layer_text


def rows(entry: Dictionary, index: Index, study: str) -> list[tuple[str, str]]:
    """As pairs of a name and a value, all foreign; `study` is the name of the study's folder."""
    told, meta = _told(entry), index.meta
    built = time.strftime("%Y-%m-%d %H:%M", time.localtime(index.file.stat().st_mtime))
    return [
        ("Dictionary", f"{entry.name}: {entry.title}, {entry.n_features:,} features"),
        ("Language model", meta.get("model", str(told.get("model", "")))),
        ("Layer", layer_text(entry.layer)),
        ("Trained on", f"{told.get('tokens_seen', 0):,} hidden states of {', '.join(told.get('corpus', ()))}, seed {told.get('seed', '')}"),
        ("Context length", f"{told.get('context_length', 0):,} tokens"),
        _made_by(entry, study),
        ("Counted on", f"{entry.tokens:,} tokens of {sentences(index):,} sentences that trained nothing"),
        ("Counted by", f"bae index --workspace {study}, {built}"),
        ("Index", f"{index.file.parent.name}, version {meta.get('version', '')}"),
    ]


def sentences(index: Index) -> int:
    """Contexts in the index, as it counted them."""
    return int(index.meta.get("contexts", index.meta.get("sentences", 0)))


def options(entry: Dictionary) -> list[tuple[str, str]]:
    """How a dictionary was trained, as its recipe says."""
    return [(name, str(value)) for name, value in _told(entry).get("options", {}).items()]


def _told(entry: Dictionary) -> Mapping:
    return entry.provenance.get("provenance", entry.provenance)


def _made_by(entry: Dictionary, study: str) -> tuple[str, str]:
    source = dict(options(entry)).get("imported from")
    if source is not None:
        return "Imported from", source
    return "Trained by", f"bae train --workspace {study} --name {entry.name}"
