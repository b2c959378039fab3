"""The figures at the end of a file of compressed hidden states: what was measured while it was written.

stored_as_they_are      how many vectors are
errors                  of what is restored, as `bae.compression.measures.Errors` has them; null where there are none
errors_before_radial    the same without lengths mended
"""

from collections.abc import Mapping

ERRORS = ("errors", "errors_before_radial")
NUMBERS = ("mse", "fvu", "cosine", "length")
"""Of errors; the FVU may be null."""


def check_figures(figures: object) -> None:
    """Raise ValueError for what a file that was not forged cannot say."""
    if not isinstance(figures, Mapping) or not set(figures) <= {"stored_as_they_are", *ERRORS}:
        raise ValueError(f"its figures may be stored_as_they_are, {', '.join(ERRORS)}; got {figures!r:.200}")
    _check_count("stored_as_they_are", figures.get("stored_as_they_are", 0))
    for name in ERRORS:
        if figures.get(name) is not None:
            _check_errors(name, figures[name])


def _check_errors(name: str, errors: object) -> None:
    if not isinstance(errors, Mapping) or set(errors) != {"vectors", *NUMBERS}:
        raise ValueError(f"its {name} must be vectors, {', '.join(NUMBERS)}; got {errors!r:.200}")
    _check_count(f"vectors of {name}", errors["vectors"])
    for number in NUMBERS:
        value = errors[number]
        if type(value) is not float and not (value is None and number == "fvu"):
            raise ValueError(f"the {number} of {name} must be a number; got {value!r:.200}")


def _check_count(name: str, value: object) -> None:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{name} must be a whole number from 0; got {value!r:.200}")
