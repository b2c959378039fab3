"""A folder that holds one study, and the recipe that made it.

    recipe.toml  harvest/<split>/  autoencoders/<name>/  index/  notebook.sqlite  status/<stage>.json  logs/

Knows where things lie, not what is in them: the options of an autoencoder are checked by what they configure.
"""

import json
import math
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from bae.system.files import written_whole
from bae.system.parsing import parsed_toml

DATA = Path(__file__).parents[1] / "data"
KINDS = ("binary", "relu", "topk", "gated", "batchtopk", "twopath", "transcoder")
"""Kinds that can be trained."""
MEASURED = ("steering", "entropy", "compression")
"""Folders of what was measured on the demo, which a demo made anew does not have."""
MIDDLE = "middle"
"""As a layer: half of the model's depth, whatever the model."""

Layer = int | Literal["middle"]


@dataclass(frozen=True)
class Recipe:
    """What a study is made of. Read from TOML; every field but `layers` and `autoencoders` has a default there."""

    layers: tuple[Layer, ...]
    """Hidden states that are harvested."""
    autoencoders: tuple[Mapping[str, object], ...]
    """One mapping a `[[autoencoder]]` table: name, kind, layer, and options of its architecture and training."""
    model: str = "embedded"
    """`embedded`, a folder, or a hub id."""
    sources: tuple[str, ...] = ("addresses", "reviews")
    """Corpora, as `bae.text.corpus.documents` names them."""
    train_tokens: int = 1_000_000
    held_out_tokens: int = 50_000
    context_length: int = 256
    """Tokens of a window, BOS included."""
    index_sentences: int = 8192
    shortest_sentence: int = 6
    longest_sentence: int = 32
    """Tokens of a sentence in the index, BOS included."""
    seed: int = 0

    def __post_init__(self):
        _check_types(self)
        if not self.layers or any(layer < 0 if isinstance(layer, int) else layer != MIDDLE for layer in self.layers):
            raise ValueError(f'layers must name at least one layer: numbers from 0 up, or "{MIDDLE}"; got {list(self.layers)}')
        counts = ("train_tokens", "held_out_tokens", "index_sentences", "shortest_sentence")
        small = [f"{name} = {getattr(self, name)}" for name in counts if getattr(self, name) < 1]
        if small:
            raise ValueError(f"a recipe's counts must be 1 or more; got {', '.join(small)}")
        if self.context_length < 2 or not self.shortest_sentence <= self.longest_sentence:
            raise ValueError(
                "context_length must be 2 or more and shortest_sentence at most longest_sentence; got "
                f"{self.context_length=}, {self.shortest_sentence=}, {self.longest_sentence=}"
            )
        for table in self.autoencoders:
            _check_autoencoder(table, self.layers)
        names = [table["name"] for table in self.autoencoders]
        if len(set(names)) < len(names):
            raise ValueError(f"two autoencoders of a recipe have one name: {', '.join(names)}")

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Read a TOML file. Raises ValueError, naming the file and what is allowed, FileNotFoundError where there is none."""
        if not path.is_file():
            raise FileNotFoundError(f"there is no recipe {path}")
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """The recipe that a TOML text spells. `layers` may be a list of numbers, or "middle" alone."""
        told = parsed_toml(text)
        tables = told.pop("autoencoder", [])
        allowed = [field.name for field in fields(cls) if field.name != "autoencoders"]
        unknown = sorted(set(told) - set(allowed))
        if unknown:
            raise ValueError(f"unknown key {', '.join(unknown)}; a recipe has {', '.join(allowed)} and [[autoencoder]] tables")
        if "layers" not in told:
            raise ValueError(f'a recipe needs layers: a list of numbers, or "{MIDDLE}"')
        if told["layers"] == MIDDLE:
            told["layers"] = [MIDDLE]
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise ValueError("autoencoders are written as [[autoencoder]] tables")
        told = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
        return cls(autoencoders=tuple(MappingProxyType(table) for table in tables), **told)

    def toml(self) -> str:
        """The recipe as a TOML text, which `parse` reads back to an equal recipe."""
        names = [field.name for field in fields(self) if field.name != "autoencoders"]
        top = [_toml_line(name, getattr(self, name)) for name in names]
        tables = ["\n".join(["[[autoencoder]]", *(_toml_line(*item) for item in table.items())]) for table in self.autoencoders]
        return "\n\n".join(["\n".join(top), *tables]) + "\n"

    def settled(self, n_layers: int) -> "Recipe":
        """The same for a model of `n_layers` blocks: every "middle" becomes a number. Raises ValueError for a layer it lacks."""

        def number(layer: Layer) -> int:
            return n_layers // 2 if layer == MIDDLE else layer

        layers = tuple(dict.fromkeys(number(layer) for layer in self.layers))
        if max(layers) > n_layers:
            raise ValueError(f"{self.model} has layers 0 to {n_layers}; the recipe asks for {max(layers)}")
        tables = tuple(MappingProxyType({**table, "layer": number(table["layer"])}) for table in self.autoencoders)
        return replace(self, layers=layers, autoencoders=tables)


def _check_types(recipe: Recipe) -> None:
    for name in ("train_tokens", "held_out_tokens", "context_length", "index_sentences", "shortest_sentence", "longest_sentence", "seed"):
        value = getattr(recipe, name)
        if type(value) is not int:  # bool is an int too, and no count
            raise ValueError(f"{name} must be a whole number; got {value!r}")
    if not isinstance(recipe.model, str) or not recipe.model:
        raise ValueError(f'model must be "embedded", a folder or a hub id; got {recipe.model!r}')
    for name, kinds, words in (("sources", (str,), "texts"), ("layers", (int, str), f'numbers, or "{MIDDLE}"')):
        value = getattr(recipe, name)
        if not isinstance(value, tuple) or not value or any(type(item) not in kinds for item in value):
            raise ValueError(f"{name} must be a list of {words}, not empty; got {list(value) if isinstance(value, tuple) else value!r}")


def _check_autoencoder(table: Mapping[str, object], layers: tuple[Layer, ...]) -> None:
    missing = [key for key in ("name", "kind", "layer") if key not in table]
    if missing:
        raise ValueError(f"an [[autoencoder]] table needs name, kind and layer; {dict(table)} lacks {', '.join(missing)}")
    name = table["name"]
    if not isinstance(name, str) or not name or not all(letter.isascii() and (letter.isalnum() or letter in "-_.") for letter in name):
        raise ValueError(f"an autoencoder's name is a folder: letters, digits, - _ and . only; got {name!r}")
    if name.startswith("."):
        raise ValueError(f"an autoencoder's name does not start with a dot; got {name!r}")
    if table["kind"] not in KINDS:
        raise ValueError(f"autoencoder {name} has the unknown kind {table['kind']!r}; there are {', '.join(KINDS)}")
    if not isinstance(table.get("then", {}), Mapping):
        raise ValueError(f"autoencoder {name}: `then` is a table of options, as in then = {{ steps = 500 }}; got {table['then']!r}")
    for key, value in table.items():
        for part in value.values() if isinstance(value, Mapping) and key == "then" else [value]:
            _check_option(name, part)
    if table["layer"] not in layers:
        raise ValueError(f"autoencoder {name} reads layer {table['layer']!r}, which is not harvested; layers are {list(layers)}")


def _check_option(name: str, value: object) -> None:
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str | int) or (isinstance(part, float) and math.isfinite(part)) for part in parts):
        raise ValueError(f"autoencoder {name}: options are texts, finite numbers, true or false, or lists of these; got {value!r:.80}")


def _toml_line(name: str, value: object) -> str:
    name = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml_text(name)
    if isinstance(value, Mapping):
        return f"{name} = {{ {', '.join(_toml_line(*item) for item in value.items())} }}"
    return f"{name} = {_toml_text(value)}"


def _toml_text(value: object) -> str:
    # strings, numbers, booleans and flat lists are written alike in JSON and TOML, but for the DEL character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(frozen=True)
class Workspace:
    """One study on disk. Opening it reads the recipe and nothing else."""

    folder: Path
    recipe: Recipe

    @classmethod
    def open(cls, folder: Path) -> "Workspace":
        """Raises FileNotFoundError where there is no study, ValueError where its recipe is wrong."""
        if not (folder / "recipe.toml").is_file():
            raise FileNotFoundError(f"{folder} holds no study; it needs a recipe.toml (`bae app` makes one)")
        return cls(folder.resolve(), Recipe.read(folder / "recipe.toml"))

    @classmethod
    def create(cls, folder: Path, recipe_path: Path, model: str | None = None) -> "Workspace":
        """Begin a study in a new or empty folder, with a recipe, for another `model` than the recipe's if one is given.

        Raises FileExistsError when the folder holds something, and what `Recipe.read` raises; nothing is written then.
        """
        recipe = Recipe.read(recipe_path)
        # a recipe that is taken as it is keeps its comments
        text = recipe_path.read_text(encoding="utf-8") if model is None else replace(recipe, model=model).toml()
        return cls._begin(folder, text)

    @classmethod
    def demo(cls, folder: Path) -> "Workspace":
        """The study that comes with the explorer, trained autoencoders included: opened, or copied where there is none yet."""
        if (folder / "recipe.toml").is_file():
            return cls.open(folder)
        recipe = DATA / "demo" / "recipe.toml"
        Recipe.read(recipe)
        return cls._begin(folder, recipe.read_text(encoding="utf-8"), DATA / "demo")

    @classmethod
    def _begin(cls, folder: Path, recipe: str, demo: Path | None = None) -> "Workspace":
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise FileExistsError(f"{folder} exists and is not a study; give another folder, or delete it")
        with written_whole(folder.absolute()) as draft:
            draft.mkdir()
            (draft / "recipe.toml").write_text(recipe, encoding="utf-8")
            if demo:
                shutil.copytree(demo / "autoencoders", draft / "autoencoders")
                for name in MEASURED:
                    if (demo / name).is_dir():
                        shutil.copytree(demo / name, draft / name)
                shutil.copy(demo / "labels.parquet", draft)
        return cls.open(folder)

    def settled(self, n_layers: int) -> "Workspace":
        """The study with its recipe's layers as numbers, for a model of `n_layers` blocks; the recipe on disk follows."""
        recipe = self.recipe.settled(n_layers)
        if recipe != self.recipe:
            with written_whole(self.folder / "recipe.toml") as draft:
                draft.write_text(recipe.toml(), encoding="utf-8")
        return Workspace(self.folder, recipe)

    def autoencoder_names(self) -> tuple[str, ...]:
        """The dictionaries that are there, trained or imported: the recipe's in its order, then others by name."""
        there = {config.parent.name for config in (self.folder / "autoencoders").glob("*/config.json")}
        there = {name for name in there if not name.startswith(".")}
        ordered = [table["name"] for table in self.recipe.autoencoders if table["name"] in there]
        return (*ordered, *sorted(there.difference(ordered)))

    def autoencoder_table(self, name: str) -> Mapping[str, object]:
        """The recipe's table of one autoencoder. Raises ValueError that names those there are."""
        tables = {table["name"]: table for table in self.recipe.autoencoders}
        if name not in tables:
            raise ValueError(f"the recipe has no autoencoder {name!r}; it has {', '.join(tables) or 'none'}")
        return tables[name]

    def index_file(self) -> Path | None:
        """The newest index; None before one was built. Raises FileNotFoundError when it was deleted under its pointer."""
        pointer = self.folder / "index" / "current"
        if not pointer.is_file():
            return None
        file = self.folder / "index" / Path(pointer.read_text(encoding="utf-8").strip()).name / "index.duckdb"
        if not file.is_file():
            raise FileNotFoundError(f"the index {file} is gone; delete {pointer} and run `bae index` to build it again")
        return file

    def harvest_folder(self, split: str) -> Path:
        """Where the hidden states of a split lie."""
        return self.folder / "harvest" / split

    def autoencoder_folder(self, name: str) -> Path:
        """Where the checkpoint of one dictionary lies."""
        return self.folder / "autoencoders" / name

    def evaluation_file(self, name: str) -> Path:
        """What `bae evaluate` found of one dictionary."""
        return self.folder / "evaluation" / f"{name}.json"

    @property
    def rates_file(self) -> Path:
        """The rate-distortion points of its dictionaries (`bae evaluate --rates`)."""
        return self.folder / "rates.json"

    @property
    def fits_file(self) -> Path:
        """How well its dictionaries reconstruct fresh hidden states (`bae.measures.fit`)."""
        return self.folder / "fits.json"

    @property
    def notebook_file(self) -> Path:
        """The SQLite file of what people and jobs write."""
        return self.folder / "notebook.sqlite"

    def status_file(self, stage: str) -> Path:
        """The small file in which long work says how far it is (`bae.system.progress`)."""
        return self.folder / "status" / f"{stage}.json"

    def log_file(self, stage: str) -> Path:
        """What a process that runs apart from the page prints."""
        return self.folder / "logs" / f"{stage}.log"
