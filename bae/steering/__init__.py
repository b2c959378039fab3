"""Pushing the residual stream of a language model while it reads or writes, and where such pushes come from."""

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
