"""Text -> hidden states on disk, with token, document and position kept beside every vector.

Shards of about `SHARD_TOKENS` tokens, fp16, each written whole: killed and started again, a harvest goes on with the next
shard. Memory holds one shard whatever the corpus. Does not train.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import torch
from jaxtyping import Bool, Float
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from bae.autoencoder import Autoencoder, Pair
from bae.model.language_model import LanguageModel, Place, place
from bae.states.scaling import Scaling
from bae.system import world
from bae.system.files import write_json, written_whole
from bae.system.progress import Progress
from bae.text import corpus
from bae.text.contexts import Context, Unit, contexts, read

SHARD_TOKENS = 32_768


@dataclass(frozen=True)
class HarvestConfig:
    """What to read, and how much of it."""

    layers: tuple[int | Place, ...]
    """Hidden states after these blocks; a `Place` for what an MLP reads, which a Transcoder needs."""
    sources: tuple[str, ...]
    """Corpora, as `bae.text.corpus.documents` names them."""
    tokens: int
    """Hidden states to keep a layer; fewer where the text ends sooner."""
    split: str = "train"
    unit: Unit = "window"
    context_length: int = 256
    """Tokens, BOS included."""
    seed: int = 0

    def __post_init__(self):
        if not self.layers or self.tokens < 1:
            raise ValueError(f"a harvest needs a layer and at least one token; got {self.layers=}, {self.tokens=}")


def harvest(model: LanguageModel, config: HarvestConfig, folder: Path, status: Path | None = None) -> "HiddenStates":
    """Read the corpus through the model and keep the hidden states of `config.layers` in `folder`.

    Goes on where an earlier run stopped. Several processes (`bae.system.world`) take the shards in turn, each its own.
    Raises ValueError when `folder` holds a harvest with another config or model, OSError when the disk is full (finished
    shards stay).
    """
    if world.rank() == 0:
        _claim(folder, model, config)
    world.wait()
    if (folder / "scaling.safetensors").exists():
        return HiddenStates(folder)
    documents = corpus.documents(config.sources, config.split, config.seed)
    stream = contexts(model, documents, config.unit, config.context_length)
    kept = 0
    with Progress("harvest", config.tokens, "tokens", status if world.rank() == 0 else None) as progress:
        for number, shard in enumerate(_shards(stream, config.tokens)):
            size = sum(len(context.ids) - 1 for context in shard)
            kept += size
            if (folder / f"{number:05}.safetensors").exists():
                progress.skip(size)
            elif number % world.size() != world.rank():
                progress.advance(size)  # another rank reads it meanwhile
            else:
                _write_shard(model, config.layers, shard, folder, number, progress.advance)
    if not kept:
        raise ValueError(f"the {config.split} split of {', '.join(config.sources)} holds no text to harvest")
    world.wait()
    states = HiddenStates(folder)
    if world.rank() == 0:
        _measure(states)
    world.wait()
    return states


def _claim(folder: Path, model: LanguageModel, config: HarvestConfig) -> None:
    told = {
        **asdict(config),
        "layers": [str(p) if isinstance(p, Place) else p for p in config.layers],
        "model": model.name,
        "fingerprint": model.fingerprint,
        "d_model": model.d_model,
        "bos_id": model.bos_id,
    }
    told = json.loads(json.dumps(told))
    record = folder / "harvest.json"
    # a claim without vectors binds nobody: a mistyped corpus can be put right in the same folder
    if record.exists() and any(folder.glob("[0-9]*.safetensors")):
        found = json.loads(record.read_text(encoding="utf-8"))
        different = [f"{key} (there {found.get(key)!r}, now {value!r})" for key, value in told.items() if found.get(key) != value]
        if different:
            raise ValueError(f"{folder} holds another harvest, which differs in {'; '.join(different)}; give another folder or delete it")
    else:
        write_json(record, told)


def _shards(stream: Iterator[Context], tokens: int) -> Iterator[list[Context]]:
    """Group contexts into shards, `tokens` in all: the same groups in every run, so that a shard's number names its text."""
    left = tokens
    shard: list[Context] = []
    filled = 0
    for context in stream:
        room = min(len(context.ids) - 1, left)
        shard.append(context._replace(ids=context.ids[: room + 1], spans=context.spans[: room + 1]))
        filled, left = filled + room, left - room
        if filled >= SHARD_TOKENS or not left:
            yield shard
            shard, filled = [], 0
        if not left:
            return
    if shard:
        yield shard


def _write_shard(
    model: LanguageModel, layers: tuple[int | Place, ...], shard: list[Context], folder: Path, number: int, advance: Callable[[int], None]
) -> None:
    states = read(model, shard, layers, advance)
    # the norm of what is stored: a value beyond fp16 is inf, and such a token is dropped
    norms = {layer: vectors.float().norm(dim=-1) for layer, vectors in states.items()}
    table = {
        "token": pa.array([token for context in shard for token in context.ids[1:]], pa.int32()),
        "document": pa.array([context.document for context in shard for _ in context.ids[1:]]).dictionary_encode(),
        "position": pa.array([position for context in shard for position in range(1, len(context.ids))], pa.int32()),
        "start": pa.array([context.start for context in shard for _ in context.ids[1:]], pa.int32()),
        **{f"norm.{layer}": pa.array(norms[layer].numpy()) for layer in layers},
    }
    with written_whole(folder / f"{number:05}.parquet") as draft:
        pyarrow.parquet.write_table(pa.table(table), draft)
    # the vectors come last: where they are, the shard is whole
    with written_whole(folder / f"{number:05}.safetensors") as draft:
        save_file({f"layer.{layer}": vectors for layer, vectors in states.items()}, draft)


def _measure(states: "HiddenStates") -> None:
    tensors, figures = {}, {}
    for layer in states.layers:
        norms = torch.cat([states.norms(number, layer) for number in range(states.n_shards)])
        scaling = Scaling.measure(norms, (states.shard(number, layer) for number in range(states.n_shards)))
        tensors[f"layer.{layer}"] = scaling.mean
        figures[layer] = {
            "scale": scaling.scale,
            "norm_limit": scaling.norm_limit,
            "tokens": scaling.tokens,
            "dropped": scaling.dropped,
            "median_norm": norms[norms.isfinite()].median().item(),
        }
    write_json(states.folder / "scaling.json", figures)
    with written_whole(states.folder / "scaling.safetensors") as draft:
        save_file(tensors, draft)


class HiddenStates:
    """A harvest on disk. Vectors are raw, fp16, memory-mapped; nothing is loaded that is not asked for."""

    def __init__(self, folder: Path):
        record = folder / "harvest.json"
        if not record.is_file():
            raise FileNotFoundError(f"{folder} holds no harvest; `bae harvest` makes one")
        self.folder, self.record = folder, json.loads(record.read_text(encoding="utf-8"))
        self.layers: list[int | str] = self.record["layers"]
        """As they name tensors: a number, or the name of a `Place`."""
        self.n_shards = len(list(folder.glob("[0-9]*.safetensors")))

    def __len__(self) -> int:
        """Hidden states a layer, dropped ones included."""
        return sum(pyarrow.parquet.read_metadata(self.folder / f"{number:05}.parquet").num_rows for number in range(self.n_shards))

    def shard(self, number: int, layer: int | str | Place) -> Float[Tensor, "token d_model"]:
        """The vectors of one shard, in fp16."""
        with safe_open(self.folder / f"{number:05}.safetensors", framework="pt") as file:
            return file.get_tensor(f"layer.{self._known(layer)}")

    def _known(self, layer: int | str | Place) -> int | str | Place:
        if str(layer) not in map(str, self.layers):
            raise ValueError(f"{self.folder} holds the states of {', '.join(map(str, self.layers))}; it was not made with {layer}")
        return layer

    def norms(self, number: int, layer: int | str | Place) -> Float[Tensor, " token"]:
        """The norms of one shard's vectors as they are stored; inf or nan where a value was beyond fp16."""
        column = pyarrow.parquet.read_table(self.folder / f"{number:05}.parquet", columns=[f"norm.{self._known(layer)}"]).column(0)
        return torch.from_numpy(column.to_numpy().copy())

    def tokens(self, number: int) -> pa.Table:
        """Token, document, position and start of every vector of one shard."""
        return pyarrow.parquet.read_table(self.folder / f"{number:05}.parquet", columns=["token", "document", "position", "start"])

    def scaling(self, layer: int | str | Place) -> Scaling:
        """The scaling that was measured on this harvest. Raises FileNotFoundError while the harvest is unfinished."""
        file = self.folder / "scaling.safetensors"
        if not file.is_file():
            raise FileNotFoundError(f"the harvest in {self.folder} is not finished; run the same command again to go on with it")
        figures = json.loads((self.folder / "scaling.json").read_text(encoding="utf-8"))[str(layer)]
        figures.pop("median_norm")
        return Scaling(mean=load_file(file)[f"layer.{layer}"], **figures)

    def keeps(self, number: int, layer: int, autoencoder: Autoencoder, filtered: bool = True) -> Bool[Tensor, " token"]:
        """Which tokens of a shard an autoencoder may see: those whose states, read and written, are within the norm limits.

        Not `filtered`, all whose states are finite.
        """
        limits = {layer: autoencoder.written_scaling.norm_limit, place(layer, autoencoder.site): autoencoder.scaling.norm_limit}
        within = (
            self.norms(number, where) <= limit if filtered else self.norms(number, where).isfinite() for where, limit in limits.items()
        )
        return torch.stack(list(within)).all(0)

    def kept(self, layer: int, autoencoder: Autoencoder) -> int:
        """How many tokens of all shards an autoencoder may see."""
        return sum(self.keeps(number, layer, autoencoder).sum().item() for number in range(self.n_shards))

    def pairs(self, number: int, layer: int, autoencoder: Autoencoder, filtered: bool = True) -> Pair:
        """What an autoencoder reads and writes in one shard, of the tokens that it may see or of all finite ones; fp16, raw."""
        keep = self.keeps(number, layer, autoencoder, filtered)
        read_at = place(layer, autoencoder.site)
        if read_at == layer:
            return Pair.same(self.shard(number, layer)[keep])
        return Pair(self.shard(number, read_at)[keep], self.shard(number, layer)[keep])

    def all_pairs(self, layer: int, autoencoder: Autoencoder, filtered: bool = True) -> "Pairs":
        """The pairs of every shard, one shard in memory at a time; may be gone through again and again.

        Not `filtered`, those beyond the norm limits are among them.
        """
        return Pairs(self, layer, autoencoder, filtered)


@dataclass(frozen=True)
class Pairs:
    """What an autoencoder reads and writes in a whole harvest."""

    states: HiddenStates
    layer: int
    autoencoder: Autoencoder
    filtered: bool = True

    def __iter__(self) -> Iterator[Pair]:
        return (self.states.pairs(number, self.layer, self.autoencoder, self.filtered) for number in range(self.states.n_shards))
