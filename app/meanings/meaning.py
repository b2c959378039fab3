"""What a quantity is, as a person reads it: `bae.meaning`, under the name that pages use."""

from bae.meaning import Meaning

__all__ = ["Meaning"]
