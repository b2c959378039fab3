"""What every number on the pages means, shown on hover."""

from app.meanings.codes import CODES
from app.meanings.compression import COMPRESSION
from app.meanings.dose import DOSE
from app.meanings.exports import EXPORTS
from app.meanings.features import FEATURES
from app.meanings.heat import HEAT
from app.meanings.information import INFORMATION
from app.meanings.keeping import KEEPING
from app.meanings.labels import LABELS
from app.meanings.live import LIVE
from app.meanings.maps import MAPS
from app.meanings.matching import MATCHING
from app.meanings.measures import MEASURES
from app.meanings.movies import MOVIES
from app.meanings.playground import PLAYGROUND
from app.meanings.reproduction import REPRODUCTION
from app.meanings.searching import SEARCHING
from app.meanings.training import TRAINING
from bae.meaning import Meaning

SUBJECTS = (
    FEATURES,
    TRAINING,
    MEASURES,
    LABELS,
    CODES,
    HEAT,
    KEEPING,
    LIVE,
    MATCHING,
    SEARCHING,
    MAPS,
    MOVIES,
    PLAYGROUND,
    INFORMATION,
    DOSE,
    COMPRESSION,
    EXPORTS,
    REPRODUCTION,
)
MEANINGS: dict[str, Meaning] = {name: meaning for subject in SUBJECTS for name, meaning in subject.items()}


def hover(name: str) -> str:
    """The hover text of a quantity."""
    return MEANINGS[name].hover
