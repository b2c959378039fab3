"""JSON and TOML that somebody wrote. Python's own readers end in a RecursionError where brackets are nested a thousand deep."""

import json
import tomllib

DEEP = "it is nested more deeply than can be read"


def parsed_json(text: str | bytes) -> object:
    """What a JSON text says. Raises ValueError for all that is none."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(DEEP) from error


def parsed_toml(text: str) -> dict:
    """What a TOML text says. Raises ValueError for all that is none."""
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(DEEP) from error
