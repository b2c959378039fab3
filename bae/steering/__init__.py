"""Pushing the residual stream of a language model while it reads or writes, and where such pushes come from.

What needs torch is loaded when it is first asked for: pages read plans (`bae.steering.plan`) without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bae.steering.hooks import Steering, steered
    from bae.steering.interventions import POSITIONS, Ablate, Add, AddFeature, ChangeBits, Clamp, Intervention, Positions, ProjectOut
    from bae.steering.strength import norm_under, rms_norm
    from bae.steering.writing import generate_steered

__all__ = [
    "POSITIONS",
    "Ablate",
    "Add",
    "AddFeature",
    "ChangeBits",
    "Clamp",
    "Intervention",
    "Positions",
    "ProjectOut",
    "Steering",
    "generate_steered",
    "norm_under",
    "rms_norm",
    "steered",
]
_ELSEWHERE = {
    "Steering": "hooks",
    "steered": "hooks",
    "norm_under": "strength",
    "rms_norm": "strength",
    "generate_steered": "writing",
}


def __getattr__(name: str) -> object:
    """Load what is exported where it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'interventions')}"), name)
