"""A comparison of two dictionaries as it lies on disk beside the index, and the job that makes it.

    <index folder>/matches/A--B-<hash>.parquet    a row a feature of either; names in the order of the alphabet

The hash carries the thresholds and the checkpoints, so that what was changed is compared anew. Read without torch.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bae.comsem.records import checkpoint_of
from bae.index.columns import Columns
from bae.index.layout import Layout
from bae.index.query import Dictionary, Index
from bae.maps.projection import unit_rows
from bae.matching.counts import fired, shifted
from bae.matching.directions import Nearest, cosines_of, nearest, rows
from bae.matching.relations import Side, Thresholds, match
from bae.system.files import written_whole
from bae.system.jobs import Job
from bae.system.progress import Progress
from bae.training import runs
from bae.workspace import Workspace

VERSION = 1
METADATA = b"matching"


@dataclass(frozen=True)
class Compared:
    """One dictionary as it stands to the other. Arrays are by feature."""

    name: str
    side: Side
    cosine: np.ndarray
    """Of its direction and that of the feature with the greatest Jaccard index; NaN where there is none or no checkpoint."""
    nearest: Nearest
    """The feature of the other whose direction is nearest; partners of -1 and NaN where a checkpoint is missing."""
    by_chance: dict[str, int]
    """How many of its features would stand in each relation if the other's tokens were shifted against its own."""


@dataclass(frozen=True)
class Matches:
    """Two dictionaries compared, both ways."""

    first: Compared
    second: Compared
    tokens: int
    """Tokens of the index on which both were read."""
    shift: int
    """By how many tokens the control is shifted; 0 where the text is too short for one."""
    thresholds: Thresholds
    no_cosine: str
    """Why there are no cosines, as a sentence; empty where there are."""

    def turned(self) -> "Matches":
        """The same seen from the other dictionary."""
        return Matches(self.second, self.first, self.tokens, self.shift, self.thresholds, self.no_cosine)


def file_of(index: Index, a: str, b: str, thresholds: Thresholds | None = None) -> Path:
    """Where a comparison is kept, in whichever order the two are named. Raises KeyError for a dictionary that the index lacks."""
    known, names = index.dictionaries(), sorted((a, b))
    told = [VERSION, asdict(thresholds or Thresholds()), [checkpoint_of(known[name].provenance) for name in names]]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
    return Path(index.file).parent / "matches" / f"{names[0]}--{names[1]}-{digest}.parquet"


# the job


def job_name(a: str, b: str) -> str:
    """The job that compares two dictionaries, in whichever order they are named."""
    return "match-{}--{}".format(*sorted((a, b)))


def start(workspace: Workspace, a: str, b: str) -> Job:
    """Compare two dictionaries in a process of its own. Raises what `Jobs.start` raises."""
    command = [sys.executable, "-m", "bae.matching", str(workspace.folder), *sorted((a, b))]
    return runs.jobs(workspace).start(job_name(a, b), command)


def compare(workspace: Workspace, a: str, b: str, thresholds: Thresholds | None = None) -> Path:
    """Compare two dictionaries of the newest index and keep what was found; nothing is done where that is there already.

    Raises ValueError where there is no index, it lacks one of them, or the two are one; FileNotFoundError where it lacks their codes.
    """
    file = workspace.index_file()
    if file is None:
        raise ValueError(f"{workspace.folder} has no index yet; run `bae index`")
    index, (a, b), thresholds = Index(file), sorted((a, b)), thresholds or Thresholds()
    known = index.dictionaries()
    missing = [name for name in (a, b) if name not in known]
    if missing or a == b:
        told = f"the index has no dictionary {', '.join(missing)}" if missing else f"{a} cannot be compared with itself"
        raise ValueError(f"{told}; choose two of {', '.join(known)}")
    target = file_of(index, a, b, thresholds)
    if not target.exists():
        total = 2 * known[a].n_features
        with Progress("comparing features", total, "features", workspace.status_file(job_name(a, b))) as progress:
            write(_found(workspace, index, (known[a], known[b]), thresholds, progress.advance), target)
    index.close()
    return target


def _found(
    workspace: Workspace, index: Index, entries: Sequence[Dictionary], thresholds: Thresholds, advance: Callable[[int], None]
) -> Matches:
    first, second = (fired(Columns(index, entry.name)) for entry in entries)
    sides = match(first, second, thresholds, advance)
    shift = control_shift(np.diff(Layout.of(index).begins))
    by_chance = [side.tally() for side in match(first, shifted(second, shift), thresholds, advance)] if shift else [{}, {}]
    directions, no_cosine = _directions(workspace, entries)
    compared = []
    for side, entry in enumerate(entries):
        cosine = np.full(entry.n_features, np.nan)
        near = Nearest(np.full(entry.n_features, -1), cosine)
        if directions:
            cosine = cosines_of(directions[side], directions[1 - side], sides[side].best)
            near = nearest(directions[side], directions[1 - side])
        compared.append(Compared(entry.name, sides[side], cosine, near, by_chance[side]))
    return Matches(*compared, first.shape[0], shift, thresholds, no_cosine)


def control_shift(sentence_tokens: Sequence[int], seed: int = 0) -> int:
    """A random number of whole sentences, in tokens: at least a tenth of the text from either end; 0 for fewer than 10 sentences."""
    n = len(sentence_tokens)
    if n < 10:
        return 0
    by = int(np.random.default_rng(seed).integers(n // 10, n - n // 10))
    return int(np.sum(sentence_tokens[:by]))


def _directions(workspace: Workspace, entries: Sequence[Dictionary]) -> tuple[list[np.ndarray], str]:
    """The directions of both, or nothing and the reason why."""
    try:
        return [unit_rows(rows(workspace, entry)) for entry in entries], ""
    except ValueError as error:
        return [], str(error)


# the file


def write(matches: Matches, file: Path) -> None:
    """Keep a comparison, whole or not at all."""
    told = {
        "names": [matches.first.name, matches.second.name],
        "tokens": matches.tokens,
        "shift": matches.shift,
        "thresholds": asdict(matches.thresholds),
        "no_cosine": matches.no_cosine,
        "by_chance": [matches.first.by_chance, matches.second.by_chance],
    }
    table = pa.concat_tables([_table(number, one) for number, one in enumerate((matches.first, matches.second))])
    with written_whole(file) as draft:
        pq.write_table(table.replace_schema_metadata({METADATA: json.dumps(told)}), draft)


def _table(number: int, compared: Compared) -> pa.Table:
    side = compared.side
    return pa.table(
        {
            "side": pa.array(np.full(len(side.count), number), pa.int8()),
            "count": pa.array(side.count, pa.int64()),
            "relation": side.relation,
            "partners": pa.array(side.partners, pa.list_(pa.int32())),
            "best": pa.array(side.best, pa.int32()),
            "jaccard": pa.array(side.jaccard, pa.float64()),
            "both": pa.array(side.both, pa.int64()),
            "cosine": pa.array(compared.cosine, pa.float32()),
            "nearest": pa.array(compared.nearest.partner, pa.int32()),
            "nearest_cosine": pa.array(compared.nearest.cosine, pa.float32()),
        }
    )


def read(file: Path) -> Matches:
    """What was kept. Raises ValueError where the file is damaged or of another version."""
    try:
        table = pq.read_table(file)
        told = json.loads(table.schema.metadata[METADATA])
        first, second = (_compared(table, number, told) for number in (0, 1))
        return Matches(first, second, told["tokens"], told["shift"], Thresholds(**told["thresholds"]), told["no_cosine"])
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the comparison {file} is damaged ({error}); delete it and compare again") from error


def _compared(table: pa.Table, number: int, told: dict) -> Compared:
    own = table.filter(pa.compute.equal(table["side"], number))
    arrays = {name: own[name].to_numpy() for name in ("count", "best", "jaccard", "both", "cosine", "nearest", "nearest_cosine")}
    side = Side(
        arrays["count"], own["relation"].to_pylist(), own["partners"].to_pylist(), arrays["best"], arrays["jaccard"], arrays["both"]
    )
    near = Nearest(arrays["nearest"], arrays["nearest_cosine"])
    return Compared(told["names"][number], side, arrays["cosine"], near, told["by_chance"][number])
