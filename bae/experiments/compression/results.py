"""What the compression experiment is run with, and what it found: rows in a Parquet file of the workspace, and as a table."""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet

from bae.compression.positions import ALL
from bae.system.files import written_whole
from bae.workspace import Workspace

if TYPE_CHECKING:
    from bae.states.harvest import HiddenStates


@dataclass(frozen=True)
class Settings:
    """What is run."""

    vectors: int = 20_480
    """Held-out hidden states to compress, where the workspace holds no held-out harvest; else all of that."""
    fitted: int = 65_536
    """Hidden states of training text that baselines are fitted on."""
    spliced_tokens: int = 4096
    """Held-out tokens that the language model is run on."""
    thresholds: tuple[float, ...] = (ALL, -0.2, -0.15, -0.1, -0.05, 0.0)

    def __post_init__(self) -> None:
        for name in ("vectors", "fitted", "spliced_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more; got {getattr(self, name)}")
        if ALL not in self.thresholds:
            raise ValueError(f"the thresholds must have {ALL:g} among them, which others are compared with; got {list(self.thresholds)}")


@dataclass(frozen=True)
class Row:
    """One way to write a set of hidden states. Sizes are in bytes and of the whole set."""

    dictionary: str
    """The BAE; for a baseline, the one whose size it is matched to and whose vectors it writes."""
    digest: str
    layer: int
    entropy_weight: float | None
    """alpha_e that the BAE was trained with, in the units of scaled hidden states; None where its checkpoint does not say."""
    method: str
    """`codes`, `codes, norm`, `codes, gain`, or a baseline."""
    threshold: float | None
    """In bits; None for a baseline."""
    vectors: int
    bits: float
    """A vector; of a file everything in it, of a baseline its numbers alone."""
    size: float
    ratio: float
    """To fp16."""
    ratio_with_model: float | None
    """To fp16, the BAE counted; None for a baseline, whose method is not counted."""
    bound: float | None
    """What the stored bits take at `-sum log2 q`."""
    entropy: float | None
    """What they take at `n sum H(p)`."""
    positions: int | None
    """What the paper's indices take."""
    lost: float | None
    """Share of bursts that the threshold leaves out."""
    mse: float
    fvu: float | None
    cosine: float
    length: float
    """Of reconstructions over that of hidden states."""
    ce: float
    """Of the model as it is, in nats a token."""
    delta_ce: float
    """What the reconstruction costs, in nats a token."""
    ce_score: float
    spliced_tokens: int


def results_file(workspace: Workspace) -> Path:
    """Where rows are kept."""
    return workspace.folder / "compression" / "results.parquet"


def compressed_file(workspace: Workspace, name: str) -> Path:
    """The held-out set as codes of one BAE, nothing lost of them."""
    return workspace.folder / "compression" / f"{name}.baec"


def read_rows(workspace: Workspace) -> list[Row]:
    """What was kept so far; none before a run."""
    file = results_file(workspace)
    return [Row(**row) for row in pyarrow.parquet.read_table(file).to_pylist()] if file.is_file() else []


TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), float | None: pa.float64(), int | None: pa.int64()}


def keep(workspace: Workspace, settings: Settings, rows: Sequence[Row], about: Mapping[str, object]) -> None:
    """Write all rows, with `about` and what else made them."""
    provenance = {
        "command": f"python -m bae.experiments.compression.experiment {workspace.folder} "
        f"--vectors {settings.vectors} --spliced-tokens {settings.spliced_tokens}",
        "settings": asdict(settings),
        **_text(workspace),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        **about,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    schema = pa.schema([(field.name, TYPES[field.type]) for field in fields(Row)], {"provenance": json.dumps(provenance)})
    with written_whole(results_file(workspace)) as draft:
        pyarrow.parquet.write_table(pa.Table.from_pylist([asdict(row) for row in rows], schema), draft)


def read_provenance(workspace: Workspace) -> dict | None:
    """How the kept rows were made: command, settings, model, text, machine, date; None before a run."""
    file = results_file(workspace)
    return json.loads(pyarrow.parquet.read_schema(file).metadata[b"provenance"]) if file.is_file() else None


def record_digest(states: "HiddenStates") -> str:
    """What tells a harvest from others: all that its record says of model, text and layers, and how many vectors it holds."""
    told = json.dumps([states.record, len(states)], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def same_run(workspace: Workspace, settings: Settings, model_fingerprint: str, harvests: Mapping[str, str]) -> bool:
    """Whether the kept rows were made with these settings, this model and the same text, so that a run can go on with them.

    `harvests` has the digest of each split's record.
    """
    now = _text(workspace) | {"settings": asdict(settings), "model_fingerprint": model_fingerprint, "harvests": dict(harvests)}
    told = read_provenance(workspace) or {}
    return all(told.get(name) == value for name, value in json.loads(json.dumps(now)).items())


def _text(workspace: Workspace) -> dict[str, object]:
    """What text the workspace reads, as provenance tells it."""
    recipe = workspace.recipe
    return {"sources": recipe.sources, "context_length": recipe.context_length, "seed": recipe.seed}


COLUMNS: dict[str, tuple[str, Callable[[Row], object]]] = {
    "dictionary": ("{}", lambda row: row.dictionary),
    "layer": ("{}", lambda row: row.layer),
    "alpha_e": ("{:.2g}", lambda row: row.entropy_weight),
    "method": ("{}", lambda row: row.method),
    "threshold, bits": ("{:g}", lambda row: row.threshold),
    "bits a vector": ("{:.1f}", lambda row: row.bits),
    "% of fp16": ("{:.2f}", lambda row: 100 * row.ratio),
    "with model, %": ("{:.1f}", lambda row: row.ratio_with_model and 100 * row.ratio_with_model),
    "file / bound": ("{:.3f}", lambda row: row.size / row.bound if row.bound else None),
    "indices, bits": ("{:.0f}", lambda row: row.positions and 8 * row.positions / row.vectors),
    "bursts lost, %": ("{:.1f}", lambda row: None if row.lost is None else 100 * row.lost),
    "MSE": ("{:.3g}", lambda row: row.mse),
    "FVU": ("{:.3f}", lambda row: row.fvu),
    "cosine": ("{:.3f}", lambda row: row.cosine),
    "length": ("{:.3f}", lambda row: row.length),
    "delta-CE, nats": ("{:.3f}", lambda row: row.delta_ce),
}


def table(rows: Sequence[Row]) -> list[str]:
    """As Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        cells = ((form, value(row)) for form, value in COLUMNS.values())
        lines.append("| " + " | ".join("" if value is None else form.format(value) for form, value in cells) + " |")
    return lines
