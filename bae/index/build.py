"""Build an index: one pass of the language model serves all dictionaries of all layers, then each dictionary's tables are made.

What the model reads is kept shard by shard, so that a killed build goes on where it was and several processes can share the
reading; the tables are made of all shards, whoever read them. The index is written under a temporary name and renamed.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
from safetensors.torch import save_file

from bae.autoencoder.checkpoint import Provenance
from bae.index import schema
from bae.index.spool import Spool, dropped_positions, shard_file, write_shard
from bae.index.tables import DictionaryTables, Places, context_table, insert
from bae.model.language_model import LanguageModel
from bae.names import TITLES
from bae.reading.inspection import Lens
from bae.system import world
from bae.system.files import write_json, written_whole
from bae.system.progress import Progress
from bae.text import corpus
from bae.text.contexts import Context, Unit, contexts, read

FILE = "index.duckdb"
SHARD_TOKENS = 32_768
TABLES_AT_ONCE = 2
"""Dictionaries whose tables are made at the same time; each holds a shard's codes in memory."""


@dataclass(frozen=True)
class IndexConfig:
    """Which text the index shows."""

    sources: tuple[str, ...]
    contexts: int = 8192
    """Sentences, as the N of ComSem; fewer where the text ends sooner."""
    unit: Unit = "sentence"
    shortest: int = 6
    longest: int = 32
    """Tokens of a context, BOS included; sentences outside are left out, longer windows are cut."""
    seed: int = 0
    keep_states: bool = False
    """Keep the hidden states too, in fp16."""

    def __post_init__(self):
        if self.contexts < 1 or not 2 <= self.shortest <= self.longest:
            raise ValueError(f"an index needs contexts >= 1 and 2 <= shortest <= longest; got {self}")


def build_index(
    model: LanguageModel,
    lenses: dict[str, Lens],
    provenance: dict[str, Provenance],
    config: IndexConfig,
    folder: Path,
    status: Path | None = None,
) -> Path:
    """Build the index of these dictionaries in `folder` and return its DuckDB file; `folder/current` then names it.

    Its name carries a hash of all that it depends on: an index that is there already is not built again.
    Raises ValueError when there is no dictionary or no text, OSError when the disk is full.
    """
    if not lenses:
        raise ValueError("an index needs at least one dictionary; train or import an autoencoder first")
    told = {"config": asdict(config), "model": model.fingerprint, "dictionaries": {n: asdict(p) for n, p in provenance.items()}}
    digest = hashlib.sha256(json.dumps([schema.VERSION, told], sort_keys=True).encode()).hexdigest()[:12]
    target, reading = folder / f"index-{digest}", folder / f"reading-{digest}"
    if not target.exists():
        group = chosen_contexts(model, config)
        _read_all(model, lenses, group, reading, config.keep_states, status)
        world.wait()
        if world.rank() == 0:
            with written_whole(target) as draft:
                draft.mkdir()
                _write(draft, model, group, lenses, reading, provenance, config, status)
            for done in folder.glob("reading-*"):  # also what a build of other dictionaries left when it was killed
                shutil.rmtree(done)
    if world.rank() == 0:
        with written_whole(folder / "current") as draft:
            draft.write_text(f"{target.name}\n", encoding="utf-8")
    world.wait()
    return target / FILE


def chosen_contexts(model: LanguageModel, config: IndexConfig) -> list[Context]:
    """The contexts of the index: from text that trained no autoencoder, no two alike, in corpus order."""
    stream = contexts(model, corpus.documents(config.sources, "index", config.seed), config.unit, config.longest, config.shortest)
    chosen: dict[str, Context] = {}
    for context in stream:
        chosen.setdefault(" ".join(context.text.lower().split()), context)
        if len(chosen) == config.contexts:
            break
    if not chosen:
        raise ValueError(f"the index split of {', '.join(config.sources)} holds no text of {config.shortest} to {config.longest} tokens")
    return list(chosen.values())


def shards(group: list[Context], tokens: int = SHARD_TOKENS) -> Iterator[list[Context]]:
    """Cut a list of contexts into runs of about `tokens` tokens."""
    run, size = [], 0
    for context in group:
        run.append(context)
        size += len(context.ids) - 1
        if size >= tokens:
            yield run
            run, size = [], 0
    if run:
        yield run


def _read_all(
    model: LanguageModel, lenses: dict[str, Lens], group: list[Context], reading: Path, keep_states: bool, status: Path | None
) -> None:
    """Leave the spooled codes of every shard in `reading`. Several processes (`bae.system.world`) take the shards in turn."""
    places = list(dict.fromkeys(lens.place for lens in lenses.values()))
    reading.mkdir(parents=True, exist_ok=True)
    tokens = sum(len(context.ids) - 1 for context in group)
    with Progress("reading sentences", tokens, "tokens", status if world.rank() == 0 else None) as progress:
        for number, shard in enumerate(shards(group)):
            file = shard_file(reading, number)
            size = sum(len(context.ids) - 1 for context in shard)
            if file.exists():
                progress.skip(size)
                continue
            if number % world.size() != world.rank():
                progress.advance(size)  # another rank reads it meanwhile
                continue
            states = read(model, shard, places, progress.advance)
            kept = {name: lens.autoencoder.scaling.to("cpu").keeps(states[lens.place]) for name, lens in lenses.items()}
            if keep_states:
                with written_whole(shard_file(reading / "states", number)) as draft:
                    save_file({f"layer.{layer}": vectors for layer, vectors in states.items()}, draft)
            # the codes come last: where they are, the shard is whole
            write_shard(lenses, states, kept, file)


def _write(
    draft: Path,
    model: LanguageModel,
    group: list[Context],
    lenses: dict[str, Lens],
    reading: Path,
    provenance: dict[str, Provenance],
    config: IndexConfig,
    status: Path | None,
) -> None:
    connection = duckdb.connect(draft / FILE)
    connection.execute(schema.TABLES)
    insert(connection, "context", context_table(group, dropped_positions(reading, [len(context.ids) - 1 for context in group])))
    places = Places.of(group)
    spools = {name: Spool(name, lens, reading) for name, lens in lenses.items()}
    if config.keep_states:
        shutil.copytree(reading / "states", draft / "states")

    def make(name: str) -> DictionaryTables:
        return DictionaryTables.make(name, spools[name], places, draft / "codes" / name, config.seed)

    # sorts and counts are of one thread each, and let go of the interpreter's lock
    with ThreadPoolExecutor(TABLES_AT_ONCE) as threads, Progress("writing tables", len(spools), "dictionaries", status) as progress:
        for (name, spool), tables in zip(spools.items(), threads.map(make, spools), strict=True):
            insert(connection, "feature", tables.features)
            insert(connection, "example", tables.examples)
            lens = spool.lens
            connection.execute(
                "insert into dictionary values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [name, lens.autoencoder.kind, TITLES[lens.autoencoder.kind], lens.layer, spool.n_features,
                 lens.magnitude.name, lens.magnitude.unit, spool.tokens, json.dumps(asdict(provenance[name]))],
            )  # fmt: skip
            progress.advance(1)
    told = {
        "version": schema.VERSION,
        "model": model.title,
        "model_name": model.name,
        "model_fingerprint": model.fingerprint,
        "contexts": len(group),
        "tokens": sum(len(context.ids) - 1 for context in group),
        "config": json.dumps(asdict(config)),
    }
    connection.executemany("insert into meta values (?, ?)", [[key, str(value)] for key, value in told.items()])
    connection.execute("checkpoint")
    connection.close()
    write_json(draft / "index.json", told)


def build(workspace) -> Path:
    """Build the index of a workspace: its model, every dictionary that fits, the recipe's text."""
    from bae.reading.lenses import load_lenses

    recipe = workspace.recipe
    model = LanguageModel.load(recipe.model)
    lenses = load_lenses(workspace.folder / "autoencoders", model)
    config = IndexConfig(
        tuple(recipe.sources), recipe.index_sentences, shortest=recipe.shortest_sentence, longest=recipe.longest_sentence, seed=recipe.seed
    )
    return build_index(
        model, lenses.usable, lenses.provenance, config, workspace.folder / "index", workspace.folder / "status" / "index.json"
    )


__all__ = ["IndexConfig", "build", "build_index", "chosen_contexts"]
