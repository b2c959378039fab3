"""Where others say a dictionary reads, as a layer of ours: the Hugging Face `hidden_states` index.

A wrong layer by one is the usual accident of an import, so every name that is understood stands here, and no other is guessed.
"""

import re
from typing import NamedTuple

from bae.model.language_model import MLP_INPUT, RESIDUAL
from bae.names import layer_names


class Hook(NamedTuple):
    """A place in the model."""

    layer: int
    site: str
    before_gain: bool = False
    """Between a norm's division and its gain, which TransformerLens puts `hook_normalized` between."""


ALLOWED = (
    "blocks.N.hook_resid_post, blocks.N.hook_resid_pre, hook_embed, and for what a transcoder reads blocks.N.mlp.hook_in and "
    "blocks.N.ln2.hook_normalized"
)
_RESIDUAL = {"hook_resid_post": 1, "hook_resid_pre": 0}
_MLP_INPUT = {"mlp.hook_in": False, "ln2.hook_normalized": True}
_WHY_NOT = {
    "hook_mlp_in": "it is the residual stream before the norm, in the middle of a block (TransformerLens: transformer_block.py)",
    "hook_resid_mid": "it lies in the middle of a block, and hidden states are taken between blocks",
    "hook_mlp_out": "it is what one MLP adds, not the hidden state",
    "hook_attn_out": "it is what one attention adds, not the hidden state",
    "attn.hook_z": "it is a state inside the attention, not the hidden state",
}


def transformer_lens(hook: object) -> Hook:
    """The place that a TransformerLens name means. Raises ValueError that names what is allowed."""
    if hook in ("hook_embed", "blocks.0.hook_resid_pre"):
        return Hook(0, RESIDUAL)
    found = re.fullmatch(r"blocks\.(\d{1,4})\.(.+)", hook if isinstance(hook, str) else "", re.ASCII)
    name = found[2] if found else None
    if name in _RESIDUAL:
        return Hook(int(found[1]) + _RESIDUAL[name], RESIDUAL)
    if name in _MLP_INPUT:
        return Hook(int(found[1]) + 1, MLP_INPUT, _MLP_INPUT[name])
    why = f" ({_WHY_NOT[name]})" if name in _WHY_NOT else ""
    raise ValueError(f"the hook point {hook!r} cannot be read here{why}; allowed are {ALLOWED}")


def transformer_lens_name(layer: int, site: str) -> str:
    """How TransformerLens and SAELens call a place of ours."""
    return layer_names(layer)["hook"] if site == RESIDUAL else f"blocks.{layer - 1}.mlp.hook_in"


def module(name: str) -> int:
    """The layer after the module of that path, as in `layers.10` or `model.layers.10`: 11. Raises ValueError for other modules."""
    if re.fullmatch(r"(model\.)?embed_tokens", name):
        return 0
    found = re.fullmatch(r"(?:model\.|transformer\.|gpt_neox\.)?(?:layers|h)\.(\d{1,4})", name, re.ASCII)
    if not found:
        raise ValueError(f"the module {name!r} cannot be read here; allowed are whole blocks, layers.N, and embed_tokens")
    return int(found[1]) + 1
