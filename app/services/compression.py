"""Compressed hidden states: what the experiment found, files that are made for people, and files that people bring."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.compression import files
from app.compression.files import File, Tell
from app.services.reading import MAX_CHARACTERS, habits_from, language_model, lenses
from app.services.shelf import Shelf
from app.services.study import measured, workspace
from app.services.turns import model_turn

if TYPE_CHECKING:
    from bae.compression import CompressedStates, Options
    from bae.compression.vectors import Source
    from bae.experiments.compression.results import Row
    from bae.reading.inspection import Lens
    from bae.states.harvest import HiddenStates

KEPT_BYTES = 200_000_000
"""Of made and restored files in memory; the one that was asked for last is kept in any case."""


# what the experiment found


@dataclass(frozen=True)
class Found:
    """The rows that are kept, and how they were made."""

    rows: "tuple[Row, ...]"
    provenance: dict


def stamp() -> int:
    """Changes whenever the experiment has kept something more; 0 before."""
    file = _results_file()
    return file.stat().st_mtime_ns if file.is_file() else 0


def found() -> Found | None:
    """What was measured; None before. Raises ValueError where the file is damaged."""
    now = stamp()
    return _found(str(_results_file()), now) if now else None


def _results_file() -> Path:
    from bae.experiments.compression.results import results_file

    return results_file(workspace())


@st.cache_resource(max_entries=2, show_spinner=False)
def _found(file: str, stamp: int) -> Found:
    from bae.experiments.compression.results import read_provenance, read_rows

    try:
        return Found(tuple(read_rows(workspace())), read_provenance(workspace()))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError(f"{file} is damaged ({error}); delete it and run the experiment again") from error


def bae_names() -> list[str]:
    """The dictionaries of the workspace whose codes are bits."""
    return [report.name for report in measured()[0] if report.kind == "binary"]


def replaced(rows: "Sequence[Row]") -> list[str]:
    """Dictionaries of these rows whose checkpoint is another now, or is gone. Raises ValueError for one that is damaged."""
    digests = {row.dictionary: row.digest for row in rows}
    return [name for name, digest in digests.items() if _digest_now(name) != digest]


def _digest_now(name: str) -> str | None:
    weights = workspace().autoencoder_folder(name) / "weights.safetensors"
    return _digest(str(weights.parent), weights.stat().st_mtime_ns) if weights.is_file() else None


@st.cache_data(max_entries=128, show_spinner=False)
def _digest(folder: str, stamp: int) -> str:
    from bae.autoencoder import checkpoint
    from bae.compression.dictionary import dictionary_digest

    return dictionary_digest(checkpoint.load(Path(folder))[0])


# files that are made


def usable() -> "dict[str, Lens]":
    """The dictionaries whose codes can be compressed, by name."""
    return {name: lens for name, lens in lenses().usable.items() if lens.autoencoder.discrete}


def held_out(dictionary: str) -> "HiddenStates | None":
    """A finished harvest of held-out text at the layer of a dictionary: the study's own, or that of the experiment; None without."""
    from bae.states.harvest import HiddenStates

    lens, study = usable()[dictionary], workspace()
    for folder in (study.harvest_folder("held-out"), *sorted((study.folder / "compression" / "harvest").glob("held-out-*"))):
        if (folder / "scaling.safetensors").is_file():
            states = HiddenStates(folder)
            if str(lens.place) in map(str, states.layers) and states.record["fingerprint"] == language_model().fingerprint:
                return states
    return None


def most_vectors(states: "HiddenStates") -> int:
    """How many of a harvest's vectors a page compresses: no more than it restores."""
    return min(len(states), files.MOST_RESTORED_BYTES // (2 * states.record["d_model"]))


def of_held_out(dictionary: str, vectors: int, options: "Options", tell: Tell) -> File:
    """The first held-out vectors as a file. There is a harvest of them. Raises ValueError for more than `most_vectors`."""
    from bae.compression import HarvestVectors

    states, lens = held_out(dictionary), usable()[dictionary]
    if vectors > (most := most_vectors(states)):
        raise ValueError(f"a page compresses at most {most:,} vectors; got {vectors:,}. `bae compress` takes any number")
    key = ("held-out", str(states.folder), (states.folder / "scaling.json").stat().st_mtime_ns, vectors)
    return _made(dictionary, options, key, lambda _: HarvestVectors(states, lens.layer, lens.autoencoder), tell, vectors)


def of_text(dictionary: str, text: str, options: "Options", tell: Tell) -> File:
    """The hidden states of a text as a file. Raises ValueError where there is nothing to read or far too much."""
    if not text.strip():
        raise ValueError("there is no text to read; type at least one word")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are taken")
    return _made(dictionary, options, ("text", text), lambda _: _text_states(dictionary, text), tell)


def _text_states(dictionary: str, text: str) -> "Source":
    import torch

    from bae.compression import TensorVectors
    from bae.reading.inspection import MAX_TOKENS

    model, lens = language_model(), usable()[dictionary]
    ids = model.tokenize(text, MAX_TOKENS).ids
    with model_turn(len(ids), short=True):
        states = model.hidden_states(torch.tensor([ids]), [lens.place])[lens.place][0, 1:]
    # as a harvest stores them, the start token left out
    return TensorVectors(states.half().cpu(), f"{len(states):,} tokens of a text, layer {lens.layer}")


def of_upload(dictionary: str, name: str, data: bytes, tensor: str, options: "Options", tell: Tell) -> File:
    """A matrix in a .npy or .safetensors file that somebody brought as a file of codes. Raises ValueError for what holds no vectors."""
    from bae.compression import FileVectors
    from bae.compression.vectors import ENDINGS

    files.check_size(data)
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"vectors are read from files that end in {' or '.join(ENDINGS)}; got {files.shown(name)}")

    def source(folder: Path) -> FileVectors:
        path = folder / f"uploaded{ending}"
        path.write_bytes(data)
        with files.named(path, name):
            vectors = FileVectors(path, tensor or None)
        vectors.name = files.shown(name)
        files.check_restorable(vectors)
        return vectors

    # the name is in the header
    return _made(dictionary, options, ("upload", _hash(data), files.shown(name), ending, tensor), source, tell)


def _made(dictionary: str, options: "Options", key: tuple, source: "Callable[[Path], Source]", tell: Tell, most: int | None = None) -> File:
    """A file of the first `most` vectors of a source; it is told of a folder where it may put them."""

    def make() -> File:
        from bae.compression import compress

        known = lenses()
        with files.place(workspace()) as folder:
            vectors = source(folder)
            part = files.Part(vectors, vectors.total if most is None else most, tell)
            autoencoder, provenance = known.usable[dictionary].autoencoder, known.provenance[dictionary]
            return _described(compress(part, autoencoder, provenance, folder / "made.baec", options))

    return _shelf().get((habits_from()[0], dictionary, options, key), make)


def _described(states: "CompressedStates") -> File:
    from bae.compression import sizes

    name, habits = _dictionary_of(states), states.habits
    return File(
        states.container.path.read_bytes(),
        states.header,
        dict(states.container.figures),
        habits.lost_bursts / max(1, int(habits.bursts.sum())),
        len(states.container.index),
        sum(length for _, length, _ in states.container.index),
        name,
        None if name is None else sizes(states.container, usable()[name].autoencoder),
    )


def _dictionary_of(states: "CompressedStates") -> str | None:
    """The dictionary here whose weights a file was written with, whatever it is called."""
    digest = states.header.dictionary_digest
    # the name that it had first: copies of a checkpoint have the same weights
    names = sorted(usable(), key=lambda name: name != states.header.dictionary)
    return next((name for name in names if _digest_now(name) == digest), None)


# files that people bring


def opened(name: str, data: bytes) -> File:
    """A file of codes, all of it checked but its blocks. Raises ValueError that says what is wrong with it."""
    files.check_size(data)
    with _brought(name, data, lambda more, total: None) as states:
        return _described(states)


def restored(name: str, data: bytes, tell: Tell) -> bytes:
    """Its vectors as a .safetensors file. Raises ValueError where it is damaged, too large, or of a dictionary that is not here."""
    files.check_size(data)
    return _shelf().get(("restored", habits_from()[0], _hash(data)), lambda: _restored(name, data, tell))


def _restored(name: str, data: bytes, tell: Tell) -> bytes:
    from bae.compression import decompress

    with _brought(name, data, tell) as states:
        header = states.header
        dictionary = _dictionary_of(states) or header.dictionary
        if dictionary not in usable():
            raise ValueError(
                f"{files.shown(name)} was written with the dictionary {header.dictionary} at layer {header.layer} of {header.model}, "
                f"which is not here; this workspace has {', '.join(usable()) or 'none whose codes are bits'}"
            )
        autoencoder = usable()[dictionary].autoencoder
        states.check_fit(autoencoder, dictionary)
        files.check_memory(header)
        target = states.container.path.with_name("restored.safetensors")
        decompress(states, autoencoder, target, name=dictionary)
        return target.read_bytes()


@contextmanager
def _brought(name: str, data: bytes, tell: Tell) -> "Iterator[CompressedStates]":
    with files.place(workspace()) as folder:
        path = folder / "brought.baec"
        path.write_bytes(data)
        with files.named(path, name):
            yield files.watched(path, tell)


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@st.cache_resource(show_spinner=False)
def _shelf() -> "Shelf[File | bytes]":
    return Shelf(KEPT_BYTES, lambda kept: len(kept) if isinstance(kept, bytes) else len(kept.data))
