"""What is reproduced at which scale: a TOML file of `data/recipes/reproduction`.

title = "..."                     # how the report is headed
study = "workshop"                # a recipe of data/recipes, or a file, for a workspace that is not there yet
blocks = 30                       # of the language model, with its width and parameters: for estimates, and to tell depths
[[autoencoder]]                   # tables besides those of the study: more-bit decoding
[[judge]]                         # who labels
[entropy.language]                # recipe, and settings that differ from it
[movies] [compression]
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from bae.workspace import DATA, Recipe

FOLDER = DATA / "recipes" / "reproduction"
EXPERIMENTS = ("synthetic", "language", "icl", "tokens", "dynamics")


@dataclass(frozen=True)
class JudgeColumn:
    """A judge with a column of its own."""

    name: str
    """As `judges.toml` and the built-in judges have it."""
    title: str
    """What the column is headed by."""
    features: int | None = None
    """How many of a dictionary's activated features are asked about, spread evenly over how often they are; None: all."""
    layers: tuple[int, ...] = ()
    """Whose dictionaries; none named: all of the table's."""
    scores: bool = False
    """Whether it gives numbers to labels that are there instead of writing some."""

    def __post_init__(self) -> None:
        if self.features is not None and self.features < 1:
            raise ValueError(f"judge {self.name}: features is 1 or more; got {self.features}")


@dataclass(frozen=True)
class Movies:
    """Fig. 6."""

    layers: tuple[int, ...]
    samples: int = 512


@dataclass(frozen=True)
class Reproduction:
    """A recipe, read."""

    name: str
    title: str
    study: str
    blocks: int
    width: int
    parameters: int
    """Of the model without its embeddings."""
    autoencoders: tuple[Mapping[str, object], ...] = ()
    judges: tuple[JudgeColumn, ...] = ()
    entropy: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of each experiment the name of its recipe, if any, as `recipe`, and settings that differ from it."""
    movies: Movies | None = None
    compression: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.entropy) - set(EXPERIMENTS)):
            raise ValueError(f"there is no experiment {', '.join(unknown)} on entropies; there are {', '.join(EXPERIMENTS)}")
        if min(self.blocks, self.width, self.parameters) < 1:
            raise ValueError(f"blocks, width and parameters are 1 or more; got {self.blocks}, {self.width}, {self.parameters}")

    @property
    def study_file(self) -> Path:
        """The recipe of a workspace that is begun: one of data/recipes by name, else a file."""
        named = DATA / "recipes" / f"{self.study}.toml"
        return named if named.is_file() else Path(self.study)

    def study_recipe(self) -> Recipe:
        """The study's recipe with this one's tables behind its own. Raises what `Recipe.read` raises."""
        study = Recipe.read(self.study_file)
        return replace(study, autoencoders=(*study.autoencoders, *self.autoencoders)).settled(self.blocks)


def names() -> list[str]:
    """The recipes that come with the program."""
    return [file.stem for file in sorted(FOLDER.glob("*.toml"))]


def read(name: str) -> Reproduction:
    """The recipe of that name, else the file of that path. Raises ValueError that names what there is, or what is wrong in it."""
    file = FOLDER / f"{name}.toml" if name in names() else Path(name)
    if not file.is_file():
        raise ValueError(f"there is no recipe {name!r} of a reproduction; give a TOML file, or one of {', '.join(names())}")
    try:
        made = _made(file.stem, tomllib.loads(file.read_text(encoding="utf-8")))
        made.study_recipe()
        return made
    except (TypeError, ValueError, FileNotFoundError) as error:
        raise ValueError(f"{file}: {error}") from error


def _made(name: str, told: dict[str, Any]) -> Reproduction:
    tables = {key: told.pop(key, []) for key in ("autoencoder", "judge")}
    allowed = {one.name for one in fields(Reproduction)} - {"name", "autoencoders", "judges"} | set(tables)
    if unknown := sorted(set(told) - allowed):
        raise ValueError(f"unknown key {', '.join(unknown)}; there are {', '.join(sorted(allowed))}")
    judges = tuple(JudgeColumn(**{**one, "layers": tuple(one.get("layers", ()))}) for one in tables["judge"])
    movies = told.pop("movies", None)
    told["movies"] = movies and Movies(**{**movies, "layers": tuple(movies["layers"])})
    return Reproduction(name, autoencoders=tuple(tables["autoencoder"]), judges=judges, **told)
