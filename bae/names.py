"""How kinds, layers and sites are called where people read them. Loads nothing: pages may use it before any model is there."""

import re

TITLES = {
    "binary": "BAE",
    "relu": "ReLU SAE",
    "topk": "Top-k SAE",
    "gated": "Gated ReLU SAE (paper)",
    "batchtopk": "BatchTopK SAE",
    "twopath": "Gated SAE (two paths)",
    "jumprelu": "JumpReLU SAE",
    "transcoder": "Transcoder",
}


def check_dictionary_name(name: str) -> None:
    """Raise ValueError, with what is allowed, for what queries, addresses and jobs could not name a dictionary by."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name):
        raise ValueError(f"a dictionary's name is a folder: letters, digits, - _ and . only, no dot first; got {name!r}")


def layer_names(layer: int) -> dict[str, str | int]:
    """The three names of a layer: the Hugging Face `hidden_states` index, TransformerLens' hook, the module path."""
    if layer == 0:
        return {"hidden_states": 0, "hook": "hook_embed", "module": "embed_tokens"}
    return {"hidden_states": layer, "hook": f"blocks.{layer - 1}.hook_resid_post", "module": f"layers.{layer - 1}"}


def layer_text(layer: int) -> str:
    """The three names of a layer."""
    names = layer_names(layer)
    return f"hidden_states[{names['hidden_states']}] (Hugging Face) = {names['hook']} (TransformerLens) = {names['module']} (module path)"
