"""The shape of a dictionary: how evenly its rows fill the space they lie in (the paper's section on feature atomisation)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Geometry:
    """Spectral norms of covariances of the rows of W_out, and how many directions the rows use."""

    spectral_norm_samples: float
    """Largest eigenvalue of the d x d covariance, every row a sample: how far rows agree on one direction."""
    spectral_norm_samples_unit: float
    """The same of rows brought to unit length."""
    spectral_norm_variables: float
    """Largest eigenvalue of the d' x d' covariance, every row a variable with d observations."""
    spectral_norm_variables_unit: float
    effective_rank: float
    """`exp` of the entropy of the normalised eigenvalues of the d x d covariance (Roy and Vetterli 2007), in [1, d]."""


@torch.inference_mode()
def geometry(W_out: Float[Tensor, "feature d_model"]) -> Geometry:
    """Measure a dictionary. Raises ValueError for fewer than two rows."""
    if len(W_out) < 2:
        raise ValueError("a covariance of rows needs at least two rows")
    rows = W_out.double()
    unit = rows / rows.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    spectrum = _spectrum(rows)
    share = spectrum / spectrum.sum()
    return Geometry(
        spectral_norm_samples=spectrum[-1].item(),
        spectral_norm_samples_unit=_spectrum(unit)[-1].item(),
        spectral_norm_variables=_spectrum(rows.T)[-1].item(),
        spectral_norm_variables_unit=_spectrum(unit.T)[-1].item(),
        effective_rank=torch.special.entr(share).sum().exp().item(),
    )


def _spectrum(samples: Float[Tensor, "sample variable"]) -> Float[Tensor, " eigenvalue"]:
    """Eigenvalues of the covariance, ascending, those that can differ from 0: by the smaller of the two Gram matrices."""
    centred = samples - samples.mean(0)
    gram = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    return torch.linalg.eigvalsh(gram / (len(samples) - 1)).clamp(min=0)
