"""SAELens folders, written: what sae-lens 6 loads, with our scaling folded into the weights, so that it reads raw hidden states.

A dictionary that takes its decoder bias off first is written as that (`apply_b_dec_to_input`): no digits are lost to a large mean.
The plain ones and the BAE get the mean into their encoder bias, in float64.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bae.autoencoder.checkpoint import Provenance
from bae.formats.foreign import just_below
from bae.formats.hooks import transformer_lens_name
from bae.formats.saelens import CONFIG, SPARSITY, WEIGHTS
from bae.model.language_model import EMBEDDED, RESIDUAL
from bae.model.packaged import TITLE
from bae.system.files import write_json, written_whole

VERSION = "6.0.0"
"""The layout of the config, by the version of sae-lens that brought it; without one, sae-lens takes the config for an older one."""
ARCHITECTURES = {
    "relu": "standard",
    "topk": "topk",
    "batchtopk": "jumprelu",
    "gated": "jumprelu",
    "jumprelu": "jumprelu",
    "twopath": "gated",
    "transcoder": "transcoder",
    "binary": "bae",
}
"""What each of our kinds is to sae-lens. A BAE is none of theirs, and is never written as one: `bae.formats.saelens_bae` loads it."""
RAREST = 1e-10
"""Added to a rate before its logarithm, as sae-lens does."""


def write(autoencoder: nn.Module, provenance: Provenance, folder: Path) -> list[str]:
    """Write a folder for sae-lens, whole or not at all. Gives what a reader must know, as sentences.

    Raises FileExistsError where something lies, ValueError for what sae-lens cannot say.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not empty; give another folder")
    _check_sayable(autoencoder)
    notes = _notes(autoencoder)
    with written_whole(folder.absolute()) as draft:
        draft.mkdir()
        save_file({name: value.float().contiguous() for name, value in _tensors(autoencoder).items()}, draft / WEIGHTS)
        rate = autoencoder.prior.rate.cpu()
        save_file({"sparsity": torch.log10(rate + RAREST)}, draft / SPARSITY)
        write_json(draft / CONFIG, _config(autoencoder, provenance, notes))
    return notes


def _check_sayable(autoencoder: nn.Module) -> None:
    if autoencoder.kind == "transcoder" and autoencoder.k is not None:
        raise ValueError("a transcoder with a top k has no architecture in sae-lens; one without can be exported")
    if autoencoder.kind == "binary" and not autoencoder.binary:
        raise ValueError(f"a BAE of {autoencoder.bits_per_feature} bits a feature is not exported; one of a bit a feature can be")


def _notes(autoencoder: nn.Module) -> list[str]:
    if autoencoder.kind == "topk" and not autoencoder.rectified:
        return ["sae-lens sets negative values among the k largest to 0, this dictionary keeps them: codes differ where that happens"]
    if autoencoder.kind == "binary":
        return ["sae-lens loads it after `import bae.formats.saelens_bae`, which says what a BAE is"]
    return []


def _biased_first(autoencoder: nn.Module) -> bool:
    """Whether sae-lens is to take the decoder bias off what it reads."""
    return autoencoder.kind not in ("binary", "transcoder") and not autoencoder.plain


def _tensors(autoencoder: nn.Module) -> dict[str, Tensor]:
    """Weights for raw hidden states: `(x - mean) scale` before, `y / scale + mean` after."""
    weights = {name: weight.detach().cpu().double() for name, weight in autoencoder.named_parameters()}
    read, written = autoencoder.scaling.to("cpu"), autoencoder.written_scaling.to("cpu")
    first = _biased_first(autoencoder)
    shift = 0 if first else read.mean.double() @ weights["W_in"] * read.scale
    bias = weights["b_in"] - shift
    tensors = {
        "W_enc": weights["W_in"] * read.scale,
        "W_dec": weights["W_out"] / written.scale,
        "b_dec": weights["b_out"] / written.scale + written.mean.double(),
    }
    if autoencoder.kind == "twopath":
        # the magnitude path reads the same projection, times exp(r_mag)
        return tensors | {"b_gate": bias, "b_mag": weights["b_mag"] - shift * weights["r_mag"].exp(), "r_mag": weights["r_mag"]}
    return tensors | {"b_enc": bias} | _threshold(autoencoder)


def _threshold(autoencoder: nn.Module) -> dict[str, Tensor]:
    """What sae-lens lets pass is above the threshold; so is ours, but for BatchTopK, which lets pass what reaches it."""
    if ARCHITECTURES[autoencoder.kind] != "jumprelu":
        return {}
    if autoencoder.kind == "jumprelu":
        return {"threshold": autoencoder.threshold.detach().cpu()}
    threshold = float(autoencoder.threshold)
    return {"threshold": torch.full((autoencoder.n_features,), just_below(threshold) if autoencoder.kind == "batchtopk" else threshold)}


def _config(autoencoder: nn.Module, provenance: Provenance, notes: list[str]) -> dict:
    architecture = ARCHITECTURES[autoencoder.kind]
    d_model = len(autoencoder.scaling.mean)
    return {
        "architecture": architecture,
        "d_in": d_model,
        "d_sae": autoencoder.n_features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": _biased_first(autoencoder),
        "normalize_activations": "none",
        "reshape_activations": "none",
        **({"k": autoencoder.k, "rescale_acts_by_decoder_norm": False} if architecture == "topk" else {}),
        **({"d_out": d_model} if architecture == "transcoder" else {}),
        "metadata": _metadata(autoencoder, provenance, notes),
    }


def _metadata(autoencoder: nn.Module, provenance: Provenance, notes: list[str]) -> dict:
    written = transformer_lens_name(provenance.layer, RESIDUAL)
    writes_another = {"hook_name_out": written} if autoencoder.site != RESIDUAL else {}
    return {
        "sae_lens_version": VERSION,
        "sae_lens_training_version": None,
        "model_name": _model_name(provenance.model),
        "hook_name": transformer_lens_name(provenance.layer, autoencoder.site),
        **writes_another,
        "context_size": provenance.context_length,
        "prepend_bos": True,
        "dataset_path": ", ".join(provenance.corpus) or None,
        "bae_explorer": {
            "kind": autoencoder.kind,
            "norm_limit": _finite(autoencoder.written_scaling.norm_limit),
            "prior_tokens": autoencoder.prior.tokens,
            "notes": notes,
        },
    }


def _model_name(model: str) -> str:
    """A model that was given as a folder keeps its name, not where it lies."""
    if model == EMBEDDED:
        return TITLE
    return Path(model).name if Path(model).is_absolute() else model


def _finite(limit: float) -> float | None:
    """JSON has no infinity."""
    return limit if limit < float("inf") else None
