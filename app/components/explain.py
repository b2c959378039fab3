"""What every number on the pages means, shown on hover."""

from app.meanings.features import FEATURES
from app.meanings.labels import LABELS
from app.meanings.meaning import Meaning
from app.meanings.measures import MEASURES
from app.meanings.training import TRAINING

MEANINGS: dict[str, Meaning] = FEATURES | TRAINING | MEASURES | LABELS


def hover(name: str) -> str:
    """The hover text of a quantity."""
    return MEANINGS[name].hover
