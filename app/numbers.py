"""Numbers as a person reads them: `bae.numbers`, under the name that pages use."""

from bae.numbers import duration, percent

__all__ = ["duration", "percent"]
