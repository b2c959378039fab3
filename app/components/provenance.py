"""Where what is shown comes from: corpus, tokens, seed, model, the layer in three dialects, command and date. One click on every page."""

import time
from pathlib import Path

import streamlit as st

from app import services
from app.components import panels, tables
from app.components.url import code
from bae.index.query import Dictionary, Index


def rows(entry: Dictionary, index: Index) -> list[tuple[str, str]]:
    """Where a dictionary and its figures come from, as pairs of a name and a value."""
    told, meta = entry.provenance.get("provenance", entry.provenance), index.meta
    study = services.workspace().folder.name
    built = time.strftime("%Y-%m-%d %H:%M", time.localtime(Path(index.file).stat().st_mtime))
    return [
        ("Dictionary", f"{entry.name}: {entry.title}, {entry.n_features:,} features"),
        ("Language model", meta.get("model", str(told.get("model", "")))),
        ("Layer", tables.layer_text(entry.layer)),
        ("Trained on", f"{told.get('tokens_seen', 0):,} hidden states of {', '.join(told.get('corpus', ()))}, seed {told.get('seed', '')}"),
        ("Context length", f"{told.get('context_length', 0):,} tokens"),
        _made_by(entry, study),
        ("Counted on", f"{entry.tokens:,} tokens of {tables.sentences(index):,} sentences that trained nothing"),
        ("Counted by", f"bae index --workspace {study}, {built}"),
        ("Index", f"{Path(index.file).parent.name}, version {meta.get('version', '')}"),
    ]


def _made_by(entry: Dictionary, study: str) -> tuple[str, str]:
    source = dict(options(entry)).get("imported from")
    if source is not None:
        return "Imported from", source
    return "Trained by", f"bae train --workspace {study} --name {entry.name}"


def options(entry: Dictionary) -> list[tuple[str, str]]:
    """How a dictionary was trained, as its recipe says."""
    told = entry.provenance.get("provenance", entry.provenance)
    return [(name, str(value)) for name, value in told.get("options", {}).items()]


def popover(dictionary: str) -> None:
    """A button that opens it; nothing where the index does not have the dictionary, or cannot be read, which the page says itself."""
    try:
        index = services.index()
    except (OSError, ValueError):
        return
    if index is None or dictionary not in index.dictionaries():
        return
    entry = index.dictionaries()[dictionary]
    with st.popover("Where it comes from", icon=":material/history_edu:", type="tertiary"):
        panels.facts(rows(entry, index))
        st.caption(f"Options of its training, from the recipe, for {code(entry.name)}:")
        panels.facts(options(entry))
