"""SAELens folders, read: `cfg.json` and `sae_weights.safetensors`, of version 6 and of the flat configs before it.

Read are standard, topk, batchtopk and matryoshka_batchtopk (as training leaves them; finished, they are jumprelu), jumprelu,
gated, transcoder, and the `bae` that this explorer writes. The reasons for what is not read stand in `REFUSED`.
"""

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from bae.autoencoder.sparse import Transcoder
from bae.formats import hooks, safe_files
from bae.formats.foreign import Foreign, checked, filled, just_above, number, raw, text
from bae.model.language_model import RESIDUAL

CONFIG, WEIGHTS, SPARSITY, SCALER = "cfg.json", "sae_weights.safetensors", "sparsity.safetensors", "activation_scaler.json"


class Architecture(NamedTuple):
    """One of theirs, and how its tensors are called here."""

    kind: str
    names: dict[str, str]
    """Ours -> theirs."""
    k: bool = False
    threshold: bool = False
    """Whether it carries the one threshold that a batch is cut at."""


_SHARED = {"W_in": "W_enc", "W_out": "W_dec", "b_out": "b_dec"}
_USUAL = _SHARED | {"b_in": "b_enc"}
ARCHITECTURES = {
    "standard": Architecture("relu", _USUAL),
    "topk": Architecture("topk", _USUAL, k=True),
    "batchtopk": Architecture("batchtopk", _USUAL, k=True, threshold=True),
    "matryoshka_batchtopk": Architecture("batchtopk", _USUAL, k=True, threshold=True),
    "jumprelu": Architecture("jumprelu", _USUAL | {"threshold": "threshold"}),
    "gated": Architecture("twopath", _SHARED | {"b_in": "b_gate", "b_mag": "b_mag", "r_mag": "r_mag"}),
    "transcoder": Architecture("transcoder", _USUAL),
    "bae": Architecture("binary", _USUAL),
}
_SKIP = "its skip connection makes the output depend on the input beside the code, so a code alone cannot be decoded"
REFUSED = {
    "skip_transcoder": _SKIP,
    "jumprelu_skip_transcoder": _SKIP,
    "jumprelu_transcoder": "a transcoder here has a ReLU or a top k, no threshold for every feature",
    "abstopk": "its features fire in both directions; here a feature has one",
    "matching_pursuit": "its code comes from a search, not from one encoder",
    "temporal": "its code hangs on the tokens before, not on one hidden state",
}
_PER_TOKEN = "it divides every token by a number of its own, where ours scales all tokens alike"
NORMALISATIONS = {
    "layer_norm": _PER_TOKEN,
    "constant_norm_rescale": _PER_TOKEN,
    "covariance_whitening": "the checkpoint is unfinished; sae-lens folds the whitening into the final one",
}
"""Those that are refused, and why. `none` is read, `expected_average_only_in` where its factor is told."""


def read(folder: Path) -> Foreign:
    """One dictionary. Raises ValueError for what cannot be read, with the reason, and for damage."""
    told, file = _as_version_6(safe_files.json_object(folder / CONFIG)), folder / CONFIG
    architecture = _architecture(told, file)
    weights, threshold = _weights(told, architecture, folder)
    metadata = told["metadata"]
    hook = _hook(metadata, architecture, file)
    version = f"SAELens {metadata['sae_lens_version']}" if text(metadata.get("sae_lens_version")) else "SAELens before 6"
    scaling = raw(len(weights["W_in"]), _factor(told, folder))
    return Foreign(
        filled(architecture.kind, weights, scaling, **_options(told, architecture, threshold, file)),
        f"{version}, {told['architecture']}",
        hook.layer if hook else None,
        model=text(metadata.get("model_name")),
        corpus=tuple(name for name in [text(metadata.get("dataset_path"))] if name),
        context_length=metadata["context_size"] if type(metadata.get("context_size")) is int else None,
        before_gain=bool(hook and hook.before_gain),
        notes=_notes(metadata),
    )


def _as_version_6(told: dict) -> dict:
    """The config with what it tells of its origin under `metadata`, as version 6 has it; older ones are flat."""
    if isinstance(told.get("metadata"), dict):
        return told
    renamed = {"hook_point": "hook_name", "activation_fn_str": "activation_fn"}
    flat = {renamed.get(key, key): value for key, value in told.items()}
    flat = {"architecture": "standard", "apply_b_dec_to_input": True, "activation_fn": "relu"} | flat
    if flat["activation_fn"] == "topk":
        options = flat.get("activation_fn_kwargs")
        flat |= {"architecture": "topk", "k": options.get("k") if isinstance(options, dict) else None}
    elif flat["activation_fn"] != "relu":
        raise ValueError(f"its activation_fn is {flat['activation_fn']!r}; relu and topk can be read")
    if flat.get("normalize_activations") in (None, False):
        flat["normalize_activations"] = "none"
    elif flat["normalize_activations"] is True:
        flat["normalize_activations"] = "expected_average_only_in"
    known = ("model_name", "hook_name", "hook_name_out", "dataset_path", "context_size", "prepend_bos", "sae_lens_version")
    return flat | {"metadata": {key: flat[key] for key in known if key in flat}}


def _architecture(told: dict, file: Path) -> Architecture:
    name = text(told.get("architecture"))
    if name in REFUSED:
        raise ValueError(f"{file}: a {name} cannot be read: {REFUSED[name]}")
    if name not in ARCHITECTURES:
        raise ValueError(
            f"{file}: the architecture {told.get('architecture')!r:.80} is unknown; those that can be read are {', '.join(ARCHITECTURES)}"
        )
    if told.get("reshape_activations", "none") != "none":
        raise ValueError(f"{file}: reshape_activations is {told['reshape_activations']!r}; it reads attention heads, not hidden states")
    return ARCHITECTURES[name]


def _weights(told: dict, architecture: Architecture, folder: Path) -> tuple[dict[str, Tensor], float | None]:
    """The weights by our names, and the one threshold of a BatchTopK."""
    file = folder / WEIGHTS
    found = safe_files.tensors(file)
    if "scaling_factor" in found and (found["scaling_factor"] == 1).all():
        del found["scaling_factor"]  # an old fine-tuning that was never done
    d_read, width = (number(told, key, folder / CONFIG) for key in ("d_in", "d_sae"))
    if told.get("d_out", d_read) != d_read:
        raise ValueError(f"{folder / CONFIG}: it reads {d_read} numbers and writes {told['d_out']}; hidden states have one width")
    ours = {"W_in": (d_read, width), "W_out": (width, d_read), "b_out": (d_read,)}
    shapes = {theirs: ours.get(name, (width,)) for name, theirs in architecture.names.items()}
    tensors = checked(found, shapes | ({"topk_threshold": ()} if architecture.threshold else {}), file)
    weights = {name: tensors[theirs] for name, theirs in architecture.names.items()}
    if told.get("rescale_acts_by_decoder_norm"):
        weights |= _folded_norms(weights)
    return weights, tensors["topk_threshold"].item() if architecture.threshold else None


def _folded_norms(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Values times the norm of their row, rows of unit norm: what `rescale_acts_by_decoder_norm` computes at every token."""
    norms = weights["W_out"].norm(dim=-1).clamp(min=1e-8)
    return {"W_out": weights["W_out"] / norms[:, None], "W_in": weights["W_in"] * norms, "b_in": weights["b_in"] * norms}


def _hook(metadata: dict, architecture: Architecture, file: Path) -> hooks.Hook | None:
    """Where it reads. Raises ValueError where that is no place of ours, or no place for its kind."""
    if metadata.get("hook_name") is None:
        return None
    try:
        hook = hooks.transformer_lens(metadata["hook_name"])
        if architecture.kind != Transcoder.kind:
            if hook.site != RESIDUAL:
                raise ValueError(f"it reads and writes {metadata['hook_name']}; only a transcoder reads the input of an MLP here")
            return hook
        written = hooks.transformer_lens(metadata.get("hook_name_out"))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    if (hook.site, written.site, hook.layer) != (Transcoder.site, RESIDUAL, written.layer):
        raise ValueError(
            f"{file}: it reads {metadata['hook_name']} and writes {metadata.get('hook_name_out')}; a transcoder here reads the input of "
            "a block's MLP and writes the hidden state after that block (Eq. 15)"
        )
    return hook


def _factor(told: dict, folder: Path) -> float:
    """What hidden states are multiplied by before the weights. sae-lens folds it in at the end of training."""
    way = told.get("normalize_activations") or "none"
    if way == "none":
        return 1.0
    if text(way) in NORMALISATIONS:
        raise ValueError(f"{folder / CONFIG}: normalize_activations is {way!r}, which cannot be read: {NORMALISATIONS[way]}")
    if way != "expected_average_only_in" or told["architecture"] == "transcoder":
        raise ValueError(
            f"{folder / CONFIG}: normalize_activations {way!r} is not read here; none is, and for SAEs expected_average_only_in"
        )
    factor = safe_files.json_object(folder / SCALER).get("scaling_factor") if (folder / SCALER).is_file() else None
    if type(factor) not in (int, float) or not 0 < factor < float("inf"):
        raise ValueError(
            f"{folder / CONFIG}: normalize_activations is {way!r} and no {SCALER} tells the factor; give the final checkpoint, into which "
            "sae-lens folds it (its config says none)"
        )
    return float(factor)


def _options(told: dict, architecture: Architecture, threshold: float | None, file: Path) -> dict:
    if architecture.kind in ("transcoder", "binary"):
        return {}
    options = {"plain": not told.get("apply_b_dec_to_input", True)}
    if architecture.k:
        k = told.get("k")
        whole = type(k) is int or (type(k) is float and k.is_integer())
        options["k"] = number(told | ({"k": int(k)} if whole else {}), "k", file)
    if architecture.kind == "topk":
        options["rectified"] = True  # sae-lens: relu of the k largest
    if threshold is not None:
        options["threshold"] = just_above(threshold)
    return options


def _notes(metadata: dict) -> tuple[str, ...]:
    if metadata.get("prepend_bos") is False:
        return ("it was trained without a BOS before the text; here every text has one, which is then left out",)
    return ()
