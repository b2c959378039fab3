"""The `config.json` of a checkpoint, read without trust: a folder may come from anybody, and a number in it would be made room for."""

import math
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from bae.autoencoder import KINDS
from bae.autoencoder.sparse import Transcoder
from bae.system.parsing import parsed_json

FORMAT = 1
OPTIONS = {
    "binary": ("surrogate", "encoder_bias", "bits_per_feature"),
    "relu": ("plain", "rescaled"),
    "topk": ("k", "rectified", "plain", "rescaled"),
    "gated": ("threshold", "plain", "rescaled"),
    "batchtopk": ("k", "threshold", "plain", "rescaled"),
    "twopath": ("plain", "rescaled"),
    "jumprelu": ("plain", "rescaled"),
    "transcoder": ("k", "plain", "rescaled"),
}
"""What makes an autoencoder of each kind, besides its sizes."""

_Fields = Mapping[str, type | Mapping]
_SCALING: _Fields = {"scale": float, "norm_limit": float, "tokens": int, "dropped": int}
_PROVENANCE: _Fields = {
    **{"name": str, "layer": int, "model": str, "model_fingerprint": str, "corpus": list, "context_length": int},
    **{"seed": int, "tokens_seen": int, "options": dict, "figures": dict},
}
_FIELDS: _Fields = {
    **{"d_model": int, "n_features": int, "prior_tokens": int, "options": dict},
    **{"scaling": _SCALING, "provenance": _PROVENANCE},
}
_OPTION_TYPES: Mapping[str, tuple[type, ...]] = {
    **{"surrogate": (str,), "encoder_bias": (bool,), "bits_per_feature": (int,), "k": (int, type(None)), "threshold": (int, float)},
    **{"plain": (bool,), "rescaled": (bool,), "rectified": (bool,)},
}
_WORDS = {int: "a whole number from 0 up", float: "a number from 0 up", str: "a text", list: "a list of texts", dict: "a table"}


def read_config(folder: Path) -> dict:
    """What a checkpoint says of itself, everything there and of its type. Raises ValueError that says what is wrong."""
    file = folder / "config.json"
    if not file.is_file():
        raise ValueError(f"{folder} is no checkpoint: it has no config.json")
    try:
        told = parsed_json(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"the checkpoint {folder.name} is damaged: config.json is not JSON ({error})") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ValueError(f"{folder} is no checkpoint of this version: config.json must say format {FORMAT}")
    kind = told.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"the checkpoint {folder.name} is of the unknown kind {kind!r:.80}; there are {', '.join(KINDS)}")
    scalings = [name for name in ("scaling", "written_scaling") if name in told]
    if "written_scaling" in told and kind != Transcoder.kind:
        raise ValueError(f"the checkpoint {folder.name} is damaged: a dictionary of the kind {kind} has no written_scaling")
    _check(told, _FIELDS | dict.fromkeys(scalings, _SCALING), folder)
    if not all(0 < told[name]["scale"] < math.inf for name in scalings):
        raise ValueError(f"the checkpoint {folder.name} is damaged: hidden states are scaled by a finite number above 0")
    _check_options(told["options"], OPTIONS[kind], folder)
    return told


def check_sizes(told: Mapping, tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Raise ValueError unless the sizes of a config are those of its weights: no room is made for what a config alone says."""
    d_model, n_features = told["d_model"], told["n_features"]
    expected = {"W_out": (n_features, d_model), "scaling.mean": (d_model,)}
    expected |= {f"prior.{name}": (n_features,) for name in ("rate", "mean", "deviation")}
    expected |= {"written_scaling.mean": (d_model,)} if "written_scaling" in told else {}
    for name, shape in expected.items():
        if name not in tensors or tuple(tensors[name].shape) != shape:
            found = list(tensors[name].shape) if name in tensors else "not there"
            raise ValueError(f"the checkpoint {folder.name} is damaged: {name} is {found}, its config asks for {list(shape)}")
        if not tensors[name].isfinite().all():
            raise ValueError(f"the checkpoint {folder.name} is damaged: {name} holds values that are not numbers")


def _check(told: dict, expected: _Fields, folder: Path, within: str = "") -> None:
    for name, kind in expected.items():
        value = told.get(name)
        if isinstance(kind, Mapping) and isinstance(value, dict):
            _check(value, kind, folder, f"{within}{name}.")
        elif isinstance(kind, Mapping) or not _is(value, kind):
            wanted = _WORDS[dict if isinstance(kind, Mapping) else kind]
            raise ValueError(f"the checkpoint {folder.name} is damaged: {within}{name} must be {wanted}; it is {value!r:.80}")
        elif kind is float:
            told[name] = float(value)  # JSON may write 8.0 as 8
    if within and (strange := set(told) - set(expected)):
        raise ValueError(f"the checkpoint {folder.name} is damaged: {within}{min(strange):.80} is not known")


def _is(value: object, kind: type) -> bool:
    if kind is int:
        return type(value) is int and 0 <= value < 2**63
    if kind is float:
        return type(value) in (int, float) and value >= 0 and (type(value) is float or value < 2**63)
    return isinstance(value, kind) and (kind is not list or all(isinstance(item, str) for item in value))


def _check_options(options: Mapping, known: tuple[str, ...], folder: Path) -> None:
    for name, value in options.items():
        finite = not isinstance(value, float) or math.isfinite(value)
        if name not in known or type(value) not in _OPTION_TYPES[name] or not finite:
            allowed = ", ".join(known)
            raise ValueError(f"the checkpoint {folder.name} is damaged: option {name!r:.80} is {value!r:.80}; its options are {allowed}")
