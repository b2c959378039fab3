"""A checkpoint is a folder: `config.json` says what it is, `weights.safetensors` holds it in fp16. It carries its scaling and prior."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bae.autoencoder import KINDS
from bae.autoencoder.checkpoint_config import FORMAT, OPTIONS, check_sizes, read_config
from bae.features.magnitude import Prior
from bae.names import layer_names
from bae.states.scaling import Scaling
from bae.system.files import write_json, written_whole


@dataclass(frozen=True)
class Provenance:
    """Where an autoencoder comes from: enough to make it again, and to refuse the wrong model."""

    name: str
    layer: int
    model: str
    model_fingerprint: str
    corpus: tuple[str, ...]
    context_length: int
    seed: int
    tokens_seen: int
    options: dict = field(default_factory=dict)
    """Every hyperparameter of the training run."""
    figures: dict = field(default_factory=dict)
    """Its evaluation on held-out text."""


def save(autoencoder: nn.Module, provenance: Provenance, folder: Path) -> None:
    """Write a checkpoint, whole or not at all; an older one of that name is replaced."""
    scaling, prior = autoencoder.scaling, autoencoder.prior
    if prior is None:
        raise ValueError("an autoencoder is saved with its prior; evaluate it first")
    tensors = {name: weight.detach().half().contiguous().cpu() for name, weight in autoencoder.named_parameters()}
    tensors |= {"scaling.mean": scaling.mean.cpu()}
    writes_another = autoencoder.written_scaling is not scaling
    if writes_another:
        tensors |= {"written_scaling.mean": autoencoder.written_scaling.mean.cpu()}
    tensors |= {f"prior.{name}": getattr(prior, name).contiguous().cpu() for name in ("rate", "mean", "deviation")}
    told = {
        "format": FORMAT,
        "kind": autoencoder.kind,
        "site": autoencoder.site,
        "d_model": len(scaling.mean),
        "n_features": autoencoder.n_features,
        "options": {name: _plain(getattr(autoencoder, name)) for name in OPTIONS[autoencoder.kind]},
        "scaling": _figures(scaling),
        **({"written_scaling": _figures(autoencoder.written_scaling)} if writes_another else {}),
        "prior_tokens": prior.tokens,
        "layer": layer_names(provenance.layer),
        "provenance": vars(provenance),
    }
    with written_whole(folder) as draft:
        draft.mkdir()
        save_file(tensors, draft / "weights.safetensors", metadata={"format": "pt", "bae_format": str(FORMAT)})
        write_json(draft / "config.json", told)


def _figures(scaling: Scaling) -> dict:
    return {name: getattr(scaling, name) for name in ("scale", "norm_limit", "tokens", "dropped")}


def _plain(option: object) -> object:
    """An option as JSON has it: what training moved is a tensor."""
    return option.item() if isinstance(option, Tensor) else option


def load(folder: Path, model=None, device: torch.device | str = "cpu") -> tuple[nn.Module, Provenance]:
    """Read a checkpoint; where a `LanguageModel` is given, refuse one that was made for another.

    Raises ValueError that says what does not fit: not a checkpoint, damaged, another version, another width or model.
    """
    told = read_config(folder)
    provenance = Provenance(**{**told["provenance"], "corpus": tuple(told["provenance"]["corpus"])})
    if model is not None:
        check_fit(told, provenance, model)
    try:
        tensors = load_file(folder / "weights.safetensors")
    except (SafetensorError, FileNotFoundError) as error:
        raise ValueError(f"the checkpoint {folder.name} is damaged: weights.safetensors cannot be read ({error}); copy it again") from error
    check_sizes(told, tensors, folder)
    scaling = Scaling(mean=tensors.pop("scaling.mean"), **told["scaling"]).to(device)
    prior = Prior(**{name: tensors.pop(f"prior.{name}").to(device) for name in ("rate", "mean", "deviation")}, tokens=told["prior_tokens"])
    options = dict(told["options"])
    if "written_scaling" in told:
        options["written_scaling"] = Scaling(mean=tensors.pop("written_scaling.mean"), **told["written_scaling"]).to(device)
    autoencoder = KINDS[told["kind"]](told["d_model"], told["n_features"], scaling, **options).to(device)
    _fill(autoencoder, tensors, folder)
    autoencoder.prior = prior
    return autoencoder.eval().requires_grad_(False), provenance


def check_fit(told: dict, provenance: Provenance, model) -> None:
    """Raise ValueError unless a checkpoint's config fits the language model."""
    if told["d_model"] != model.d_model:
        raise ValueError(f"{provenance.name} reads hidden states of width {told['d_model']}; {model.title} has width {model.d_model}")
    if provenance.layer > model.n_layers:
        raise ValueError(f"{provenance.name} reads layer {provenance.layer}; {model.title} has {model.n_layers} layers")
    if provenance.model_fingerprint != model.fingerprint:
        raise ValueError(f"{provenance.name} was trained on {provenance.model}, whose weights differ from those of {model.title}")


def _fill(autoencoder: nn.Module, tensors: dict[str, Tensor], folder: Path) -> None:
    expected = {name: tuple(weight.shape) for name, weight in autoencoder.named_parameters()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if expected != found:
        raise ValueError(f"the checkpoint {folder.name} is damaged: its weights are {found}, its config asks for {expected}")
    with torch.no_grad():
        for name, weight in autoencoder.named_parameters():
            if not tensors[name].isfinite().all():
                raise ValueError(f"the checkpoint {folder.name} is damaged: {name} holds values that are not numbers")
            weight.copy_(tensors[name])
