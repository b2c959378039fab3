"""Settings of an experiment from a TOML file: its keys are the fields of the settings, and [training] those of the training."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bae.system.parsing import parsed_toml
from bae.workspace import DATA

RECIPES = DATA / "recipes" / "entropy"
Settings = TypeVar("Settings")


def recipe_file(recipe: str) -> Path:
    """The recipe of that name in data/recipes/entropy, else the file of that path. Raises ValueError that names what there is."""
    named = {path.stem: path for path in sorted(RECIPES.glob("*.toml"))}
    path = named.get(recipe, Path(recipe))
    if not path.is_file():
        raise ValueError(f"there is no recipe {recipe!r} of an experiment; give a TOML file, or one of {', '.join(named)}")
    return path


def read_settings(kind: type[Settings], recipe: str | None, changes: Mapping[str, Any]) -> Settings:
    """The settings of a recipe, or the usual ones, with `changes`; those that are None change nothing, and `training` may be a table.

    Raises ValueError, naming the file and what is allowed.
    """
    told: dict[str, Any] = {}
    if recipe is not None:
        file = recipe_file(recipe)
        try:
            told = parsed_toml(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
    for name, value in changes.items():
        if isinstance(value, Mapping):
            told[name] = {**told.get(name, {}), **{key: item for key, item in value.items() if item is not None}}
        elif value is not None:
            told[name] = value
    return _made(kind, told, f"{recipe}: " if recipe else "")


def _made(kind: type[Settings], told: Mapping[str, Any], where: str) -> Settings:
    allowed, kinds = [field.name for field in fields(kind)], get_type_hints(kind)
    if unknown := sorted(set(told) - set(allowed)):
        raise ValueError(f"{where}unknown key {', '.join(unknown)}; there are {', '.join(allowed)}")
    values = {}
    for name, value in told.items():
        if is_dataclass(kinds[name]) and isinstance(value, Mapping):
            values[name] = _made(kinds[name], value, f"{where}{name}: ")
            continue
        values[name] = tuple(value) if isinstance(value, list) else value
        if not _fits(values[name], kinds[name]):
            raise ValueError(f"{where}{name} must be {_words(kinds[name])}; got {value!r}")
    return kind(**values)


def _fits(value: object, kind: Any) -> bool:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        if not isinstance(value, tuple) or (Ellipsis not in parts and len(value) != len(parts)):
            return False
        return all(_fits(item, parts[0]) for item in value)
    # bool is an int too, and no count
    return type(value) in ((int, float) if kind is float else (kind,))


def _words(kind: Any) -> str:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(_words(part) for part in parts if part is not NoneType)
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is tuple:
        return f"a list of {'' if Ellipsis in parts else f'{len(parts)} '}{_plural(parts[0])}"
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(kind, kind.__name__)


def _plural(kind: Any) -> str:
    return {int: "whole numbers", float: "numbers", str: "texts"}[kind]
