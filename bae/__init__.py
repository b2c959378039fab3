"""Binary Autoencoders for the hidden states of language models: train, index, measure, explore.

    import bae

    with bae.open("workspace") as study:
        study.search(words="treaty")
        study.feature("bae", 1270).contexts
        study.inspect("The treaty was signed in Paris.", "bae").bursts

Implements Cho et al., "Binary Autoencoder for Mechanistic Interpretability of Large Language Models" (arXiv:2509.20997).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from bae.study import Study

__all__ = ["open"]


def open(workspace: "str | PathLike[str]" = "workspace", device: str = "auto") -> "Study":
    """Open the study in a folder (`bae.study.Study`): what its index holds is there at once, its language model when it is first asked.

    `device` is where the model runs: auto (cuda, else mps, else cpu) or a torch device. Close it when done, or use it in a `with` block.
    Raises FileNotFoundError where there is no study, ValueError where its recipe is wrong.
    """
    # imported here: `import bae` alone loads nothing
    from bae.study import Study

    return Study.open(workspace, device)
