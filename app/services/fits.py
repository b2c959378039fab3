"""Whether the dictionaries that are opened fit their model and their layer."""

from typing import TYPE_CHECKING

from app.services.reading import LM_LOCK, language_model, lenses
from app.services.study import workspace
from bae import fit

if TYPE_CHECKING:
    from bae.fit import Fit


def known(dictionary: str) -> "Fit | None":
    """The fit of a dictionary; None where nobody has measured it, or its weights were replaced since. Raises ValueError where damaged."""
    study = workspace()
    found = fit.kept(study.fits_file).get(dictionary)
    return found if found and found.checkpoint == fit.mark(study.autoencoder_folder(dictionary)) else None


def measure(dictionary: str) -> "Fit":
    """The fit of a dictionary, measured now where nobody has: about a second, with the language model loaded."""
    from bae.fitting import check

    with LM_LOCK:
        return check(workspace(), language_model(), lenses(), [dictionary])[dictionary]
