"""The released BAE code (hc495/Binary_Autoencoder): `model_<time>.pt`, and `log_<time>.pkl`, which says what the model was.

Theirs fires where `x > 0`, ours where `x >= 0` (Eq. 2): a bit differs only where its pre-activation is exactly 0.
"""

from pathlib import Path

from bae.formats import safe_files
from bae.formats.foreign import Foreign, checked, filled, raw, text

SURROGATES = {"sign_s": "released", "sign": "identity"}
"""Their `binarization_type`, and the surrogate gradient that ours has for it; forward they are one step."""
STEP_NOTE = "theirs fires where x > 0, ours where x >= 0: a bit differs only where its pre-activation is exactly 0"


def read(place: Path) -> Foreign:
    """A BAE from its report folder or its `model_*.pt`. The log must lie beside it: nothing else tells a BAE from their SAEs.

    Raises ValueError for what cannot be read, with the reason, and for damage.
    """
    file = _model_file(place)
    told = _params(file)
    d_model, width = _sizes(told, found := safe_files.torch_weights(file), file)
    shapes = {"encoder.weight": (width, d_model), "encoder.bias": (width,), "decoder.weight": (d_model, width)}
    biased = "decoder.bias" in found
    weights = checked(found, shapes | ({"decoder.bias": (d_model,)} if biased else {}), file)
    ours = {
        "W_in": weights["encoder.weight"].T,
        "b_in": weights["encoder.bias"],
        "W_out": weights["decoder.weight"].T,
        "b_out": weights["decoder.bias"] if biased else weights["decoder.weight"].new_zeros(d_model),
    }
    surrogate = SURROGATES[told["binarization_type"]]
    notes = (STEP_NOTE,) if biased else (STEP_NOTE, "it was trained without a decoder bias; ours has one, of zeros")
    return Foreign(
        filled("binary", ours, raw(d_model), surrogate=surrogate),
        f"released BAE code, {told['binarization_type']}",
        told["layer"] if told.get("layered_feature") and type(told.get("layer")) is int and told["layer"] >= 0 else None,
        corpus=tuple(name for name in [text(told.get("feature_path"))] if name),
        notes=notes,
    )


def _model_file(place: Path) -> Path:
    if not place.is_dir():
        return place
    found = sorted(place.glob("model_*.pt"))
    if len(found) != 1:
        raise ValueError(
            f"{place} holds {len(found)} files model_*.pt; give one of them: {', '.join(file.name for file in found) or 'none'}"
        )
    return found[0]


def _params(file: Path) -> dict:
    """What the run was told. Their code writes it under "params"; their README shows it bare."""
    log = file.with_name(file.name.replace("model_", "log_", 1)).with_suffix(".pkl")
    if not log.is_file():
        raise ValueError(f"{file} needs {log.name} beside it: only the log says how it binarises and whether it is a BAE at all")
    told = safe_files.plain_pickle(log)
    told = told.get("params", told) if isinstance(told, dict) else told
    if not isinstance(told, dict):
        raise ValueError(f"{log} must hold a dict of parameters; it holds a {type(told).__name__}")
    if "inner_activation" in told:
        raise ValueError(f"{log}: it is one of the released SAE baselines; their log leaves out k and the site, so only BAEs are read")
    if text(told.get("binarization_type")) not in SURROGATES:
        allowed = ", ".join(SURROGATES)
        raise ValueError(f"{log}: binarization_type is {told.get('binarization_type')!r}; a step, {allowed}, is what can be read")
    if told.get("output_activation", "none") != "none":
        raise ValueError(f"{log}: output_activation is {told['output_activation']!r}; ours decodes linearly, so only 'none' can be read")
    return told


def _sizes(told: dict, found: dict, file: Path) -> tuple[int, int]:
    shape = tuple(getattr(found.get("encoder.weight"), "shape", ()))
    rate = told.get("inner_expand_rate")
    if len(shape) != 2 or type(rate) is not int or shape[0] != rate * shape[1]:
        raise ValueError(f"{file} does not fit its log: encoder.weight is {list(shape)}, inner_expand_rate is {rate!r}")
    return shape[1], shape[0]
