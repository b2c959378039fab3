"""What a set must be before an entropy can be told of it: at least two vectors, all of them numbers."""

from jaxtyping import Bool, Float
from torch import Tensor

Code = Float[Tensor, "token bit"] | Bool[Tensor, "token bit"]
"""Codes of a set."""


def enough(vectors: int) -> int:
    """The number of vectors of a set as it is. Raises ValueError for none and for one."""
    if vectors < 2:
        raise ValueError(f"an entropy is that of a set of two vectors or more; got {vectors or 'an empty set'}")
    return vectors


def checked_states(states: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
    """The hidden states of a set as they are. Raises ValueError for an empty set, one vector, NaN and infinity; equal ones are valid.

    To be asked before states are encoded: a bit of a NaN is simply off, so a code hides what was wrong with its state.
    """
    if states.ndim != 2:
        raise ValueError(f"the vectors of a set are a table [token d_model]; got the shape {list(states.shape)}")
    enough(len(states))
    if bad := int((~states.isfinite()).any(1).sum()):
        raise ValueError(f"{bad} of {len(states)} vectors hold NaN or infinity; leave them out, or mend what made them")
    return states


def checked_bits(code: Code, n_bits: int | None = None) -> Code:
    """Codes as they are. Raises ValueError where they are no table of zeros and ones, of `n_bits` bits where that is given."""
    if code.ndim != 2 or (n_bits is not None and code.shape[1] != n_bits):
        width = "" if n_bits is None else f" of {n_bits} bits"
        raise ValueError(f"codes are a table [token bit]{width}; got the shape {list(code.shape)}")
    if not ((code == 0) | (code == 1)).all():
        raise ValueError(f"a code holds zeros and ones only; these hold {'NaN' if code.isnan().any() else 'other values'}")
    return code
