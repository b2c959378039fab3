"""Whether the dictionaries that are opened fit their model and their layer."""

from typing import TYPE_CHECKING

from app.services.reading import language_model, lenses
from app.services.study import workspace
from app.services.turns import model_turn
from bae.measures import fit

if TYPE_CHECKING:
    from bae.measures.fit import Fit

SAMPLE_TOKENS = 1000
"""That the fit is measured on, about."""


def known(dictionary: str) -> "Fit | None":
    """The fit of a dictionary; None where nobody has measured it, or its weights were replaced since. Raises ValueError where damaged."""
    study = workspace()
    found = fit.kept(study.fits_file).get(dictionary)
    return found if found and found.checkpoint == fit.mark(study.autoencoder_folder(dictionary)) else None


def measure(dictionary: str) -> "Fit":
    """The fit of a dictionary, measured now where nobody has: about a second, with the language model loaded."""
    from bae.measures.fitting import check

    with model_turn(SAMPLE_TOKENS, short=True):
        return check(workspace(), language_model(), lenses(), [dictionary])[dictionary]
