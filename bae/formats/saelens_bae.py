"""`architecture: "bae"` for sae-lens: import this module, then `SAE.load_from_disk(folder)` loads a BAE that `bae export` wrote.

    import bae.formats.saelens_bae      # or a copy of this file: it needs sae-lens and nothing of this project
    from sae_lens import SAE

    sae = SAE.load_from_disk("exported/bae")
    bits = sae.encode(hidden_states)    # 0.0 and 1.0
    found = sae.decode(bits)

A BAE's code is its bits: `1 where x W_enc + b_enc >= 0, else 0` (Eq. 2), decoded as `bits W_dec + b_dec` (Eq. 1). No architecture
of sae-lens says that. A `jumprelu` with threshold 0 opens the same gates, but lets values through where a BAE writes ones.
Needs sae-lens 6; not tried on older ones.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

try:
    from sae_lens import SAE, SAEConfig, register_sae_class
except ImportError as error:
    raise ImportError("bae.formats.saelens_bae teaches sae-lens what a BAE is; install it with: pip install sae-lens") from error


@dataclass
class BinaryAutoencoderConfig(SAEConfig):
    """The fields that all of sae-lens have; a BAE takes no bias off its input."""

    apply_b_dec_to_input: bool = False

    @classmethod
    def architecture(cls) -> str:
        """As `cfg.json` calls it."""
        return "bae"

    def __post_init__(self):
        if self.apply_b_dec_to_input:
            raise ValueError("a BAE does not take its decoder bias off its input; apply_b_dec_to_input must be false")
        super().__post_init__()


class BinaryAutoencoderSAE(SAE[BinaryAutoencoderConfig]):
    """A BAE as sae-lens knows dictionaries: to encode and decode with, not to train."""

    b_enc: nn.Parameter

    def initialize_weights(self) -> None:
        """Weights for `load_state_dict` to fill."""
        super().initialize_weights()
        self.b_enc = nn.Parameter(torch.zeros(self.cfg.d_sae, dtype=self.dtype, device=self.device))

    def encode(self, x: Tensor) -> Tensor:
        """The bits of hidden states, as 0.0 and 1.0. Eq. (2)."""
        margin = self.hook_sae_acts_pre(self.process_sae_in(x) @ self.W_enc + self.b_enc)
        return self.hook_sae_acts_post((margin >= 0).to(margin.dtype))

    def decode(self, feature_acts: Tensor) -> Tensor:
        """Hidden states from bits. Eq. (1)."""
        return self.hook_sae_recons(feature_acts @ self.W_dec + self.b_dec)

    def fold_W_dec_norm(self) -> None:
        """Refused: bits have no size to fold a norm into."""
        raise NotImplementedError("the bits of a BAE have no size; its decoder norms cannot be folded into them")


register_sae_class("bae", BinaryAutoencoderSAE, BinaryAutoencoderConfig)
