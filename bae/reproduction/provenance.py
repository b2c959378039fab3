"""Whether numbers are of the model that is asked about, and where this runs."""

import os
import platform
from collections.abc import Callable, Sequence
from typing import TypeVar

from bae.reproduction.steps import Scene

Kept = TypeVar("Kept")


def fingerprints(scene: Scene) -> set[str]:
    """Of the language models that the dictionaries of a workspace were trained on; empty where there is none."""
    return {holding.fingerprint for holding in scene.holdings().values()}


def check_model(scene: Scene, kept: Sequence[Kept], fingerprint: Callable[[Kept], str], what: str) -> list[Kept]:
    """Those of the model that the workspace's dictionaries are of; all of them where it has none.

    Raises ValueError where there are some, and all are of another model.
    """
    known = fingerprints(scene)
    own = [one for one in kept if not known or fingerprint(one) in known]
    if kept and not own:
        raise ValueError(f"{what} are of another language model than the dictionaries of this workspace; they are left out")
    return own


def machine() -> str:
    """In a few words, the GPU among them where there is one."""
    from bae.model.language_model import best_device

    device = best_device()
    if device.type == "cuda":
        import torch

        gpu = torch.cuda.get_device_name(device)
    else:
        gpu = "no GPU"
    return f"{os.cpu_count()} CPU cores, {gpu}, {platform.system()} {platform.machine()}"
