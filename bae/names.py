"""How kinds, layers and sites are called where people read them. Loads nothing: pages may use it before any model is there."""

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


def layer_names(layer: int) -> dict[str, str | int]:
    """The three names of a layer: the Hugging Face `hidden_states` index, TransformerLens' hook, the module path."""
    if layer == 0:
        return {"hidden_states": 0, "hook": "hook_embed", "module": "embed_tokens"}
    return {"hidden_states": layer, "hook": f"blocks.{layer - 1}.hook_resid_post", "module": f"layers.{layer - 1}"}
