"""The dictionaries of a workspace, loaded and checked against its model; those that do not fit are listed with the reason."""

from dataclasses import dataclass
from pathlib import Path

from bae.autoencoder import checkpoint
from bae.model.language_model import LanguageModel
from bae.names import check_dictionary_name
from bae.reading.inspection import Lens


@dataclass(frozen=True)
class Lenses:
    """What could be loaded, and what not."""

    usable: dict[str, Lens]
    provenance: dict[str, checkpoint.Provenance]
    refused: dict[str, str]
    """Name -> the reason, as a sentence."""


def load_lenses(folder: Path, model: LanguageModel) -> Lenses:
    """Load every checkpoint in `folder`, in the order of names. One whose folder has a name that nothing could ask for is refused."""
    found = Lenses({}, {}, {})
    for place in sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith(".")):
        try:
            found.usable[place.name], found.provenance[place.name] = load_lens(place, model)
        except ValueError as error:
            found.refused[place.name] = str(error)
    return found


def load_lens(place: Path, model: LanguageModel) -> tuple[Lens, checkpoint.Provenance]:
    """Load one checkpoint, and where it comes from. Raises ValueError with the reason where it cannot be used with this model."""
    check_dictionary_name(place.name)
    autoencoder, provenance = checkpoint.load(place, model, model.device)
    return Lens(place.name, provenance.layer, autoencoder, autoencoder.magnitude(), provenance.context_length), provenance
