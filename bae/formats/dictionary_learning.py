"""dictionary_learning of Marks, Karvonen and Mueller: `ae.pt` and `config.json`, also `checkpoints/ae_<step>.pt` below it.

Weights are read with torch's `weights_only`. `ae.pt` is a state dict, or while training backs up a dict around one.
"""

import re
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from bae.formats import hooks, safe_files
from bae.formats.foreign import Foreign, checked, filled, just_above, number, raw, text


class _Layout(NamedTuple):
    """How one of their classes calls its tensors."""

    kind: str
    names: dict[str, str]
    """Ours -> theirs."""
    transposed: bool
    """Whether weights are those of `nn.Linear`, which has outputs first."""
    counts: tuple[str, ...] = ()
    """Numbers that it saves besides."""
    plain: bool = False
    unit_rows: bool = False
    """Whether their loader brings the dictionary's rows to unit norm."""


_LINEAR = {"W_in": "encoder.weight", "b_in": "encoder.bias", "W_out": "decoder.weight"}
_BARE = {"W_in": "W_enc", "b_in": "b_enc", "W_out": "W_dec", "b_out": "b_dec"}
_GATED = {
    "W_in": "encoder.weight",
    "W_out": "decoder.weight",
    "b_out": "decoder_bias",
    "b_in": "gate_bias",
    "b_mag": "mag_bias",
    "r_mag": "r_mag",
}
LAYOUTS = {
    "AutoEncoder": _Layout("relu", _LINEAR | {"b_out": "bias"}, True, unit_rows=True),
    "AutoEncoderNew": _Layout("relu", _LINEAR | {"b_out": "decoder.bias"}, True, plain=True),
    "GatedAutoEncoder": _Layout("twopath", _GATED, True),
    "AutoEncoderTopK": _Layout("topk", _LINEAR | {"b_out": "b_dec"}, True, ("k", "threshold")),
    "BatchTopKSAE": _Layout("batchtopk", _LINEAR | {"b_out": "b_dec"}, True, ("k", "threshold")),
    "MatryoshkaBatchTopKSAE": _Layout("batchtopk", _BARE, False, ("k", "threshold")),
    "JumpReluAutoEncoder": _Layout("jumprelu", _BARE | {"threshold": "threshold"}, False, plain=True),
}
"""Their `dict_class`, and how it becomes one of ours."""
WRAPPED = {"ae", "step"}
"""Keys of a backup that is written while training runs."""


def read(place: Path) -> Foreign:
    """A dictionary from its folder or from one of its files. Raises ValueError for what cannot be read, with the reason, and for damage."""
    file = place / "ae.pt" if place.is_dir() else place
    config_file = _config_file(file)
    told = safe_files.json_object(config_file).get("trainer")
    if not isinstance(told, dict) or text(told.get("dict_class")) not in LAYOUTS:
        named = told.get("dict_class") if isinstance(told, dict) else None
        raise ValueError(f"{config_file}: trainer.dict_class is {named!r}; those that can be read are {', '.join(LAYOUTS)}")
    layout = LAYOUTS[told["dict_class"]]
    found, factor, notes = _unwrapped(safe_files.torch_weights(file), file)
    d_model, width = (number(told, key, config_file) for key in ("activation_dim", "dict_size"))
    weights, counts = _weights(found, layout, d_model, width, file)
    autoencoder = filled(layout.kind, weights, raw(d_model, 1 / factor), **_options(layout, counts, file))
    return Foreign(
        autoencoder,
        f"dictionary_learning, {told['dict_class']}",
        _layer(told, config_file),
        model=text(told.get("lm_name")),
        seed=told["seed"] if type(told.get("seed")) is int else 0,
        notes=notes,
    )


def _config_file(file: Path) -> Path:
    for folder in (file.parent, file.parent.parent):
        if (folder / "config.json").is_file():
            return folder / "config.json"
    raise ValueError(f"{file} needs the config.json that dictionary_learning writes beside it: it says which class this is")


def _unwrapped(told: dict, file: Path) -> tuple[dict, float, tuple[str, ...]]:
    """The state dict, what hidden states are divided by before it, and what to say of that."""
    if not told.keys() >= WRAPPED:
        return told, 1.0, ()
    factor = told.get("norm_factor")
    factor = 1.0 if factor is None else float(factor)
    if not isinstance(told["ae"], dict) or not 0 < factor < float("inf"):
        raise ValueError(f"{file} is damaged: a backup holds weights under 'ae' and a positive norm_factor; this one has {factor}")
    return told["ae"], factor, (f"a backup of step {told['step']}, made while training ran",)


def _weights(found: dict, layout: _Layout, d_model: int, width: int, file: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights by our names, inputs first; the numbers that the class saves besides."""
    into, out = ((width, d_model), (d_model, width)) if layout.transposed else ((d_model, width), (width, d_model))
    ours = {"W_in": into, "W_out": out, "b_out": (d_model,)}
    shapes = {theirs: ours.get(name, (width,)) for name, theirs in layout.names.items()}
    groups = {name: tuple(found[name].shape) for name in ("group_sizes",) if isinstance(found.get(name), Tensor)}
    tensors = checked(found, shapes | dict.fromkeys(layout.counts, ()) | groups, file)
    weights = {name: tensors[theirs] for name, theirs in layout.names.items()}
    if layout.transposed:
        weights |= {name: weights[name].T for name in ("W_in", "W_out")}
    if layout.unit_rows:
        norms = weights["W_out"].norm(dim=-1)
        weights |= {"W_out": weights["W_out"] / norms[:, None], "W_in": weights["W_in"] * norms, "b_in": weights["b_in"] * norms}
    return weights, {name: tensors[name] for name in layout.counts}


def _options(layout: _Layout, counts: dict[str, Tensor], file: Path) -> dict:
    options = {"plain": layout.plain}
    if "k" in counts:
        options["k"] = int(counts["k"])
    if layout.kind == "topk":
        options["rectified"] = True
    if layout.kind == "batchtopk":
        threshold = counts["threshold"].item()
        if threshold < 0:
            raise ValueError(
                f"{file}: its threshold was never set (training ended before threshold_start_step), so a token's code hangs on its batch"
            )
        # theirs passes what is above the threshold, ours what reaches it
        options["threshold"] = just_above(threshold)
    return options


def _layer(told: dict, file: Path) -> int | None:
    name, layer = text(told.get("submodule_name")), told.get("layer")
    if type(layer) is not int:
        return None
    found = re.fullmatch(r"(resid_post|resid_pre)(?:_layer_(\d+))?", name or "resid_post")
    if found:
        if found[2] is not None and int(found[2]) != layer:
            raise ValueError(f"{file}: layer is {layer}, submodule_name is {name!r}; they must agree")
        return layer + 1 if found[1] == "resid_post" else layer
    try:
        return hooks.module(name)
    except ValueError as error:
        raise ValueError(f"{file}: {error}, resid_post_layer_N and resid_pre_layer_N") from error
